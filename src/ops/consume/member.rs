//! A member of a group, from the outside: started, watched, stopped.

use super::assignment::Assignment;
use super::end::End;
use super::figures::{Figures, Meter};
use super::polling::Polling;
use super::shared::Shared;
use super::topics::hidden;
use super::transfers::Transfers;
use super::{Delivery, Handler, RuntimeOptions};
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Consumer, ConsumerOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a member that is dropped, not stopped, may take to finish what is in hand.
const HASTY_GRACE: Duration = Duration::from_secs(1);

/// librdkafka's `max.poll.interval.ms`.
const USUAL_POLL_INTERVAL: Duration = Duration::from_secs(300);

/// The most that librdkafka takes.
const LONGEST_POLL_INTERVAL: Duration = Duration::from_secs(86_400);

/// How long the group waits for a member that gives partitions away: until what is in hand is finished, and then for the
/// answers of brokers, twice a transaction of three questions each. `None` while that is no longer than usual.
fn patience(grace: Duration, timeout: Duration) -> Option<(String, String)> {
    let patience = grace
        .saturating_add(timeout.saturating_mul(6))
        .min(LONGEST_POLL_INTERVAL);
    let name = "max.poll.interval.ms".to_owned();
    (patience > USUAL_POLL_INTERVAL).then(|| (name, patience.as_millis().to_string()))
}

/// Starts one member of a group on a thread of its own; the handler runs on the current tokio runtime. It joins in the
/// background: a cluster that is not there, or a topic, is what [`Member::finished`] answers.
///
/// # Errors
/// A usage error for client properties that are unknown or contradict each other.
pub fn start(
    cluster: &Cluster,
    options: RuntimeOptions,
    handler: Arc<dyn Handler>,
) -> Result<Member> {
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|error| Error::failed("a member needs a tokio runtime").caused_by(error))?;
    let shared = Arc::new(Shared::new(cluster, &options, handler));
    let transfers = match options.delivery {
        Delivery::ExactlyOnce => {
            let id = options.transactional_id.clone();
            Some(Transfers::new(cluster.connection().clone(), id))
        }
        Delivery::AtLeastOnce | Delivery::AtMostOnce => None,
    };
    let assignment = Arc::new(Assignment::new(
        Arc::clone(&shared),
        runtime,
        options.grace,
        transfers,
    ));
    let consumer = Consumer::open(
        cluster.connection(),
        ConsumerOptions {
            group: Some(options.group.clone()),
            from_beginning: options.from_beginning,
            apart: Some(Arc::clone(&shared.wake)),
            overrides: hidden(&options.topics)
                .into_iter()
                .chain(patience(options.grace, cluster.connection().timeout))
                .chain(options.properties.clone())
                .collect(),
            ..ConsumerOptions::default()
        },
        Arc::clone(&assignment) as Arc<_>,
    )?;
    let polling = Polling::new(
        consumer,
        Arc::clone(&shared),
        Arc::clone(&assignment),
        &options,
        End::new(cluster, &options),
    );
    let deadline = cluster.connection().timeout;
    let (sender, outcome) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("eda-{}", options.group))
        .spawn(move || {
            // Nobody listens any more when the member was dropped.
            let _ = sender.send(polling.run(deadline));
        })?;
    Ok(Member {
        shared,
        assignment,
        outcome,
        ended: false,
    })
}

/// A running member. Dropping it asks it to stop without waiting; what is in hand is then given up after a second.
pub struct Member {
    shared: Arc<Shared>,
    assignment: Arc<Assignment>,
    outcome: oneshot::Receiver<Result<()>>,
    /// The outcome was taken.
    ended: bool,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Member")
            .field("group", &self.shared.group)
            .finish_non_exhaustive()
    }
}

impl Member {
    /// What it did so far.
    pub fn figures(&self) -> Figures {
        self.shared.meter.snapshot()
    }

    /// Where it counts, also to be read when it has ended.
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.shared.meter)
    }

    /// Asks it to finish as [`Member::stop`] does, without waiting; [`Member::finished`] then tells how that went.
    pub fn ask_to_stop(&self) {
        self.shared.stop();
    }

    /// Ends it as `kill -9` ends a process: what is in hand is dropped where it stands, nothing more is committed, and
    /// the group is not told; it finds out when the session times out. For drills.
    pub fn kill(mut self) {
        self.ended = true;
        self.shared.kill();
        self.assignment.kill();
    }

    /// Whether the group has given it its share, be it nothing, at least once.
    pub fn has_joined(&self) -> bool {
        self.assignment.changes() > 0
    }

    /// How many partitions it holds now.
    pub fn partitions(&self) -> usize {
        self.assignment.len()
    }

    /// What it holds; for tests to watch it from within.
    #[cfg(test)]
    pub(super) fn assignment(&self) -> Arc<Assignment> {
        Arc::clone(&self.assignment)
    }

    /// Asks it to stop, without waiting; for tests.
    #[cfg(test)]
    pub(super) fn shared_stop(&self) {
        self.shared.stop();
    }

    /// Waits until the member ended without being stopped. Safe to drop while waiting; the outcome is told once.
    ///
    /// # Errors
    /// Why it ended: nobody can be reached, a topic does not exist, a dead letter could not be written, too many failures.
    pub async fn finished(&mut self) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        let outcome = (&mut self.outcome).await;
        self.ended = true;
        outcome.unwrap_or_else(|_| {
            let group = &self.shared.group;
            Err(Error::failed(format!(
                "the thread of a member of group `{group}` ended unexpectedly"
            )))
        })
    }

    /// Finishes the records in hand, for no longer than the grace, commits, and leaves the group; the last two take no
    /// longer than the connection's time-out each.
    ///
    /// # Errors
    /// When the member had failed before and nobody was told, the last commit failed, or the group was not left in
    /// time.
    pub async fn stop(mut self) -> Result<Figures> {
        self.shared.stop();
        self.finished().await?;
        Ok(self.figures())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if !self.ended {
            self.assignment.hurry(HASTY_GRACE);
            self.shared.stop();
        }
    }
}
