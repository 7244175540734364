//! When a member has done what it was asked for: so many records, or all there are.

use super::assignment::Assignment;
use super::idle::{Idle, unassigned};
use super::presence::{Change, Presence};
use super::shared::Shared;
use super::topics::names;
use super::{Notices, RuntimeOptions};
use crate::error::Result;
use crate::kafka::Cluster;
use std::time::{Duration, Instant};

/// How often the rest of the questions is asked while records flow.
const LOOK: Duration = Duration::from_millis(20);

/// Who looks no more often than this was kept from looking.
const BLOCKED: Duration = Duration::from_secs(1);

pub(super) struct End {
    /// How many records are to be handled.
    count: Option<u64>,
    idle: Option<Idle>,
    presence: Presence,
    brokers: String,
    changes: u64,
    looked: Instant,
}

impl End {
    /// Within the runtime whose tasks ask after the brokers.
    pub(super) fn new(cluster: &Cluster, options: &RuntimeOptions) -> Self {
        let timeout = cluster.connection().timeout;
        let named = names(&options.topics).cloned().collect();
        let is_finite = options.count.is_some() || options.idle.is_some();
        End {
            count: options.count,
            idle: options.idle.map(|idle| Idle::new(idle, timeout)),
            presence: Presence::new(cluster, is_finite, named),
            brokers: cluster.connection().brokers.clone(),
            changes: 0,
            looked: Instant::now(),
        }
    }

    /// How many more records are wanted: those that are over, and those in progress, are not. One that was given away with
    /// its partition, or lost with a transaction, is wanted again.
    pub(super) fn wanted(&self, shared: &Shared, assignment: &Assignment) -> usize {
        let Some(count) = self.count else {
            return usize::MAX;
        };
        // In this order: a record that ends between the two is counted twice, and not forgotten.
        let in_progress = assignment.in_progress();
        let taken = in_progress + shared.finished();
        usize::try_from(count.saturating_sub(taken)).unwrap_or(usize::MAX)
    }

    /// Whether everything that was asked for is done; `found`: whether something came just now.
    ///
    /// # Errors
    /// Nobody answers any more, or the group has given this member nothing.
    pub(super) fn is_reached(
        &mut self,
        found: bool,
        shared: &Shared,
        assignment: &Assignment,
        notices: &dyn Notices,
    ) -> Result<bool> {
        let now = Instant::now();
        if found && now.duration_since(self.looked) < LOOK {
            return Ok(false);
        }
        let looked = std::mem::replace(&mut self.looked, now);
        let is_at_rest = assignment.is_idle();
        if self.count.is_some_and(|count| shared.finished() >= count) && is_at_rest {
            return Ok(true);
        }
        let changes = assignment.changes();
        let has_changed = changes != std::mem::replace(&mut self.changes, changes);
        // Nothing can come while the group shares its partitions out anew, or while this thread waits for an answer.
        let cannot_come = assignment.is_between() || now.duration_since(looked) > BLOCKED;
        let is_busy = found || !is_at_rest || has_changed || cannot_come;
        let mut is_over = false;
        if let Some(idle) = &mut self.idle {
            if is_busy {
                idle.record(now);
            }
            is_over = idle.is_over(changes > 0, now);
        }
        let change = match found {
            true => self.presence.record(),
            false => self
                .presence
                .quiet(now, is_over, || Ok(assignment.places()))?,
        };
        match change {
            Some(Change::Lost) => notices.warn(&format!(
                "`{}` does not answer: waiting until it does",
                self.brokers
            )),
            Some(Change::Back) => notices.warn(&format!("`{}` answers again", self.brokers)),
            None => {}
        }
        // Nothing came, and it was not for want of an answer.
        match is_over && self.presence.is_confirmed() {
            true if !assignment.has_ever_held() => Err(unassigned()),
            reached => Ok(reached),
        }
    }
}
