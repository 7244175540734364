//! `kill -9` of relays at random moments, two at once, while writers go on: every event is in its topic at least once, in
//! order per aggregate, duplicates with the same id.

use super::{Outbox, check_numbers, databases};
use crate::broker::PATIENCE;
use crate::broker::guarantees::LONG;
use crate::support::signal::signal;
use crate::support::{Running, wait_for, wait_until};
use fastrand::Rng;
use serde_json::json;

/// A number that the environment may say.
fn scale(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |text| text.parse().expect("a number"))
}

/// Aggregates of each writer.
const AGGREGATES: u64 = 40;
/// A transaction of a writer.
const AT_ONCE: u64 = 25;

/// Adds the numbers from `from` up to `to`, which are of aggregates of the writer's own, some at a time.
fn write(outbox: &Outbox, writer: &str, from: u64, to: u64) {
    let mut next = from;
    while next < to {
        let end = to.min(next + AT_ONCE);
        let lines: String = (next..end)
            .map(|n| {
                let row = json!({
                    "aggregatetype": outbox.entity, "aggregateid": format!("{writer}-{}", n % AGGREGATES),
                    "type": "OrderCreated", "payload": {"n": n},
                });
                format!("{row}\n")
            })
            .collect();
        outbox.add_lines(lines);
        next = end;
    }
}

/// Adds them in transactions that are open for a while, so that later positions are seen first.
fn write_slowly(outbox: &Outbox, from: u64, to: u64, mut random: Rng) {
    let Some(database) = &outbox.postgres else {
        return write(outbox, "slow", from, to);
    };
    let mut next = from;
    while next < to {
        let end = to.min(next + 2 * AT_ONCE);
        let middle = next + (end - next) / 2;
        let insert = |from: u64, to: u64| {
            let entity = &outbox.entity;
            format!(
                "INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
                 SELECT '{entity}', 'slow-' || n % {AGGREGATES}, 'OrderCreated', '{{\"n\":' || n || '}}'
                 FROM generate_series({from}, {to} - 1) AS n ORDER BY n;"
            )
        };
        let wait = random.f64() / 5.0;
        database.sql(&format!(
            "BEGIN; {} SELECT pg_sleep({wait}); {} SELECT pg_sleep({wait}); COMMIT",
            insert(next, middle),
            insert(middle, end)
        ));
        next = end;
    }
}

/// Kills one relay after the other while they work; whoever is killed is followed by another.
fn kill_often(outbox: &Outbox, kills: u64, rows: u64, mut random: Rng) {
    let start = || {
        let relay = outbox.relay(&["--lease", "1s", "--batch", "50"]);
        relay.timeout(LONG).spawn()
    };
    let mut relays: [Running; 2] = [start(), start()];
    for kill in 0..kills {
        let before = outbox.marked();
        let aim = rows * (kill + 1) / (kills + 2);
        wait_until("some progress", LONG, || {
            let now = outbox.marked();
            now > before && now >= aim.min(before + rows / 10) || now >= rows
        });
        // Nothing is waited for: what is tested is that it does not matter when it is killed.
        let moment = std::time::Duration::from_millis(random.u64(0..50));
        let _ = wait_for(moment, || None::<()>);
        let killed = std::mem::replace(&mut relays[(kill % 2) as usize], start());
        killed.kill();
    }
    wait_until("the end", LONG, || outbox.marked() == rows);
    for relay in relays {
        relay.interrupt();
        let output = relay.wait(LONG).status(130);
        assert!(!output.stderr.contains("refused"), "{}", output.stderr);
    }
}

#[test]
fn relays_that_are_killed_lose_nothing_and_keep_the_order() {
    let test = "relays_that_are_killed_lose_nothing_and_keep_the_order";
    let rows = scale("EDA_TEST_OUTBOX_ROWS", 2_000);
    let kills = scale("EDA_TEST_OUTBOX_KILLS", 5);
    let seed = scale("EDA_TEST_OUTBOX_SEED", fastrand::u64(..));
    // Shown when it fails.
    println!("EDA_TEST_OUTBOX_SEED={seed}");
    for outbox in databases(test) {
        let mut random = Rng::with_seed(seed);
        let writers = random.fork();
        let outbox = outbox.made();
        // Some are there already, the others come while relays live and die.
        let (first, second) = (rows / 2, rows / 4 * 3);
        write(&outbox, "first", 0, first / 2);
        std::thread::scope(|scope| {
            scope.spawn(|| write(&outbox, "first", first / 2, first));
            scope.spawn(|| write(&outbox, "second", first, second));
            scope.spawn(|| write_slowly(&outbox, second, rows, writers));
            kill_often(&outbox, kills, rows, random);
        });
        let status = outbox.status();
        assert_eq!(
            (&status["pending"], &status["dead"]),
            (&json!(0), &json!(0))
        );
        check_numbers(&outbox.published(), rows);
    }
}

/// Stops it while it keeps nobody else out: SQLite knows no transaction that took too long.
fn freeze(outbox: &Outbox, relay: &Running) {
    let row = json!({
        "id": "0198c6a0-1234-7abc-8def-0123456789ab", "aggregatetype": outbox.entity, "aggregateid": "last",
        "type": "OrderCreated", "payload": {"n": 500},
    });
    for _ in 0..100 {
        signal("STOP", relay.id());
        let add = outbox.eda(&["outbox", "add", "--records", "--timeout", "300ms"]);
        let output = add.stdin(format!("{row}\n")).run();
        // It may have been added by an attempt that got no answer.
        if output.status == 0 || output.stderr.contains("0198c6a0") {
            return;
        }
        signal("CONT", relay.id());
    }
    panic!("it was in a transaction whenever it was stopped");
}

/// It wakes up with events in hand that somebody else has published meanwhile.
#[test]
fn a_relay_that_was_frozen_for_longer_than_its_lease_does_no_harm() {
    for outbox in databases("a_relay_that_was_frozen_for_longer_than_its_lease_does_no_harm") {
        let outbox = outbox.made();
        let frozen = outbox.relay(&["--lease", "1s", "--batch", "20"]).spawn();
        std::thread::scope(|scope| {
            scope.spawn(|| write(&outbox, "first", 0, 500));
            wait_until("some progress", PATIENCE, || outbox.marked() > 0);
            freeze(&outbox, &frozen);
        });
        let other = outbox.relay(&["--lease", "1s", "--json"]).spawn();
        wait_until("the end", PATIENCE, || outbox.marked() == 501);
        signal("CONT", frozen.id());
        for relay in [frozen, other] {
            relay.interrupt();
            relay.wait(PATIENCE).status(130);
        }
        assert_eq!(outbox.status()["pending"], 0);
        check_numbers(&outbox.published(), 501);
    }
}
