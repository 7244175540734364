//! What fails: retries, dead letters, and where there are to be none.

use super::{committed, exec, letters, shows};
use crate::broker::{create, send, send_numbers, topic};
use crate::support::{broker, eda, fresh};
use serde_json::{Value, json};

#[test]
fn what_fails_too_often_is_a_dead_letter_with_its_story() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let script = "[ $EDA_KEY != 1 ] || { echo \"attempt $EDA_ATTEMPT: no card\" >&2; exit 75; }";
    let output = exec(&topic, &group, script).args(["-n", "3"]).run();
    let output = output.succeeds();
    shows(
        &output,
        &[
            "processed 2",
            "retried 3",
            "failed-attempts 4",
            "dead-lettered 1",
        ],
    );
    assert_eq!(committed(&topic, &group), 3);
    let story = &letters(&format!("{topic}.dlq"))[0];
    for (key, expected) in [
        ("convention", json!("eda")),
        ("group", json!(group)),
        ("exception", json!("exit status 75")),
        ("message", json!("attempt 4: no card")),
        ("attempts", json!(4)),
        ("kind", json!("transient")),
        ("stage", json!("handle")),
    ] {
        assert_eq!(story[key], expected, "{key}");
    }
    let origin = &story["origin"];
    assert_eq!(
        (&origin["topic"], &origin["partition"], &origin["offset"]),
        (&json!(topic), &json!(0), &json!(1))
    );
}

#[test]
fn what_can_never_be_done_is_not_tried_again() {
    let cases = [
        ("exit 65", &[][..], "permanent", 1),
        ("exit 3", &["--permanent-on", "3"], "permanent", 1),
        (
            "exit 65",
            &["--retry-on", "65", "--max-retries", "1"],
            "transient",
            2,
        ),
        ("exit 1", &["--max-retries", "0"], "transient", 1),
        ("kill -9 $$", &[], "poison", 2),
    ];
    for (script, flags, kind, attempts) in cases {
        let (topic, group) = (topic("orders", 1), fresh("billing"));
        send_numbers(&topic, 1, 1);
        let run = exec(&topic, &group, script).args(flags).args(["-n", "1"]);
        shows(&run.run().succeeds(), &["dead-lettered 1"]);
        let story = &letters(&format!("{topic}.dlq"))[0];
        assert_eq!(
            (&story["kind"], &story["attempts"]),
            (&json!(kind), &json!(attempts)),
            "{script} {flags:?}"
        );
    }
}

#[test]
fn an_attempt_that_takes_too_long_is_ended() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 1);
    let run = exec(&topic, &group, "exec sleep 600");
    let flags = [
        "--handler-timeout",
        "100ms",
        "--max-retries",
        "0",
        "-n",
        "1",
    ];
    run.args(flags).run().succeeds();
    let story = &letters(&format!("{topic}.dlq"))[0];
    assert_eq!(story["message"], "no end within 100ms");
}

#[test]
fn without_dead_letters_the_first_failure_ends_it_and_stays() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let run = exec(&topic, &group, "[ $EDA_KEY != 1 ] || exit 65");
    let output = run.args(["--no-dlq", "--json"]).run().status(1);
    let output = output.stderr_has(&format!(
        "record `{topic}:0:1` failed, and there is no dead-letter topic"
    ));
    let summary: Value = output.json();
    assert_eq!(
        (&summary["ended"], &summary["processed"], &summary["lag"]),
        (&json!("failed"), &json!(1), &json!(2))
    );
    assert_eq!(committed(&topic, &group), 1);
}

#[test]
fn dead_letters_go_where_the_template_says() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 1);
    let run = exec(&topic, &group, "exit 65").args(["-n", "1"]);
    let run = run.args(["--dlq-topic", "{group}.{topic}.dead-letter"]);
    run.run().succeeds();
    assert_eq!(letters(&format!("{group}.{topic}.dead-letter")).len(), 1);
}

#[test]
fn dead_letters_that_would_be_read_again_are_refused() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let run = exec(&topic, &group, "").args(["--dlq-topic", &topic]);
    run.run().status(2).stderr_has("read again, without end");
    let run = exec(&topic, &group, "").args(["--dlq-topic", "no {topic}"]);
    let output = run.run().status(2);
    output.stderr_has(&format!("`no {topic}` cannot be the dead-letter topic"));
}

#[test]
fn a_pattern_does_not_mean_the_dead_letters_it_leads_to() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    send_numbers(&topic, 1, 2);
    let run = exec(&format!("^{topic}"), &group, "exit 65").args(["--idle", "1s", "--json"]);
    let summary = run.run().succeeds().json();
    let expected = json!([{"topic": letters, "records": 2}]);
    assert_eq!(summary["deadLetterTopics"], expected);
}

#[test]
fn a_handler_that_fails_always_does_not_drain_the_topic() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 150);
    let output = exec(&topic, &group, "exit 65")
        .arg("--json")
        .run()
        .status(1);
    let error = output.error_json()["message"].to_string();
    assert!(
        error.contains("more than half of its last 100 records failed"),
        "{error}"
    );
    let lag = output.json()["lag"].as_i64().unwrap();
    assert!(lag >= 150 - 50, "{lag} are left");
}

#[test]
fn a_dead_letter_that_cannot_be_written_ends_it_and_the_record_stays() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    let letters = format!("{topic}.dlq");
    let small = eda(&["topic", "create", &letters, "-c", "max.message.bytes=200"]);
    small.on(broker()).run().succeeds();
    send(
        &topic,
        &[json!({"value": "fits"}), json!({"value": "x".repeat(1000)})],
    );
    let run = exec(&topic, &group, "[ $EDA_OFFSET = 0 ] || exit 65");
    let output = run.run().status(1);
    let output = output.stderr_has("could not be written to");
    shows(&output, &["ended failed"]);
    assert_eq!(committed(&topic, &group), 1);
}
