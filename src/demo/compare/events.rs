//! The same order flow by events: the order service answers when its broker has acknowledged `OrderCreated`; the payment
//! service reads that and writes `PaymentProcessed`; the notification service reads that one. Payment and notification
//! are consumer groups on the runtime of [`ops::consume`](crate::ops::consume), like those of `eda demo`.

use super::http::{Caller, Instance, Serve};
use super::options::CompareOptions;
use crate::demo::chance::{Dice, Rates};
use crate::demo::cleanup;
use crate::demo::event::{Clock, Event};
use crate::demo::handler::Publisher;
use crate::demo::saga::react;
use crate::demo::topology::Names;
use crate::demo::{JOINING, LOOK, topics};
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::dead_letter::Failure;
use crate::model::record::Record;
use crate::ops::consume::{Figures, Handled, Handler, Handling, Member, RuntimeOptions, start};
use bytes::Bytes;
use hyper::StatusCode;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The topics of the flow.
const TOPICS: [&str; 2] = ["order-created", "payment-processed"];

/// What 1, 2, 3 and 4 instances share evenly.
const PARTITIONS: i32 = 12;

/// How long a group may take to notice that its last member has left.
const LEAVING: Duration = Duration::from_secs(5);

/// Of the orders none is declined, malformed or sent twice: the same work for both architectures.
const NOTHING_FAILS: Rates = Rates {
    payment_failures: 0.0,
    inventory_failures: 0.0,
    malformed: 0.0,
    duplicates: 0.0,
    transient: 0.0,
    delays: 0.0,
};

/// All instances of the three services.
pub(super) struct Events {
    cluster: Cluster,
    names: Names,
    orders: Vec<Instance>,
    payments: Vec<Member>,
    notifications: Vec<Member>,
    /// Members that were asked to stop, until they have.
    leaving: JoinSet<Result<Figures>>,
    payment: Work,
    workers: usize,
    completed: Arc<Completed>,
}

/// When each order was complete.
#[derive(Debug, Default)]
pub(super) struct Completed(Mutex<HashMap<String, Instant>>);

