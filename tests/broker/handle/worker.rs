//! `--worker`: a process that is asked a record a line.

use super::{handled, letters, shows};
use crate::broker::{numbers, read, send_numbers, topic};
use crate::support::{Eda, fresh};
use serde_json::json;

fn worker(topic: &str, group: &str, script: &str) -> Eda {
    let run = handled(topic, group, script);
    run.args(["--worker", "sh handler", "--backoff", "1ms..2ms"])
}

#[test]
fn one_process_answers_for_many_records() {
    let (topic, group) = (topic("orders", 2), fresh("billing"));
    send_numbers(&topic, 2, 50);
    let script = "echo started >&2; while read -r line; do echo '{\"ok\":true}'; done";
    let output = worker(&topic, &group, script).args(["-n", "50"]).run();
    let output = output.succeeds();
    shows(&output, &["processed 50"]);
    assert_eq!(output.stderr.matches("started\n").count(), 1);
}

#[test]
fn what_it_answers_is_produced() {
    let (topic, out, group) = (topic("orders", 1), topic("bills", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let script = format!(
        r#"while read -r line; do
  value=$(echo "$line" | sed 's/.*"value":\({{[^}}]*}}\).*/\1/')
  echo '{{"ok":true,"produce":[{{"topic":"{out}","value":'"$value"'}}]}}'
done"#
    );
    let run = worker(&topic, &group, &script).args(["-n", "3"]);
    shows(&run.run().succeeds(), &["produced 3"]);
    assert_eq!(numbers(&read(&out)), [0, 1, 2]);
}

#[test]
fn an_error_says_whether_it_is_for_ever() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 3);
    let script = r#"while read -r line; do
  case $line in
    *'"n":0'*) echo '{"ok":true}' ;;
    *'"n":1'*) echo '{"error":"no card","permanent":true}' ;;
    *) echo '{"error":"no answer"}' ;;
  esac
done"#;
    let run = worker(&topic, &group, script).args(["-n", "3", "--max-retries", "1"]);
    shows(&run.run().succeeds(), &["dead-lettered 2"]);
    let found: Vec<_> = letters(&format!("{topic}.dlq"))
        .iter()
        .map(|story| json!([story["message"], story["kind"], story["attempts"]]))
        .collect();
    let expected = [
        json!(["no card", "permanent", 1]),
        json!(["no answer", "transient", 2]),
    ];
    assert!(expected.iter().all(|one| found.contains(one)), "{found:?}");
}

#[test]
fn a_record_that_kills_it_twice_is_poison_and_the_others_are_done() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 10);
    let script = r#"while read -r line; do
  case $line in *'"n":4'*) exit 1 ;; esac
  echo '{"ok":true}'
done"#;
    let run = worker(&topic, &group, script).args(["-n", "10"]);
    let output = run.run().succeeds();
    shows(&output, &["processed 9"]);
    let story = &letters(&format!("{topic}.dlq"))[0];
    assert_eq!(
        (&story["kind"], &story["origin"]["offset"]),
        (&json!("poison"), &json!(4))
    );
}
