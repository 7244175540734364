//! Exactly once: what readers of committed records see.

use super::*;
use crate::kafka::{Consumer, ConsumerOptions, Polled};
use crate::model::record::Header;
use crate::ops::scan::NoRebalance;
use std::collections::BTreeSet;

fn options(bench: &Bench) -> RuntimeOptions {
    RuntimeOptions {
        delivery: Delivery::ExactlyOnce,
        transactional_id: TransactionalId {
            prefix: "eda-workers-".to_owned(),
            rest: "0".to_owned(),
        },
        ..bench.options()
    }
}

/// Answers each record with its value, for topic `copies`.
fn copy(record: &Record) -> Handled {
    Handled {
        produce: vec![OutgoingRecord {
            topic: "copies".to_owned(),
            key: record.key.clone(),
            value: record.value.clone(),
            headers: vec![Header::text("from", &record.coordinates())],
            ..OutgoingRecord::default()
        }],
    }
}

/// The values of a topic's committed records, until there are so many, and then what comes within a moment.
async fn seen(bench: &Bench, topic: &str, count: usize) -> Vec<String> {
    let connection = bench.cluster.connection().clone();
    let topic = topic.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let options = ConsumerOptions {
            end_of_partition: true,
            ..ConsumerOptions::default()
        };
        let consumer = Consumer::open(&connection, options, Arc::new(NoRebalance)).unwrap();
        consumer
            .assign(&[(TopicPartition::new(topic, 0), 0)])
            .unwrap();
        let mut values = Vec::new();
        let deadline = Instant::now() + LONG;
        loop {
            assert!(Instant::now() < deadline, "only {values:?}");
            match consumer.poll(Duration::from_millis(50)).unwrap() {
                Some(Polled::Record(record)) => {
                    values.push(String::from_utf8(record.value.unwrap()).unwrap());
                }
                Some(Polled::EndOfPartition(..)) if values.len() >= count => return values,
                _ => {}
            }
        }
    });
    read.await.unwrap()
}

