//! Produce: validate, append, answer.

use std::sync::{Arc, Mutex};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{
    PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};

use super::super::log::batch::Header;
use super::super::partition::Appended;
use super::super::sync::{lock, now_milliseconds};
use super::super::topics::Topic;
use super::super::transaction::state::{Identity, Transaction, before_fenced};
use super::{Answer, Call, text};

/// zstd may be produced from this version on (KIP-110).
const ZSTD_VERSION: i16 = 7;
const ZSTD: i16 = 4;

/// Appends each partition's batch. With `acks` 0 nothing is answered, whatever happens.
pub(super) async fn handle(call: Call<'_>, request: ProduceRequest) -> Answer {
    let refused = if let Some(fault) = call.fault {
        Some(ResponseError::try_from_code(fault).unwrap_or(ResponseError::UnknownServerError))
    } else if !(-1..=1).contains(&request.acks) {
        Some(ResponseError::InvalidRequiredAcks)
    } else {
        None
    };
    let transactional_id = request.transactional_id.as_ref().map(|id| id.as_str());
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for asked in request.topic_data {
        let topic = match refused {
            Some(error) => Err(error),
            None => call.state.topics.find(&asked.name, asked.topic_id),
        };
        let append = |data: PartitionProduceData| {
            let result = match &topic {
                Ok(topic) => append(&call, topic, &data, request.acks, transactional_id),
                Err(error) => Err(*error),
            };
            answer(data.index, result, call.state.storage.is_none())
        };
        let partitions = asked.partition_data.into_iter().map(append).collect();
        responses.push(
            TopicProduceResponse::default()
                .with_name(asked.name)
                .with_topic_id(asked.topic_id)
                .with_partition_responses(partitions),
        );
    }
    if request.acks == 0 {
        return Ok(None);
    }
    call.reply(&ProduceResponse::default().with_responses(responses))
}

fn append(
    call: &Call<'_>,
    topic: &Arc<Topic>,
    data: &PartitionProduceData,
    acks: i16,
    transactional_id: Option<&str>,
) -> Result<Appended, ResponseError> {
    let partition = topic
        .partition(data.index)
        .ok_or(ResponseError::UnknownTopicOrPartition)?;
    let config = topic.config();
    if acks == -1 && config.min_insync_replicas > 1 {
        return Err(ResponseError::NotEnoughReplicas);
    }
    let records = data.records.as_deref().unwrap_or_default();
    let header = Header::read(records);
    let is_zstd = header.is_some_and(|header| header.compression() == ZSTD);
    if is_zstd && call.version() < ZSTD_VERSION {
        return Err(ResponseError::UnsupportedCompressionType);
    }
    let now = now_milliseconds();
    // Held while the batch is appended: its transaction cannot end meanwhile.
    let transaction = match header.filter(Header::is_transactional) {
        Some(_) => Some(transaction_of(call, transactional_id)?),
        None => None,
    };
    let open = transaction.as_deref().map(lock);
    if let (Some(open), Some(header)) = (&open, &header) {
        let producer = Identity {
            id: header.producer_id,
            epoch: header.producer_epoch,
        };
        let checked = open.check_partition(producer, &topic.name, data.index);
        checked.map_err(before_fenced)?;
    }
    match partition.append(records, &config, now) {
        Err(ResponseError::KafkaStorageError) => {
            call.state.topics.rescue(now);
            partition.append(records, &config, now)
        }
        result => result,
    }
}

/// Errors: TRANSACTIONAL_ID_AUTHORIZATION_FAILED for a batch of a transaction that names none, as Kafka answers it;
/// INVALID_PRODUCER_ID_MAPPING.
fn transaction_of(
    call: &Call<'_>,
    transactional_id: Option<&str>,
) -> Result<Arc<Mutex<Transaction>>, ResponseError> {
    let id = transactional_id.ok_or(ResponseError::TransactionalIdAuthorizationFailed)?;
    call.state.transactions.get(id)
}

fn answer(
    index: i32,
    result: Result<Appended, ResponseError>,
    in_memory: bool,
) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match result {
        Ok(appended) => response
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.append_time)
            .with_log_start_offset(appended.log_start),
        Err(error) => response
            .with_error_code(error.code())
            .with_error_message(message(error, in_memory).map(text))
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(-1),
    }
}

/// A sentence where the code alone does not say it.
fn message(error: ResponseError, in_memory: bool) -> Option<&'static str> {
    match error {
        ResponseError::KafkaStorageError if in_memory => {
            Some("the broker's memory limit is reached")
        }
        ResponseError::KafkaStorageError => Some("the broker's data directory takes no more"),
        ResponseError::TransactionalIdAuthorizationFailed => {
            Some("a batch of a transaction, and no transactional id")
        }
        ResponseError::InvalidTxnState => Some("the partition is no part of an open transaction"),
        ResponseError::InvalidRecord => {
            Some("not one batch of well-formed records, with keys if the topic is compacted")
        }
        _ => None,
    }
}
