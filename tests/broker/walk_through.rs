//! The first things a user types, word for word, on a broker where nobody has been yet.

use super::{catalog_topics, create, read, send};
use crate::support::{Output, broker, eda};
use serde_json::json;

fn run(command_line: &str) -> Output {
    let words: Vec<&str> = command_line.split_whitespace().skip(1).collect();
    eda(&words).on(broker()).run()
}

#[test]
fn the_walk_through_works_word_for_word() {
    let _topics = catalog_topics();
    run("eda topic create order-created --partitions 6 --retention 7d").succeeds();
    run("eda produce order-created orderId=order-123 userId=user-456 total=12.50").succeeds();
    run("eda produce order-created -n 1000").succeeds();
    assert_eq!(read("order-created").len(), 1001);

    // The group may have been there before, on a topic of the same name: then it begins where that one ended.
    let consumed = run("eda consume order-created --group payment-service -n 10").succeeds();
    assert_eq!(consumed.records().len(), 10);
    run("eda lag --group payment-service")
        .succeeds()
        .stdout_has("payment-service");
    // Nothing has died yet, so there is no such topic.
    run("eda dlq list").succeeds();
    run("eda dlq replay order-created.dlq --dry-run").succeeds();

    create(broker(), "order-created.dlq", 6);
    let headers = json!([
        ["__dlq.errors.topic", "order-created"],
        ["__dlq.errors.kind", "permanent"]
    ]);
    send(
        "order-created.dlq",
        &[json!({"key": "order-123", "value": {"orderId": "order-123"}, "headers": headers})],
    );
    run("eda dlq list")
        .succeeds()
        .stdout_has("order-created.dlq");
    run("eda dlq replay order-created.dlq --dry-run")
        .succeeds()
        .stdout_has("order-created");
    assert_eq!(read("order-created").len(), 1001, "a dry run moves nothing");
}
