//! CreatePartitions.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsRequest, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_partitions_response::{
    CreatePartitionsResponse, CreatePartitionsTopicResult,
};

use super::super::topics::Refused;
use super::topics::{PARTITIONS_PER_REQUEST, is_here};
use super::{Answer, Call, text};

/// Gives topics more partitions, or with `validate_only` says whether they could have them.
pub(super) async fn create(call: Call<'_>, request: CreatePartitionsRequest) -> Answer {
    let grow = |asked: &CreatePartitionsTopic| {
        let result = CreatePartitionsTopicResult::default().with_name(asked.name.clone());
        match grow(&call, asked, request.validate_only) {
            Ok(()) => result,
            Err((error, reason)) => result
                .with_error_code(error.code())
                .with_error_message(Some(text(reason))),
        }
    };
    let results = request.topics.iter().map(grow).collect();
    call.reply(&CreatePartitionsResponse::default().with_results(results))
}

fn grow(
    call: &Call<'_>,
    asked: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), Refused> {
    let Some(topic) = call.state.topics.get(&asked.name) else {
        let reason = format!("The topic '{}' does not exist.", asked.name.as_str());
        return Err((ResponseError::UnknownTopicOrPartition, reason));
    };
    let more = i64::from(asked.count) - i64::from(topic.partition_count());
    if more > PARTITIONS_PER_REQUEST {
        let reason = format!("Excessively large number of partitions per request: {more}");
        return Err((ResponseError::PolicyViolation, reason));
    }
    if let Some(assignments) = &asked.assignments {
        let fits = assignments.len() as i64 == more;
        if more > 0
            && (!fits
                || !assignments
                    .iter()
                    .all(|assignment| is_here(&assignment.broker_ids)))
        {
            let reason = format!(
                "The assignment must give each of the {more} new partitions the one replica 1."
            );
            return Err((ResponseError::InvalidReplicaAssignment, reason));
        }
    }
    call.state
        .topics
        .add_partitions(&topic, asked.count, validate_only)
}
