//! Who may commit and fetch the offsets of a group (Kafka's `ConsumerGroup.validateOffsetCommit` and
//! `validateOffsetFetch`).

use kafka_protocol::error::ResponseError;

use super::super::member::Caller;
use super::machine::Machine;

impl Machine {
    /// Whether `caller` may commit at all: to a group without members anybody who claims no membership may, and so may a
    /// transaction of a consumer that claims none; else it must be a member that knows no epoch from the future. One
    /// whose epoch is of the past may commit what it has had since then, see [`Machine::may_commit_place`]. Errors:
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH.
    pub(crate) fn may_commit(
        &self,
        caller: &Caller,
        transactional: bool,
    ) -> Result<(), ResponseError> {
        let claims_none =
            caller.generation == -1 && caller.member.is_empty() && caller.instance.is_none();
        if (caller.generation < 0 && self.is_empty()) || (transactional && claims_none) {
            return Ok(());
        }
        let member = self.member(&caller.member);
        let member = member.ok_or(ResponseError::UnknownMemberId)?;
        match caller.generation > member.epoch {
            true => Err(ResponseError::StaleMemberEpoch),
            false => Ok(()),
        }
    }

    /// Whether a caller that may commit may do so for this partition: with an epoch of the past only when it has had the
    /// partition since (KIP-1251). Errors: STALE_MEMBER_EPOCH.
    pub(crate) fn may_commit_place(
        &self,
        caller: &Caller,
        topic: &str,
        partition: i32,
    ) -> Result<(), ResponseError> {
        let Some(member) = self.member(&caller.member) else {
            return Ok(());
        };
        if caller.generation == member.epoch {
            return Ok(());
        }
        let since = self.topic_id(topic);
        let since = since.and_then(|id| member.has_since(&(id, partition)));
        match since.is_some_and(|since| since <= caller.generation) {
            true => Ok(()),
            false => Err(ResponseError::StaleMemberEpoch),
        }
    }

    /// Whether offsets may be fetched: by anybody who claims no membership, and by members that are up to date. Errors:
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH.
    pub(crate) fn may_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ResponseError> {
        if member.is_none() && epoch < 0 {
            return Ok(());
        }
        let member = self.member(member.unwrap_or_default());
        match member.ok_or(ResponseError::UnknownMemberId)?.epoch == epoch {
            true => Ok(()),
            false => Err(ResponseError::StaleMemberEpoch),
        }
    }
}
