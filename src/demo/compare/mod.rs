//! Synchronous calls against events, measured: the same order flow on one machine, with the same workers and the same
//! times that payment and notification take.
//!
//! - `synchronous`, `events`: the two architectures; - `http`: servers and callers on loopback; - `load`: clients;
//! - [`Comparison`]: what was found, beside what is claimed.
//!
//! Three things are measured of each, one after the other, and never both at once. **Response**: orders come in at a
//! rate that both can take. **Outage**: the same, and the payment service is gone for a while: its servers are killed,
//! or its consumers stop. **Throughput**: as many orders come in as are taken, with 1, 2 and 4 instances of every
//! service.
//!
//! Both flows are a chain, payment before notification, so that events win nothing by doing the two side by side.

mod events;
mod http;
mod load;
mod options;
mod report;
mod synchronous;

pub use options::{CompareOptions, Teller};
pub use report::{Architecture, Comparison, Outage, Throughput, Times};

use super::{LOOK, cleanup};
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use events::Events;
use load::{Crowd, Sent, steady, times};
use report::milliseconds;
use std::time::Duration;
use synchronous::Synchronous;
use tokio::time::Instant;

/// How long orders come in before payment is down, and after it is up again.
const AROUND: Duration = Duration::from_secs(1);

/// How long orders may take to be complete besides what they take; then they are lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Clients when as many orders come in as are taken: so many times the workers of all instances of a service.
const CLIENTS_PER_WORKER: f64 = 1.3;

/// Measures both architectures.
///
/// # Errors
/// Options that make no sense, a cluster that cannot be reached or refuses, a service that stopped by itself, and
/// [`CompareOptions::stop`].
pub async fn compare(cluster: &Cluster, options: &CompareOptions) -> Result<Comparison> {
    options.check()?;
    // A cluster that is not there is told before half a minute goes into the calls.
    cluster.ping().await?;
    let mut left_behind = Vec::new();
    let synchronous = synchronous(options).await?;
    let events = by_events(cluster, options, &mut left_behind).await;
    let events = cleanup::saying(events, &left_behind)?;
    Ok(Comparison {
        payment_ms: milliseconds(options.payment),
        notification_ms: milliseconds(options.notification),
        workers: options.workers,
        rate: options.rate,
        outage_ms: milliseconds(options.outage),
        times_quicker: (synchronous.response.p50_ms / events.response.p50_ms.max(0.01) * 10.0)
            .round()
            / 10.0,
        synchronous,
        events,
        left_behind,
    })
}

async fn synchronous(options: &CompareOptions) -> Result<Architecture> {
    let mut services = Synchronous::start(options, 1).await?;
    (options.tell)("calls: response times");
    let caller = services.caller();
    let sent = steady(&caller, "calls", options.rate, options.span, &options.stop).await?;
    let response = Times::of(sent.response_times());

    (options.tell)("calls: payment is down");
    let span = AROUND + options.outage + AROUND;
    let outage = async {
        wait(AROUND, options).await?;
        let ports = services.stop_payment();
        wait(options.outage, options).await?;
        services.start_payment(&ports).await
    };
    let sending = steady(&caller, "down", options.rate, span, &options.stop);
    let (sent, ()) = tokio::try_join!(sending, outage)?;
    let outage = Outage {
        orders: sent.due.len() as u64,
        failed: sent.refused,
        lost: 0,
        slowest_ms: slowest(sent.response_times()),
    };
    drop(services);

    let mut throughput = Vec::new();
    for &instances in &options.instances {
        (options.tell)(&format!("calls: throughput with {instances} instances"));
        let services = Synchronous::start(options, instances).await?;
        let crowd = Crowd::start(&services.caller(), "many", clients(options, instances));
        let measured = rates(options, instances, &crowd, || crowd.accepted()).await;
        crowd.end().await;
        throughput.push(measured?);
    }
    Ok(Architecture {
        response,
        complete: response,
        // Whoever is answered has a complete order.
        lost: 0,
        outage,
        throughput,
    })
}

