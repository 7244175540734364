//! One group (Kafka's `ConsumerGroup` and the part of `GroupMetadataManager` that moves it).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use super::super::super::sync::random_uuid;
use super::heartbeat::{Heartbeat, JOIN, LEAVE, LEAVE_FOR_NOW, Told};
use super::member::Member;
use super::subscription::{Image, Patterns};
use super::{Place, Refused, Settings};

/// A group.
#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    /// Goes up with every change of members, subscriptions or subscribed topics.
    pub(super) epoch: i32,
    /// The epoch the target was made for.
    pub(super) target_epoch: i32,
    /// What each member shall have.
    pub(super) target: BTreeMap<String, BTreeSet<Place>>,
    // Sorted by id, so that describing a group twice gives the same order.
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids of static members, by instance.
    instances: HashMap<String, String>,
    /// Who has a partition: it is nobody else's before it is let go of.
    owners: HashMap<Place, String>,
    pub(super) patterns: Patterns,
    /// The topics that `subscribed` was made from.
    pub(super) image: Arc<Image>,
    /// Those of them that members want.
    pub(super) subscribed: Image,
    /// More than a member's time limits has changed since [`Machine::take_change`] was asked.
    pub(super) changed: bool,
}

impl Machine {
    /// A group without members.
    pub(crate) fn new(settings: Settings) -> Machine {
        Machine {
            settings,
            // As in Kafka 4.3: so the first member is told 2, or 1 when it wants nothing.
            epoch: 1,
            target_epoch: 0,
            target: BTreeMap::new(),
            members: BTreeMap::new(),
            instances: HashMap::new(),
            owners: HashMap::new(),
            patterns: Patterns::default(),
            image: Arc::default(),
            subscribed: Image::new(),
            changed: false,
        }
    }

    /// Whether it has no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Kafka's name for where it is.
    pub(crate) fn state(&self) -> &'static str {
        let target = self.target_epoch;
        if self.members.is_empty() {
            "Empty"
        } else if self.epoch > target {
            "Assigning"
        } else if self.members.values().all(|it| it.is_reconciled_to(target)) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    /// The group's epoch, and the target's.
    pub(crate) fn epochs(&self) -> (i32, i32) {
        (self.epoch, self.target_epoch)
    }

    /// Its members, sorted by id.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The member of this id.
    pub(crate) fn member(&self, id: &str) -> Option<&Member> {
        self.members.get(id)
    }

    /// What a member shall have.
    pub(crate) fn target(&self, member: &str) -> impl Iterator<Item = &Place> {
        self.target.get(member).into_iter().flatten()
    }

    /// The id of a topic, as the group has last seen it.
    pub(super) fn topic_id(&self, name: &str) -> Option<Uuid> {
        self.image.get(name).map(|(id, _)| *id)
    }

    /// Whether a member wants this topic.
    pub(crate) fn subscribes(&self, topic: &str) -> bool {
        let named = |member: &Member| member.topics.contains(topic);
        self.subscribed.contains_key(topic) || self.members.values().any(named)
    }

    /// A member joins, lives or leaves. Errors: UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, UNRELEASED_INSTANCE_ID,
    /// FENCED_INSTANCE_ID, INVALID_REGULAR_EXPRESSION; and see [`Heartbeat::check`], which comes before.
    pub(crate) fn heartbeat(
        &mut self,
        request: &Heartbeat,
        image: &Arc<Image>,
        now: Instant,
    ) -> Result<Told, Refused> {
        match request.epoch {
            LEAVE | LEAVE_FOR_NOW => self.leave(request),
            _ => self.live(request, image, now),
        }
    }

