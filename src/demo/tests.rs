//! Whole runs on the embedded broker, in this process.

use super::*;
use crate::broker::{Broker, Options};
use crate::error::{Kind, Status};
use crate::kafka::{Cluster, Connection};
use crate::ops::stop::Stop;
use crate::report::Report;
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn cluster() -> (Broker, Cluster) {
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Options::default()
    };
    let broker = Broker::start(options).await.unwrap();
    let connection = Connection {
        brokers: broker.address().to_string(),
        timeout: Duration::from_secs(10),
        properties: Vec::new(),
        verbose_client_logs: false,
    };
    (broker, Cluster::new(connection).unwrap())
}

/// A small run in which everything happens.
fn options(prefix: &str) -> DemoOptions {
    DemoOptions {
        orders: 40,
        seed: Some(7),
        prefix: prefix.to_owned(),
        rates: Rates {
            payment_failures: 0.2,
            inventory_failures: 0.2,
            malformed: 0.1,
            duplicates: 0.2,
            transient: 0.2,
            delays: 0.0,
        },
        ..DemoOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_ends_and_leaves_nothing_behind() {
    let (_broker, cluster) = cluster().await;
    let seen: Arc<Mutex<Vec<DemoProgress>>> = Arc::default();
    let mut options = options("demo-1-");
    let watching = Arc::clone(&seen);
    options.progress = Some(Arc::new(move |progress| {
        watching.lock().unwrap().push(progress)
    }));
    let first = run(&cluster, &options).await.unwrap();
    assert_eq!(
        first.status().unwrap(),
        Status::Done,
        "{:?}",
        first.invariants
    );
    let Orders {
        total,
        shipped,
        cancelled,
        parked,
    } = first.orders;
    assert_eq!(total, 40);
    assert_eq!(total, shipped + cancelled + parked);
    assert!(
        shipped > 0 && cancelled > 0 && parked > 0,
        "{:?}",
        first.orders
    );
    let letters = DeadLetters {
        topic: "demo-1-order-created.dlq".to_owned(),
        count: parked,
    };
    assert_eq!(first.dead_letters, [letters]);
    let sum = |figure: fn(&ServiceReport) -> u64| first.services.iter().map(figure).sum::<u64>();
    assert!(sum(|service| service.retried) > 0);
    assert!(sum(|service| service.duplicates) > 0);
    assert_eq!(sum(|service| service.dead_lettered), parked);
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!((last.produced, last.finished()), (40, 40));

    // The same names again: the run before cleaned up, topics and committed offsets.
    let second = run(&cluster, &options).await.unwrap();
    assert_eq!(second.orders, first.orders);
    assert_eq!(second.left_behind, Vec::<String>::new());
    assert_eq!(cluster.topics().await.unwrap(), []);
    assert_eq!(cluster.groups().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_invariant_broken_on_purpose_is_the_one_reported() {
    let (_broker, cluster) = cluster().await;
    let without_outbox = |invariant: &Invariant| !invariant.needs_outbox();
    for invariant in Invariant::ALL.into_iter().filter(without_outbox) {
        let options = DemoOptions {
            sabotage: Some(invariant),
            ..options("demo-2-")
        };
        let report = run(&cluster, &options).await.unwrap();
        assert_eq!(report.status().unwrap(), Status::Alarm);
        let broken = report.invariants.iter().filter(|verdict| !verdict.holds);
        let broken: Vec<&str> = broken.map(|verdict| verdict.name).collect();
        assert_eq!(broken, [invariant.name()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_exist_are_not_touched() {
    let (_broker, cluster) = cluster().await;
    let mut options = options("demo-3-");
    options.orders = 3;
    options.keep = true;
    let report = run(&cluster, &options).await.unwrap();
    assert!(
        report
            .left_behind
            .contains(&"demo-3-order-created".to_owned())
    );
    assert!(
        report
            .left_behind
            .contains(&"demo-3-audit-service".to_owned())
    );
    let before = cluster.topics().await.unwrap();
    options.keep = false;
    let error = run(&cluster, &options).await.unwrap_err();
    assert_eq!(
        error.message(),
        "topic `demo-3-inventory-failed` exists already"
    );
    assert_eq!(cluster.topics().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_cleans_up() {
    let (_broker, cluster) = cluster().await;
    let stop = Stop::new();
    let options = DemoOptions {
        orders: 1_000_000,
        rate: Some(100.0),
        stop: stop.clone(),
        progress: Some(Arc::new(move |progress: DemoProgress| {
            if progress.finished() > 10 {
                stop.request(Status::Interrupted);
            }
        })),
        ..options("demo-4-")
    };
    let error = run(&cluster, &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert_eq!(cluster.topics().await.unwrap(), []);
    assert_eq!(cluster.groups().await.unwrap(), []);
}
