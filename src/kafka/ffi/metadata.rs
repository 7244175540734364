//! What topics there are and where their partitions live.

use super::super::error::{Fault, code};
use super::admin::{Admin, Options, Pending};
use super::event::Event;
use super::handle::Handle;
use super::topics::other_kind;
use super::{Owned, c_text, check, fault_of, milliseconds, optional_text, raw, slice, text};
use crate::model::cluster::{ClusterBroker, ClusterDescription};
use crate::model::topic::{Partition, Topic};
use rdkafka::bindings as c;
use std::ffi::c_char;
use std::ptr;
use std::time::{Duration, Instant};

impl Admin {
    /// The smallest request there is.
    pub(in crate::kafka) async fn describe_cluster(&self) -> Result<ClusterDescription, Fault> {
        self.ask_for_cluster().answer().await
    }

    fn ask_for_cluster(&self) -> Pending<ClusterDescription> {
        self.submit(
            c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER,
            Options::default(),
            |request| {
                // SAFETY: client, options and queue are alive.
                unsafe {
                    c::rd_kafka_DescribeCluster(request.client, request.options, request.queue);
                }
                Ok(())
            },
            read_cluster,
        )
    }

    /// Every topic. librdkafka has no asynchronous request for it.
    pub(in crate::kafka) async fn all_topics(&self) -> Result<Vec<Topic>, Fault> {
        // As soon as librdkafka knows the brokers it ends the connection to the address it was given, and a request
        // that may go to any broker, as this one, then waits some ten milliseconds for the next: connections to any
        // are opened no more often. One that is for a certain broker opens its connection at once, for both.
        let opener = self.is_new().then(|| self.ask_for_cluster());
        let topics = self.blocking(fetch_all).await;
        // Whether that was answered is of no interest.
        drop(opener);
        topics
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

fn read_cluster(event: &Event) -> Result<ClusterDescription, Fault> {
    // SAFETY: the event is alive and keeps its result and all that hangs on it; a result of another kind is null.
    unsafe {
        let result = c::rd_kafka_event_DescribeCluster_result(event.pointer());
        if result.is_null() {
            return Err(other_kind());
        }
        let controller = c::rd_kafka_DescribeCluster_result_controller(result);
        let mut count = 0;
        let brokers = c::rd_kafka_DescribeCluster_result_nodes(result, &mut count);
        let read = |&broker: &*const c::rd_kafka_Node_t| ClusterBroker {
            id: c::rd_kafka_Node_id(broker),
            host: text(c::rd_kafka_Node_host(broker)),
            port: c::rd_kafka_Node_port(broker),
            rack: optional_text(c::rd_kafka_Node_rack(broker)),
        };
        let mut brokers: Vec<ClusterBroker> = slice(brokers, count).iter().map(read).collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(ClusterDescription {
            id: optional_text(c::rd_kafka_DescribeCluster_result_cluster_id(result)),
            controller: nodes(&[controller]).first().copied(),
            brokers,
        })
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

fn fetch_all(handle: &Handle, timeout: Duration) -> Result<Vec<Topic>, Fault> {
    let begun = Instant::now();
    if !handle.context().member_up() {
        // Asked before the brokers are known, all topics would be read twice: the answer goes with the connection.
        // SAFETY: the client is alive.
        unsafe { c::rd_kafka_controllerid(handle.client(), milliseconds(timeout)) };
    }
    let mut metadata: *const c::rd_kafka_metadata = ptr::null();
    // SAFETY: the client is alive; no topic is named; the answer is ours to free.
    check(unsafe {
        raw::rd_kafka_metadata(
            handle.client(),
            1,
            ptr::null_mut(),
            &mut metadata,
            milliseconds(timeout.saturating_sub(begun.elapsed())),
        )
    })?;
    if metadata.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the answer is alive until it is freed below. Its parts are read field by field through raw pointers,
    // never as Rust values, because `err` may hold a code that the binding's enum lacks.
    unsafe {
        let topics = (0..usize::try_from((*metadata).topic_cnt).unwrap_or(0))
            .map(|index| read_topic((*metadata).topics.add(index)))
            .collect();
        c::rd_kafka_metadata_destroy(metadata);
        Ok(topics)
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
