//! `--audit`: who did what to which dead letters.

use super::{replay, replayed, send_letters, topics, waiting};
use crate::broker::{PATIENCE, create, numbers, read};
use crate::support::{broker, eda, wait_until};
use serde_json::{Value, json};
use std::path::Path;

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn events(lines: &[Value]) -> Vec<&str> {
    let event = |line: &'_ Value| match line["event"].as_str().unwrap() {
        "begun" => "begun",
        "committed" => "committed",
        "ended" => "ended",
        other => panic!("{other}"),
    };
    let mut events: Vec<&str> = lines.iter().map(event).collect();
    // How many transactions there are is a matter of time.
    events.dedup();
    events
}

/// The sum of a number over all transactions.
fn committed(lines: &[Value], key: &str) -> i64 {
    let told = lines.iter().filter(|line| line["event"] == "committed");
    told.map(|line| line[key].as_i64().unwrap()).sum()
}

/// What lies in an audit's topic, once the end is there so many times.
fn told(topic: &str, ends: usize) -> Vec<Value> {
    let values = || -> Vec<Value> {
        let mut records = read(topic);
        records.sort_by_key(|record| record["offset"].as_i64());
        records.iter().map(|it| it["value"].clone()).collect()
    };
    let is_end = |line: &&Value| line["event"] == "ended";
    wait_until("the end", PATIENCE, || {
        values().iter().filter(is_end).count() == ends
    });
    values()
}

#[test]
fn a_file_tells_who_did_what() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 9);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.ndjson");
    let audit = path.to_str().unwrap();
    let flags = ["--where", "n<6", "--audit", audit];
    replay(&letters, &flags).arg("--dry-run").run().succeeds();
    assert!(!path.exists(), "nothing was done");
    let outcome = replay(&letters, &flags)
        .arg("--yes")
        .env("USER", "ana")
        .run()
        .succeeds()
        .json();
    let told = lines(&path);
    assert_eq!(events(&told), ["begun", "committed", "ended"]);
    for line in &told {
        assert_eq!(line["replayId"], outcome["replayId"]);
        assert_eq!(line["user"], "ana");
        assert!(!line["host"].as_str().unwrap().is_empty());
        let command = format!("eda dlq replay {letters} --where 'n<6' --audit {audit}");
        assert_eq!(line["command"], command.as_str());
        let at = line["at"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.contains('T'), "{at}");
    }
    let begun = &told[0];
    assert_eq!(begun["topic"], letters.as_str());
    assert_eq!(begun["delivery"], "exactly-once");
    assert_eq!(
        (&begun["total"], &begun["replayable"], &begun["passed"]),
        (&6.into(), &6.into(), &3.into())
    );
    assert_eq!(
        ["replayed", "parked", "stayed"].map(|key| committed(&told, key)),
        [6, 0, 0]
    );
    let ended = told.last().unwrap();
    assert_eq!(
        (&ended["replayed"], &ended["error"]),
        (&6.into(), &Value::Null)
    );
    assert_eq!(ended["destinations"], json!({ topic.as_str(): 6 }));
    // Of what is parked and deleted after that, too.
    let park = ["dlq", "park", &letters, "--note", "OPS-7", "--audit", audit];
    eda(&park).arg("--yes").on(broker()).run().succeeds();
    let purge = ["dlq", "purge", &letters, "--audit", audit];
    eda(&purge).arg("--yes").on(broker()).run().succeeds();
    let all = lines(&path);
    let later = &all[told.len()..];
    let of = |verb: &str| -> Vec<Value> {
        let is_it = |line: &&Value| line["command"].as_str().unwrap().starts_with(verb);
        later.iter().filter(is_it).cloned().collect()
    };
    let parked = of("eda dlq park");
    assert_eq!(events(&parked), ["begun", "committed", "ended"]);
    assert_eq!(committed(&parked, "parked"), 3);
    assert_eq!(parked[0]["user"], Value::Null, "nobody says");
    let purged = of("eda dlq purge");
    assert_eq!(events(&purged), ["begun", "committed", "ended"]);
    assert_eq!(committed(&purged, "deleted"), 9);
    let spans: Vec<Value> = (0..3)
        .map(|partition| json!({"partition": partition, "first": 0, "last": 2}))
        .collect();
    assert_eq!(purged[1]["partitions"], json!(spans));
    // No key, no header, no value of any letter.
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("order-") && !text.contains("declined"),
        "{text}"
    );
}

