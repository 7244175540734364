//! A claim that the database has carried out, and whose answer is lost on the way.

use super::{check_numbers, databases};
use crate::broker::PATIENCE;
use crate::support::{broker, wait_until};
use ::eda::error::Status;
use ::eda::kafka::{Cluster, Connection};
use ::eda::model::outbox::{
    DeadOutboxEvent, NewOutboxEvent, OnDead, OutboxCounts, OutboxEvent, Settled,
    WaitingOutboxEvents,
};
use ::eda::ops::outbox::relay::{RelayRequest, relay};
use ::eda::ops::stop::Stop;
use ::eda::store::outbox::{Outbox, open};
use ::eda::store::{Outage, Pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Another's, but for the answer to its first claim.
#[derive(Debug)]
struct Forgetful(Arc<dyn Outbox>, AtomicBool);

impl Outbox for Forgetful {
    fn named(&self) -> &str {
        self.0.named()
    }
    fn claim<'a>(
        &'a self,
        owner: &'a str,
        limit: usize,
        lease: Duration,
        on_dead: OnDead,
    ) -> Pending<'a, Vec<OutboxEvent>> {
        Box::pin(async move {
            if self.1.swap(true, Ordering::SeqCst) {
                return self.0.claim(owner, limit, lease, on_dead).await;
            }
            // The first event of each aggregate: the later ones would overtake it.
            assert_eq!(self.0.claim(owner, 3, lease, on_dead).await?.len(), 3);
            Err(Outage::passing("the answer is lost"))
        })
    }

    fn missing(&self) -> Pending<'_, String> {
        self.0.missing()
    }
    fn create(&self) -> Pending<'_, ()> {
        self.0.create()
    }
    fn add<'a>(&'a self, events: &'a [NewOutboxEvent]) -> Pending<'a, ()> {
        self.0.add(events)
    }
    fn renew<'a>(&'a self, owner: &'a str, lease: Duration) -> Pending<'a, u64> {
        self.0.renew(owner, lease)
    }
    fn settle<'a>(&'a self, owner: &'a str, outcomes: &'a [(i64, Settled)]) -> Pending<'a, u64> {
        self.0.settle(owner, outcomes)
    }
    fn added(&self, at_most: Duration) -> Pending<'_, ()> {
        self.0.added(at_most)
    }
    fn counts(&self) -> Pending<'_, OutboxCounts> {
        self.0.counts()
    }

    fn pending(&self) -> Pending<'_, OutboxCounts> {
        self.0.pending()
    }
    fn waiting(&self, limit: usize) -> Pending<'_, Vec<WaitingOutboxEvents>> {
        self.0.waiting(limit)
    }
    fn hasten(&self) -> Pending<'_, u64> {
        self.0.hasten()
    }
    fn dead(&self, limit: usize) -> Pending<'_, Vec<DeadOutboxEvent>> {
        self.0.dead(limit)
    }
    fn retry<'a>(&'a self, ids: &'a [String]) -> Pending<'a, Vec<String>> {
        self.0.retry(ids)
    }
    fn purgeable(&self, older_than: Duration, dead: bool) -> Pending<'_, u64> {
        self.0.purgeable(older_than, dead)
    }
    fn purge(&self, older_than: Duration, dead: bool, limit: usize) -> Pending<'_, u64> {
        self.0.purge(older_than, dead, limit)
    }
}

#[test]
fn a_claim_whose_answer_is_lost_holds_its_aggregates_up_until_its_lease_has_run_out() {
    let test = "a_claim_whose_answer_is_lost_holds_its_aggregates_up_until_its_lease_has_run_out";
    for place in databases(test) {
        let place = place.made();
        place.add_numbers(0, 30, 3);
        let cluster = Cluster::new(Connection {
            brokers: broker().address().to_owned(),
            timeout: PATIENCE,
            properties: Vec::new(),
            verbose_client_logs: false,
        });
        let cluster = cluster.unwrap();
        let request = RelayRequest {
            lease: Duration::from_secs(1),
            ..RelayRequest::default()
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let address = place.address.parse().unwrap();
        let table = "outbox".parse().unwrap();
        let inner = runtime.block_on(open(&address, &table, PATIENCE)).unwrap();
        let outbox = Arc::new(Forgetful(inner, AtomicBool::default()));
        let stop = Stop::new();
        let until = stop.clone();
        let going_on = runtime.spawn(async move {
            relay(&cluster, outbox, request, &until, &|_| {}).await;
        });
        wait_until("the events", PATIENCE, || place.marked() == 30);
        stop.request(Status::Interrupted);
        runtime.block_on(going_on).unwrap();
        assert_eq!(check_numbers(&place.published(), 30), 0);
    }
}
