//! The broker is killed (-9) and started again while records are handled: the consumer goes on by itself, and nothing is
//! lost.

use super::work::{LONG, PARTITIONS, QUICKLY, Work, count, hopeless, numbers, possible};
use crate::support::broker::Kind;
use crate::support::connection::Connection;
use crate::support::signal::signal;
use crate::support::{Broker, Running, apache, wait_until};
use kafka_protocol::messages::ListTransactionsRequest;
use std::collections::BTreeSet;
use std::path::Path;

const RESTARTS: u64 = 3;

/// A broker with everything in `folder`, which may be killed and started again.
pub fn start(kind: Kind, folder: &Path) -> Broker {
    match kind {
        Kind::Apache => match apache::start_in(folder) {
            Ok(broker) => broker,
            Err(reason) => panic!("Apache Kafka did not start: {reason}"),
        },
        // One in a container, or somebody else's, cannot be killed here.
        Kind::Embedded | Kind::Container | Kind::Given => Broker::embedded_in(folder),
    }
}

/// The same where it was.
pub fn start_again(kind: Kind, folder: &Path, address: &str) -> Broker {
    match kind {
        Kind::Apache => start(kind, folder),
        Kind::Embedded | Kind::Container | Kind::Given => {
            Broker::embedded_at(address, &["--data", folder.to_str().unwrap()])
        }
    }
}

/// Lets the consumer work, and the broker die a few times meanwhile; then waits for the end. Answers the last broker.
fn restart_often(
    work: &Work,
    running: &Running,
    kind: Kind,
    folder: &Path,
    mut broker: Broker,
    progress: impl Fn(&Broker) -> u64,
) -> Broker {
    let address = broker.address().to_owned();
    for _ in 0..RESTARTS {
        let before = progress(&broker);
        running.wait_until("some progress", LONG, |running| {
            goes_on(running);
            progress(&broker) > before || work.is_done(&broker)
        });
        match kind {
            Kind::Apache => kill_between_decisions(&broker, running),
            Kind::Embedded | Kind::Container | Kind::Given => broker.kill(),
        }
        drop(broker);
        broker = start_again(kind, folder, &address);
    }
    running.wait_until("the end", LONG, |running| {
        goes_on(running);
        work.is_done(&broker)
    });
    broker
}

/// Kills Apache Kafka while no transaction is decided and not ended.
///
/// Started again as the only broker, Kafka 4.3.1 has no leaders for a moment (its new registration takes them out of their
/// in-sync replicas), and takes the partitions of a transaction in state PrepareCommit for deleted ones: "Couldn't find
/// leader endpoint for partitions … these partitions are likely deleted already and hence can be skipped". The transaction
/// is then complete in its log without a marker anywhere, and whoever reads committed records or offsets waits for ever.
fn kill_between_decisions(broker: &Broker, running: &Running) {
    // Whoever is stopped decides nothing more.
    signal("STOP", running.id());
    wait_until("no transaction is being ended", LONG, || {
        let states = transaction_states(broker.address());
        !states.iter().any(|state| state.starts_with("Prepare"))
    });
    broker.kill();
    signal("CONT", running.id());
}

/// The states of all transactional ids.
fn transaction_states(address: &str) -> Vec<String> {
    let mut connection = Connection::open(address).unwrap();
    let answer = connection.ask(&ListTransactionsRequest::default(), 0);
    let answer = answer.unwrap();
    assert_eq!(answer.error_code, 0);
    let states = answer.transaction_states.into_iter();
    states
        .map(|state| state.transaction_state.to_string())
        .collect()
}

#[track_caller]
fn goes_on(running: &Running) {
    let stderr = running.stderr();
    assert!(!stderr.contains("\"error\""), "it ended: {stderr}");
}

#[test]
fn at_least_once_goes_on_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(Kind::chosen(), folder.path());
    let work = Work::new(&broker);
    let log = work.path("log");
    let consume = work.consume(&broker, &["log", log.to_str().unwrap()]);
    let consume = consume.args(QUICKLY);
    let running = consume.spawn();
    let lines = |_: &Broker| work.log("log").len() as u64;
    let broker = restart_often(
        &work,
        &running,
        Kind::chosen(),
        folder.path(),
        broker,
        lines,
    );
    running.terminate();
    running.wait(LONG).status(143);
    let handled: BTreeSet<u64> = work
        .log("log")
        .into_iter()
        .map(|(number, ..)| number)
        .collect();
    assert_eq!(handled, possible());
    let dead: BTreeSet<u64> = work.dead_letters(&broker).into_keys().collect();
    assert_eq!(dead, hopeless());
}

#[test]
fn exactly_once_goes_on_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(Kind::chosen(), folder.path());
    let work = Work::new(&broker);
    let copies = crate::support::fresh("copies");
    super::super::create(&broker, &copies, PARTITIONS);
    let consume = work
        .consume(&broker, &["copy", &copies])
        .args(QUICKLY)
        .args(["--delivery", "exactly-once"]);
    let running = consume.spawn();
    let progress = |broker: &Broker| work.ends(broker, &copies);
    let broker = restart_often(
        &work,
        &running,
        Kind::chosen(),
        folder.path(),
        broker,
        progress,
    );
    running.terminate();
    running.wait(LONG).status(143);
    assert_eq!(count(numbers(&broker, &copies)), count(possible()));
    assert_eq!(work.dead_letters(&broker), count(hopeless()));
}