    fn leave(&mut self, request: &Heartbeat) -> Result<Told, Refused> {
        let id = match &request.instance {
            None => self.known(&request.member)?.id.clone(),
            Some(instance) => self.holder(instance, &request.member)?.id.clone(),
        };
        if request.epoch == LEAVE {
            self.remove(&id);
        } else if let Some(mut member) = self.members.get(&id).cloned() {
            // Its session goes on: it has that long to come back.
            member.epoch = LEAVE_FOR_NOW;
            member.revoking.clear();
            member.revoked_until = None;
            self.keep(member);
        }
        Ok(Told {
            member: request.member.clone(),
            epoch: request.epoch,
            assignment: None,
        })
    }

    fn live(
        &mut self,
        request: &Heartbeat,
        image: &Arc<Image>,
        now: Instant,
    ) -> Result<Told, Refused> {
        let before = self.who(request, now)?;
        if let Some(pattern) = &request.pattern {
            self.patterns.learn(pattern, &self.image)?;
        }
        // From here on nothing can fail.
        let merged = self.take_over_instance(request, &before.id);
        let mut member = before.clone();
        let changed = member.update(request) || merged;
        member.session_until = now + self.settings.session;
        self.keep(member);
        self.refresh(changed, image);
        if self.epoch > self.target_epoch {
            self.assign();
        }
        let mut member = self.known(&before.id)?.clone();
        let nothing = BTreeSet::new();
        let is_free = |place: &Place| self.owners.get(place).is_none_or(|id| *id == before.id);
        member.reconcile(
            self.target_epoch,
            self.target.get(&before.id).unwrap_or(&nothing),
            request.owned.as_deref(),
            is_free,
            now,
        );
        let is_news = request.is_full() || !member.assigned.keys().eq(before.assigned.keys());
        let told = Told {
            member: member.id.clone(),
            epoch: member.epoch,
            assignment: is_news.then(|| member.assignment()),
        };
        self.keep(member);
        Ok(told)
    }

    /// The member a heartbeat is from, as it was, or a new one; nothing is changed yet.
    fn who(&self, request: &Heartbeat, now: Instant) -> Result<Member, Refused> {
        let joins = request.epoch == JOIN;
        let id = match request.member.is_empty() {
            true => random_uuid().to_string(),
            false => request.member.clone(),
        };
        let holder = request.instance.as_ref();
        let holder = holder.and_then(|instance| self.members.get(self.instances.get(instance)?));
        match (&request.instance, holder) {
            (Some(instance), Some(holder)) if joins => {
                if holder.epoch != LEAVE_FOR_NOW {
                    let reason = format!(
                        "Static member {id} with instance id {instance} cannot join the group because the instance id \
                         is owned by {} member.",
                        holder.id
                    );
                    return Err((ResponseError::UnreleasedInstanceId, reason));
                }
                // It takes the place, and the partitions, of its former self; nobody is disturbed.
                let mut member = holder.clone();
                member.id = id;
                (member.epoch, member.previous_epoch) = (0, 0);
                Ok(member)
            }
            (Some(instance), _) if !joins => {
                let member = self.holder(instance, &request.member)?;
                fence(member, request)?;
                Ok(member.clone())
            }
            _ if joins => {
                let known = self.members.get(&id).cloned();
                Ok(known.unwrap_or_else(|| Member::new(&id, now)))
            }
            _ => {
                let member = self.known(&id)?;
                fence(member, request)?;
                Ok(member.clone())
            }
        }
    }

    /// The member of this id. Errors: UNKNOWN_MEMBER_ID.
    fn known(&self, id: &str) -> Result<&Member, Refused> {
        self.members.get(id).ok_or_else(|| {
            let reason = format!("Member {id} is not a member of the group.");
            (ResponseError::UnknownMemberId, reason)
        })
    }

    /// The static member of this instance, which must have this id. Errors: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
    fn holder(&self, instance: &str, id: &str) -> Result<&Member, Refused> {
        let holder = self.instances.get(instance);
        match holder.and_then(|holder| self.members.get(holder)) {
            None => {
                let reason = format!("Instance id {instance} is unknown.");
                Err((ResponseError::UnknownMemberId, reason))
            }
            Some(holder) if holder.id != id => {
                let reason = format!(
                    "Static member {id} with instance id {instance} was fenced by member {}.",
                    holder.id
                );
                Err((ResponseError::FencedInstanceId, reason))
            }
            Some(holder) => Ok(holder),
        }
    }

