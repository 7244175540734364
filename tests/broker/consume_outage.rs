//! `eda consume` while nobody answers, or while nothing is its to read: that is not "nothing came".

use super::{PATIENCE, create, topic};
use crate::support::{Broker, Running, broker, eda, fresh};
use std::process::Command;

/// A broker of its own, and a topic with three records.
fn read_by(arguments: &[&str]) -> (Broker, Running) {
    let broker = Broker::embedded(&[]);
    create(&broker, "orders", 1);
    eda(&["produce", "orders", "--raw"])
        .on(&broker)
        .stdin("a\nb\nc\n")
        .run()
        .succeeds();
    let consume = eda(&["consume", "orders", "--timeout", "2s", "-f", "%v\n"]);
    let consume = consume.args(arguments).on(&broker).spawn();
    consume.wait_for_records(3, PATIENCE);
    (broker, consume)
}

fn signal(broker: &Broker, name: &str) {
    let id = broker.id().to_string();
    let kill = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(kill.success());
}

/// Its connections stay open: only a request that is not answered tells.
#[test]
fn a_finite_read_of_a_broker_that_hangs_ends_as_unreachable() {
    for arguments in [
        &["--idle", "3s"][..],
        &["-n", "4"],
        &["-g", "payment", "-n", "4"],
    ] {
        let (broker, consume) = read_by(arguments);
        signal(&broker, "-STOP");
        let output = consume.wait(PATIENCE).status(3);
        output.stderr_has("stopped answering after 3 records");
    }
}

#[test]
fn idleness_is_not_what_ends_a_read_of_a_broker_that_is_gone() {
    let (broker, consume) = read_by(&["--idle", "3s"]);
    broker.kill();
    consume.wait(PATIENCE).status(3);
}

#[test]
fn a_follower_says_once_that_the_broker_is_lost_and_once_that_it_is_back() {
    let (broker, consume) = read_by(&[]);
    signal(&broker, "-STOP");
    let says = |text: &'static str| move |running: &Running| running.stderr().contains(text);
    consume.wait_until("the loss", PATIENCE, says("does not answer"));
    signal(&broker, "-CONT");
    consume.wait_until("the return", PATIENCE, says("answers again"));
    consume.interrupt();
    let output = consume.wait(PATIENCE).status(130);
    assert_eq!(
        output.stderr.matches("warning:").count(),
        2,
        "{}",
        output.stderr
    );
}

#[test]
fn a_topic_that_is_deleted_ends_a_follower() {
    let topic = topic("orders", 1);
    super::send_numbers(&topic, 1, 1);
    let consume = eda(&["consume", &topic, "--timeout", "2s"]);
    let consume = consume.on(broker()).spawn();
    consume.wait_for_records(1, PATIENCE);
    eda(&["topic", "delete", &topic, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    consume
        .wait(PATIENCE)
        .status(1)
        .stderr_has("does not exist");
}

#[test]
fn a_pattern_outlives_one_of_its_topics() {
    let base = fresh("shop");
    let (one, other) = (format!("{base}-one"), format!("{base}-other"));
    for topic in [&one, &other] {
        super::create(broker(), topic, 1);
        super::send_numbers(topic, 1, 1);
    }
    let follow = |topics: &[&str]| {
        let follow = eda(&["consume", "-o", "beginning", "--timeout", "2s"]).args(topics);
        let follow = follow.on(broker()).spawn();
        follow.wait_for_records(2, PATIENCE);
        follow
    };
    let by_pattern = follow(&[&format!("^{base}-")]);
    let by_name = follow(&[&one, &other]);
    eda(&["topic", "delete", &one, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    // It began later, so the other has looked by then too.
    by_name.wait(PATIENCE).status(1);
    super::send_numbers(&other, 1, 1);
    by_pattern.wait_for_records(3, PATIENCE);
    by_pattern.interrupt();
    by_pattern.wait(PATIENCE).status(130);
}

#[test]
fn a_member_that_was_given_nothing_does_not_say_that_there_is_nothing() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    super::send_numbers(&topic, 1, 1);
    let consume = eda(&["consume", &topic, "-g", &group]).on(broker());
    let first = consume.spawn();
    first.wait_for_records(1, PATIENCE);
    // More members than partitions: whoever holds the one, most of the others have none.
    let idle = consume.args(["--idle", "2s", "--timeout", "5s"]);
    let others: Vec<Running> = (0..3).map(|_| idle.spawn()).collect();
    let outputs = others.into_iter().map(|other| other.wait(PATIENCE));
    let unassigned = outputs.filter(|output| {
        let says = output.stderr.contains("no partition was assigned");
        assert_eq!(output.status, i32::from(says), "{}", output.stderr);
        says
    });
    assert!(unassigned.count() > 0);
}
