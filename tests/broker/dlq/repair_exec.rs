//! Dead letters that go through a program on their way back.

use super::{header, letter, replay, replayed, topics, waiting};
use crate::broker::{PATIENCE, create, numbers, read, send};
use crate::support::{broker, eda, wait_until};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

fn letters_of(topic: &str, count: i64) -> Vec<Value> {
    (0..count)
        .map(|n| letter(topic, n, "no currency"))
        .collect()
}

/// Letters that go through the program together, for they lie in one partition.
fn neighbours(topic: &str, count: i64) -> Vec<Value> {
    let of = |n| letter(topic, 3 * n, "no currency");
    (0..count).map(of).collect()
}

/// The record that went back with this key.
fn back(topic: &str, key: &str) -> Value {
    let mut records = read(topic).into_iter();
    records.find(|record| record["key"] == key).unwrap()
}

/// The flag's value that runs this script with `sh`.
fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("filter.sh");
    std::fs::write(&path, text).unwrap();
    format!("sh '{}'", path.display())
}

/// Waits until the process is gone whose id the file has.
#[track_caller]
fn is_ended(file: &Path) {
    let id = std::fs::read_to_string(file).unwrap();
    let command = format!("kill -0 {}", id.trim());
    wait_until("the filter's end", PATIENCE, || {
        let alive = Command::new("sh").args(["-c", &command]).output().unwrap();
        !alive.status.success()
    });
}

#[test]
fn what_the_program_answers_is_put_back_and_what_it_leaves_as_it_was_is_not_touched() {
    let (topic, letters) = topics();
    let mut all = letters_of(&topic, 9);
    all[6]["headers"][0] = json!(["trace", {"base64": "/w=="}]);
    all[6]["value"] = json!("{\"n\": 6}");
    send(&letters, &all);
    // 4 is left, 5 gets another key and header, the others go through as they are.
    let filter = r#"sed -e '/"n":4/s/.*/null/' -e '/"n":5/s/"order-5"/"order-77"/' -e '/"n":5/s/"00-5"/"mended"/' -e 's/{"n": 6}/{"n":6}/'"#;
    let flags = ["--exec", filter];
    let dry = replay(&letters, &flags).arg("--dry-run").run().succeeds();
    let plan = dry.json();
    assert_eq!(
        (&plan["replayable"], &plan["repaired"], &plan["repair"]),
        (&8.into(), &1.into(), &"exec".into())
    );
    let reason = "it cannot be repaired: the command gave none for it";
    assert_eq!(
        plan["unrepaired"],
        json!([{"record": format!("{letters}:1:1"), "error": reason}])
    );
    assert_eq!(read(&topic).len(), 0);

    let outcome = replay(&letters, &flags).arg("--yes").run().status(1);
    let outcome = outcome.stderr_has(reason).json();
    assert_eq!(
        (&outcome["replayed"], &outcome["failed"]),
        (&8.into(), &1.into())
    );
    let mended = back(&topic, "order-77");
    assert_eq!(header(&mended, "trace"), Some("mended"));
    assert_eq!(header(&mended, "eda-replay-repaired"), Some("exec"));
    assert_eq!(header(&mended, "eda-replay-count"), Some("1"));
    assert_eq!(header(&mended, "__dlq.errors.topic"), None);
    // Where any producer puts that key.
    let copies = format!("{topic}-copies");
    create(broker(), &copies, 3);
    send(&copies, &[json!({"key": "order-77", "value": null})]);
    assert_eq!(mended["partition"], read(&copies)[0]["partition"]);
    let same = back(&topic, "order-6");
    assert_eq!(same["value"], json!({"n": 6}));
    assert_eq!(same["headers"][0], json!(["trace", {"base64": "/w=="}]));
    assert_eq!(header(&same, "eda-replay-repaired"), None);
    assert_eq!(waiting(&letters), 1);
}

#[test]
fn the_program_is_given_what_would_be_put_back() {
    let (topic, letters) = topics();
    let mut one = letter(&topic, 7, "no currency");
    let own = one["headers"].as_array_mut().unwrap();
    own.push(json!(["eda-replay-count", "1"]));
    own.push(json!(["eda-parked-reason", "often"]));
    send(&letters, &[one]);
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let filter = script(folder.path(), &format!("tee -a '{}'", seen.display()));
    assert_eq!(replayed(&letters, &["--exec", &filter])["replayed"], 1);
    let seen = std::fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(
        (lines.len(), lines[0]),
        (2, lines[1]),
        "for the plan and the replay"
    );
    let expected = json!({"topic": topic, "partition": 1, "offset": 7, "timestamp": 1_764_000_000_000_i64,
        "timestampType": "create", "key": "order-7", "value": {"n": 7}, "headers": [["trace", "00-7"]]});
    assert_eq!(serde_json::from_str::<Value>(lines[0]).unwrap(), expected);
    assert_eq!(header(&read(&topic)[0], "eda-replay-count"), Some("2"));
}

