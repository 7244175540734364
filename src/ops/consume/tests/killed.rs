//! A member that ends as by kill -9.

use super::*;

/// Options with a session that lasts so long.
fn options(bench: &Bench, session_ms: &str) -> RuntimeOptions {
    let session = ("session.timeout.ms".to_owned(), session_ms.to_owned());
    let mut options = bench.options();
    options.properties.push(session);
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_has_in_hand_is_dropped_and_the_group_finds_out_by_itself() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(3)).await;
    let doomed = Scripted::new(|_, _| Ok(()));
    doomed.open(false);
    let member = bench.start(options(&bench, "1000"), &doomed);
    until("a record in hand", || !doomed.attempts().is_empty()).await;
    let meter = member.meter();
    member.kill();
    doomed.open(true);

    let heir = Scripted::new(|_, _| Ok(()));
    // Its own session is long, or on a busy machine it might lose it and get records twice.
    let second = bench.start(bench.options(), &heir);
    until("all records", || heir.tries().len() >= 3).await;
    bench.committed_is(&[(0, 3)]).await;
    assert_eq!(second.stop().await.unwrap().processed, 3);
    assert_eq!(doomed.tries(), [(0, 1)]);
    assert_eq!(meter.snapshot().processed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_group_is_not_told() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(1)).await;
    let handler = Scripted::new(|_, _| Ok(()));
    let member = bench.start(options(&bench, "30000"), &handler);
    until("a record", || !handler.tries().is_empty()).await;
    member.kill();
    // Its thread had a share in the handler: now that is over, and the group would have been left.
    until("its end", || Arc::strong_count(&handler) == 1).await;
    let groups = ["workers".to_owned()];
    let described = bench.cluster.describe_groups(&groups).await.unwrap();
    assert_eq!(described[0].1.as_ref().unwrap().members.len(), 1);
}
