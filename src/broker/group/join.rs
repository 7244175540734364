//! JoinGroup: who may join, who replaces whom, and what a member that comes back is told.

use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::oneshot;

use super::super::sync::random_uuid;
use super::member::{Join, Joined, Member, Outcome, Synced};
use super::state::{Group, Phase};

impl Group {
    /// A member, old or new, wants to be in the next generation. Errors: INVALID_SESSION_TIMEOUT,
    /// INCONSISTENT_GROUP_PROTOCOL, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, MEMBER_ID_REQUIRED.
    pub(crate) fn join(&mut self, request: Join, now: Instant) -> Outcome<Joined> {
        let admitted = self
            .may_become_classic()
            .and_then(|()| self.admit(&request))
            .inspect(|_| self.become_classic());
        match admitted {
            Err(error) => Outcome::Now(Joined::refused(&request.member, error)),
            Ok(Admission::Known) => self.rejoin(request, now),
            Ok(Admission::Replaces(old)) => self.replace(&old, request, now),
            Ok(Admission::New(id)) => self.add(id, request, now),
            Ok(Admission::ComeBackAs(id)) => {
                self.pending.insert(id.clone(), now + request.session);
                Outcome::Now(Joined::refused(&id, ResponseError::MemberIdRequired))
            }
        }
    }

    fn admit(&self, request: &Join) -> Result<Admission, ResponseError> {
        if request.session < self.limits.min_session || request.session > self.limits.max_session {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        if request.protocol_type.is_empty() || request.protocols.is_empty() {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        if !self.members.is_empty() {
            let same_type = self.protocol_type.as_deref() == Some(request.protocol_type.as_str());
            if !same_type
                || !request
                    .protocols
                    .iter()
                    .any(|(name, _)| self.all_support(name))
            {
                return Err(ResponseError::InconsistentGroupProtocol);
            }
        }
        let holder = request
            .instance
            .as_ref()
            .and_then(|instance| self.instances.get(instance));
        if request.member.is_empty() {
            return Ok(match (holder, &request.instance) {
                (Some(old), _) => Admission::Replaces(old.clone()),
                (None, None) if request.id_required => {
                    Admission::ComeBackAs(new_id(&request.client_id))
                }
                (None, None) => Admission::New(new_id(&request.client_id)),
                (None, Some(instance)) => Admission::New(new_id(instance)),
            });
        }
        if self.pending.contains_key(&request.member) {
            return Ok(Admission::New(request.member.clone()));
        }
        if request.instance.is_some() {
            return match holder {
                Some(holder) if *holder == request.member => Ok(Admission::Known),
                Some(_) => Err(ResponseError::FencedInstanceId),
                None => Err(ResponseError::UnknownMemberId),
            };
        }
        match self.members.contains_key(&request.member) {
            true => Ok(Admission::Known),
            false => Err(ResponseError::UnknownMemberId),
        }
    }

    fn add(&mut self, id: String, request: Join, now: Instant) -> Outcome<Joined> {
        self.pending.remove(&id);
        let (sender, receiver) = oneshot::channel();
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type);
        }
        if let Some(instance) = &request.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let member = Member {
            id: id.clone(),
            instance: request.instance,
            client_id: request.client_id,
            client_host: request.client_host,
            session: request.session,
            rebalance: request.rebalance,
            protocols: request.protocols,
            assignment: Bytes::new(),
            joining: Some(sender),
            syncing: None,
            deadline: now + request.session,
        };
        self.members.insert(id, member);
        self.rebalance(now);
        Outcome::Later(receiver)
    }

    /// A member already known joins again.
    fn rejoin(&mut self, request: Join, now: Instant) -> Outcome<Joined> {
        let unchanged = self
            .members
            .get(&request.member)
            .is_some_and(|member| member.protocols == request.protocols);
        let leads = self.is_leader(&request.member);
        // It never got the answer to its last join, or wants to know where it is: nothing has changed.
        let repeated = match self.phase {
            Phase::Completing => unchanged,
            Phase::Stable => unchanged && !leads,
            Phase::Empty | Phase::Preparing => false,
        };
        if repeated {
            if let Some(member) = self.members.get_mut(&request.member) {
                member.touch(now);
            }
            return Outcome::Now(self.joined(&request.member, leads));
        }
        let (sender, receiver) = oneshot::channel();
        if let Some(member) = self.members.get_mut(&request.member) {
            member.client_id = request.client_id;
            member.client_host = request.client_host;
            member.session = request.session;
            member.rebalance = request.rebalance;
            member.protocols = request.protocols;
            member.touch(now);
            // A join that was waiting is of a connection the client has given up.
            member.joining = Some(sender);
        }
        self.rebalance(now);
        Outcome::Later(receiver)
    }

    /// A static member came back without its id, after a restart: it takes the place, and the assignment, of its
    /// former self, and, where its protocols are the same, nobody is disturbed (KIP-345, KIP-814).
    fn replace(&mut self, old: &str, request: Join, now: Instant) -> Outcome<Joined> {
        let id = new_id(request.instance.as_deref().unwrap_or_default());
        let was_leader = self.is_leader(old);
        let was_unsynced = self.unsynced.contains(old);
        let Some(mut member) = self.forget_member(old) else {
            return Outcome::Now(Joined::refused("", ResponseError::UnknownMemberId));
        };
        if let Some(waiting) = member.joining.take() {
            let _ = waiting.send(Joined::refused(old, ResponseError::FencedInstanceId));
        }
        if let Some(waiting) = member.syncing.take() {
            let _ = waiting.send(Synced::refused(ResponseError::FencedInstanceId));
        }
        let unchanged = member.protocols == request.protocols;
        member.id = id.clone();
        member.client_id = request.client_id;
        member.client_host = request.client_host;
        member.session = request.session;
        member.rebalance = request.rebalance;
        member.protocols = request.protocols;
        member.touch(now);
        let quiet = unchanged && self.phase == Phase::Stable;
        let (sender, receiver) = oneshot::channel();
        if !quiet {
            member.joining = Some(sender);
        }
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.members.insert(id.clone(), member);
        if was_leader {
            self.leader = Some(id.clone());
        }
        if was_unsynced {
            self.unsynced.insert(id.clone());
        }
        if !quiet {
            self.rebalance(now);
            return Outcome::Later(receiver);
        }
        self.unsaved = true;
        let mut answer = self.joined(&id, was_leader && request.can_skip);
        answer.skip_assignment = was_leader && request.can_skip;
        if was_leader && !request.can_skip {
            // An old client that is told it leads would assign anew, and nobody would ask for it.
            answer.leader = old.to_owned();
        }
        Outcome::Now(answer)
    }

    fn rebalance(&mut self, now: Instant) {
        match self.phase {
            Phase::Preparing => self.extend_initial_delay(now),
            Phase::Empty | Phase::Completing | Phase::Stable => self.prepare(now),
        }
        self.complete_if_all_joined(now);
    }
}

enum Admission {
    Known,
    New(String),
    ComeBackAs(String),
    Replaces(String),
}

/// Kafka's form: a name people recognise, then a UUID.
fn new_id(name: &str) -> String {
    format!("{name}-{}", random_uuid())
}
