//! What an operator sees of transactions.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::*;

use super::transactions::{World, name};
use super::*;

#[tokio::test]
async fn operators_see_transactions_and_their_producers() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    world.add(producer, vec![1, 0]).await;
    world.write(producer, 0, 0).await;
    let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![
        TransactionalId(name("id")),
        TransactionalId(name("nobody")),
    ]);
    let described = ask(&world.0, &request, 0).await.transaction_states;
    assert_eq!(described[0].transaction_state.as_str(), "Ongoing");
    assert_eq!(described[0].topics[0].partitions, [0, 1]);
    assert_eq!(described[1].error_code, 105);

    let list = |pattern: &'static str, state: &'static str, age: i64| {
        let states = match state {
            "" => vec![],
            state => vec![name(state)],
        };
        let request = ListTransactionsRequest::default()
            .with_state_filters(states)
            .with_duration_filter(age)
            .with_transactional_id_pattern(Some(name(pattern)));
        let state = world.0.clone();
        async move {
            let answer = ask(&state, &request, 2).await;
            (answer.error_code, answer.transaction_states.len())
        }
    };
    assert_eq!(list("", "", -1).await, (0, 1));
    assert_eq!(list("i.", "Ongoing", -1).await, (0, 1));
    assert_eq!(list("i", "", -1).await, (0, 0), "the whole id must match");
    assert_eq!(list("", "Empty", -1).await, (0, 0));
    assert_eq!(list("", "Nonsense", -1).await, (0, 0));
    let nonsense = ListTransactionsRequest::default().with_state_filters(vec![name("Nonsense")]);
    let answer = ask(&world.0, &nonsense, 0).await;
    assert_eq!(answer.unknown_state_filters, [name("Nonsense")]);
    assert_eq!(list("", "", 3_600_000).await, (0, 0));
    assert_eq!(
        list("(", "", -1).await.0,
        ResponseError::InvalidRegularExpression.code()
    );

    let topic = describe_producers_request::TopicRequest::default()
        .with_name(TopicName(name("orders")))
        .with_partition_indexes(vec![0, 1, 2]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = ask(&world.0, &request, 0).await;
    let partitions = &answer.topics[0].partitions;
    let active = &partitions[0].active_producers[0];
    assert_eq!(
        (active.producer_id.0, active.last_sequence),
        (producer.id, 1)
    );
    assert_eq!(active.current_txn_start_offset, 0);
    assert!(partitions[1].active_producers.is_empty());
    assert_eq!(partitions[2].error_code, 3);
    assert_eq!(world.end(producer, true).await, 0);
    let answer = ask(&world.0, &request, 0).await;
    let active = &answer.topics[0].partitions[0].active_producers[0];
    assert_eq!(active.current_txn_start_offset, -1);
}
