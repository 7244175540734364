//! What is committed, and when; idempotency.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_committed_only_when_it_is_done() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(3)).await;
    let handler = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions {
        commit_records: 1,
        grace: Duration::from_millis(100),
        ..bench.options()
    };
    handler.open(false);
    let member = bench.start(options.clone(), &handler);
    until("the first record", || handler.attempts().len() == 1).await;
    // It does not end within the grace, so it is not done.
    member.stop().await.unwrap();
    assert_eq!(bench.committed().await, BTreeMap::new());

    handler.open(true);
    let member = bench.start(options, &handler);
    bench.committed_is(&[(0, 3)]).await;
    assert_eq!(handler.tries(), [(0, 1), (0, 1), (1, 1), (2, 1)]);
    member.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_finishes_what_is_in_hand_and_nothing_else() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(3)).await;
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let options = RuntimeOptions {
        commit_interval: LONG,
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    until("the first record", || handler.attempts().len() == 1).await;
    let begun = Instant::now();
    let assignment = member.assignment();
    let stopping = tokio::spawn(member.stop());
    // From then on its tasks begin nothing more.
    until("the farewell", || assignment.len() == 0).await;
    handler.open(true);
    assert_eq!(stopping.await.unwrap().unwrap().processed, 1);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    bench.committed_is(&[(0, 1)]).await;
    // It left, so that nobody has to wait for its session to end.
    let groups = ["workers".to_owned()];
    let (_, group) = bench
        .cluster
        .describe_groups(&groups)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(group.unwrap().members, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_between_attempts_is_cut_short_by_a_stop() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(2)).await;
    let handler = Scripted::new(|record, _| match record.offset {
        0 => Ok(()),
        _ => Err(transient()),
    });
    let hours = Duration::from_secs(36_000);
    let options = RuntimeOptions {
        backoff_base: hours,
        backoff_cap: hours,
        dedupe: Some(memory()),
        ..bench.options()
    };
    let member = bench.start(options.clone(), &handler);
    until("the failure", || handler.attempts().len() == 2).await;
    let begun = Instant::now();
    member.stop().await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 1)]));
    // The claim was released: the next member does not take it for done.
    let member = bench.start(options, &handler);
    until("the next attempt", || handler.attempts().len() == 3).await;
    assert_eq!(handler.tries()[2], (1, 1));
    member.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_comes_twice_is_handled_once() {
    let bench = Bench::new(2).await;
    let event = |id: usize| format!(r#"{{"eventId":"event-{id}"}}"#);
    bench.produce(0, [event(0), event(1), event(0)]).await;
    bench.produce(1, [event(1), event(2), event(2)]).await;
    let handler = Scripted::new(|_, attempt| match attempt {
        1 => Err(transient()),
        _ => Ok(()),
    });
    let options = RuntimeOptions {
        dedupe: Some(memory()),
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    bench.committed_is(&[(0, 3), (1, 3)]).await;
    let figures = member.stop().await.unwrap();
    assert_eq!(
        (figures.processed, figures.retried, figures.duplicates),
        (3, 3, 3)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_comes_again_is_no_duplicate() {
    let bench = Bench::new(1).await;
    let event = || r#"{"eventId":"event-1"}"#.to_owned();
    bench.produce(0, [event(), event()]).await;
    let handler = Scripted::new(|record, _| match record.offset {
        0 => Err(permanent()),
        _ => Ok(()),
    });
    let options = RuntimeOptions {
        dedupe: Some(memory()),
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    bench.committed_is(&[(0, 2)]).await;
    let figures = member.stop().await.unwrap();
    assert_eq!(
        (figures.processed, figures.dead_lettered, figures.duplicates),
        (1, 1, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_once_commits_first_never_retries_and_gives_back_what_it_did_not_begin() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(20)).await;
    let handler = Scripted::new(|record, _| match record.offset {
        0 => Err(transient()),
        _ => Ok(()),
    });
    let options = RuntimeOptions {
        delivery: Delivery::AtMostOnce,
        grace: Duration::from_millis(100),
        ..bench.options()
    };
    handler.open(false);
    let member = bench.start(options.clone(), &handler);
    until("the first record", || handler.attempts().len() == 1).await;
    assert!(
        bench.committed().await[&0] >= 1,
        "committed before it is handled"
    );
    member.stop().await.unwrap();
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 1)]));

    handler.open(true);
    let member = bench.start(options, &handler);
    bench.committed_is(&[(0, 20)]).await;
    until("all records", || handler.attempts().len() == 20).await;
    let expected: Vec<(i64, u32)> = (0..20).map(|offset| (offset, 1)).collect();
    assert_eq!(handler.tries(), expected);
    let figures = member.stop().await.unwrap();
    assert_eq!((figures.processed, figures.retried), (19, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_stuck_stops_no_other_and_nothing_is_lost() {
    let bench = Bench::new(2).await;
    bench.produce(0, values(3000)).await;
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let member = bench.start(bench.options(), &handler);
    // As many as there is room for were taken, and no more.
    let place = TopicPartition::new("orders", 0);
    until("the window", || member.assignment().room(&place) == 0).await;
    // The other partition goes on being read.
    bench.produce(1, values(1)).await;
    let other = TopicPartition::new("orders", 1);
    let reached = || handler.attempts().iter().any(|(place, ..)| *place == other);
    until("the other partition", reached).await;
    handler.open(true);
    bench.committed_is(&[(0, 3000), (1, 1)]).await;
    let attempts = handler.attempts().into_iter();
    let first = attempts.filter(|(place, ..)| place.partition == 0);
    let offsets: Vec<i64> = first.map(|(_, offset, _)| offset).collect();
    assert_eq!(offsets, (0..3000).collect::<Vec<i64>>());
    member.stop().await.unwrap();
}

/// The time-out is of requests; how long a record in hand may take is the grace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_takes_longer_than_a_request_is_finished_in_order() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(2)).await;
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let mut connection = bench.cluster.connection().clone();
    connection.timeout = Duration::from_secs(1);
    let cluster = Cluster::new(connection).unwrap();
    let member = start(&cluster, bench.options(), handler.clone()).unwrap();
    until("the first record", || handler.attempts().len() == 1).await;
    let begun = Instant::now();
    let stopping = tokio::spawn(member.stop());
    until("more than a request's time", || {
        begun.elapsed() > Duration::from_millis(1500)
    })
    .await;
    handler.open(true);
    stopping.await.unwrap().unwrap();
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 1)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_new_group_began_at_the_end_the_next_member_begins_too() {
    for delivery in [Delivery::AtLeastOnce, Delivery::ExactlyOnce] {
        let bench = Bench::new(1).await;
        let at_the_end = RuntimeOptions {
            from_beginning: false,
            delivery,
            transactional_id: TransactionalId {
                prefix: "eda-workers-".to_owned(),
                rest: "test".to_owned(),
            },
            ..bench.options()
        };
        let hours = Duration::from_secs(36_000);
        let stuck = RuntimeOptions {
            backoff_base: hours,
            backoff_cap: hours,
            ..at_the_end.clone()
        };
        let failing = Scripted::new(|_, _| Err(transient()));
        let member = bench.start(stuck, &failing);
        // What comes before it has found the end is not for it.
        let deadline = Instant::now() + LONG;
        while failing.attempts().is_empty() {
            assert!(Instant::now() < deadline);
            bench.produce(0, values(1)).await;
        }
        let first = failing.tries()[0].0;
        member.stop().await.unwrap();
        assert_eq!(bench.committed().await, BTreeMap::from([(0, first)]));
        let handler = Scripted::new(|_, _| Ok(()));
        let member = bench.start(at_the_end, &handler);
        until("what was left", || !handler.attempts().is_empty()).await;
        assert_eq!(handler.tries()[0].0, first, "{delivery:?}");
        member.stop().await.unwrap();
    }
}
