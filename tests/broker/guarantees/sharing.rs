//! Three instances that join and leave while records are handled: each key keeps its order, and each is handled once,
//! for nobody was killed.

use super::work::{LONG, QUICKLY, RECORDS, Work, count, hopeless, possible};
use crate::support::{Running, broker, wait_until};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn each_key_keeps_its_order_while_instances_come_and_go() {
    let broker = broker();
    let work = Work::new(broker);
    let log = work.path("log");
    let log = log.to_str().unwrap();
    let start = || -> Running { work.consume(broker, &["log", log]).args(QUICKLY).spawn() };
    let progressed = |to: u64| {
        wait_until("some progress", LONG, || {
            work.log("log").len() as u64 >= to || work.is_done(broker)
        });
    };
    let share = RECORDS / 8;
    let first = start();
    progressed(share);
    let second = start();
    progressed(2 * share);
    let third = start();
    progressed(3 * share);
    second.terminate();
    second.wait(LONG).status(143);
    progressed(4 * share);
    let fourth = start();
    progressed(5 * share);
    first.terminate();
    first.wait(LONG).status(143);
    wait_until("the end", LONG, || work.is_done(broker));
    for last in [third, fourth] {
        last.terminate();
        last.wait(LONG).status(143);
    }

    let mut of_key: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (number, key, _) in work.log("log") {
        of_key.entry(key).or_default().push(number);
    }
    for (key, numbers) in &of_key {
        let rising = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(rising, "`{key}` was handled in this order: {numbers:?}");
    }
    let handled = of_key.into_values().flatten();
    assert_eq!(count(handled), count(possible()));
    let dead: BTreeSet<u64> = work.dead_letters(broker).into_keys().collect();
    assert_eq!(dead, hopeless());
}
