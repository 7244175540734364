//! DescribeProducers, DescribeTransactions, ListTransactions: what an operator asks of transactions (KIP-664).

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_producers_response::{
    DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::describe_transactions_response::{
    DescribeTransactionsResponse, TopicData, TransactionState as Described,
};
use kafka_protocol::messages::list_transactions_response::{
    ListTransactionsResponse, TransactionState as Listed,
};
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeTransactionsRequest, ListTransactionsRequest, ProducerId,
    TopicName, TransactionalId,
};
use regex::Regex;

use super::super::log::marker::COORDINATOR_EPOCH;
use super::super::sync::{lock, now_milliseconds};
use super::super::transaction::state::{Phase, Transaction};
use super::{Answer, Call, text};

/// The producers that wrote to each partition. Error: UNKNOWN_TOPIC_OR_PARTITION.
pub(super) async fn producers(call: Call<'_>, request: DescribeProducersRequest) -> Answer {
    let topics = request.topics.into_iter().map(|asked| {
        let topic = call.state.topics.get(&asked.name);
        let partition = |index: i32| {
            let found = topic.as_ref().and_then(|topic| topic.partition(index));
            let found = match call.fault {
                Some(fault) => Err(ResponseError::Unknown(fault)),
                None => found.ok_or(ResponseError::UnknownTopicOrPartition),
            };
            let response = PartitionResponse::default()
                .with_partition_index(index)
                .with_error_code(super::code(&found));
            let producers = found.map(|partition| partition.producers());
            let producers = producers.unwrap_or_default().into_iter();
            let producer = producers.map(|(last, began)| {
                ProducerState::default()
                    .with_producer_id(ProducerId(last.producer_id))
                    .with_producer_epoch(i32::from(last.epoch))
                    .with_last_sequence(last.sequence)
                    .with_last_timestamp(last.at)
                    .with_coordinator_epoch(COORDINATOR_EPOCH)
                    .with_current_txn_start_offset(began)
            });
            response.with_active_producers(producer.collect())
        };
        TopicResponse::default()
            .with_partitions(asked.partition_indexes.into_iter().map(partition).collect())
            .with_name(asked.name)
    });
    call.reply(&DescribeProducersResponse::default().with_topics(topics.collect()))
}

/// Each transactional id that is asked for. Error: TRANSACTIONAL_ID_NOT_FOUND.
pub(super) async fn describe(call: Call<'_>, request: DescribeTransactionsRequest) -> Answer {
    let described = request.transactional_ids.into_iter().map(|id| {
        let found = match call.fault {
            Some(fault) => Err(ResponseError::Unknown(fault)),
            None => call.state.transactions.get(&id),
        };
        let described = match found {
            Ok(transaction) => described(&lock(&transaction)),
            Err(error) => {
                let code = match error {
                    ResponseError::InvalidProducerIdMapping => {
                        ResponseError::TransactionalIdNotFound.code()
                    }
                    error => error.code(),
                };
                Described::default().with_error_code(code)
            }
        };
        described.with_transactional_id(id)
    });
    call.reply(
        &DescribeTransactionsResponse::default().with_transaction_states(described.collect()),
    )
}

fn described(transaction: &Transaction) -> Described {
    let topics = transaction.partitions.iter().map(|(topic, partitions)| {
        TopicData::default()
            .with_topic(TopicName(text(topic)))
            .with_partitions(partitions.iter().copied().collect())
    });
    Described::default()
        .with_transaction_state(text(transaction.phase.name()))
        .with_transaction_timeout_ms(transaction.timeout)
        .with_transaction_start_time_ms(transaction.started)
        .with_producer_id(ProducerId(transaction.producer.id))
        .with_producer_epoch(transaction.producer.epoch)
        .with_topics(topics.collect())
}

/// The transactional ids that every filter lets through; an empty filter lets all through. Error:
/// INVALID_REGULAR_EXPRESSION for a pattern that is none.
pub(super) async fn list(call: Call<'_>, request: ListTransactionsRequest) -> Answer {
    let response = ListTransactionsResponse::default();
    // As Kafka's: the whole id must match.
    let pattern = request
        .transactional_id_pattern
        .filter(|text| !text.is_empty());
    let pattern = pattern.map(|pattern| Regex::new(&format!("^(?:{})$", &*pattern)));
    let pattern = match (call.fault, pattern.transpose()) {
        (Some(fault), _) => return call.reply(&response.with_error_code(fault)),
        (None, Ok(pattern)) => pattern,
        (None, Err(_)) => {
            let error = ResponseError::InvalidRegularExpression.code();
            return call.reply(&response.with_error_code(error));
        }
    };
    let (states, unknown): (Vec<_>, Vec<_>) = request
        .state_filters
        .into_iter()
        .partition(|state| Phase::NAMES.contains(&state.as_str()));
    let any_state = states.is_empty() && unknown.is_empty();
    let now = now_milliseconds();
    let mut listed = Vec::new();
    for (id, transaction) in call.state.transactions.all() {
        let transaction = lock(&transaction);
        let state = transaction.phase.name();
        let producer = ProducerId(transaction.producer.id);
        let age = now.saturating_sub(transaction.started);
        let is_old = transaction.phase == Phase::Ongoing && age > request.duration_filter;
        let producers = &request.producer_id_filters;
        let wanted = (any_state || states.iter().any(|wanted| wanted.as_str() == state))
            && (producers.is_empty() || producers.contains(&producer))
            && (request.duration_filter < 0 || is_old)
            && pattern.as_ref().is_none_or(|pattern| pattern.is_match(&id));
        if wanted {
            listed.push(
                Listed::default()
                    .with_transactional_id(TransactionalId(text(id)))
                    .with_producer_id(producer)
                    .with_transaction_state(text(state)),
            );
        }
    }
    call.reply(
        &response
            .with_unknown_state_filters(unknown)
            .with_transaction_states(listed),
    )
}
