//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup: what members of a group say.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::join_group_response::{JoinGroupResponse, JoinGroupResponseMember};
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::{LeaveGroupResponse, MemberResponse};
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::super::group::member::{Caller, Join, Joined, Outcome, Sync, Synced};
use super::{Answer, Call, text};

/// A rebalance that waits for nobody would be repeated as fast as a processor can.
const SHORTEST_REBALANCE: Duration = Duration::from_millis(10);

fn milliseconds(value: i32) -> Duration {
    Duration::from_millis(value.max(0) as u64)
}

/// Strings of a request are slices of its frame; what is kept must not keep the frame.
pub(super) fn owned(value: Option<&StrBytes>) -> Option<String> {
    value.map(|value| value.to_string())
}

pub(super) fn caller(member: &str, instance: Option<&StrBytes>, generation: i32) -> Caller {
    Caller {
        member: member.to_owned(),
        instance: owned(instance),
        generation,
    }
}

/// An answer that was promised; the broker stops when it does not come.
async fn wait<T>(outcome: Outcome<T>, otherwise: impl FnOnce() -> T) -> T {
    match outcome {
        Outcome::Now(answer) => answer,
        Outcome::Later(receiver) => receiver.await.unwrap_or_else(|_| otherwise()),
    }
}

/// Enters the next generation; the answer comes when it begins.
pub(super) async fn join(call: Call<'_>, request: JoinGroupRequest) -> Answer {
    let version = call.version();
    let session = milliseconds(request.session_timeout_ms);
    let rebalance = match version {
        0 => session,
        _ => milliseconds(request.rebalance_timeout_ms),
    };
    let copied = |metadata: &Bytes| Bytes::copy_from_slice(metadata);
    let protocols = request.protocols.iter();
    let join = Join {
        member: request.member_id.to_string(),
        instance: owned(request.group_instance_id.as_ref()),
        client_id: call.header.client_id.clone(),
        client_host: format!("/{}", call.connection.peer.ip()),
        session,
        rebalance: rebalance.max(SHORTEST_REBALANCE),
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols
            .map(|protocol| (protocol.name.to_string(), copied(&protocol.metadata)))
            .collect(),
        id_required: version >= 4,
        can_skip: version >= 9,
    };
    let joined = if let Some(fault) = call.fault {
        Joined::refused(&join.member, ResponseError::Unknown(fault))
    } else if request.group_id.is_empty() {
        Joined::refused(&join.member, ResponseError::InvalidGroupId)
    } else {
        let id = request.group_id.as_str();
        let outcome = match join.member.is_empty() {
            true => Some(
                call.state
                    .groups
                    .with_or_create(id, |group| group.join(join.clone(), Instant::now())),
            ),
            false => call
                .state
                .groups
                .with(id, |group| group.join(join.clone(), Instant::now())),
        };
        call.state.groups.limits_changed();
        match outcome {
            Some(outcome) => {
                wait(outcome, || {
                    Joined::refused(&join.member, ResponseError::NotCoordinator)
                })
                .await
            }
            None => Joined::refused(&join.member, ResponseError::UnknownMemberId),
        }
    };
    // The protocol's name may be null from version 7 on, and the type is not in earlier ones.
    let protocol = joined
        .protocol
        .map(text)
        .or((version < 7).then(StrBytes::default));
    let member = |(id, instance, metadata): (String, Option<String>, Bytes)| {
        JoinGroupResponseMember::default()
            .with_member_id(text(id))
            .with_group_instance_id(instance.map(text))
            .with_metadata(metadata)
    };
    call.reply(
        &JoinGroupResponse::default()
            .with_error_code(joined.error.map_or(0, |error| error.code()))
            .with_generation_id(joined.generation)
            .with_protocol_type(joined.protocol_type.map(text))
            .with_protocol_name(protocol)
            .with_leader(text(joined.leader))
            .with_skip_assignment(joined.skip_assignment)
            .with_member_id(text(joined.member))
            .with_members(joined.members.into_iter().map(member).collect()),
    )
}

/// Brings or fetches assignments; a follower's answer comes when the leader has brought them.
pub(super) async fn sync(call: Call<'_>, request: SyncGroupRequest) -> Answer {
    let assignments = request.assignments.iter();
    let sync = Sync {
        caller: caller(
            &request.member_id,
            request.group_instance_id.as_ref(),
            request.generation_id,
        ),
        protocol_type: owned(request.protocol_type.as_ref()),
        protocol: owned(request.protocol_name.as_ref()),
        assignments: assignments
            .map(|given| {
                (
                    given.member_id.to_string(),
                    Bytes::copy_from_slice(&given.assignment),
                )
            })
            .collect(),
    };
    let synced = if let Some(fault) = call.fault {
        Synced::refused(ResponseError::Unknown(fault))
    } else {
        let outcome = call
            .state
            .groups
            .with(&request.group_id, |group| group.sync(sync, Instant::now()));
        call.state.groups.limits_changed();
        match outcome {
            Some(outcome) => wait(outcome, || Synced::refused(ResponseError::NotCoordinator)).await,
            None => Synced::refused(ResponseError::UnknownMemberId),
        }
    };
    call.reply(
        &SyncGroupResponse::default()
            .with_error_code(synced.error.map_or(0, |error| error.code()))
            .with_protocol_type(synced.protocol_type.map(text))
            .with_protocol_name(synced.protocol.map(text))
            .with_assignment(synced.assignment),
    )
}

/// A member lives.
pub(super) async fn heartbeat(call: Call<'_>, request: HeartbeatRequest) -> Answer {
    let caller = caller(
        &request.member_id,
        request.group_instance_id.as_ref(),
        request.generation_id,
    );
    let result = match call.fault {
        Some(fault) => Err(ResponseError::Unknown(fault)),
        None => call
            .state
            .groups
            .with(&request.group_id, |group| {
                group.heartbeat(&caller, Instant::now())
            })
            .unwrap_or(Err(ResponseError::UnknownMemberId)),
    };
    call.reply(&HeartbeatResponse::default().with_error_code(super::code(&result)))
}

/// Members go: one before version 3, several from there on, each with its own result.
pub(super) async fn leave(call: Call<'_>, request: LeaveGroupRequest) -> Answer {
    let single = call.version() < 3;
    let members = match single {
        true => vec![MemberIdentity::default().with_member_id(request.member_id)],
        false => request.members,
    };
    let leave = |asked: MemberIdentity| {
        let instance = asked.group_instance_id.as_deref();
        let result = call
            .state
            .groups
            .with(&request.group_id, |group| {
                group.leave(&asked.member_id, instance, Instant::now())
            })
            .unwrap_or(Err(ResponseError::UnknownMemberId));
        MemberResponse::default()
            .with_error_code(super::code(&result))
            .with_member_id(asked.member_id)
            .with_group_instance_id(asked.group_instance_id)
    };
    let members: Vec<_> = members.into_iter().map(leave).collect();
    call.state.groups.limits_changed();
    let response = LeaveGroupResponse::default();
    call.reply(&match single {
        true => response.with_error_code(members.first().map_or(0, |member| member.error_code)),
        false => response.with_members(members),
    })
}