/// `committed` is in the transaction that it tells of: a kill leaves neither without the other.
#[test]
fn a_topic_is_told_what_is_true_and_nothing_else() {
    let (topic, letters) = topics();
    let audit = format!("{topic}-audit");
    create(broker(), &audit, 3);
    send_letters(&letters, &topic, 120);
    let to = format!("topic:{audit}");
    let running = replay(&letters, &["--rate", "20", "--audit", &to, "--yes"]).spawn();
    running.wait_until("something put back", PATIENCE, |_| !read(&topic).is_empty());
    running.kill();
    let rest = replayed(&letters, &["--audit", &to]);
    assert!(rest["replayed"].as_i64().unwrap() < 120, "{rest}");
    let lines = told(&audit, 1);
    assert_eq!(committed(&lines, "replayed"), 120);
    assert_eq!(
        numbers(&read(&topic)),
        (0..120).collect::<Vec<_>>(),
        "each once"
    );
    let own: Vec<Value> = lines
        .iter()
        .filter(|line| line["replayId"] == rest["replayId"])
        .cloned()
        .collect();
    assert_eq!(events(&own), ["begun", "committed", "ended"]);
    assert_eq!(
        committed(&own, "replayed"),
        rest["replayed"].as_i64().unwrap()
    );
    // Without transactions, after the fact.
    send_letters(&letters, &topic, 6);
    replayed(&letters, &["--at-least-once", "--audit", &to]);
    assert_eq!(committed(&told(&audit, 2), "replayed"), 126);
}

#[test]
fn an_audit_that_cannot_be_written_is_an_error_before_anything_is_changed() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 3);
    let folder = tempfile::tempdir().unwrap();
    let (folder, missing) = (folder.path(), folder.path().join("missing/audit"));
    for path in [folder, &missing] {
        let path = path.to_str().unwrap();
        replay(&letters, &["--audit", path, "--yes"])
            .run()
            .status(1)
            .stderr_has("the audit cannot be written");
    }
    let typo = format!("topic:{topic}x");
    let unknown = replay(&letters, &["--audit", &typo, "--yes"]).run();
    unknown
        .status(1)
        .stderr_has(&format!("did you mean `{topic}`?"));
    let own = format!("topic:{letters}");
    for command in ["replay", "park", "purge"] {
        eda(&["dlq", command, &letters, "--audit", &own, "--yes"])
            .on(broker())
            .run()
            .status(2)
            .stderr_has("itself");
    }
    assert_eq!(waiting(&letters), 3);
    assert_eq!(read(&topic).len(), 0);
}

/// What the audit does not take is not put back.
#[test]
fn an_audit_that_fails_later_ends_it_with_what_was_done() {
    let (topic, letters) = topics();
    let audit = format!("{topic}-audit");
    create(broker(), &audit, 1);
    send_letters(&letters, &topic, 120);
    let to = format!("topic:{audit}");
    let running = replay(&letters, &["--rate", "20", "--audit", &to, "--yes"]).spawn();
    running.wait_until("something put back", PATIENCE, |_| !read(&topic).is_empty());
    let alter = [
        "topic",
        "alter",
        &audit,
        "--yes",
        "-c",
        "max.message.bytes=100",
    ];
    eda(&alter).on(broker()).run().succeeds();
    let ended = running.wait(PATIENCE).status(1);
    let message = ended.error_json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("the audit of the replay cannot be written"),
        "{message}"
    );
    let left = waiting(&letters);
    assert!(left > 0 && left < 120, "{left}");
    let done = format!("{} were put back and committed before it", 120 - left);
    assert!(message.contains(&done), "{message}");
    assert_eq!(replayed(&letters, &[])["replayed"], left);
    wait_until("all of them", PATIENCE, || read(&topic).len() >= 120);
    assert_eq!(
        numbers(&read(&topic)),
        (0..120).collect::<Vec<_>>(),
        "each once"
    );
}
