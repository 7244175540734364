//! A group as the journal keeps it: written down with every change, so that members go on without noticing when the
//! broker is started again. What is in progress goes on, too; all time limits begin anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::member::{Member, Progress};
use super::subscription::Image;
use super::{Assignor, Place, Settings};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedMachine {
    epoch: i32,
    target_epoch: i32,
    subscribed: Image,
    members: Vec<SavedMember>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SavedMember {
    id: String,
    instance: Option<String>,
    rack: Option<String>,
    client_id: String,
    client_host: String,
    /// Milliseconds.
    rebalance: u64,
    topics: BTreeSet<String>,
    pattern: Option<String>,
    assignor: Option<Assignor>,
    epoch: i32,
    previous_epoch: i32,
    progress: Progress,
    assigned: Vec<(Place, i32)>,
    revoking: Vec<(Place, i32)>,
    target: BTreeSet<Place>,
}

fn listed(places: &BTreeMap<Place, i32>) -> Vec<(Place, i32)> {
    let listed = places.iter().map(|(place, since)| (*place, *since));
    listed.collect()
}

impl Machine {
    /// What to write down.
    pub(crate) fn saved(&self) -> SavedMachine {
        let saved = |member: &Member| SavedMember {
            id: member.id.clone(),
            instance: member.instance.clone(),
            rack: member.rack.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance: u64::try_from(member.rebalance.as_millis()).unwrap_or(u64::MAX),
            topics: member.topics.clone(),
            pattern: member.pattern.clone(),
            assignor: member.assignor,
            epoch: member.epoch,
            previous_epoch: member.previous_epoch,
            progress: member.progress,
            assigned: listed(&member.assigned),
            revoking: listed(&member.revoking),
            target: self.target(&member.id).copied().collect(),
        };
        SavedMachine {
            epoch: self.epoch,
            target_epoch: self.target_epoch,
            subscribed: self.subscribed.clone(),
            members: self.members.values().map(saved).collect(),
        }
    }

    /// The group as it was written down. Its members have a session's time to be heard of.
    pub(crate) fn restore(saved: &SavedMachine, settings: Settings, now: Instant) -> Machine {
        let mut machine = Machine::new(settings);
        machine.epoch = saved.epoch;
        machine.target_epoch = saved.target_epoch;
        machine.subscribed = saved.subscribed.clone();
        for saved in &saved.members {
            // The topics there are come with the first heartbeat. A pattern was looked at when it came.
            let pattern = saved.pattern.as_deref().unwrap_or_default();
            if let Err((_, reason)) = machine.patterns.learn(pattern, &Image::new()) {
                tracing::warn!(member = saved.id, reason, "a pattern is no longer one");
            }
            let mut member = Member::new(&saved.id, now + settings.session);
            member.instance.clone_from(&saved.instance);
            member.rack.clone_from(&saved.rack);
            member.client_id.clone_from(&saved.client_id);
            member.client_host.clone_from(&saved.client_host);
            member.rebalance = Duration::from_millis(saved.rebalance);
            member.topics.clone_from(&saved.topics);
            member.pattern.clone_from(&saved.pattern);
            member.assignor = saved.assignor;
            member.epoch = saved.epoch;
            member.previous_epoch = saved.previous_epoch;
            member.progress = saved.progress;
            member.assigned = saved.assigned.iter().copied().collect();
            member.revoking = saved.revoking.iter().copied().collect();
            let revokes = saved.progress == Progress::Revoking;
            member.revoked_until = revokes.then(|| now + member.rebalance);
            machine
                .target
                .insert(saved.id.clone(), saved.target.clone());
            machine.keep(member);
        }
        machine.changed = false;
        machine
    }
}
