//! `eda consume` with `--grep`, `--where`, `--event` and topics by regular expression: which records are printed.

use super::{create, numbers, send, send_numbers, topic, topic_for_ever};
use crate::support::{broker, eda, fresh};
use serde_json::json;

fn orders() -> String {
    let topic = topic("orders", 1);
    let headers = json!([["ce_type", "OrderShipped"], ["trace", "lamp-1"]]);
    send(
        &topic,
        &[
            json!({"key": "order-1", "value": {"n": 1, "total": 50, "status": "paid", "eventType": "OrderCreated"}}),
            json!({"key": "order-2", "value": {"n": 2, "total": 150.5, "status": "open", "items": [{"sku": "lamp"}]}}),
            json!({"key": "order-1", "value": {"n": 3, "total": 300, "status": "paid"}, "headers": headers}),
            json!({"key": "note", "value": "not json"}),
            json!({"key": "gone", "value": null}),
        ],
    );
    topic
}

#[test]
fn what_is_printed_is_what_all_filters_want() {
    let topic = orders();
    let cases: [(&[&str], &[i64]); 10] = [
        (&["--grep", "key:^order-"], &[1, 2, 3]),
        (&["--grep", "lamp"], &[2, 3]),
        (&["--grep", "header[trace]:^lamp-"], &[3]),
        (&["--grep", "value:lamp"], &[2]),
        (&["--where", "total>100"], &[2, 3]),
        (&["--where", "total>100", "--where", "status=paid"], &[3]),
        (&["--where", "items[0].sku!=chair"], &[2]),
        (&["--event", "OrderCreated"], &[1]),
        (
            &["--event", "OrderCreated", "--event", "OrderShipped"],
            &[1, 3],
        ),
        (&["--grep", "key:order-1", "--where", "total<100"], &[1]),
    ];
    for (arguments, expected) in cases {
        let output = eda(&["consume", &topic, "-o", ":end"])
            .args(arguments)
            .on(broker())
            .run()
            .succeeds();
        assert_eq!(numbers(&output.records()), expected, "{arguments:?}");
        output.stderr_has(&format!("{} of 5 records matched", expected.len()));
    }
}

#[test]
fn values_that_are_not_json_do_not_match_and_are_counted() {
    let topic = orders();
    let output = eda(&["consume", &topic, "-o", ":end", "--where", "total>100"])
        .on(broker())
        .run()
        .succeeds();
    output
        .stderr_has("2 of 5 records matched")
        .stderr_has("1 passed over by --where: their values are not JSON");
}

#[test]
fn the_count_is_of_what_is_printed_and_what_is_not_is_committed_too() {
    let topic = topic("orders", 1);
    let group = fresh("readers");
    send_numbers(&topic, 1, 10);
    let consume = |arguments: &[&str]| {
        let consume = eda(&["consume", &topic, "--group", &group, "--where", "n>=4"]);
        let output = consume.args(arguments).on(broker()).run().succeeds();
        numbers(&output.records())
    };
    assert_eq!(consume(&["-n", "2"]), [4, 5]);
    let lag = eda(&["lag", "--group", &group, "--json"])
        .on(broker())
        .run()
        .succeeds()
        .json();
    assert_eq!(lag[0]["committed"], 6);
    assert_eq!(consume(&["-n", "4"]), [6, 7, 8, 9]);
}

#[test]
fn a_filter_that_cannot_be_is_a_usage_error() {
    let cases = [
        (&["--grep", "key:("][..], "unclosed group"),
        (&["--where", "total"], "`total` is not a comparison"),
        (&["--where", "a..b=1"], "items[0].sku"),
        (&["-f", "%y"], "position"),
        (&["-o", "json"], "--output json"),
    ];
    for (arguments, expected) in cases {
        eda(&["consume", "orders"])
            .args(arguments)
            .on(broker())
            .run()
            .status(2)
            .stderr_has(expected);
    }
    eda(&["consume", "^("])
        .on(broker())
        .run()
        .status(2)
        .stderr_has("`^(` is not a regular expression");
}

#[test]
fn a_topic_that_begins_with_a_caret_is_a_regular_expression() {
    let prefix = fresh("orders");
    let (first, second) = (format!("{prefix}.a"), format!("{prefix}.b"));
    for (name, count) in [(&first, 3), (&second, 5)] {
        create(broker(), name, 2);
        send_numbers(name, 2, count);
    }
    let pattern = format!("^{prefix}\\.[ab]$");
    let alone = eda(&["consume", &pattern, "-o", ":end"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(numbers(&alone.records()), [0, 0, 1, 1, 2, 2, 3, 4]);
    let group = fresh("readers");
    // Kafka's own topics are not meant, though they fit.
    let pattern = format!("^({prefix}\\.[ab]$|__consumer_offsets)");
    let member = eda(&["consume", &pattern, "--group", &group, "-n", "8"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(numbers(&member.records()), [0, 0, 1, 1, 2, 2, 3, 4]);
    eda(&["consume", &format!("^{prefix}-none")])
        .on(broker())
        .run()
        .status(1)
        .stderr_has("no topic matches `^");
}

#[test]
fn every_position_is_found_in_each_of_several_topics() {
    let (first, second) = (topic_for_ever("orders", 2), topic_for_ever("orders", 1));
    // Offsets 0 to 4 in each of the three partitions, a second apart.
    let start = 1_767_225_600_000_i64;
    for (name, partitions) in [(&first, 2), (&second, 1)] {
        let record = |n: i64| {
            let timestamp = start + n / partitions * 1000;
            json!({"partition": n % partitions, "timestamp": timestamp, "value": {"n": n / partitions}})
        };
        send(name, &(0..5 * partitions).map(record).collect::<Vec<_>>());
    }
    let time = |second: i64| format!("2026-01-01T00:00:0{second}Z");
    let between = format!("@{}:@{}", time(1), time(3));
    let from = format!("@{}:end", time(3));
    let cases = [
        (":end", 0..5),
        ("beginning:end", 0..5),
        ("2:end", 2..5),
        ("1:3", 1..3),
        (":2", 0..2),
        ("-2:end", 3..5),
        ("+3:end", 3..5),
        ("-4:-1", 1..4),
        (&between, 1..3),
        (&from, 3..5),
        ("end:end", 0..0),
    ];
    for (range, expected) in cases {
        let output = eda(&["consume", &first, &second, "-o", range])
            .on(broker())
            .run()
            .succeeds();
        let thrice: Vec<i64> = expected.flat_map(|n| [n; 3]).collect();
        assert_eq!(numbers(&output.records()), thrice, "{range}");
    }
}
