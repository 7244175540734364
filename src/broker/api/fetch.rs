//! Fetch: slices of the log, at once or when there is enough of them. The answer is written by hand, field by field of
//! `FetchResponse.json`, because the codec would copy the records.

use std::time::Duration;

use bytes::BufMut;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::FetchPartition;
use tokio::time::Instant;

use super::super::frame::ReplyBuilder;
use super::super::partition::Fetched;
use super::super::transaction::ongoing::Aborted;
use super::{Answer, Call, LEADER_EPOCH};

/// `fetch.max.bytes`: no answer is larger, whatever the client asks for.
const MAX_BYTES: usize = 55 * 1024 * 1024;

type Results = Vec<Vec<(i32, Result<Fetched, ResponseError>)>>;

/// Reads, and, where there is less than `min_bytes` and nothing is wrong, waits for more.
///
/// Fetch sessions (KIP-227) are an optimisation this broker does without: session id 0 in an answer tells the client so.
pub(super) async fn handle(call: Call<'_>, request: FetchRequest) -> Answer {
    if request.session_id != 0 {
        return Ok(Some(encode(
            &call,
            &request,
            ResponseError::FetchSessionIdNotFound.code(),
            Vec::new(),
        )));
    }
    if let Some(fault) = call.fault {
        let error =
            ResponseError::try_from_code(fault).unwrap_or(ResponseError::UnknownServerError);
        let failed = |topic: &kafka_protocol::messages::fetch_request::FetchTopic| {
            topic
                .partitions
                .iter()
                .map(|asked| (asked.partition, Err(error)))
                .collect()
        };
        let results = request.topics.iter().map(failed).collect();
        return Ok(Some(encode(&call, &request, 0, results)));
    }
    let patience = Duration::from_millis(request.max_wait_ms.max(0) as u64);
    let deadline = Instant::now() + patience;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
    loop {
        let (results, size, failed) = read(&call, &request);
        let ready = failed || size >= min_bytes || Instant::now() >= deadline;
        if ready || !wait(&call, &request, &results) {
            // Not ready, yet not waiting: something was appended meanwhile.
            if ready {
                return Ok(Some(encode(&call, &request, 0, results)));
            }
            continue;
        }
        drop(results);
        tokio::select! {
            () = call.connection.wake.notified() => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }
}

/// Reads every partition asked for: the results, the bytes read, and whether anything is wrong.
fn read(call: &Call<'_>, request: &FetchRequest) -> (Results, usize, bool) {
    let mut room = usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(MAX_BYTES);
    let mut size = 0;
    let mut failed = false;
    let committed = is_committed(request);
    let mut results = Vec::with_capacity(request.topics.len());
    for asked in &request.topics {
        let topic = call.state.topics.find(&asked.topic, asked.topic_id);
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for part in &asked.partitions {
            let result = topic.as_ref().map_err(|error| *error).and_then(|topic| {
                check_epoch(part)?;
                let partition = topic
                    .partition(part.partition)
                    .ok_or(ResponseError::UnknownTopicOrPartition)?;
                let limit = usize::try_from(part.partition_max_bytes)
                    .unwrap_or(0)
                    .min(room);
                // The first batch of the whole answer may exceed every limit, or a client would never get past it.
                partition.fetch(part.fetch_offset, committed, limit, size == 0)
            });
            match &result {
                Ok(fetched) => {
                    let bytes = fetched.size();
                    size += bytes;
                    room = room.saturating_sub(bytes);
                }
                Err(_) => failed = true,
            }
            partitions.push((part.partition, result));
        }
        results.push(partitions);
    }
    (results, size, failed)
}

/// Registers with every partition; false when one of them has moved on since it was read.
fn wait(call: &Call<'_>, request: &FetchRequest, results: &Results) -> bool {
    for (asked, results) in request.topics.iter().zip(results) {
        let topic = call.state.topics.find(&asked.topic, asked.topic_id);
        for (index, result) in results {
            // Asked once for each partition: an unknown topic of which none was asked for is no reason to look again.
            let Ok(topic) = &topic else {
                return false;
            };
            let (Some(partition), Ok(fetched)) = (topic.partition(*index), result) else {
                return false;
            };
            if !partition.wait(call.connection.number, &call.connection.wake, fetched.end) {
                return false;
            }
        }
    }
    true
}

/// Whether only what is committed, or is no part of a transaction, is asked for.
fn is_committed(request: &FetchRequest) -> bool {
    request.isolation_level == 1
}

fn check_epoch(asked: &FetchPartition) -> Result<(), ResponseError> {
    match asked.current_leader_epoch {
        -1 | LEADER_EPOCH => Ok(()),
        epoch if epoch > LEADER_EPOCH => Err(ResponseError::UnknownLeaderEpoch),
        _ => Err(ResponseError::FencedLeaderEpoch),
    }
}

/// Writes the answer; the records are not copied.
fn encode(
    call: &Call<'_>,
    request: &FetchRequest,
    error: i16,
    results: Results,
) -> super::super::frame::Reply {
    let version = call.version();
    let flexible = version >= 12;
    let committed = is_committed(request);
    let mut reply = ReplyBuilder::new(call.header.correlation, flexible, 250);
    reply.tail.put_i32(0);
    if version >= 7 {
        reply.tail.put_i16(error);
        reply.tail.put_i32(0);
    }
    put_count(&mut reply, flexible, results.len());
    for (asked, results) in request.topics.iter().zip(results) {
        if version >= 13 {
            reply.tail.put_slice(asked.topic_id.as_bytes());
        } else {
            let name = asked.topic.as_bytes();
            match flexible {
                true => put_varint(&mut reply, name.len() + 1),
                false => reply.tail.put_i16(name.len() as i16),
            }
            reply.tail.put_slice(name);
        }
        put_count(&mut reply, flexible, results.len());
        for (index, result) in results {
            let (error, fetched) = match result {
                Ok(fetched) => (0, fetched),
                Err(error) => (error.code(), Fetched::nothing()),
            };
            reply.tail.put_i32(index);
            reply.tail.put_i16(error);
            reply.tail.put_i64(fetched.end);
            reply.tail.put_i64(fetched.stable);
            if version >= 5 {
                reply.tail.put_i64(fetched.start);
            }
            put_aborted(&mut reply, flexible, committed.then_some(&fetched.aborted));
            if version >= 11 {
                reply.tail.put_i32(-1);
            }
            put_count(&mut reply, flexible, fetched.size());
            reply.slices(fetched.slices);
            put_no_tags(&mut reply, flexible);
        }
        put_no_tags(&mut reply, flexible);
    }
    put_no_tags(&mut reply, flexible);
    reply.finish()
}

/// The aborted transactions: null for those who did not ask for committed records.
fn put_aborted(reply: &mut ReplyBuilder, flexible: bool, aborted: Option<&Vec<Aborted>>) {
    let Some(aborted) = aborted else {
        match flexible {
            true => reply.tail.put_u8(0),
            false => reply.tail.put_i32(-1),
        }
        return;
    };
    put_count(reply, flexible, aborted.len());
    for one in aborted {
        reply.tail.put_i64(one.producer_id);
        reply.tail.put_i64(one.first_offset);
        put_no_tags(reply, flexible);
    }
}

fn put_count(reply: &mut ReplyBuilder, flexible: bool, count: usize) {
    match flexible {
        true => put_varint(reply, count + 1),
        false => reply.tail.put_i32(count as i32),
    }
}

fn put_varint(reply: &mut ReplyBuilder, mut value: usize) {
    while value >= 0x80 {
        reply.tail.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    reply.tail.put_u8(value as u8);
}

fn put_no_tags(reply: &mut ReplyBuilder, flexible: bool) {
    if flexible {
        reply.tail.put_u8(0);
    }
}
