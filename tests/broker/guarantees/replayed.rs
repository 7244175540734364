//! `kill -9` of a replay at ten random moments: each dead letter is put back exactly once, as it was.

use super::work::LONG;
use crate::broker::create;
use crate::support::{Broker, Running, broker, eda, fresh, wait_for};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const KILLS: u64 = 10;
const PARTITIONS: u64 = 6;
/// In the topic of dead letters: fewer, and letters of all partitions of the origin in each.
const LETTER_PARTITIONS: u64 = 4;

/// How many dead letters; `EDA_TEST_DEAD_LETTERS` says another number.
fn count() -> u64 {
    let given = std::env::var("EDA_TEST_DEAD_LETTERS").ok();
    given.map_or(20_000, |text| {
        text.parse().expect("a number of dead letters")
    })
}

/// What the record was before it died: key, value, headers.
fn original(n: u64) -> (Value, Value, Value) {
    let key = match n % 5 {
        0 => Value::Null,
        1 => json!(""),
        _ => json!(format!("order-{n}")),
    };
    let value = match n % 7 {
        0 => Value::Null,
        1 => json!(""),
        2 => json!({"base64": "/wD+"}),
        _ => json!({"eventType": "OrderCreated", "total": n}),
    };
    let headers = json!([
        ["n", n.to_string()],
        ["trace", format!("00-{n}")],
        ["flag", null],
        ["flag", "again"]
    ]);
    (key, value, headers)
}

/// Its dead letter, as a line.
fn letter(topic: &str, n: u64) -> String {
    let (key, value, headers) = original(n);
    let mut headers = headers.as_array().unwrap().clone();
    let story = [
        ("topic", topic.to_owned()),
        ("partition", (n % PARTITIONS).to_string()),
        ("offset", (n / PARTITIONS).to_string()),
        ("group", "payment-service".to_owned()),
        ("exception", "Declined".to_owned()),
        ("failed.at", "1764000003000".to_owned()),
        ("kind", "permanent".to_owned()),
    ];
    headers.extend(story.map(|(name, value)| json!([format!("__dlq.errors.{name}"), value])));
    let place = n / 10 % LETTER_PARTITIONS;
    json!({"partition": place, "key": key, "value": value, "headers": headers}).to_string()
}

fn end(broker: &Broker, topic: &str) -> u64 {
    let described = eda(&["topic", "describe", topic, "--json"])
        .on(broker)
        .run()
        .succeeds()
        .json();
    let partitions = described["partitions"].as_array().unwrap();
    partitions
        .iter()
        .map(|partition| partition["end"].as_u64().unwrap())
        .sum()
}

/// Starts the replay again and again, and kills it in the middle of its work: half of the times.
fn kill_often(broker: &Broker, topic: &str, start: impl Fn(&[&str]) -> Running, letters: u64) {
    // Slow enough that it is never done before it is killed.
    let rate = (letters / KILLS / 2).to_string();
    for _ in 0..KILLS / 2 {
        let before = end(broker, topic);
        let running = start(&["--rate", &rate]);
        running.wait_until("some progress", LONG, |_| end(broker, topic) > before);
        // Nothing is waited for: what is tested is that it does not matter when it is killed.
        let moment = Duration::from_millis(fastrand::u64(0..700));
        let _ = wait_for(moment, || None::<()>);
        running.kill();
    }
}

#[test]
fn each_dead_letter_is_put_back_exactly_once_however_often_the_replay_is_killed() {
    let broker = broker();
    let letters = count();
    let topic = fresh("orders");
    let dead = format!("{topic}.dlq");
    create(broker, &topic, PARTITIONS as u32);
    create(broker, &dead, LETTER_PARTITIONS as u32);
    let lines: String = (0..letters).map(|n| letter(&topic, n) + "\n").collect();
    let send = eda(&["produce", &dead, "--records"]).stdin(lines);
    send.timeout(LONG).on(broker).run().succeeds();

    let replay = |more: &[&str]| {
        let replay = eda(&["dlq", "replay", &dead, "--yes", "--json"]);
        replay.args(more).timeout(LONG).on(broker)
    };
    // Each second is not chosen, the very first among them: what is put back is all behind it, and in the ledger.
    let chosen = ["--grep", "header[n]:[13579]$"];
    let start = |more: &[&str]| replay(&chosen).args(more).spawn();
    kill_often(broker, &topic, start, letters);
    replay(&chosen).run().succeeds();
    // Then those, by which the commit comes forward, and the ledger is emptied.
    let start = |more: &[&str]| replay(&[]).args(more).spawn();
    kill_often(broker, &topic, start, letters);
    let last = replay(&[]).run().succeeds().json();
    let left = last["replayed"].as_u64().unwrap_or_default();
    assert!(left > 0, "it was done before it was killed: {last}");
    assert_eq!(replay(&[]).run().succeeds().json()["total"], 0);

    let read = eda(&["consume", &topic, "-o", ":end", "--json"]);
    let records = read.timeout(LONG).on(broker).run().succeeds().records();
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for record in &records {
        let headers = record["headers"].as_array().unwrap();
        let n: u64 = headers[0][1].as_str().unwrap().parse().unwrap();
        *seen.entry(n).or_default() += 1;
        let (key, value, own) = original(n);
        assert_eq!(
            (&record["key"], &record["value"]),
            (&key, &value),
            "{record}"
        );
        assert_eq!(record["partition"], n % PARTITIONS, "{record}");
        let (original, added): (Vec<&Value>, Vec<&Value>) = headers
            .iter()
            .partition(|header| !header[0].as_str().unwrap().starts_with("eda-replay-"));
        assert_eq!(json!(original), own, "{record}");
        assert_eq!(added[0], &json!(["eda-replay-count", "1"]), "{record}");
    }
    let wrong: Vec<_> = (0..letters).filter(|n| seen.get(n) != Some(&1)).collect();
    assert_eq!(wrong, Vec::<u64>::new(), "lost, or there twice");
    assert_eq!(records.len() as u64, letters);
}
