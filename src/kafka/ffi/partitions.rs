//! Lists of partitions with offsets, to C and from it.

use super::super::error::{Fault, code};
use super::{c_text, check, text};
use crate::kafka::membership::NextOffset;
use crate::model::topic::TopicPartition;
use rdkafka::bindings as c;
use std::ffi::c_int;
use std::ptr::{self, NonNull};

/// One entry of a list that librdkafka answered with.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Read {
    pub(in crate::kafka) partition: TopicPartition,
    pub(in crate::kafka) offset: i64,
    pub(in crate::kafka) fault: Option<Fault>,
}

impl Read {
    /// A partition that nobody knows.
    pub(in crate::kafka) fn unknown(partition: &TopicPartition) -> Self {
        Read {
            partition: partition.clone(),
            offset: -1,
            fault: check(code::UNKNOWN_TOPIC_OR_PARTITION).err(),
        }
    }
}

/// A list of ours, freed on drop.
pub(super) struct List(NonNull<c::rd_kafka_topic_partition_list_t>);

impl List {
    pub(super) fn with_capacity(capacity: usize) -> Result<Self, Fault> {
        let capacity = c_int::try_from(capacity)
            .map_err(|_| Fault::new(code::INVALID_ARG, "too many partitions"))?;
        // SAFETY: no preconditions; the list is ours.
        let list = unsafe { c::rd_kafka_topic_partition_list_new(capacity) };
        NonNull::new(list)
            .map(List)
            .ok_or_else(|| Fault::new(code::INVALID_ARG, "out of memory"))
    }

    /// Partitions with an offset each, logical ones (-1 end, -2 beginning, -1000 stored) included.
    pub(super) fn with_offsets<'a>(
        entries: impl ExactSizeIterator<Item = (&'a TopicPartition, i64)>,
    ) -> Result<Self, Fault> {
        let mut list = List::with_capacity(entries.len())?;
        for (partition, offset) in entries {
            list.add(&partition.topic, partition.partition, offset)?;
        }
        Ok(list)
    }

    pub(super) fn of(partitions: &[TopicPartition]) -> Result<Self, Fault> {
        // RD_KAFKA_OFFSET_INVALID: "not said", which an assignment reads as "where the group was".
        let unset = i64::from(c::RD_KAFKA_OFFSET_INVALID);
        List::with_offsets(partitions.iter().map(|partition| (partition, unset)))
    }

    /// Offsets to commit, some with a note beside them.
    pub(super) fn to_commit(offsets: &[NextOffset]) -> Result<Self, Fault> {
        let mut list = List::with_capacity(offsets.len())?;
        for next in offsets {
            let entry = list.add(&next.place.topic, next.place.partition, next.offset)?;
            if let Some(note) = &next.note {
                // SAFETY: the entry is the one just added; librdkafka frees its metadata as it frees what it allocated.
                unsafe {
                    let copy = c::rd_kafka_mem_malloc(ptr::null_mut(), note.len());
                    if !copy.is_null() {
                        ptr::copy_nonoverlapping(note.as_ptr(), copy.cast::<u8>(), note.len());
                        ptr::addr_of_mut!((*entry).metadata).write(copy);
                        ptr::addr_of_mut!((*entry).metadata_size).write(note.len());
                    }
                }
            }
        }
        Ok(list)
    }

    /// What a group has committed, where it has, with the notes beside the offsets.
    pub(super) fn committed(&self) -> Vec<NextOffset> {
        let read = self.read().into_iter().enumerate();
        let known = read.filter(|(_, read)| read.offset >= 0);
        known
            .map(|(at, read)| {
                // SAFETY: the list is alive and has as many entries as were read; the note belongs to it and is copied.
                let note = unsafe {
                    let entry = (*self.pointer()).elems.add(at);
                    let bytes =
                        super::slice((*entry).metadata.cast::<u8>(), (*entry).metadata_size);
                    String::from_utf8(bytes.to_vec()).ok()
                };
                NextOffset {
                    place: read.partition,
                    offset: read.offset,
                    note: note.filter(|note| !note.is_empty()),
                }
            })
            .collect()
    }

    /// Topic names only, as a subscription wants them.
    pub(super) fn of_topics(topics: &[String]) -> Result<Self, Fault> {
        let mut list = List::with_capacity(topics.len())?;
        for topic in topics {
            list.add(topic, -1, i64::from(c::RD_KAFKA_OFFSET_INVALID))?;
        }
        Ok(list)
    }

    fn add(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<*mut c::rd_kafka_topic_partition_t, Fault> {
        let topic = c_text(topic)?;
        // SAFETY: the list is alive and ours alone; the name is copied. The entry is valid until the next addition.
        unsafe {
            let entry =
                c::rd_kafka_topic_partition_list_add(self.pointer(), topic.as_ptr(), partition);
            ptr::addr_of_mut!((*entry).offset).write(offset);
            Ok(entry)
        }
    }

    pub(super) fn pointer(&self) -> *mut c::rd_kafka_topic_partition_list_t {
        self.0.as_ptr()
    }

    pub(super) fn read(&self) -> Vec<Read> {
        // SAFETY: the list is alive.
        unsafe { read(self.pointer()) }
    }

    /// A list that librdkafka made for us.
    ///
    /// # Safety
    /// `pointer` is null or a list that nobody else frees.
    pub(super) unsafe fn from_pointer(
        pointer: *mut c::rd_kafka_topic_partition_list_t,
    ) -> Option<Self> {
        NonNull::new(pointer).map(List)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { c::rd_kafka_topic_partition_list_destroy(self.pointer()) }
    }
}

/// What is wrong with the first entry that something is wrong with.
pub(super) fn first_fault(list: &List) -> Result<(), Fault> {
    list.read()
        .into_iter()
        .find_map(|read| read.fault)
        .map_or(Ok(()), Err)
}

/// Copies one entry.
///
/// # Safety
/// `entry` points to a live entry.
pub(super) unsafe fn read_one(entry: *const c::rd_kafka_topic_partition_t) -> Read {
    // SAFETY: fields are read one by one through the raw pointer: `err` may hold a code that the binding's enum lacks,
    // so the structure as a whole must not be looked at as a Rust value.
    unsafe {
        let number = ptr::addr_of!((*entry).err).cast::<c_int>().read();
        Read {
            partition: TopicPartition::new(text((*entry).topic), (*entry).partition),
            offset: (*entry).offset,
            fault: check(number).err(),
        }
    }
}

/// Copies a list; null is empty.
///
/// # Safety
/// `list` is null or a live list.
pub(super) unsafe fn read(list: *const c::rd_kafka_topic_partition_list_t) -> Vec<Read> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: not null and alive; it has `cnt` entries in a row.
    unsafe {
        let count = usize::try_from((*list).cnt).unwrap_or(0);
        (0..count)
            .map(|index| read_one((*list).elems.add(index)))
            .collect()
    }
}