    /// The former self of a static member that is back under another id goes, and leaves it what it shall have. Returns
    /// whether there was a member of the new id, too: then there is one less.
    fn take_over_instance(&mut self, request: &Heartbeat, id: &str) -> bool {
        let holder = request.instance.as_ref();
        let holder = holder.and_then(|instance| self.instances.get(instance).cloned());
        let Some(former) = holder.filter(|holder| holder != id) else {
            return false;
        };
        if let Some(member) = self.members.remove(&former) {
            self.let_go(&member);
        }
        if let Some(target) = self.target.remove(&former) {
            self.target.insert(id.to_owned(), target);
        }
        self.members.contains_key(id)
    }

    /// Keeps a member as it is now, and books what it has.
    pub(super) fn keep(&mut self, member: Member) {
        match self.members.remove(&member.id) {
            None => self.changed = true,
            Some(mut before) => {
                self.let_go(&before);
                before.session_until = member.session_until;
                self.changed |= before != member;
            }
        }
        for place in member.places() {
            self.owners.insert(*place, member.id.clone());
        }
        if let Some(instance) = &member.instance {
            self.instances.insert(instance.clone(), member.id.clone());
        }
        self.members.insert(member.id.clone(), member);
    }

    /// What a member has is nobody's.
    fn let_go(&mut self, member: &Member) {
        for place in member.places() {
            self.owners.remove(place);
        }
        if let Some(instance) = &member.instance
            && self.instances.get(instance) == Some(&member.id)
        {
            self.instances.remove(instance);
        }
    }

    /// Takes a member out; the others get what it had with their next heartbeats.
    fn remove(&mut self, id: &str) {
        let Some(member) = self.members.remove(id) else {
            return;
        };
        self.let_go(&member);
        self.target.remove(id);
        self.changed = true;
        self.refresh(true, &self.image.clone());
    }

    /// Whether anything has changed, but for how long members have been silent, since this was asked last.
    pub(crate) fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Fences everybody whose time is up.
    pub(crate) fn pass_time(&mut self, now: Instant) {
        let is_late = |member: &&Member| {
            member.session_until <= now || member.revoked_until.is_some_and(|until| until <= now)
        };
        let late = self.members.values().filter(is_late);
        let late: Vec<String> = late.map(|member| member.id.clone()).collect();
        for id in late {
            tracing::debug!(member = id, "session or rebalance timed out");
            self.remove(&id);
        }
    }

    /// The next moment [`Machine::pass_time`] has to act at.
    pub(crate) fn next_limit(&self) -> Option<Instant> {
        let limits = |member: &Member| [Some(member.session_until), member.revoked_until];
        self.members.values().flat_map(limits).flatten().min()
    }
}

/// A member may come with the epoch before the present one when the answer that told it of the present one may have been
/// lost: then it has nothing it was not told of. Errors: FENCED_MEMBER_EPOCH.
fn fence(member: &Member, request: &Heartbeat) -> Result<(), Refused> {
    let owns_no_more = request.owned.as_ref().is_some_and(|owned| {
        owned
            .iter()
            .all(|place| member.assigned.contains_key(place))
    });
    let comparison = match request.epoch.cmp(&member.epoch) {
        std::cmp::Ordering::Equal => return Ok(()),
        std::cmp::Ordering::Less if request.epoch == member.previous_epoch && owns_no_more => {
            return Ok(());
        }
        std::cmp::Ordering::Less => "smaller",
        std::cmp::Ordering::Greater => "greater",
    };
    let reason = format!(
        "The consumer group member has a {comparison} member epoch ({}) than the one known by the group coordinator \
         ({}). The member must abandon all its partitions and rejoin.",
        request.epoch, member.epoch
    );
    Err((ResponseError::FencedMemberEpoch, reason))
}
