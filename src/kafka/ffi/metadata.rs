//! What brokers and topics there are, and where partitions live.

use super::super::BEFORE_ANOTHER_TRY;
use super::super::error::{Fault, code};
use super::admin::{Admin, Options, Pending};
use super::event::Event;
use super::handle::Handle;
use super::{Owned, c_text, check, fault_of, milliseconds, optional_text, raw, slice, text};
use crate::model::cluster::{ClusterBroker, ClusterDescription};
use crate::model::topic::{Partition, Topic};
use rdkafka::bindings as c;
use std::ffi::c_char;
use std::ptr;
use std::time::{Duration, Instant};

/// What is asked for where any answer will do: small, in every cluster with a group, and never made by asking for it.
/// Not DescribeCluster: librdkafka 2.12.1 aborts the process (`Assertion rko_result failed`) when its answer names
/// neither a broker nor a topic, as a broker's does that the controller has fenced because it was too busy or cut off.
const ANY_TOPIC: &str = "__consumer_offsets";

impl Admin {
    /// Whether anybody is there: the smallest request there is, whatever is answered.
    pub(in crate::kafka) async fn ping(&self) -> Result<(), Fault> {
        match self.describe_topic(ANY_TOPIC).answer().await {
            Err(fault) if fault.is_silence() => Err(fault),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The cluster with every topic. librdkafka has no asynchronous request for it.
    pub(in crate::kafka) async fn describe_cluster(&self) -> Result<ClusterDescription, Fault> {
        // As soon as librdkafka knows the brokers it ends the connection to the address it was given, and a request
        // that may go to any broker, as this one, then waits some ten milliseconds for the next: connections to any
        // are opened no more often. One that is for a certain broker opens its connection at once, for both.
        let opener = self.is_new().then(|| self.describe_topic(ANY_TOPIC));
        let described = self.blocking(fetch_all).await;
        // Whether that was answered is of no interest.
        drop(opener);
        described
    }

    /// One topic, or the broker's reason for not showing it.
    pub(in crate::kafka) fn describe_topic(&self, name: &str) -> Pending<Topic> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            Options::default(),
            |request| {
                let name = c_text(name)?;
                let mut names: [*const c_char; 1] = [name.as_ptr()];
                // SAFETY: the array and the name live for the call and are copied; the collection is freed after the
                // request copied it; client, options and queue are alive.
                unsafe {
                    let collection = Owned::new(
                        c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
                        c::rd_kafka_TopicCollection_destroy,
                    )?;
                    c::rd_kafka_DescribeTopics(
                        request.client,
                        collection.pointer(),
                        request.options,
                        request.queue,
                    );
                }
                Ok(())
            },
            read_description,
        )
    }
}

fn read_description(event: &Event) -> Result<Topic, Fault> {
    let missing = || Fault::new(code::UNKNOWN_TOPIC, "no such topic in the answer");
    // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
    unsafe {
        let result = c::rd_kafka_event_DescribeTopics_result(event.pointer());
        if result.is_null() {
            return Err(missing());
        }
        let mut count = 0;
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let &[topic, ..] = slice(topics, count) else {
            return Err(missing());
        };
        if let Some(fault) = fault_of(c::rd_kafka_TopicDescription_error(topic)) {
            return Err(fault);
        }
        let name = text(c::rd_kafka_TopicDescription_name(topic));
        let found = c::rd_kafka_TopicDescription_partitions(topic, &mut count);
        let mut partitions: Vec<Partition> = slice(found, count)
            .iter()
            .map(|&partition| read_partition(partition))
            .collect();
        partitions.sort_by_key(|partition| partition.id);
        Ok(Topic {
            id: read_id(c::rd_kafka_TopicDescription_topic_id(topic)),
            internal: is_internal(&name),
            name,
            partitions,
        })
    }
}

/// A topic's id, which brokers that have none give as zero.
///
/// # Safety
/// `id` is null or alive.
unsafe fn read_id(id: *const c::rd_kafka_Uuid_t) -> Option<String> {
    // SAFETY: alive; the text belongs to it.
    unsafe {
        let is_known = !id.is_null()
            && (c::rd_kafka_Uuid_most_significant_bits(id) != 0
                || c::rd_kafka_Uuid_least_significant_bits(id) != 0);
        is_known.then(|| text(c::rd_kafka_Uuid_base64str(id)))
    }
}

/// # Safety
/// `partition` is alive.
unsafe fn read_partition(partition: *const c::rd_kafka_TopicPartitionInfo_t) -> Partition {
    // SAFETY: the partition keeps its nodes; without a leader there is none, or one without an id.
    unsafe {
        let leader = c::rd_kafka_TopicPartitionInfo_leader(partition);
        let mut count = 0;
        let replicas = c::rd_kafka_TopicPartitionInfo_replicas(partition, &mut count);
        let replicas = nodes(slice(replicas, count));
        let in_sync = c::rd_kafka_TopicPartitionInfo_isr(partition, &mut count);
        Partition {
            id: c::rd_kafka_TopicPartitionInfo_partition(partition),
            leader: nodes(&[leader]).first().copied(),
            replicas,
            in_sync: nodes(slice(in_sync, count)),
        }
    }
}