async fn by_events(
    cluster: &Cluster,
    options: &CompareOptions,
    left_behind: &mut Vec<String>,
) -> Result<Architecture> {
    (options.tell)("events: response times");
    let mut services = Events::start(cluster, options, "calm", 1, left_behind).await?;
    let measured = calm(&mut services, options).await;
    left_behind.extend(services.end().await);
    let (response, complete, lost) = measured?;

    (options.tell)("events: payment is down");
    let mut services = Events::start(cluster, options, "outage", 1, left_behind).await?;
    let measured = outage(&mut services, options).await;
    left_behind.extend(services.end().await);
    let outage = measured?;

    let mut throughput = Vec::new();
    for &instances in &options.instances {
        (options.tell)(&format!("events: throughput with {instances} instances"));
        let part = format!("many-{instances}");
        let mut services = Events::start(cluster, options, &part, instances, left_behind).await?;
        let crowd = Crowd::start(&services.caller(), "many", clients(options, instances));
        let completed = || services.completed().orders().len() as u64;
        let measured = rates(options, instances, &crowd, completed).await;
        crowd.end().await;
        let checked = services.check().await;
        left_behind.extend(services.end().await);
        checked?;
        throughput.push(measured?);
    }
    Ok(Architecture {
        response,
        complete,
        lost,
        outage,
        throughput,
    })
}

/// How long answers took, and orders until they were complete, and how many never were.
async fn calm(services: &mut Events, options: &CompareOptions) -> Result<(Times, Times, u64)> {
    let caller = services.caller();
    let sent = steady(&caller, "calm", options.rate, options.span, &options.stop).await?;
    let lost = complete(services, options, &sent).await?;
    let completed = services.completed().orders();
    let complete = Times::of(times(&sent.due, &completed));
    Ok((Times::of(sent.response_times()), complete, lost))
}

async fn outage(services: &mut Events, options: &CompareOptions) -> Result<Outage> {
    let span = AROUND + options.outage + AROUND;
    let caller = services.caller();
    let sending = steady(&caller, "down", options.rate, span, &options.stop);
    let outage = async {
        wait(AROUND, options).await?;
        services.stop_payment().await?;
        wait(options.outage, options).await?;
        services.start_payment(1).await
    };
    let (sent, ()) = tokio::try_join!(sending, outage)?;
    let lost = complete(services, options, &sent).await?;
    let completed = services.completed().orders();
    Ok(Outage {
        orders: sent.due.len() as u64,
        failed: sent.refused,
        lost,
        slowest_ms: slowest(times(&sent.due, &completed)),
    })
}

fn slowest(times: impl Iterator<Item = Duration>) -> f64 {
    milliseconds(times.max().unwrap_or_default())
}

/// Waits until every accepted order is complete, or the patience is over; answers how many are not.
async fn complete(services: &mut Events, options: &CompareOptions, sent: &Sent) -> Result<u64> {
    let deadline = Instant::now() + options.chain() * 2 + PATIENCE;
    loop {
        let missing = {
            let completed = services.completed().orders();
            let missing = sent.accepted.keys();
            missing
                .filter(|order| !completed.contains_key(*order))
                .count()
        };
        if missing == 0 || Instant::now() > deadline {
            return Ok(missing as u64);
        }
        services.check().await?;
        wait(LOOK, options).await?;
    }
}

fn clients(options: &CompareOptions, instances: usize) -> usize {
    (options.workers as f64 * instances as f64 * CLIENTS_PER_WORKER).ceil() as usize
}

/// Orders accepted and completed a second, once the first are through.
async fn rates(
    options: &CompareOptions,
    instances: usize,
    crowd: &Crowd,
    completed: impl Fn() -> u64,
) -> Result<Throughput> {
    let chain = options.chain();
    wait(chain + chain / 2, options).await?;
    // Orders that begin together end together: whole chains, or it depends on where the last wave falls.
    let chains = (options.span.as_secs_f64() / chain.as_secs_f64().max(0.001)).ceil();
    let begun = Instant::now();
    let before = (crowd.accepted(), completed());
    wait(chain.mul_f64(chains.max(1.0)), options).await?;
    let after = (crowd.accepted(), completed());
    let took = begun.elapsed();
    let rate = |before: u64, after: u64| {
        let rate = after.saturating_sub(before) as f64 / took.as_secs_f64();
        (rate * 10.0).round() / 10.0
    };
    Ok(Throughput {
        instances,
        accepted_per_second: rate(before.0, after.0),
        completed_per_second: rate(before.1, after.1),
    })
}

/// Lets time pass, unless it is all to end.
async fn wait(time: Duration, options: &CompareOptions) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        status = options.stop.wait() => Err(Error::stopped(status)),
    }
}
