//! Offsets of partitions, and offsets that groups committed.

use super::super::error::Fault;
use super::admin::{Admin, Options, Pending};
use super::event::Event;
use super::partitions::{self, List, Read};
use super::topics::other_kind;
use super::{Owned, c_text, fault_of, pointers, slice};
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
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

    /// All offsets that a group committed. With `coordinator` nobody is asked who that is.
    pub(in crate::kafka) fn committed(
        &self,
        group: &str,
        coordinator: Option<i32>,
    ) -> Pending<Vec<Read>> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
            Options {
                broker: coordinator,
                ..Options::default()
            },
            |request| {
                let group = c_text(group)?;
                // SAFETY: null asks for every partition; the array and what it points to live for the call and are
                // copied; client, options and queue are alive.
                unsafe {
                    let groups = [Owned::new(
                        c::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), ptr::null()),
                        c::rd_kafka_ListConsumerGroupOffsets_destroy,
                    )?];
                    c::rd_kafka_ListConsumerGroupOffsets(
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
                    let result = c::rd_kafka_event_ListConsumerGroupOffsets_result(event.pointer());
                    if result.is_null() {
                        return Err(other_kind());
                    }
                    let mut count = 0;
                    let groups =
                        c::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
                    read_group(event, slice(groups, count))
                }
            },
        )
    }

    /// Commits offsets for a group that has no members. The partitions must differ from each other.
    pub(in crate::kafka) fn commit_for_group<'a>(
        &self,
        group: &str,
        offsets: impl ExactSizeIterator<Item = (&'a TopicPartition, i64)>,
    ) -> Pending<Vec<Read>> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
            Options::default(),
            |request| {
                let group = c_text(group)?;
                let list = List::with_offsets(offsets)?;
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    let groups = [Owned::new(
                        c::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), list.pointer()),
                        c::rd_kafka_AlterConsumerGroupOffsets_destroy,
                    )?];
                    c::rd_kafka_AlterConsumerGroupOffsets(
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
                    let result =
                        c::rd_kafka_event_AlterConsumerGroupOffsets_result(event.pointer());
                    if result.is_null() {
                        return Err(other_kind());
                    }
                    let mut count = 0;
                    let groups =
                        c::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &mut count);
                    read_group(event, slice(groups, count))
                }
            },
        )
    }

    /// Forgets what a group committed in these partitions. They must differ from each other.
    pub(in crate::kafka) fn delete_committed(
        &self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Pending<Vec<Read>> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS,
            Options::default(),
            |request| {
                let group = c_text(group)?;
                let list = List::of(partitions)?;
                // SAFETY: the array and what it points to live for the call and are copied; client, options and queue
                // are alive.
                unsafe {
                    let groups = [Owned::new(
                        c::rd_kafka_DeleteConsumerGroupOffsets_new(group.as_ptr(), list.pointer()),
                        c::rd_kafka_DeleteConsumerGroupOffsets_destroy,
                    )?];
                    c::rd_kafka_DeleteConsumerGroupOffsets(
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
                    let result =
                        c::rd_kafka_event_DeleteConsumerGroupOffsets_result(event.pointer());
                    if result.is_null() {
                        return Err(other_kind());
                    }
                    let mut count = 0;
                    let groups =
                        c::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &mut count);
                    read_group(event, slice(groups, count))
                }
            },
        )
    }
}

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