async fn create(bench: &Bench, name: &str, configs: &[(&str, &str)]) {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: 1,
        replicas: None,
        configs: configs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    bench.cluster.create_topic(&topic, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_dead_letters_and_offsets_become_visible_together() {
    let bench = Bench::new(1).await;
    create(&bench, "copies", &[]).await;
    bench.produce(0, values(50)).await;
    let handler = Scripted::producing(|record, attempt| match (record.offset, attempt) {
        (7, 1) => Err(transient()),
        (9, _) => Err(permanent()),
        _ => Ok(copy(record)),
    });
    let member = bench.start(options(&bench), &handler);
    bench.committed_is(&[(0, 50)]).await;
    let figures = member.stop().await.unwrap();
    assert_eq!(
        (figures.processed, figures.dead_lettered, figures.produced),
        (49, 1, 49)
    );
    let expected: Vec<String> = values(50).filter(|value| value != "value-9").collect();
    assert_eq!(seen(&bench, "copies", 49).await, expected);
    assert_eq!(seen(&bench, "orders.dlq", 1).await, ["value-9"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_committed_is_seen_by_nobody() {
    let bench = Bench::new(1).await;
    create(&bench, "copies", &[]).await;
    bench.produce(0, values(5)).await;
    let handler = Scripted::producing(|record, _| Ok(copy(record)));
    let never = RuntimeOptions {
        commit_interval: LONG,
        ..options(&bench)
    };
    let member = bench.start(never, &handler);
    until("all of them", || handler.attempts().len() == 5).await;
    // As if it crashed: nobody commits, and the next one of the id ends what it left open.
    let assignment = member.assignment();
    until("them in the transaction", || {
        assignment.has_open_transaction()
    })
    .await;
    let crashed = std::mem::ManuallyDrop::new(member);
    let next = bench.start(options(&bench), &handler);
    // The first one is fenced, and says so when it ends.
    bench.committed_is(&[(0, 5)]).await;
    next.stop().await.unwrap();
    assert_eq!(
        seen(&bench, "copies", 5).await,
        values(5).collect::<Vec<_>>()
    );
    let mut first = std::mem::ManuallyDrop::into_inner(crashed);
    first.shared_stop();
    assert!(first.finished().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_is_refused_makes_a_dead_letter_of_its_record_alone() {
    let bench = Bench::new(1).await;
    create(&bench, "copies", &[("max.message.bytes", "1000")]).await;
    let value = |number: usize| match number {
        3 => "x".repeat(5000),
        number => format!("value-{number}"),
    };
    bench.produce(0, (0..6).map(value)).await;
    let handler = Scripted::producing(|record, _| {
        let mut handled = copy(record);
        if record.offset == 3 {
            // Both are refused, which is one reason to give the record up, not two.
            handled.produce.extend(copy(record).produce);
        }
        Ok(handled)
    });
    // The count is of what was committed, not of what a lost transaction took back.
    let counting = RuntimeOptions {
        count: Some(6),
        ..options(&bench)
    };
    let mut member = bench.start(counting, &handler);
    member.finished().await.unwrap();
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 6)]));
    let copies: BTreeSet<String> = seen(&bench, "copies", 5).await.into_iter().collect();
    let expected: BTreeSet<String> = [0, 1, 2, 4, 5].map(value).into_iter().collect();
    assert_eq!(copies, expected);
    let letters = seen(&bench, "orders.dlq", 1).await;
    assert_eq!(letters, [value(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_refused_ends_the_member() {
    let bench = Bench::new(1).await;
    create(&bench, "orders.dlq", &[("max.message.bytes", "1000")]).await;
    bench
        .produce(0, [values(1).next().unwrap(), "x".repeat(5000)])
        .await;
    let handler = Scripted::new(|record, _| match record.offset {
        1 => Err(permanent()),
        _ => Ok(()),
    });
    let mut member = bench.start(options(&bench), &handler);
    let error = member.finished().await.unwrap_err();
    let expected = "the dead letter of `orders:0:1` was refused; the record was not committed";
    assert_eq!(error.message(), expected);
    assert!(bench.committed().await.values().all(|next| *next <= 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_for_a_topic_that_does_not_exist_makes_a_dead_letter() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(1)).await;
    let handler = Scripted::producing(|record, _| Ok(copy(record)));
    for delivery in [Delivery::ExactlyOnce, Delivery::AtLeastOnce] {
        let options = RuntimeOptions {
            group: format!("workers-{delivery:?}"),
            delivery,
            dlq: Some(format!("dead-{delivery:?}")),
            count: Some(1),
            ..options(&bench)
        };
        let mut member = bench.start(options, &handler);
        member.finished().await.unwrap();
        assert_eq!(member.figures().dead_lettered, 1);
        let letters = seen(&bench, &format!("dead-{delivery:?}"), 1).await;
        assert_eq!(letters, ["value-0"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_double_nothing() {
    const EACH: usize = 300;
    let bench = Bench::new(3).await;
    create(&bench, "copies", &[]).await;
    for partition in 0..3 {
        let value = move |number| format!("{partition}-{number}");
        bench.produce(partition, (0..EACH).map(value)).await;
    }
    let handler = Scripted::producing(|record, attempt| match (record.offset % 50, attempt) {
        (3, 1) => Err(transient()),
        _ => Ok(copy(record)),
    });
    let named = |rest: &str| RuntimeOptions {
        transactional_id: TransactionalId {
            prefix: "eda-workers-".to_owned(),
            rest: rest.to_owned(),
        },
        ..options(&bench)
    };
    let stays = bench.start(named("stays"), &handler);
    for round in 1..=3 {
        let guest = bench.start(named("guest"), &handler);
        until("a guest", || guest.has_joined()).await;
        until("some progress", || {
            handler.attempts().len() >= round * EACH / 2
        })
        .await;
        guest.stop().await.unwrap();
    }
    let done = EACH as i64;
    bench.committed_is(&[(0, done), (1, done), (2, done)]).await;
    stays.stop().await.unwrap();
    let mut copies = seen(&bench, "copies", 3 * EACH).await;
    copies.sort();
    let mut expected: Vec<String> = (0..3)
        .flat_map(|partition| (0..EACH).map(move |number| format!("{partition}-{number}")))
        .collect();
    expected.sort();
    assert_eq!(copies, expected);
}