impl Completed {
    pub(super) fn orders(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    /// Makes the topics and starts everyone. `part` tells the topics and groups of one measurement from the next one's.
    /// What cannot be deleted when that fails is added to what is left behind.
    pub(super) async fn start(
        cluster: &Cluster,
        options: &CompareOptions,
        part: &str,
        instances: usize,
        left_behind: &mut Vec<String>,
    ) -> Result<Events> {
        let names = Names::new(&format!("{}{part}-", options.prefix));
        let dice = Dice {
            seed: 0,
            rates: NOTHING_FAILS,
        };
        let publisher = Publisher::open(cluster.connection(), names.clone(), dice)?;
        let completed = Arc::new(Completed::default());
        let work = |service, time| Work {
            service,
            time,
            publisher: publisher.clone(),
            clock: Clock::start(),
            completed: Arc::clone(&completed),
        };
        let mut events = Events {
            cluster: cluster.clone(),
            orders: Vec::new(),
            payments: Vec::new(),
            notifications: Vec::new(),
            leaving: JoinSet::new(),
            payment: work(PAYMENT, options.payment),
            workers: options.workers,
            completed: Arc::clone(&completed),
            names,
        };
        let started = events.begin(options, instances, work(NOTIFICATION, options.notification));
        if let Err(error) = started.await {
            left_behind.extend(events.end().await);
            return Err(error);
        }
        Ok(events)
    }

    async fn begin(
        &mut self,
        options: &CompareOptions,
        instances: usize,
        notification: Work,
    ) -> Result<()> {
        topics::create(&self.cluster, self.topics().into(), PARTITIONS).await?;
        let serve = accepting(&self.payment.publisher, self.payment.clock);
        for _ in 0..instances {
            let instance = Instance::start(0, options.workers, Arc::clone(&serve)).await?;
            self.orders.push(instance);
            self.notifications.push(self.member(&notification)?);
        }
        self.start_payment(instances).await?;
        tokio::select! {
            joined = joined(self.payments.iter().chain(&self.notifications)) => joined,
            status = options.stop.wait() => Err(Error::stopped(status)),
        }
    }

    fn member(&self, work: &Work) -> Result<Member> {
        let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let options = RuntimeOptions {
            from_beginning: true,
            concurrency: self.workers,
            dlq: None,
            commit_interval: Duration::from_millis(500),
            // What is in hand when a service is stopped is finished, however long it takes.
            grace: work.time + Duration::from_secs(5),
            // Members learn from a heartbeat that another one came.
            properties: vec![property("heartbeat.interval.ms", "250")],
            ..RuntimeOptions::new(
                self.group(work.service),
                vec![self.names.topic(work.reads())],
            )
        };
        start(&self.cluster, options, Arc::new(work.clone()))
    }

    /// Whoever sends orders.
    pub(super) fn caller(&self) -> Arc<Caller> {
        Arc::new(Caller::new(&self.orders))
    }

    pub(super) fn completed(&self) -> &Completed {
        &self.completed
    }

    /// Stops the payment service: what it has in hand is finished, and it leaves its group. Also when this is given up
    /// half-way: whoever ends everything waits for it.
    pub(super) async fn stop_payment(&mut self) -> Result<()> {
        for member in self.payments.drain(..) {
            self.leaving.spawn(member.stop());
        }
        self.left().await
    }

    /// Waits until those have left who were asked to.
    async fn left(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        while let Some(stopped) = self.leaving.join_next().await {
            let failed = |error| Error::failed("a service did not stop").caused_by(error);
            let stopped = stopped
                .map_err(failed)
                .and_then(|stopped| stopped.map(drop));
            outcome = outcome.and(stopped);
        }
        outcome
    }

    /// Starts so many instances of it.
    pub(super) async fn start_payment(&mut self, instances: usize) -> Result<()> {
        for _ in 0..instances {
            self.payments.push(self.member(&self.payment)?);
        }
        Ok(())
    }

    /// Whether anyone of them ended by himself, which nobody should.
    pub(super) async fn check(&mut self) -> Result<()> {
        for member in self.payments.iter_mut().chain(&mut self.notifications) {
            if let Ok(ended) = tokio::time::timeout(Duration::ZERO, member.finished()).await {
                ended.map_err(|error| error.context("a service stopped"))?;
            }
        }
        Ok(())
    }

    /// Stops everyone and deletes topics and groups; answers the names of those that are still there.
    pub(super) async fn end(mut self) -> Vec<String> {
        self.orders.clear();
        for member in self.payments.drain(..).chain(self.notifications.drain(..)) {
            self.leaving.spawn(member.stop());
        }
        if let Err(error) = self.left().await {
            tracing::warn!("stopping: {}", error.one_line());
        }
        let groups = [PAYMENT, NOTIFICATION].map(|service| self.group(service));
        cleanup::delete(&self.cluster, groups.into(), &self.topics(), LEAVING).await
    }

    fn topics(&self) -> [String; 2] {
        TOPICS.map(|topic| self.names.topic(topic))
    }

    fn group(&self, service: &str) -> String {
        self.names.topic(&format!("{service}-service"))
    }
}

async fn joined(members: impl Iterator<Item = &Member> + Clone) -> Result<()> {
    let deadline = Instant::now() + JOINING;
    while !members.clone().all(Member::has_joined) {
        if Instant::now() > deadline {
            return Err(Error::unreachable("the services did not join their groups"));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The order service: it answers when the event is acknowledged.
fn accepting(publisher: &Publisher, clock: Clock) -> Serve {
    let publisher = publisher.clone();
    Arc::new(move |order: Bytes| {
        let publisher = publisher.clone();
        Box::pin(async move {
            let order: Option<serde_json::Value> = serde_json::from_slice(&order).ok();
            let id = order.as_ref().and_then(|order| order["orderId"].as_str());
            let Some(event) = id.and_then(|id| Event::first(id, &publisher.dice, clock.now_ms()))
            else {
                return StatusCode::BAD_REQUEST;
            };
            match publisher.publish(&event).await {
                Ok(()) => StatusCode::CREATED,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            }
        })
    })
}

const PAYMENT: &str = "payment";
const NOTIFICATION: &str = "notification";

/// The payment service, or the notification service.
#[derive(Clone)]
struct Work {
    service: &'static str,
    time: Duration,
    publisher: Publisher,
    clock: Clock,
    completed: Arc<Completed>,
}

impl Work {
    fn reads(&self) -> &'static str {
        match self.service {
            PAYMENT => "order-created",
            _ => "payment-processed",
        }
    }
}

impl Handler for Work {
    fn handle<'a>(&'a self, record: &'a Record, _attempt: u32) -> Handling<'a> {
        Box::pin(async move {
            let event = Event::decode(record.value.as_deref())?;
            tokio::time::sleep(self.time).await;
            if self.service == NOTIFICATION {
                let mut completed = self.completed.orders();
                completed
                    .entry(event.order().to_owned())
                    .or_insert_with(Instant::now);
                return Ok(Handled::default());
            }
            let dice = &self.publisher.dice;
            if let Some(answer) = react(self.service, &event, dice, self.clock.now_ms()) {
                let published = self.publisher.publish(&answer).await;
                published.map_err(|error| Failure::transient("produce", error.one_line()))?;
            }
            Ok(Handled::default())
        })
    }
}
