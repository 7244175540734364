//! DeleteRecords: moves log starts forward and frees what lies before (KIP-107).

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsRequest,
};
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use super::super::topics::Topic;
use super::{Answer, Call};

/// Deletes the records before each offset; -1 means all there are. Errors: OFFSET_OUT_OF_RANGE, POLICY_VIOLATION for a
/// topic that is compacted and nothing else, UNKNOWN_TOPIC_OR_PARTITION.
pub(super) async fn delete(call: Call<'_>, request: DeleteRecordsRequest) -> Answer {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in request.topics {
        let topic = call.state.topics.get(&asked.name);
        let delete = |asked: &DeleteRecordsPartition| {
            let found = topic.as_ref().ok_or(ResponseError::UnknownTopicOrPartition);
            let result = found.and_then(|topic| delete_before(topic, asked));
            DeleteRecordsPartitionResult::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(super::code(&result))
                .with_low_watermark(result.unwrap_or(-1))
        };
        let partitions = asked.partitions.iter().map(delete).collect();
        topics.push(
            DeleteRecordsTopicResult::default()
                .with_name(asked.name)
                .with_partitions(partitions),
        );
    }
    call.reply(&DeleteRecordsResponse::default().with_topics(topics))
}

fn delete_before(topic: &Topic, asked: &DeleteRecordsPartition) -> Result<i64, ResponseError> {
    let partition = topic.partition(asked.partition_index);
    let partition = partition.ok_or(ResponseError::UnknownTopicOrPartition)?;
    if !topic.config().policy.delete {
        return Err(ResponseError::PolicyViolation);
    }
    partition.delete_before(asked.offset)
}