/// # Safety
/// Each pointer is null or a live node.
unsafe fn nodes(list: &[*const c::rd_kafka_Node_t]) -> Vec<i32> {
    list.iter()
        .filter(|node| !node.is_null())
        // SAFETY: not null, alive by the caller's promise.
        .map(|&node| unsafe { c::rd_kafka_Node_id(node) })
        .filter(|&id| id >= 0)
        .collect()
}

fn fetch_all(handle: &Handle, timeout: Duration) -> Result<ClusterDescription, Fault> {
    let begun = Instant::now();
    if !handle.context().member_up() {
        // Asked before the brokers are known, all topics would be read twice: the answer goes with the connection.
        // SAFETY: the client is alive.
        unsafe { c::rd_kafka_controllerid(handle.client(), milliseconds(timeout)) };
    }
    let mut metadata: *const c::rd_kafka_metadata = ptr::null();
    let mut fenced = None;
    loop {
        // With time left to say what is in the way.
        let margin = if fenced.is_some() {
            BEFORE_ANOTHER_TRY
        } else {
            Duration::ZERO
        };
        let left = timeout.saturating_sub(begun.elapsed() + margin);
        // SAFETY: the client is alive; no topic is named; the answer is ours to free.
        let asked = check(unsafe {
            raw::rd_kafka_metadata(
                handle.client(),
                1,
                ptr::null_mut(),
                &mut metadata,
                milliseconds(left),
            )
        });
        match (asked, &fenced) {
            // It is back in a moment, or not.
            (Err(fault), _) if fault.code == code::NO_BROKERS && left > BEFORE_ANOTHER_TRY => {
                std::thread::sleep(BEFORE_ANOTHER_TRY);
                fenced = Some(fault);
            }
            (Err(fault), Some(fenced)) if fault.is_silence() => return Err(fenced.clone()),
            (asked, _) => break asked?,
        }
    }
    // So it would be while the client ends, which it does not while somebody has a share of it.
    if metadata.is_null() {
        return Err(Fault::new(code::DESTROY, "the client was closed"));
    }
    // SAFETY: the answer is alive until it is freed below. Its parts are read field by field through raw pointers,
    // never as Rust values, because `err` may hold a code that the binding's enum lacks. The id is known by now, so that
    // nothing is waited for.
    unsafe {
        let length = |count| usize::try_from(count).unwrap_or(0);
        let id = c::rd_kafka_clusterid(handle.client(), 0);
        let mut brokers: Vec<ClusterBroker> = (0..length((*metadata).broker_cnt))
            .map(|index| read_broker((*metadata).brokers.add(index)))
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        let mut topics: Vec<Topic> = (0..length((*metadata).topic_cnt))
            .map(|index| read_topic((*metadata).topics.add(index)))
            .collect();
        topics.sort_by(|left, right| left.name.cmp(&right.name));
        let description = ClusterDescription {
            id: optional_text(id),
            brokers,
            topics,
        };
        c::rd_kafka_mem_free(handle.client(), id.cast());
        c::rd_kafka_metadata_destroy(metadata);
        Ok(description)
    }
}

/// # Safety
/// `broker` is part of live metadata.
unsafe fn read_broker(broker: *const c::rd_kafka_metadata_broker) -> ClusterBroker {
    // SAFETY: as promised.
    unsafe {
        ClusterBroker {
            id: (*broker).id,
            host: text((*broker).host),
            port: u16::try_from((*broker).port).unwrap_or(0),
        }
    }
}

/// # Safety
/// `topic` is part of live metadata.
unsafe fn read_topic(topic: *const c::rd_kafka_metadata_topic) -> Topic {
    // SAFETY: as promised; arrays are as long as their counts say.
    unsafe {
        let name = text((*topic).topic);
        let count = usize::try_from((*topic).partition_cnt).unwrap_or(0);
        let mut partitions: Vec<Partition> = (0..count)
            .map(|index| {
                let partition = (*topic).partitions.add(index);
                let length = |count| usize::try_from(count).unwrap_or(0);
                Partition {
                    id: (*partition).id,
                    leader: Some((*partition).leader).filter(|&leader| leader >= 0),
                    replicas: slice((*partition).replicas, length((*partition).replica_cnt))
                        .to_vec(),
                    in_sync: slice((*partition).isrs, length((*partition).isr_cnt)).to_vec(),
                }
            })
            .collect();
        partitions.sort_by_key(|partition| partition.id);
        Topic {
            // Metadata has it, and librdkafka does not pass it on.
            id: None,
            internal: is_internal(&name),
            name,
            partitions,
        }
    }
}

fn is_internal(name: &str) -> bool {
    name.starts_with("__")
}
