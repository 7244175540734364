//! Which groups there are, who is in them, and deleting them.

use super::super::error::{Fault, code};
use super::admin::{Admin, Options, Pending};
use super::event::Event;
use super::handle::Handle;
use super::partitions;
use super::topics::other_kind;
use super::{
    Owned, c_text, check, fault_of, milliseconds, optional_text, pointers, raw, slice, text,
};
use crate::model::group::{GroupDescription, GroupKind, GroupListing, GroupMember, GroupState};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ffi::{c_char, c_int};
use std::ptr;
use std::time::Duration;

/// RD_KAFKA_RESP_ERR__PARTIAL: time was over when only some brokers had answered; the list holds their groups.
const PARTIAL: i32 = -158;

/// Consumer groups with their state, and what went wrong with single brokers.
pub(in crate::kafka) struct Listed {
    pub(in crate::kafka) groups: Vec<ListedGroup>,
    pub(in crate::kafka) faults: Vec<Fault>,
}

pub(in crate::kafka) struct ListedGroup {
    pub(in crate::kafka) id: String,
    pub(in crate::kafka) state: GroupState,
    pub(in crate::kafka) kind: Option<GroupKind>,
    /// It only ever committed offsets; nobody joined it.
    pub(in crate::kafka) is_simple: bool,
}

type Described = Vec<(String, Result<GroupDescription, Fault>)>;

impl Admin {
    /// Groups of consumers, KIP-848's among them, with their true state. Neither protocol type nor coordinator.
    pub(in crate::kafka) fn list_consumer_groups(&self) -> Pending<Listed> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
            Options::default(),
            |request| {
                // SAFETY: client, options and queue are alive.
                unsafe {
                    c::rd_kafka_ListConsumerGroups(request.client, request.options, request.queue);
                }
                Ok(())
            },
            read_listing,
        )
    }

    /// Groups of every protocol type, with their coordinator; the state is the classic protocol's view, in which
    /// KIP-848's groups look dead.
    pub(in crate::kafka) async fn list_all_groups(&self) -> Result<Vec<GroupListing>, Fault> {
        self.blocking(fetch_all).await
    }

    /// The names must differ from each other.
    pub(in crate::kafka) fn describe_groups(&self, groups: &[&str]) -> Pending<Described> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
            Options::default(),
            |request| {
                let names = groups
                    .iter()
                    .map(|group| c_text(group))
                    .collect::<Result<Vec<_>, _>>()?;
                let mut names: Vec<*const c_char> =
                    names.iter().map(|name| name.as_ptr()).collect();
                // SAFETY: the array and the names live for the call and are copied; client, options and queue are alive.
                unsafe {
                    c::rd_kafka_DescribeConsumerGroups(
                        request.client,
                        names.as_mut_ptr(),
                        names.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_DescribeConsumerGroups_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let groups = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
                Ok(slice(groups, count)
                    .iter()
                    .map(|&group| read_description(group))
                    .collect())
            },
        )
    }

    /// The names must differ from each other.
    pub(in crate::kafka) fn delete_groups(
        &self,
        groups: &[&str],
    ) -> Pending<Vec<(String, Result<(), Fault>)>> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETEGROUPS,
            Options::default(),
            |request| {
                let groups = groups
                    .iter()
                    .map(|group| delete_group(group))
                    .collect::<Result<Vec<_>, _>>()?;
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    c::rd_kafka_DeleteGroups(
                        request.client,
                        pointers(&groups).as_mut_ptr(),
                        groups.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_DeleteGroups_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let groups = c::rd_kafka_DeleteGroups_result_groups(result, &mut count);
                let read = |&group: &*const c::rd_kafka_group_result_t| {
                    let fault = fault_of(c::rd_kafka_group_result_error(group));
                    let name = text(c::rd_kafka_group_result_name(group));
                    (name, fault.map_or(Ok(()), Err))
                };
                Ok(slice(groups, count).iter().map(read).collect())
            },
        )
    }
}

fn read_listing(event: &Event) -> Result<Listed, Fault> {
    // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null; the
    // state is read as an integer.
    unsafe {
        let result = c::rd_kafka_event_ListConsumerGroups_result(event.pointer());
        if result.is_null() {
            return Err(other_kind());
        }
        let mut count = 0;
        let groups = c::rd_kafka_ListConsumerGroups_result_valid(result, &mut count);
        let groups = slice(groups, count)
            .iter()
            .map(|&group| ListedGroup {
                id: text(c::rd_kafka_ConsumerGroupListing_group_id(group)),
                state: state(raw::rd_kafka_ConsumerGroupListing_state(group)),
                kind: kind(raw::rd_kafka_ConsumerGroupListing_type(group)),
                is_simple: c::rd_kafka_ConsumerGroupListing_is_simple_consumer_group(group) != 0,
            })
            .collect();
        let errors = c::rd_kafka_ListConsumerGroups_result_errors(result, &mut count);
        let faults = slice(errors, count)
            .iter()
            .filter_map(|&error| fault_of(error))
            .collect();
        Ok(Listed { groups, faults })
    }
}

