//! SyncGroup, Heartbeat and LeaveGroup.

use std::time::Instant;

use kafka_protocol::error::ResponseError;
use tokio::sync::oneshot;

use super::member::{Caller, Outcome, Sync, Synced};
use super::state::{Group, Phase};

impl Group {
    /// Checks that a caller is who it says. Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION.
    pub(super) fn check(&self, caller: &Caller) -> Result<(), ResponseError> {
        self.check_member(&caller.member, caller.instance.as_deref())?;
        match caller.generation == self.generation {
            true => Ok(()),
            false => Err(ResponseError::IllegalGeneration),
        }
    }

    fn check_member(&self, member: &str, instance: Option<&str>) -> Result<(), ResponseError> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(ResponseError::UnknownMemberId),
                Some(holder) if holder != member => return Err(ResponseError::FencedInstanceId),
                Some(_) => {}
            }
        }
        match self.members.contains_key(member) {
            true => Ok(()),
            false => Err(ResponseError::UnknownMemberId),
        }
    }

    /// A member asks for its assignment; the leader brings everybody's. Errors: those of every caller,
    /// INCONSISTENT_GROUP_PROTOCOL, REBALANCE_IN_PROGRESS.
    pub(crate) fn sync(&mut self, request: Sync, now: Instant) -> Outcome<Synced> {
        match self.try_sync(request, now) {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Now(Synced::refused(error)),
        }
    }

    fn try_sync(&mut self, request: Sync, now: Instant) -> Result<Outcome<Synced>, ResponseError> {
        self.check(&request.caller)?;
        let differs =
            |asked: &Option<String>, ours: &Option<String>| asked.is_some() && asked != ours;
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol, &self.protocol)
        {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let id = request.caller.member;
        match self.phase {
            Phase::Empty => Err(ResponseError::UnknownMemberId),
            Phase::Preparing => Err(ResponseError::RebalanceInProgress),
            Phase::Stable => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.touch(now);
                }
                Ok(Outcome::Now(self.synced(&id)))
            }
            Phase::Completing => {
                let (sender, receiver) = oneshot::channel();
                self.unsynced.remove(&id);
                if let Some(member) = self.members.get_mut(&id) {
                    member.touch(now);
                    member.syncing = Some(sender);
                }
                if self.is_leader(&id) {
                    self.assign(request.assignments, now);
                }
                Ok(Outcome::Later(receiver))
            }
        }
    }

    /// The leader has spoken: everybody who waits gets its share, and the others when they ask.
    fn assign(&mut self, assignments: Vec<(String, bytes::Bytes)>, now: Instant) {
        for member in self.members.values_mut() {
            member.assignment.clear();
        }
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        self.unsaved = true;
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.synced(&id);
            if let Some(member) = self.members.get_mut(&id)
                && let Some(waiting) = member.syncing.take()
            {
                member.touch(now);
                // Fails when the client has given up waiting.
                let _ = waiting.send(answer);
            }
        }
        // A member that got its generation and never asks for its share is as good as dead, heartbeats or not.
        if self.unsynced.is_empty() {
            self.sync_deadline = None;
        }
    }

    fn synced(&self, member: &str) -> Synced {
        Synced {
            error: None,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self
                .members
                .get(member)
                .map(|member| member.assignment.clone())
                .unwrap_or_default(),
        }
    }

    /// A member is alive. Errors: those of every caller; REBALANCE_IN_PROGRESS tells it to join again.
    pub(crate) fn heartbeat(&mut self, caller: &Caller, now: Instant) -> Result<(), ResponseError> {
        self.check(caller)?;
        if let Some(member) = self.members.get_mut(&caller.member) {
            member.touch(now);
        }
        match self.phase {
            Phase::Preparing => Err(ResponseError::RebalanceInProgress),
            Phase::Empty | Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// A member goes; a static one may be named by its instance alone, which is how an operator removes it.
    pub(crate) fn leave(
        &mut self,
        member: &str,
        instance: Option<&str>,
        now: Instant,
    ) -> Result<(), ResponseError> {
        if self.pending.remove(member).is_some() {
            self.complete_if_all_joined(now);
            return Ok(());
        }
        let member = match instance {
            Some(instance) if member.is_empty() => self
                .instances
                .get(instance)
                .cloned()
                .ok_or(ResponseError::UnknownMemberId)?,
            _ => member.to_owned(),
        };
        self.check_member(&member, instance)?;
        self.remove_member(&member, now);
        Ok(())
    }
}
