//! `eda lag --watch`: look after look, through outages.

mod course;
mod report;
mod sample;

pub use sample::Sample;

use super::attempt::Attempts;
use super::probe::Prober;
use super::{LagReport, LagRequest, snapshot};
use crate::error::{Kind, Result, Status};
use crate::kafka::Cluster;
use crate::ops::stop::Stop;
use course::Courses;
use jiff::Timestamp;
use sample::Outage;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// What to watch.
#[derive(Clone, Debug)]
pub struct WatchRequest {
    pub lag: LagRequest,
    /// From one look to the next.
    pub interval: Duration,
    /// A row a group instead of one a partition, where people look.
    pub total: bool,
}

/// Looks every interval and shows what it saw, until it is stopped or nobody reads it any more.
///
/// # Errors
/// When the first look fails: then the command line is wrong, or nobody is there. Later failures are samples of their own,
/// and it goes on.
pub async fn watch(
    cluster: &Cluster,
    request: &WatchRequest,
    mut show: impl FnMut(&Sample) -> Result<()>,
    stop: &Stop,
) -> Result<Status> {
    let mut attempts = Attempts::at(cluster);
    let mut prober = Prober::new(cluster, &request.lag);
    let mut courses = Courses::default();
    let mut outage: Option<Outage> = None;
    let mut last: Option<Sample> = None;
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(request.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            status = stop.wait() => return Ok(status),
            _ = ticks.tick() => {}
        }
        let asked = Timestamp::now();
        let look = async {
            let snapshot = attempts
                .ask(async |cluster| snapshot(&cluster, &request.lag).await)
                .await?;
            let at = begun.elapsed();
            let mut report = LagReport::new(cluster, snapshot, &request.lag);
            if request.lag.time {
                report.probe_all(&mut prober).await;
            }
            Ok((at, report))
        };
        let look: Result<(Duration, LagReport)> = tokio::select! {
            status = stop.wait() => return Ok(status),
            look = look => look,
        };
        let now = Timestamp::now();
        let sample = match look {
            Ok((at, report)) => {
                outage = None;
                Sample::of(now, request, courses.see(at, report))
            }
            Err(error) => {
                let Some(last) = last.take().filter(|_| error.kind() != Kind::Usage) else {
                    return Err(error);
                };
                courses.gap();
                prober.reconnect();
                let since = outage.as_ref().map_or(asked, |outage| outage.since);
                let outage = outage.insert(Outage::new(since, &error));
                // What was seen last stays in sight.
                Sample::during(now, outage.clone(), last)
            }
        };
        show(&sample)?;
        last = Some(sample);
    }
}
