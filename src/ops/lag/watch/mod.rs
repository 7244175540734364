//! `eda lag --watch`: look after look, through outages.
//!
//! [`Watcher`] looks and remembers; [`watch`] shows each of its samples. The live views look by the same one, and at the
//! topics around the groups, too.

mod course;
mod report;
mod sample;

pub use sample::{GroupRow, Outage, Sample, WatchedRow};

use super::attempt::Attempts;
use super::probe::Prober;
use super::snapshot::snapshot_of_all;
use super::{LagReport, LagRequest, snapshot};
use crate::error::{Kind, Result, Status};
use crate::kafka::Cluster;
use crate::model::group::GroupListing;
use crate::model::topic::Topic;
use crate::ops::scan::Stretch;
use crate::ops::stop::Stop;
use course::Courses;
use jiff::Timestamp;
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
    let mut watcher = Watcher::new(cluster, request.clone());
    let mut ticks = tokio::time::interval(request.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            status = stop.wait() => return Ok(status),
            _ = ticks.tick() => {}
        }
        let sample = tokio::select! {
            status = stop.wait() => return Ok(status),
            sample = watcher.look() => sample?,
        };
        show(sample)?;
    }
}

/// What a look at the whole cluster finds around the groups.
#[derive(Debug)]
pub(in crate::ops) struct Surroundings {
    /// When it was looked, since the first look.
    pub(in crate::ops) at: Duration,
    /// Every group, also those that have no offsets.
    pub(in crate::ops) groups: Vec<GroupListing>,
    /// Every topic.
    pub(in crate::ops) topics: Vec<Topic>,
    /// First and next offset of the partitions that told them, Kafka's own topics left out.
    pub(in crate::ops) extents: Stretch,
}

/// Looks again and again, and knows what it saw before.
#[derive(Debug)]
pub(in crate::ops) struct Watcher {
    cluster: Cluster,
    request: WatchRequest,
    attempts: Attempts,
    prober: Prober,
    courses: Courses,
    outage: Option<Outage>,
    last: Option<Sample>,
    begun: Instant,
    /// Whether to look at every partition there is.
    whole: bool,
    surroundings: Option<Surroundings>,
}

impl Watcher {
    /// Of the partitions that groups read.
    pub(in crate::ops) fn new(cluster: &Cluster, request: WatchRequest) -> Self {
        Watcher {
            cluster: cluster.clone(),
            attempts: Attempts::at(cluster),
            prober: Prober::new(cluster, &request.lag),
            request,
            courses: Courses::default(),
            outage: None,
            last: None,
            begun: Instant::now(),
            whole: false,
            surroundings: None,
        }
    }

    /// Of every partition there is: see [`Watcher::surroundings`].
    pub(in crate::ops) fn of_all(cluster: &Cluster, request: WatchRequest) -> Self {
        Watcher {
            whole: true,
            ..Watcher::new(cluster, request)
        }
    }

    /// Looks once. A look that fails is a sample, too, in which what was seen last stays in sight.
    ///
    /// # Errors
    /// When the first look fails.
    pub(in crate::ops) async fn look(&mut self) -> Result<&Sample> {
        let asked = Timestamp::now();
        let looked = self.ask().await;
        let now = Timestamp::now();
        let sample = match looked {
            Ok((at, report)) => {
                self.outage = None;
                Sample::of(now, &self.request, self.courses.see(at, report))
            }
            Err(error) => {
                let last = self.last.take();
                let Some(last) = last.filter(|_| error.kind() != Kind::Usage) else {
                    return Err(error);
                };
                self.courses.gap();
                self.prober.reconnect();
                let since = self.outage.as_ref().map_or(asked, |outage| outage.since);
                let outage = self.outage.insert(Outage::new(since, &error));
                Sample::during(now, outage.clone(), last)
            }
        };
        Ok(self.last.insert(sample))
    }

    /// What the last look found around the groups, where it was one at everything and did not fail. To be had once.
    pub(in crate::ops) fn surroundings(&mut self) -> Option<Surroundings> {
        self.surroundings.take()
    }

    async fn ask(&mut self) -> Result<(Duration, LagReport)> {
        let (lag, whole) = (&self.request.lag, self.whole);
        let look = async |cluster: Cluster| match whole {
            true => snapshot_of_all(&cluster, lag).await,
            false => snapshot(&cluster, lag).await,
        };
        let mut snapshot = self.attempts.ask(look).await?;
        let at = self.begun.elapsed();
        self.surroundings = whole.then(|| Surroundings {
            at,
            groups: snapshot.groups.clone(),
            topics: std::mem::take(&mut snapshot.topics),
            extents: std::mem::take(&mut snapshot.extents),
        });
        let mut report = LagReport::new(&self.cluster, snapshot, &self.request.lag);
        if self.request.lag.time {
            report.probe_all(&mut self.prober).await;
        }
        Ok((at, report))
    }
}
