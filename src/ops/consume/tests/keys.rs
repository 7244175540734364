//! Records of different keys side by side, and how many.

use super::*;

fn options(bench: &Bench) -> RuntimeOptions {
    RuntimeOptions {
        order: Order::Key,
        ..bench.options()
    }
}

/// Offsets 0, 1, 2 of key a, 3 of key b, 4 and 5 without one.
async fn bench() -> Bench {
    let bench = Bench::new(1).await;
    let keys = [Some("a"), Some("a"), Some("a"), Some("b"), None, None];
    bench.produce_keys(0, &keys).await;
    bench
}

fn begun(handler: &Scripted) -> Vec<i64> {
    let mut offsets: Vec<i64> = handler
        .tries()
        .into_iter()
        .map(|(offset, _)| offset)
        .collect();
    offsets.sort_unstable();
    offsets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_each_key_is_in_hand_and_what_is_committed_has_no_gap() {
    let bench = bench().await;
    let blocked = Scripted::new(|_, _| Ok(()));
    blocked.open(false);
    let member = bench.start(options(&bench), &blocked);
    until("four of them", || blocked.attempts().len() == 4).await;
    assert_eq!(begun(&blocked), [0, 3, 4, 5]);
    blocked.open(true);
    bench.committed_is(&[(0, 6)]).await;
    let of_a: Vec<i64> = blocked
        .tries()
        .into_iter()
        .map(|(offset, _)| offset)
        .filter(|offset| *offset < 3)
        .collect();
    assert_eq!(of_a, [0, 1, 2]);
    member.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_waits_to_be_tried_again_holds_up_nobody_else() {
    let bench = bench().await;
    let handler = Scripted::new(|record, attempt| match (record.offset, attempt) {
        (1, 1) => Err(transient()),
        _ => Ok(()),
    });
    let hours = Duration::from_secs(36_000);
    let options = RuntimeOptions {
        backoff_base: hours,
        backoff_cap: hours,
        // The one that waits is not at work.
        concurrency: 1,
        ..options(&bench)
    };
    let member = bench.start(options.clone(), &handler);
    until("all but the key", || begun(&handler) == [0, 1, 3, 4, 5]).await;
    bench.committed_is(&[(0, 1)]).await;
    member.stop().await.unwrap();
    // What was done after the gap is remembered beside the offset.
    let options = RuntimeOptions {
        max_retries: 0,
        ..options
    };
    let member = bench.start(options, &handler);
    bench.committed_is(&[(0, 6)]).await;
    let tries = handler.tries();
    assert_eq!(tries[5..], [(1, 1), (2, 1)], "{tries:?}");
    member.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_are_in_hand_than_asked_for_over_all_partitions() {
    let bench = Bench::new(3).await;
    for partition in 0..3 {
        bench.produce(partition, values(10)).await;
    }
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let options = RuntimeOptions {
        concurrency: 4,
        ..options(&bench)
    };
    let member = bench.start(options, &handler);
    until("four of them", || handler.attempts().len() == 4).await;
    until("a look at all partitions", || member.partitions() == 3).await;
    // A fifth would come at once: what is read is in the tasks already.
    let assignment = member.assignment();
    until("everything", || !assignment.is_idle()).await;
    assert_eq!(handler.attempts().len(), 4);
    handler.open(true);
    bench.committed_is(&[(0, 10), (1, 10), (2, 10)]).await;
    member.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_ends_after_so_many_records_and_commits_none_past_them() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(20)).await;
    let handler = Scripted::new(|record, attempt| match (record.offset, attempt) {
        (3, 1) => Err(transient()),
        _ => Ok(()),
    });
    let options = RuntimeOptions {
        count: Some(7),
        commit_interval: LONG,
        ..options(&bench)
    };
    let mut member = bench.start(options, &handler);
    member.finished().await.unwrap();
    assert_eq!(member.figures().processed, 7);
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 7)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_ends_when_nothing_comes_and_nothing_is_in_hand() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(5)).await;
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let options = RuntimeOptions {
        idle: Some(Duration::from_millis(100)),
        filter: crate::model::filter::Filter {
            greps: vec!["value:value-[024]".parse().unwrap()],
            ..Default::default()
        },
        ..options(&bench)
    };
    let mut member = bench.start(options, &handler);
    until("what is wanted", || handler.attempts().len() == 3).await;
    let early = tokio::time::timeout(Duration::from_millis(300), member.finished()).await;
    assert!(early.is_err(), "it ended with records in hand");
    handler.open(true);
    member.finished().await.unwrap();
    assert_eq!(begun(&handler), [0, 2, 4]);
    // Also what nobody wanted.
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 5)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_of_which_the_handler_dies_twice_is_poison() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(2)).await;
    let handler = Scripted::new(|record, _| match record.offset {
        0 => Err(Failure::death("signal 11", "the handler crashed")),
        _ => Ok(()),
    });
    let options = RuntimeOptions {
        max_retries: 10,
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    bench.committed_is(&[(0, 2)]).await;
    assert_eq!(handler.tries(), [(0, 1), (0, 2), (1, 1)]);
    let figures = member.stop().await.unwrap();
    assert_eq!((figures.dead_lettered, figures.failed_attempts), (1, 2));
    let letters = failures::letters(&bench, 0, 1).await;
    assert_eq!(
        letters[0].kind,
        Some(crate::model::dead_letter::FailureKind::Poison)
    );
}

/// What is read for a count that another partition has used up is not passed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_over_several_partitions_loses_nothing() {
    let bench = Bench::new(3).await;
    for partition in 0..3 {
        let unwanted = (0..15).map(|number| format!("no-{number}"));
        bench.produce(partition, unwanted.chain(values(15))).await;
    }
    let handler = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions {
        count: Some(20),
        concurrency: 2,
        filter: crate::model::filter::Filter {
            greps: vec!["value:^value-".parse().unwrap()],
            ..Default::default()
        },
        commit_interval: Duration::from_millis(2),
        ..options(&bench)
    };
    let mut member = bench.start(options.clone(), &handler);
    member.finished().await.unwrap();
    assert_eq!(member.figures().processed, 20);
    drop(member);
    let rest = RuntimeOptions {
        count: Some(25),
        ..options
    };
    let mut member = bench.start(rest, &handler);
    member.finished().await.unwrap();
    let mut handled: Vec<(i32, i64)> = handler
        .attempts()
        .into_iter()
        .map(|(place, offset, _)| (place.partition, offset))
        .collect();
    handled.sort_unstable();
    let expected: Vec<(i32, i64)> = (0..3)
        .flat_map(|partition| (15..30).map(move |offset| (partition, offset)))
        .collect();
    assert_eq!(handled, expected);
}

/// Records that go to another member with their partition are not those that were asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_is_of_records_that_were_handled_here() {
    let bench = Bench::new(2).await;
    for partition in 0..2 {
        bench.produce(partition, values(40)).await;
    }
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let counting = RuntimeOptions {
        count: Some(60),
        concurrency: 1,
        ..options(&bench)
    };
    let mut member = bench.start(counting, &handler);
    until("a record in hand", || handler.attempts().len() == 1).await;
    let other = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions {
        count: Some(20),
        ..options(&bench)
    };
    let mut guest = bench.start(options, &other);
    handler.open(true);
    guest.finished().await.unwrap();
    member.finished().await.unwrap();
    assert_eq!(guest.figures().processed, 20);
    assert_eq!(member.figures().processed, 60);
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 40), (1, 40)]));
}