fn fetch_all(handle: &Handle, timeout: Duration) -> Result<Vec<GroupListing>, Fault> {
    let mut list: *const c::rd_kafka_group_list = ptr::null();
    // SAFETY: the client is alive; no group is named; the answer is ours to free, also when it is partial.
    let number = unsafe {
        raw::rd_kafka_list_groups(
            handle.client(),
            ptr::null(),
            &mut list,
            milliseconds(timeout),
        )
    };
    let mut groups = Vec::new();
    if !list.is_null() {
        // SAFETY: the answer is alive until it is freed; its parts are read field by field through raw pointers,
        // because `err` may hold a code that the binding's enum lacks.
        unsafe {
            for index in 0..usize::try_from((*list).group_cnt).unwrap_or(0) {
                let group = (*list).groups.add(index);
                let number = ptr::addr_of!((*group).err).cast::<c_int>().read();
                groups.push(GroupListing {
                    id: text((*group).group),
                    state: text((*group).state).parse().unwrap_or(GroupState::Unknown),
                    kind: None,
                    protocol_type: text((*group).protocol_type),
                    // One that could not be described has some number of members, not none.
                    members: usize::try_from((*group).member_cnt)
                        .ok()
                        .filter(|_| number == 0),
                    coordinator: Some((*group).broker.id).filter(|&id| id >= 0),
                });
            }
            c::rd_kafka_group_list_destroy(list);
        }
    }
    if number == PARTIAL {
        let reason = "some brokers did not list their groups";
        return Err(Fault::new(code::TIMED_OUT, reason));
    }
    check(number).map(|()| groups)
}

/// # Safety
/// `group` is alive.
unsafe fn read_description(
    group: *const c::rd_kafka_ConsumerGroupDescription_t,
) -> (String, Result<GroupDescription, Fault>) {
    // SAFETY: alive by the caller's promise, as is what hangs on it; strings are copied, enums read as integers.
    unsafe {
        let id = text(c::rd_kafka_ConsumerGroupDescription_group_id(group));
        if let Some(fault) = fault_of(c::rd_kafka_ConsumerGroupDescription_error(group)) {
            return (id, Err(fault));
        }
        let coordinator = c::rd_kafka_ConsumerGroupDescription_coordinator(group);
        let coordinator = (!coordinator.is_null()).then(|| c::rd_kafka_Node_id(coordinator));
        let assignor = optional_text(c::rd_kafka_ConsumerGroupDescription_partition_assignor(
            group,
        ));
        let members = (0..c::rd_kafka_ConsumerGroupDescription_member_count(group))
            .map(|index| read_member(c::rd_kafka_ConsumerGroupDescription_member(group, index)));
        let description = GroupDescription {
            id: id.clone(),
            state: state(raw::rd_kafka_ConsumerGroupDescription_state(group)),
            // A broker that does not say speaks the classic protocol.
            kind: kind(raw::rd_kafka_ConsumerGroupDescription_type(group))
                .unwrap_or(GroupKind::Classic),
            assignor: assignor.filter(|name| !name.is_empty()),
            coordinator: coordinator.filter(|&id| id >= 0),
            members: members.collect(),
        };
        (id, Ok(description))
    }
}

/// # Safety
/// `member` is alive.
unsafe fn read_member(member: *const c::rd_kafka_MemberDescription_t) -> GroupMember {
    // SAFETY: alive by the caller's promise, as is what hangs on it; everything is copied.
    unsafe {
        let current = c::rd_kafka_MemberDescription_assignment(member);
        let target = c::rd_kafka_MemberDescription_target_assignment(member);
        GroupMember {
            id: text(c::rd_kafka_MemberDescription_consumer_id(member)),
            instance_id: optional_text(c::rd_kafka_MemberDescription_group_instance_id(member))
                .filter(|id| !id.is_empty()),
            client_id: text(c::rd_kafka_MemberDescription_client_id(member)),
            host: text(c::rd_kafka_MemberDescription_host(member)),
            assignment: read_assignment(current).unwrap_or_default(),
            target: read_assignment(target),
        }
    }
}

/// # Safety
/// `assignment` is null or alive.
unsafe fn read_assignment(
    assignment: *const c::rd_kafka_MemberAssignment_t,
) -> Option<Vec<TopicPartition>> {
    if assignment.is_null() {
        return None;
    }
    // SAFETY: not null, alive by the caller's promise; the list belongs to it and is copied.
    let read = unsafe { partitions::read(c::rd_kafka_MemberAssignment_partitions(assignment)) };
    let mut partitions: Vec<TopicPartition> = read.into_iter().map(|read| read.partition).collect();
    partitions.sort();
    Some(partitions)
}

fn delete_group(group: &str) -> Result<Owned<c::rd_kafka_DeleteGroup_t>, Fault> {
    let group = c_text(group)?;
    // SAFETY: the name is copied, the object is ours.
    unsafe {
        Owned::new(
            c::rd_kafka_DeleteGroup_new(group.as_ptr()),
            c::rd_kafka_DeleteGroup_destroy,
        )
    }
}

/// `rd_kafka_consumer_group_type_t`.
fn kind(number: i32) -> Option<GroupKind> {
    match number {
        1 => Some(GroupKind::Consumer),
        2 => Some(GroupKind::Classic),
        _ => None,
    }
}

/// `rd_kafka_consumer_group_state_t`. KIP-848's Assigning and Reconciling have no number there: unknown, thus live.
fn state(number: i32) -> GroupState {
    match number {
        1 => GroupState::PreparingRebalance,
        2 => GroupState::CompletingRebalance,
        3 => GroupState::Stable,
        4 => GroupState::Dead,
        5 => GroupState::Empty,
        _ => GroupState::Unknown,
    }
}
