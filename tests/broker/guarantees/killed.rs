//! `kill -9` of the consumer at twenty random moments, in each mode of delivery.

use super::work::{
    LONG, PARTITIONS, QUICKLY, RECORDS, Work, column, count, hopeless, numbers, possible,
};
use crate::support::{Broker, Eda, broker, wait_for};
use std::collections::BTreeSet;
use std::time::Duration;

const KILLS: usize = 20;

/// Starts the consumer again and again, and kills it in the middle of its work; then lets it finish.
fn kill_often(work: &Work, broker: &Broker, consume: &Eda, progress: impl Fn() -> u64) {
    for _ in 0..KILLS {
        let before = progress();
        let running = consume.spawn();
        // From when it works: a moment that is random, and no waiting for anything that will not come.
        running.wait_until("some progress, or the end", LONG, |_| {
            progress() > before || work.is_done(broker)
        });
        // Nothing is waited for: what is tested is that it does not matter when it is killed.
        let moment = Duration::from_millis(fastrand::u64(0..150));
        let _ = wait_for(moment, || None::<()>);
        running.kill();
    }
    let running = consume.spawn();
    running.wait_until("the end", LONG, |_| work.is_done(broker));
    running.terminate();
    running.wait(LONG).status(143);
}

fn lines(work: &Work, name: &str) -> u64 {
    let text = std::fs::read(work.path(name)).unwrap_or_default();
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[test]
fn at_least_once_loses_nothing() {
    let broker = broker();
    let work = Work::new(broker);
    let log = work.path("log");
    let consume = work.consume_alone(broker, &["log", log.to_str().unwrap()]);
    let consume = consume.args(QUICKLY);
    kill_often(&work, broker, &consume, || lines(&work, "log"));
    let handled: BTreeSet<u64> = work
        .log("log")
        .into_iter()
        .map(|(number, ..)| number)
        .collect();
    assert_eq!(handled, possible());
    let dead: BTreeSet<u64> = work.dead_letters(broker).into_keys().collect();
    assert_eq!(dead, hopeless());
}

/// The effect is in the file of the memory, in one transaction with its mark: the recipe of `--help`.
#[test]
fn with_a_memory_each_effect_happens_once() {
    let broker = broker();
    let work = Work::new(broker);
    let file = work.path("memory.db");
    let file = file.to_str().unwrap();
    let address = format!("sqlite:{file}");
    let consume = work
        .consume_alone(broker, &["store", file, &work.group])
        .args(QUICKLY)
        .args(["--dedupe", &address, "--dedupe-lease", "1s"]);
    let effects = || match work.path("memory.db").exists() {
        true => column(
            &work.path("memory.db"),
            "SELECT count(*) FROM eda_events WHERE state = 'done'",
        )[0],
        false => 0,
    };
    kill_often(&work, broker, &consume, effects);
    let happened = count(column(
        &work.path("memory.db"),
        "SELECT number FROM effects",
    ));
    assert_eq!(happened, count(possible()));
    let dead: BTreeSet<u64> = work.dead_letters(broker).into_keys().collect();
    assert_eq!(dead, hopeless());
}

#[test]
fn at_most_once_repeats_nothing() {
    let broker = broker();
    let work = Work::new(broker);
    let log = work.path("log");
    let consume = work
        .consume_alone(broker, &["log", log.to_str().unwrap()])
        .args(["--delivery", "at-most-once"]);
    kill_often(&work, broker, &consume, || lines(&work, "log"));
    let handled = count(work.log("log").into_iter().map(|(number, ..)| number));
    let twice: Vec<_> = handled.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!(twice, []);
    // Nothing is lost but what was committed and not begun, or failed without its dead letter, when it was killed.
    let dead = work.dead_letters(broker);
    let known: BTreeSet<u64> = handled.into_keys().chain(dead.into_keys()).collect();
    let lost = RECORDS - known.len() as u64;
    // A batch, and the record in hand; a kill after the last record loses nothing.
    let bound = KILLS as u64 * 101;
    assert!(lost <= bound, "{lost} were lost");
}

#[test]
fn exactly_once_neither_loses_nor_doubles() {
    let broker = broker();
    let work = Work::new(broker);
    let copies = crate::support::fresh("copies");
    super::super::create(broker, &copies, PARTITIONS);
    let consume = work
        .consume_alone(broker, &["copy", &copies])
        .args(QUICKLY)
        .args(["--delivery", "exactly-once"]);
    kill_often(&work, broker, &consume, || work.ends(broker, &copies));
    assert_eq!(count(numbers(broker, &copies)), count(possible()));
    assert_eq!(work.dead_letters(broker), count(hopeless()));
}
