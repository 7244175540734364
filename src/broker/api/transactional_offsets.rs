//! TxnOffsetCommit: offsets that count when the transaction commits (KIP-98, KIP-447).

use std::time::Instant;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::TxnOffsetCommitRequest;
use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestPartition;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::super::group::state::Group;
use super::super::sync::lock;
use super::super::transaction::state::{Phase, before_fenced};
use super::groups::caller;
use super::offsets::{check_place, committed_now};
use super::transactions::identity;
use super::{Answer, Call};

/// Keeps offsets until the transaction ends. Whether the caller may commit decides for all of them, by its transaction
/// and by its membership of the group; what is wrong with one is said of it alone.
pub(super) async fn commit(call: Call<'_>, request: TxnOffsetCommitRequest) -> Answer {
    let check = |topic: &str, asked: &TxnOffsetCommitRequestPartition| {
        let metadata = asked.committed_metadata.as_deref();
        check_place(&call, topic, asked.partition_index, metadata)
    };
    // The checks look at topics; done first, so that no more locks than need be are held.
    let mut checked: Vec<Vec<Result<(), ResponseError>>> = request
        .topics
        .iter()
        .map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|asked| check(&topic.name, asked)).collect()
        })
        .collect();
    let allowed = match call.fault {
        Some(fault) => Err(ResponseError::Unknown(fault)),
        None => stage(&call, &request, &mut checked),
    };
    let answered = request.topics.iter().zip(checked).map(|(topic, checked)| {
        let partition = |(asked, checked): (&TxnOffsetCommitRequestPartition, _)| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(super::code(&allowed.and(checked)))
        };
        let partitions = topic.partitions.iter().zip(checked).map(partition);
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    call.reply(&TxnOffsetCommitResponse::default().with_topics(answered.collect()))
}

/// Errors: INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_EPOCH; INVALID_TXN_STATE for a group that is no part of the
/// transaction; those of [`Group::may_commit`].
fn stage(
    call: &Call<'_>,
    request: &TxnOffsetCommitRequest,
    checked: &mut [Vec<Result<(), ResponseError>>],
) -> Result<(), ResponseError> {
    let group = request.group_id.as_str();
    let producer = identity(request.producer_id, request.producer_epoch);
    let transaction = call.state.transactions.get(&request.transactional_id)?;
    // Held until they are staged: they would stay so for ever if the transaction ended before.
    let transaction = lock(&transaction);
    transaction.check(producer).map_err(before_fenced)?;
    if transaction.phase != Phase::Ongoing || !transaction.groups.contains(group) {
        return Err(ResponseError::InvalidTxnState);
    }
    let member = caller(
        &request.member_id,
        request.group_instance_id.as_ref(),
        request.generation_id,
    );
    let now = Instant::now();
    let stage = |group: &mut Group| {
        let may = group.may_commit(&member, true, now);
        may.map_err(before_member_epochs)?;
        let mut accepted = Vec::new();
        for (topic, checked) in request.topics.iter().zip(checked) {
            for (asked, checked) in topic.partitions.iter().zip(checked) {
                let may = group.may_commit_place(&member, &topic.name, asked.partition_index);
                *checked = checked.and(may.map_err(before_member_epochs));
                if checked.is_ok() {
                    let committed = committed_now(
                        asked.committed_offset,
                        asked.committed_leader_epoch,
                        asked.committed_metadata.as_ref(),
                    );
                    accepted.push((topic.name.to_string(), asked.partition_index, committed));
                }
            }
        }
        call.state.groups.stage(group, producer.id, accepted)
    };
    match request.generation_id {
        ..0 => call.state.groups.with_or_create(group, stage),
        _ => {
            let staged = call.state.groups.with(group, stage);
            staged.unwrap_or(Err(ResponseError::IllegalGeneration))
        }
    }
}

/// TxnOffsetCommit knows generations only.
fn before_member_epochs(error: ResponseError) -> ResponseError {
    match error {
        ResponseError::StaleMemberEpoch => ResponseError::IllegalGeneration,
        error => error,
    }
}
