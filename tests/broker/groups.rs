//! Members of one group: how they share partitions, and what becomes of a dead one's.

use super::{PATIENCE, per_partition, send, topic};
use crate::support::eda::parse_lines;
use crate::support::{Eda, Running, broker, eda, fresh, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The shortest Apache Kafka allows: a member that is gone without a word is missed after it.
const QUICK: [&str; 4] = [
    "-X",
    "session.timeout.ms=6000",
    "-X",
    "heartbeat.interval.ms=500",
];

fn member(topic: &str, group: &str) -> Eda {
    eda(&["consume", topic, "--group", group, "--json"])
        .args(QUICK)
        .on(broker())
}

/// Partition and offset: what makes a record itself.
fn place(record: &Value) -> (i64, i64) {
    (
        record["partition"].as_i64().unwrap(),
        record["offset"].as_i64().unwrap(),
    )
}

fn one_a_partition(topic: &str) {
    let record = |partition| json!({"partition": partition, "value": {"n": partition}});
    send(topic, &(0..6).map(record).collect::<Vec<_>>());
}

/// Sends rounds of one record a partition until the members have printed a round as expected.
fn until_shared(topic: &str, members: &[&Running], expected: &[usize]) {
    let printed = |member: &Running| member.records().len();
    wait_until(&format!("partitions shared {expected:?}"), PATIENCE, || {
        let before: Vec<usize> = members.iter().map(|member| printed(member)).collect();
        one_a_partition(topic);
        let come = || {
            members
                .iter()
                .zip(&before)
                .map(|(member, before)| printed(member) - before)
                .sum::<usize>()
        };
        wait_until("a round of six records", PATIENCE, || come() >= 6);
        let shares = members
            .iter()
            .zip(&before)
            .map(|(member, before)| per_partition(&member.records()[*before..]).len());
        shares.collect::<Vec<_>>() == expected
    });
}

#[test]
fn two_members_share_six_partitions_and_the_one_that_is_left_gets_all() {
    let topic = topic("orders", 6);
    let group = fresh("payment-service");
    let first = member(&topic, &group).spawn();
    until_shared(&topic, &[&first], &[6]);
    let second = member(&topic, &group).spawn();
    until_shared(&topic, &[&first, &second], &[3, 3]);
    second.kill();
    until_shared(&topic, &[&first], &[6]);
    first.interrupt();
    first.wait(PATIENCE).status(130);
}

#[test]
fn a_member_killed_with_sigkill_loses_nothing() {
    let topic = topic("orders", 6);
    let group = fresh("payment-service");
    let mut members = vec![
        member(&topic, &group).spawn(),
        member(&topic, &group).spawn(),
    ];
    let mut printed: BTreeSet<(i64, i64)> = BTreeSet::new();
    for round in 0..40 {
        one_a_partition(&topic);
        if round == 20 {
            let output = members.remove(0).kill();
            let killed = parse_lines(&output.stdout, "the member that was killed");
            printed.extend(killed.iter().map(place));
        }
    }
    let survivor = &members[0];
    let everything = |printed: &BTreeSet<(i64, i64)>| printed.len() == 6 * 40;
    survivor.wait_until("every record", PATIENCE, |survivor| {
        let mut all = printed.clone();
        all.extend(survivor.records().iter().map(place));
        everything(&all)
    });
}

#[test]
fn after_a_sole_member_was_killed_the_next_one_continues() {
    let topic = topic("orders", 6);
    let group = fresh("payment-service");
    // The periodic commit is what the next one has to go by: one with no commit at all would prove nothing.
    let committed = || {
        let lag = eda(&["lag", "--group", &group, "--json"])
            .on(broker())
            .run();
        let rows = match lag.status {
            0 => lag.json(),
            // The group is not there yet.
            _ => return 0,
        };
        let rows = rows.as_array().unwrap().iter();
        rows.filter_map(|row| row["committed"].as_i64())
            .sum::<i64>()
    };
    let first = member(&topic, &group).spawn();
    for _ in 0..20 {
        one_a_partition(&topic);
    }
    wait_until("a commit", PATIENCE, || committed() > 0);
    let before = parse_lines(&first.kill().stdout, "the first member");
    for _ in 0..20 {
        one_a_partition(&topic);
    }
    let next = member(&topic, &group).spawn();
    next.wait_until("every record", PATIENCE, |next| {
        let all: BTreeSet<_> = before.iter().chain(&next.records()).map(place).collect();
        all.len() == 6 * 40
    });
    assert!(
        next.records().len() < 6 * 40,
        "it began where nobody had read"
    );
}
