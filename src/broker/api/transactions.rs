//! AddPartitionsToTxn, AddOffsetsToTxn, EndTxn: a transaction from its first partition to its end (KIP-98).

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResponse, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, EndTxnRequest,
    EndTxnResponse, ProducerId,
};

use super::super::sync::now_milliseconds;
use super::super::transaction::state::{Identity, Transaction, before_fenced};
use super::{Answer, Call};

/// Groups in one transaction: one is usual.
const GROUPS_LIMIT: usize = 1000;

/// Who calls.
pub(super) fn identity(id: ProducerId, epoch: i16) -> Identity {
    Identity { id: id.0, epoch }
}

/// Runs `act` on an open transaction of the caller's, see [`Transactions::with_open`].
///
/// [`Transactions::with_open`]: super::super::transaction::coordinator::Transactions::with_open
fn with_open(
    call: &Call<'_>,
    id: &str,
    caller: Identity,
    act: impl FnOnce(&mut Transaction) -> Result<(), ResponseError>,
) -> Result<(), ResponseError> {
    if let Some(fault) = call.fault {
        return Err(ResponseError::Unknown(fault));
    }
    let transactions = &call.state.transactions;
    transactions.with_open(id, caller, now_milliseconds(), act)
}

/// The code as a client of this version knows it: who does not know PRODUCER_FENCED (KIP-588) is told the older one.
fn known(result: Result<(), ResponseError>, version: i16) -> Result<(), ResponseError> {
    match version {
        ..2 => result.map_err(before_fenced),
        _ => result,
    }
}

/// Makes partitions part of the transaction, all or none of them: where one is unknown, the others get
/// OPERATION_NOT_ATTEMPTED.
pub(super) async fn add_partitions(call: Call<'_>, request: AddPartitionsToTxnRequest) -> Answer {
    let topics = &request.v3_and_below_topics;
    let exists = |name: &str, index: i32| {
        let topic = call.state.topics.get(name);
        topic.is_some_and(|topic| topic.partition(index).is_some())
    };
    let all_exist = topics.iter().all(|asked| {
        let mut partitions = asked.partitions.iter();
        partitions.all(|index| exists(&asked.name, *index))
    });
    let caller = identity(
        request.v3_and_below_producer_id,
        request.v3_and_below_producer_epoch,
    );
    let id = &request.v3_and_below_transactional_id;
    let added = match all_exist || call.fault.is_some() {
        true => with_open(&call, id, caller, |transaction| {
            for asked in topics {
                let name = asked.name.to_string();
                let partitions = transaction.partitions.entry(name).or_default();
                partitions.extend(&asked.partitions);
            }
            Ok(())
        }),
        false => Err(ResponseError::OperationNotAttempted),
    };
    let added = known(added, call.version());
    let results = topics.iter().map(|asked| {
        let result = |index: &i32| {
            let result = match added {
                Err(ResponseError::OperationNotAttempted) if !exists(&asked.name, *index) => {
                    Err(ResponseError::UnknownTopicOrPartition)
                }
                added => added,
            };
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(super::code(&result))
        };
        AddPartitionsToTxnTopicResult::default()
            .with_name(asked.name.clone())
            .with_results_by_partition(asked.partitions.iter().map(result).collect())
    });
    let response = AddPartitionsToTxnResponse::default();
    call.reply(&response.with_results_by_topic_v3_and_below(results.collect()))
}

/// Makes a group's offsets part of the transaction. Error of its own: POLICY_VIOLATION for one group too many.
pub(super) async fn add_offsets(call: Call<'_>, request: AddOffsetsToTxnRequest) -> Answer {
    let caller = identity(request.producer_id, request.producer_epoch);
    let added = match request.group_id.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => with_open(&call, &request.transactional_id, caller, |transaction| {
            let groups = &mut transaction.groups;
            if groups.len() >= GROUPS_LIMIT {
                return Err(ResponseError::PolicyViolation);
            }
            groups.insert(request.group_id.to_string());
            Ok(())
        }),
    };
    let added = known(added, call.version());
    call.reply(&AddOffsetsToTxnResponse::default().with_error_code(super::code(&added)))
}

/// Commits or aborts: when the answer comes, the markers are written.
pub(super) async fn end(call: Call<'_>, request: EndTxnRequest) -> Answer {
    let caller = identity(request.producer_id, request.producer_epoch);
    let ended = match call.fault {
        Some(fault) => Err(ResponseError::Unknown(fault)),
        None => call.state.transactions.end(
            &request.transactional_id,
            caller,
            request.committed,
            call.state.places(),
            now_milliseconds(),
        ),
    };
    let ended = known(ended, call.version());
    call.reply(&EndTxnResponse::default().with_error_code(super::code(&ended)))
}
