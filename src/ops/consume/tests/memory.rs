//! A memory of events that is away, slow, or somebody else's.

use super::*;
use crate::store::{Claimed, Memory, Outage, Pending, Token};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A memory that can be away, and counts what it is asked.
#[derive(Debug, Default)]
struct Flaky {
    memory: Memory,
    is_away: AtomicBool,
    is_broken: AtomicBool,
    renewals: AtomicU64,
    refusals: AtomicU64,
    lease: Duration,
    /// How long it takes to mark an event done.
    slowness: Duration,
}

impl Flaky {
    fn new() -> Arc<Self> {
        Arc::new(Flaky {
            lease: Duration::from_millis(30),
            ..Flaky::default()
        })
    }

    fn is_there(&self) -> Result<(), Outage> {
        let passing = !self.is_broken.load(Ordering::Acquire);
        if passing && !self.is_away.load(Ordering::Acquire) {
            return Ok(());
        }
        self.refusals.fetch_add(1, Ordering::AcqRel);
        Err(match passing {
            true => Outage::passing("connection refused"),
            false => Outage::lasting("connection refused"),
        })
    }
}

impl Idempotency for Flaky {
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed> {
        Box::pin(async move {
            self.is_there()?;
            self.memory.claim(event).await
        })
    }

    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(async move {
            self.is_there()?;
            self.renewals.fetch_add(1, Ordering::AcqRel);
            self.memory.renew(event, token).await
        })
    }

    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool> {
        Box::pin(async move {
            self.is_there()?;
            tokio::time::sleep(self.slowness).await;
            self.memory.done(event, token).await
        })
    }

    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()> {
        self.memory.release(event, token)
    }

    fn forget_expired(&self) -> Pending<'_, bool> {
        self.memory.forget_expired()
    }

    fn lease(&self) -> Duration {
        self.lease
    }
}

/// Remembers what was said.
#[derive(Debug, Default)]
struct Said(Mutex<Vec<String>>);

impl Notices for Said {
    fn warn(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn handler_said(&self, _: &[u8]) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_away_records_wait_and_it_is_said_once() {
    let bench = Bench::new(2).await;
    bench.produce(0, values(3)).await;
    bench.produce(1, values(3)).await;
    let store = Flaky::new();
    store.is_away.store(true, Ordering::Release);
    let said = Arc::new(Said::default());
    let handler = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions {
        dedupe: Some(store.clone()),
        notices: said.clone(),
        max_retries: 0,
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    until("some refusals", || {
        store.refusals.load(Ordering::Acquire) >= 4
    })
    .await;
    assert_eq!(handler.attempts(), []);
    store.is_away.store(false, Ordering::Release);
    bench.committed_is(&[(0, 3), (1, 3)]).await;
    let figures = member.stop().await.unwrap();
    assert_eq!((figures.processed, figures.failed_attempts), (6, 0));
    let said = said.0.lock().unwrap().clone();
    let expected = [
        "the memory of events does not answer: waiting until it does (connection refused)",
        "the memory of events answers again",
    ];
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_cannot_be_used_the_member_ends() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(1)).await;
    let store = Flaky::new();
    store.is_broken.store(true, Ordering::Release);
    let handler = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions {
        dedupe: Some(store),
        ..bench.options()
    };
    let mut member = bench.start(options, &handler);
    let error = member.finished().await.unwrap_err();
    assert_eq!(
        error.one_line(),
        "the memory of events cannot be used: connection refused"
    );
    assert_eq!(handler.attempts(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_while_its_record_is_in_hand() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(1)).await;
    let store = Flaky::new();
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let options = RuntimeOptions {
        dedupe: Some(store.clone()),
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    until("renewals", || store.renewals.load(Ordering::Acquire) >= 3).await;
    handler.open(true);
    bench.committed_is(&[(0, 1)]).await;
    member.stop().await.unwrap();
}

/// Whoever held it died: the lease ends, and the record is handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_claim_is_waited_for() {
    let bench = Bench::new(1).await;
    let event = r#"{"eventId":"event-1"}"#.to_owned();
    bench.produce(0, [event]).await;
    let store = Flaky::new();
    let Claimed::Ours(token) = store.claim("event-1").await.unwrap() else {
        panic!("nobody else is there");
    };
    let handler = Scripted::new(|_, _| Ok(()));
    let options = RuntimeOptions {
        dedupe: Some(store.clone()),
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    let assignment = member.assignment();
    until("the record", || !assignment.is_idle()).await;
    assert_eq!(handler.attempts(), []);
    store.release("event-1", &token).await.unwrap();
    bench.committed_is(&[(0, 1)]).await;
    assert_eq!(handler.tries(), [(0, 1)]);
    member.stop().await.unwrap();
}

/// Whoever stops while the mark is under way waits for it: it is what tells that the record was handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_cut_the_mark_of_a_handled_event_short() {
    let bench = Bench::new(1).await;
    bench.produce(0, values(1)).await;
    let store = Arc::new(Flaky {
        lease: LONG,
        slowness: Duration::from_millis(200),
        ..Flaky::default()
    });
    let handler = Scripted::new(|_, _| Ok(()));
    handler.open(false);
    let options = RuntimeOptions {
        dedupe: Some(store),
        ..bench.options()
    };
    let member = bench.start(options, &handler);
    until("the record", || handler.attempts().len() == 1).await;
    let assignment = member.assignment();
    let stopping = tokio::spawn(member.stop());
    until("the farewell", || assignment.len() == 0).await;
    handler.open(true);
    assert_eq!(stopping.await.unwrap().unwrap().processed, 1);
    assert_eq!(bench.committed().await, BTreeMap::from([(0, 1)]));
}