#[test]
fn many_and_large_ones_go_through_without_waiting_for_each_other() {
    let (topic, letters) = topics();
    let mut all = letters_of(&topic, 700);
    for letter in &mut all {
        letter["value"]["padding"] = json!("x".repeat(4000));
    }
    send(&letters, &all);
    let filter = r#"sed 's/"padding":"x*"/"padded":true/'"#;
    assert_eq!(replayed(&letters, &["--exec", filter])["replayed"], 700);
    let records = read(&topic);
    assert_eq!(numbers(&records), (0..700).collect::<Vec<_>>(), "each once");
    assert!(records.iter().all(|one| one["value"]["padded"] == true));
}

#[test]
fn a_program_that_fails_ends_the_replay_and_nothing_of_its_batch_is_put_back() {
    let (topic, letters) = topics();
    send(&letters, &neighbours(&topic, 5));
    let folder = tempfile::tempdir().unwrap();
    let fails = |filter: &str, expected: &[&str]| {
        let flags = [
            "dlq",
            "replay",
            &letters,
            "--yes",
            "--exec",
            filter,
            "--exec-timeout",
            "20s",
        ];
        let mut output = eda(&flags).on(broker()).run().status(1);
        for text in expected {
            output = output.stderr_has(text);
        }
    };
    let broken = script(
        folder.path(),
        "cat > /dev/null; printf 'no \\033[31mlight' >&2; exit 3",
    );
    let which =
        format!("the 5 dead letters from `{letters}:0:0` to `{letters}:0:4` are not repaired");
    let escaped = "no \\u{1b}[31mlight";
    fails(&broken, &[&which, "`sh` ended with exit status 3", escaped]);
    fails(
        "head -n 2",
        &[
            "`head` answered 2 lines to 5 records",
            "`null` leaves a letter",
        ],
    );
    fails("sed p", &["`sed` answered 10 lines to 5 records"]);
    fails("true", &["`true` answered 0 lines to 5 records"]);
    fails(
        "sed -n '1!G;h;$p'",
        &["does not answer in the order of the records"],
    );
    fails("yes", &["`yes` answered more than 64 MiB"]);
    fails(
        "sed s/value/valeu/",
        &["it cannot be repaired: the command's answer is no record: "],
    );
    fails(
        "sed 's/\"value\":{[^}]*},//'",
        &["`\"value\":null` is a tombstone"],
    );
    assert_eq!((read(&topic).len(), waiting(&letters)), (0, 5));

    let refused = |filter: &str| {
        let flags = ["dlq", "replay", &letters, "--exec", filter];
        eda(&flags).on(broker()).run().status(2)
    };
    refused("no-such-filter").stderr_has("cannot find the filter `no-such-filter` in PATH");
    refused("'").stderr_has("cannot be split into words");
    refused("").stderr_has("`--exec` needs a program");
    let both = ["dlq", "replay", &letters, "--exec", "cat", "--set", "a=1"];
    eda(&both)
        .on(broker())
        .run()
        .status(2)
        .stderr_has("cannot be used with");
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_all_that_it_started() {
    let (topic, letters) = topics();
    send(&letters, &letters_of(&topic, 2));
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let text = format!(
        "echo why >&2; sleep 600 & echo $! > '{}'; wait",
        id.display()
    );
    let filter = script(folder.path(), &text);
    let flags = ["--exec", &filter, "--exec-timeout", "500ms", "--yes"];
    let output = replay(&letters, &flags).run().status(1);
    output
        .stderr_has("`sh` did not end within 500ms")
        .stderr_has("why");
    is_ended(&id);
    assert_eq!(read(&topic).len(), 0);
}

#[test]
fn ctrl_c_ends_the_program_in_the_plan_and_in_the_replay() {
    let (topic, letters) = topics();
    send(&letters, &neighbours(&topic, 5));
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let hangs = format!(
        "sleep 600 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait",
        id.display()
    );
    let began = || wait_until("the filter's start", PATIENCE, || id.exists());

    let planning = replay(
        &letters,
        &["--exec", &script(folder.path(), &hangs), "--yes"],
    )
    .spawn();
    began();
    planning.interrupt();
    planning
        .wait(PATIENCE)
        .status(130)
        .stderr_has("interrupted");
    is_ended(&id);
    std::fs::remove_file(&id).unwrap();

    let second = format!(
        "if mkdir '{}.first'; then exec cat; fi; {hangs}",
        id.display()
    );
    let replaying = replay(
        &letters,
        &["--exec", &script(folder.path(), &second), "--yes"],
    )
    .spawn();
    began();
    replaying.interrupt();
    let output = replaying.wait(PATIENCE).status(130);
    is_ended(&id);
    let outcome = output.json();
    assert_eq!(
        (&outcome["interrupted"], &outcome["replayed"]),
        (&true.into(), &0.into())
    );
    assert_eq!(replayed(&letters, &["--exec", "cat"])["replayed"], 5);
}
