//! ListGroups, DescribeGroups, DeleteGroups: what operators ask about groups.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_groups_response::{
    DeletableGroupResult, DeleteGroupsResponse,
};
use kafka_protocol::messages::describe_groups_response::{
    DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use kafka_protocol::messages::list_groups_response::{ListGroupsResponse, ListedGroup};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, GroupId, ListGroupsRequest,
};

use super::super::group::member::Member;
use super::super::group::state::{Group, Phase};
use super::super::sync::lock;
use super::{Answer, Call, text};

/// Read, delete, describe, as bits.
pub(super) const GROUP_OPERATIONS: i32 = 0b1_0100_1000;
/// From this version on a group that is not there is an error (KIP-1043).
const NOT_FOUND_VERSION: i16 = 6;

/// Every group, or those in the states (from version 4 on) and of the types (from version 5 on) asked for.
pub(super) async fn list(call: Call<'_>, request: ListGroupsRequest) -> Answer {
    let wanted = |filter: &[kafka_protocol::protocol::StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|name| name.eq_ignore_ascii_case(value))
    };
    let mut groups = Vec::new();
    for (id, group) in call.state.groups.all() {
        let group = lock(&group);
        let (kind, state) = group.kind_and_state();
        if wanted(&request.states_filter, state) && wanted(&request.types_filter, kind) {
            groups.push(
                ListedGroup::default()
                    .with_group_id(GroupId(text(id)))
                    .with_protocol_type(text(group.protocol_type()))
                    .with_group_state(text(state))
                    .with_group_type(text(kind)),
            );
        }
    }
    call.reply(&ListGroupsResponse::default().with_groups(groups))
}

/// State and members of classic groups; one that is not there, or of the next generation, is `Dead`.
pub(super) async fn describe(call: Call<'_>, request: DescribeGroupsRequest) -> Answer {
    let operations = request.include_authorized_operations && call.version() >= 3;
    let describe = |id: GroupId| {
        let found = call.state.groups.with(&id, |group| match group.consumer() {
            None => Ok(describe_one(group)),
            Some(_) => Err("is not a classic group."),
        });
        let described = found.unwrap_or(Err("not found.")).unwrap_or_else(|reason| {
            let dead = DescribedGroup::default().with_group_state(text("Dead"));
            match call.version() >= NOT_FOUND_VERSION {
                true => dead
                    .with_error_code(ResponseError::GroupIdNotFound.code())
                    .with_error_message(Some(text(format!("Group {} {reason}", id.as_str())))),
                false => dead,
            }
        });
        let described = match operations {
            true => described.with_authorized_operations(GROUP_OPERATIONS),
            false => described,
        };
        described.with_group_id(id)
    };
    let groups = request.groups.into_iter().map(describe).collect();
    call.reply(&DescribeGroupsResponse::default().with_groups(groups))
}

fn describe_one(group: &Group) -> DescribedGroup {
    let stable = group.phase() == Phase::Stable;
    let member = |member: &Member| {
        let described = DescribedGroupMember::default()
            .with_member_id(text(&member.id))
            .with_group_instance_id(member.instance.as_deref().map(text))
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host));
        match stable {
            true => described
                .with_member_metadata(member.metadata(group.protocol()))
                .with_member_assignment(member.assignment.clone()),
            false => described,
        }
    };
    DescribedGroup::default()
        .with_group_state(text(group.phase().name()))
        .with_protocol_type(text(group.protocol_type()))
        .with_protocol_data(text(group.protocol().unwrap_or_default()))
        .with_members(group.members().map(member).collect())
}

/// Deletes groups without members, with their offsets.
pub(super) async fn delete(call: Call<'_>, request: DeleteGroupsRequest) -> Answer {
    let delete = |id: GroupId| {
        let result = call.state.groups.delete(&id);
        DeletableGroupResult::default()
            .with_error_code(super::code(&result))
            .with_group_id(id)
    };
    let results = request.groups_names.into_iter().map(delete).collect();
    call.reply(&DeleteGroupsResponse::default().with_results(results))
}
