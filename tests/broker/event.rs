//! The user's own events on a broker: their topics are created, and what is sent is of their types.

use crate::support::{Eda, broker, eda, fresh};
use serde_json::{Value, json};

/// An AsyncAPI document with two topics; the first carries two events.
fn document(bills: &str, users: &str) -> String {
    format!(
        r##"
asyncapi: 3.0.0
channels:
  bills:
    address: {bills}
    messages:
      BillPaid: {{$ref: "#/components/messages/BillPaid"}}
      BillSent: {{payload: {{type: object, properties: {{eventType: {{const: BillSent}}, billId: {{type: string}}}}, required: [eventType, billId]}}}}
    bindings: {{kafka: {{partitions: 4, replicas: 1, topicConfiguration: {{cleanup.policy: [compact], max.message.bytes: 2048}}}}}}
  users:
    address: {users}
    messages:
      UserBlocked: {{payload: {{type: object, properties: {{userId: {{type: string}}}}, required: [userId]}}}}
components:
  messages:
    BillPaid:
      payload:
        type: object
        properties: {{eventType: {{const: BillPaid}}, eventId: {{type: string, format: uuid}}, billId: {{type: string}}, amount: {{$ref: "#/components/schemas/money"}}}}
        required: [eventType, eventId, billId, amount]
  schemas:
    money: {{type: number, minimum: 0}}
"##
    )
}

fn with(document: &str, arguments: &[&str]) -> Eda {
    let run = eda(arguments).on(broker());
    std::fs::write(run.home().join("api.yaml"), document).unwrap();
    run.args(["--events", "api.yaml"])
}

fn values(topic: &str) -> Vec<(Value, Value)> {
    let consume = eda(&["consume", topic, "-o", ":end", "--json"]).on(broker());
    let records = consume.run().succeeds().records();
    let mut values: Vec<_> = records
        .iter()
        .map(|record| (record["key"].clone(), record["value"].clone()))
        .collect();
    values.sort_by_key(|(key, _)| key.to_string());
    values
}

#[test]
fn the_topics_of_the_catalog_are_created_as_its_bindings_say() {
    let (bills, users) = (fresh("a-bills"), fresh("b-users"));
    let document = document(&bills, &users);
    let create = ["topic", "create", "--from-events", "--json"];
    let plan = with(&document, &create)
        .arg("--dry-run")
        .run()
        .succeeds()
        .json();
    assert_eq!(plan[0]["name"], bills.as_str());
    assert_eq!(plan[0]["exists"], false);
    let made = with(&document, &create)
        .args(["-p", "2"])
        .run()
        .succeeds()
        .json();
    assert_eq!(made[0]["name"], bills.as_str());
    assert_eq!(made[0]["partitions"], 4);
    assert_eq!(made[0]["configs"]["cleanup.policy"], "compact");
    assert_eq!(made[0]["configs"]["max.message.bytes"], "2048");
    assert_eq!(made[1]["name"], users.as_str());
    assert_eq!(made[1]["partitions"], 2);
    let again = with(&document, &create).run().succeeds().json();
    assert_eq!(again[0]["exists"], true);
    assert_eq!(
        again[1]["differences"],
        json!(["it has 2 partitions, not 3"])
    );
}

#[test]
fn a_topic_that_cannot_be_created_leaves_the_others_theirs() {
    let (bills, users) = (fresh("a-bills"), fresh("b-users"));
    let document = document(&bills, &users).replace("2048", "\"many\"");
    let create = ["topic", "create", "--from-events", "--json"];
    let made = with(&document, &create).run().status(1).json();
    assert_eq!(made[0]["name"], bills.as_str());
    assert!(made[0]["error"].is_string(), "{made}");
    assert_eq!(made[1]["created"], true);
    // Also when a topic was created, and whatever the format.
    let delete = ["topic", "delete", &users, "--yes"];
    eda(&delete).on(broker()).run().succeeds();
    let some = with(&document, &create[..3]).run().status(1);
    some.stdout_has(&users)
        .stderr_has(&format!("error: {bills}: "));
    let none = with(&document, &create[..3]).run().status(1);
    let none = none.stderr_has("nothing can be created");
    assert!(
        !none.stderr.contains("nothing to create"),
        "{}",
        none.stderr
    );
}

#[test]
fn of_two_events_on_one_topic_the_payload_says_which() {
    let (bills, users) = (fresh("bills"), fresh("users"));
    let document = document(&bills, &users);
    with(&document, &["topic", "create", "--from-events"])
        .run()
        .succeeds();
    let lines = r#"{"eventType":"BillSent","billId":"b1"}
{"eventType":"BillPaid","eventId":"0198c6a0-1234-7abc-8def-0123456789ab","billId":"b2", "amount":1.50}"#;
    with(&document, &["produce", &bills])
        .stdin(lines)
        .run()
        .succeeds();
    let sent = values(&bills);
    assert_eq!(
        sent[0],
        (
            json!("b1"),
            json!({"eventType": "BillSent", "billId": "b1"})
        )
    );
    assert_eq!(sent[1].0, "b2");
    let consume = eda(&["consume", &bills, "-o", ":end", "--json"]).on(broker());
    // Nothing was missing, so the bytes are those of the line.
    consume.run().stdout_has("amount").stdout_has("1.50");
    let wrong = [
        (
            r#"{"eventType":"BillPaid","billId":"b","amount":-1}"#,
            "`/amount` must be at least 0, not -1",
        ),
        (r#"{"billId":"b"}"#, "`eventType` must say which"),
        (r#"{"eventType":"BillLost","billId":"b"}"#, "not `BillLost`"),
    ];
    for (line, message) in wrong {
        with(&document, &["produce", &bills])
            .stdin(line)
            .run()
            .status(1)
            .stderr_has(message);
    }
    with(&document, &["produce", "BillPaid", "billId=b3", "amount=2"])
        .run()
        .succeeds();
    with(&document, &["produce", &bills, "billId=b4"])
        .run()
        .status(2)
        .stderr_has("eventType=TYPE");
    with(&document, &["produce", &bills, "-n", "20", "--seed", "1"])
        .run()
        .succeeds();
    let types: Vec<_> = values(&bills)
        .into_iter()
        .map(|(_, value)| value["eventType"].clone())
        .collect();
    assert!(types.contains(&json!("BillPaid")) && types.contains(&json!("BillSent")));
    assert_eq!(types.len(), 23);
}

#[test]
fn an_event_on_two_topics_is_not_sent_to_the_first() {
    let (bills, users) = (fresh("bills"), fresh("users"));
    let document = document(&bills, &users).replace("UserBlocked:", "BillSent:");
    // A topic of the user's own catalog is made as that says, not anyhow.
    let produce = |name: &str| with(&document, &["produce", name, "billId=b", "userId=u"]);
    produce(&users)
        .run()
        .status(1)
        .stderr_has("`eda topic create --from-events` makes it");
    let ambiguous = produce("BillSent").run().status(2);
    ambiguous
        .stderr_has(&format!("`BillSent` goes on `{bills}` and on `{users}`"))
        .stderr_has("name the topic");
}
