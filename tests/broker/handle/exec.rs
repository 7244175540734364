//! `--exec`: a process a record.

use super::{exec, handled, shows};
use crate::broker::{send, send_numbers, topic};
use crate::support::{broker, eda, fresh};
use serde_json::json;

#[test]
fn each_record_is_handled_by_a_process_that_is_told_of_it() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let headers = json!([["ce_id", "e-1"]]);
    send(
        &topic,
        &[
            json!({"key": "order-7", "value": {"n": 1}, "headers": headers}),
            json!({"key": null, "value": null}),
        ],
    );
    let script = r#"echo "$EDA_KEY|$(cat)|$EDA_VALUE_NULL|$EDA_PARTITION:$EDA_OFFSET|$EDA_ATTEMPT|$EDA_GROUP|$EDA_EVENT_ID""#;
    let output = exec(&topic, &group, script)
        .args(["-n", "2"])
        .run()
        .succeeds();
    let said: Vec<&str> = output.stderr.lines().skip(1).collect();
    let second = format!("||1|0:1|1|{group}|{topic}:0:1");
    assert_eq!(
        said,
        [format!(r#"order-7|{{"n":1}}||0:0|1|{group}|e-1"#), second]
    );
    let announced = output.stderr.lines().next().unwrap();
    assert_eq!(
        announced,
        format!("group `{group}` handles `{topic}` with `sh handler`, at-least-once")
    );
}

#[test]
fn the_summary_is_a_report() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let run = || exec(&topic, &group, "[ $EDA_KEY != 1 ] || exit 65");
    let json = run()
        .args(["-n", "3", "--json", "--quiet"])
        .run()
        .succeeds()
        .json();
    let expected = json!({
        "group": group, "topics": [topic], "delivery": "at-least-once", "ended": "done", "processed": 2, "retried": 0,
        "failedAttempts": 1, "deadLettered": 1, "deadLetterTopics": [{"topic": format!("{topic}.dlq"), "records": 1}],
        "duplicates": 0, "produced": 0, "passedOver": null, "lag": 0,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&json[key], value, "{key}");
    }
    for measured in ["seconds", "recordsPerSecond", "p50Ms", "p95Ms", "p99Ms"] {
        assert!(json[measured].as_f64().unwrap() > 0.0, "{measured}: {json}");
    }
    send_numbers(&topic, 1, 1);
    let plain = run().args(["-n", "1", "--output", "plain"]).run();
    let plain = plain.succeeds().stdout;
    assert!(plain.starts_with("processed\t1\nretried\t0\n"), "{plain}");
    assert!(plain.ends_with("ended\tdone\n"), "{plain}");
}

#[test]
fn idleness_ends_it_and_what_the_filter_does_not_want_is_committed() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 10);
    let filtered = exec(&topic, &group, "echo $EDA_KEY").args(["--where", "n>=7"]);
    let output = filtered.args(["--idle", "300ms", "--json"]).run();
    let output = output.succeeds();
    let said: Vec<&str> = output.stderr.lines().skip(1).collect();
    assert_eq!(said, ["7", "8", "9"]);
    let summary = output.json();
    assert_eq!(
        (
            &summary["processed"],
            &summary["passedOver"],
            &summary["lag"]
        ),
        (&json!(3), &json!(7), &json!(0))
    );
}

#[test]
fn a_count_commits_nothing_past_it() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 10);
    let output = exec(&topic, &group, "").args(["-n", "4"]).run().succeeds();
    shows(&output, &["lag 6"]);
    assert_eq!(super::committed(&topic, &group), 4);
}

#[test]
fn a_member_may_begin_at_the_end() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let run = exec(&topic, &group, "echo handled").args(["-o", "end", "--idle", "300ms"]);
    let output = run.run().succeeds();
    assert!(!output.stderr.contains("handled\n"), "{}", output.stderr);
}

#[test]
fn several_at_once_are_so_many_at_once() {
    let (topic, group) = (topic("orders", 2), fresh("billing"));
    send_numbers(&topic, 2, 4);
    // Each waits until all four are there.
    let script = "touch $EDA_KEY.here; while [ $(ls *.here | wc -l) -lt 4 ]; do sleep 0.02; done";
    let run = exec(&topic, &group, script).args(["--concurrency", "4", "-n", "4"]);
    shows(&run.run().succeeds(), &["processed 4"]);
}

#[test]
fn what_is_missing_is_said_before_anything_is_begun() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let missing = format!("{topic}x");
    let output = exec(&missing, &group, "").run().status(1);
    output.stderr_has(&format!("did you mean `{topic}`?"));
    let output = handled(&topic, &group, "").args(["--exec", "no-such-program"]);
    let output = output.run().status(2);
    output.stderr_has("cannot find the handler `no-such-program` in PATH");
    let groups = eda(&["group", "list", "--json"]).on(broker()).run();
    assert!(!groups.succeeds().stdout.contains(&group));
}
