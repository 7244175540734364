//! Offsets of partitions, and offsets that groups committed.

use super::super::error::Fault;
use super::admin::{Admin, Options, Pending};
use super::event::Event;
use super::partitions::{self, List, Read};
use super::topics::other_kind;
use super::{Owned, c_text, fault_of, pointers, slice};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ffi::c_char;
use std::ptr;

impl Admin {
    /// Where a partition begins (-2), ends (-1), has its latest timestamp (-3), or has its first record at or after
    /// a time. The partitions must differ from each other; few hundred of them, since librdkafka compares each with
    /// each. Offset and timestamp, in milliseconds, each -1 for none.
    pub(in crate::kafka) fn list_offsets(
        &self,
        queries: &[(TopicPartition, i64)],
        read_committed: bool,
    ) -> Pending<Vec<(Read, i64)>> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
            Options {
                read_committed,
                ..Options::default()
            },
            |request| {
                let list = List::with_offsets(
                    queries.iter().map(|(partition, query)| (partition, *query)),
                )?;
                // SAFETY: the list lives for the call and is copied; client, options and queue are alive.
                unsafe {
                    c::rd_kafka_ListOffsets(
                        request.client,
                        list.pointer(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
            |event| unsafe {
                let result = c::rd_kafka_event_ListOffsets_result(event.pointer());
                if result.is_null() {
                    return Err(other_kind());
                }
                let mut count = 0;
                let infos = c::rd_kafka_ListOffsets_result_infos(result, &mut count);
                let read = |&info: &*const c::rd_kafka_ListOffsetsResultInfo_t| {
                    let partition = c::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
                    (
                        partitions::read_one(partition),
                        c::rd_kafka_ListOffsetsResultInfo_timestamp(info),
                    )
                };
                Ok(slice(infos, count).iter().map(read).collect())
            },
        )
    }

    /// All offsets that a group committed. With `coordinator` nobody is asked who that is; `stable` ones are not to be
    /// replaced by a transaction that is being ended.
    pub(in crate::kafka) fn committed(
        &self,
        group: &str,
        coordinator: Option<i32>,
        stable: bool,
    ) -> Pending<Vec<Read>> {
        let options = Options {
            broker: coordinator,
            stable,
            ..Options::default()
        };
        // No list asks for every partition.
        self.of_group(&LIST, options, group, || Ok(None))
    }

    /// Commits offsets for a group that has no members. The partitions must differ from each other.
    pub(in crate::kafka) fn commit_for_group<'a>(
        &self,
        group: &str,
        offsets: impl ExactSizeIterator<Item = (&'a TopicPartition, i64)>,
    ) -> Pending<Vec<Read>> {
        self.of_group(&ALTER, Options::default(), group, || {
            List::with_offsets(offsets).map(Some)
        })
    }

    /// Forgets what a group committed in these partitions. They must differ from each other.
    pub(in crate::kafka) fn delete_committed(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Pending<Vec<Read>> {
        self.of_group(&DELETE, Options::default(), group, || {
            List::of(partitions).map(Some)
        })
    }

    /// Sends one of the three requests that are about some partitions of one group.
    fn of_group<T: 'static>(
        &self,
        operation: &'static GroupOperation<T>,
        options: Options,
        group: &str,
        partitions: impl FnOnce() -> Result<Option<List>, Fault>,
    ) -> Pending<Vec<Read>> {
        self.submit(
            operation.number,
            options,
            |request| {
                let group = c_text(group)?;
                let list = partitions()?;
                let list = list
                    .as_ref()
                    .map_or(ptr::null(), |list| list.pointer().cast_const());
                // SAFETY: the functions are those of one operation; the array and what it points to live for the call
                // and are copied; client, options and queue are alive.
                unsafe {
                    let groups = [Owned::new(
                        (operation.new)(group.as_ptr(), list),
                        operation.destroy,
                    )?];
                    (operation.send)(
                        request.client,
                        pointers(&groups).as_mut_ptr(),
                        groups.len(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            |event| {
                // SAFETY: the event is alive and keeps its result; a result of another kind is null.
                unsafe {
                    let result = (operation.result)(event.pointer());
                    if result.is_null() {
                        return Err(other_kind());
                    }
                    let mut count = 0;
                    let groups = (operation.groups)(result, &mut count);
                    read_group(event, slice(groups, count))
                }
            },
        )
    }
}

/// The functions of librdkafka's for one request about some partitions of one group, `T` being what says which.
struct GroupOperation<T> {
    number: c::rd_kafka_admin_op_t,
    new: unsafe extern "C" fn(*const c_char, *const c::rd_kafka_topic_partition_list_t) -> *mut T,
    destroy: unsafe extern "C" fn(*mut T),
    send: unsafe extern "C" fn(
        *mut c::rd_kafka_t,
        *mut *mut T,
        usize,
        *const c::rd_kafka_AdminOptions_t,
        *mut c::rd_kafka_queue_t,
    ),
    /// A result is the event itself, by another name for each operation.
    result: unsafe extern "C" fn(*mut c::rd_kafka_event_t) -> *const c::rd_kafka_event_t,
    groups: unsafe extern "C" fn(
        *const c::rd_kafka_event_t,
        *mut usize,
    ) -> *mut *const c::rd_kafka_group_result_t,
}

static LIST: GroupOperation<c::rd_kafka_ListConsumerGroupOffsets_t> = GroupOperation {
    number: c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
    new: c::rd_kafka_ListConsumerGroupOffsets_new,
    destroy: c::rd_kafka_ListConsumerGroupOffsets_destroy,
    send: c::rd_kafka_ListConsumerGroupOffsets,
    result: c::rd_kafka_event_ListConsumerGroupOffsets_result,
    groups: c::rd_kafka_ListConsumerGroupOffsets_result_groups,
};

static ALTER: GroupOperation<c::rd_kafka_AlterConsumerGroupOffsets_t> = GroupOperation {
    number: c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
    new: c::rd_kafka_AlterConsumerGroupOffsets_new,
    destroy: c::rd_kafka_AlterConsumerGroupOffsets_destroy,
    send: c::rd_kafka_AlterConsumerGroupOffsets,
    result: c::rd_kafka_event_AlterConsumerGroupOffsets_result,
    groups: c::rd_kafka_AlterConsumerGroupOffsets_result_groups,
};

static DELETE: GroupOperation<c::rd_kafka_DeleteConsumerGroupOffsets_t> = GroupOperation {
    number: c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS,
    new: c::rd_kafka_DeleteConsumerGroupOffsets_new,
    destroy: c::rd_kafka_DeleteConsumerGroupOffsets_destroy,
    send: c::rd_kafka_DeleteConsumerGroupOffsets,
    result: c::rd_kafka_event_DeleteConsumerGroupOffsets_result,
    groups: c::rd_kafka_DeleteConsumerGroupOffsets_result_groups,
};

/// The partitions of the one group that was asked about.
///
/// # Safety
/// Each pointer is a live result; `_keeper` is the event that keeps them.
unsafe fn read_group(
    _keeper: &Event,
    groups: &[*const c::rd_kafka_group_result_t],
) -> Result<Vec<Read>, Fault> {
    let &[group] = groups else {
        return Err(other_kind());
    };
    // SAFETY: alive by the caller's promise; the list belongs to the group and is copied.
    unsafe {
        match fault_of(c::rd_kafka_group_result_error(group)) {
            Some(fault) => Err(fault),
            None => Ok(partitions::read(c::rd_kafka_group_result_partitions(group))),
        }
    }
}
