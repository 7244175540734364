//! A member that cannot read what its group committed, since a transaction of the group does not end.

use super::handled;
use crate::broker::{PATIENCE, send_numbers, topic};
use crate::support::connection::Connection;
use crate::support::{Running, broker, fresh, wait_for};
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, EndTxnRequest, FindCoordinatorRequest, GroupId, InitProducerIdRequest,
    ProducerId, TopicName, TransactionalId, TxnOffsetCommitRequest,
};
use kafka_protocol::protocol::StrBytes;
use std::time::Duration;

/// Versions that both Kafka 4 and the embedded broker speak.
const FIND_COORDINATOR: i16 = 2;
const INIT_PRODUCER_ID: i16 = 1;
const ADD_OFFSETS: i16 = 1;
const COMMIT_OFFSETS: i16 = 2;
const END: i16 = 1;

/// A transaction that commits offset 2 of partition 0, once it is ended.
struct Open {
    connection: Connection,
    id: TransactionalId,
    producer: (ProducerId, i16),
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn open(group: &str, topic: &str) -> Open {
    let mut connection = Connection::open(broker().address()).unwrap();
    let id = TransactionalId(text(&fresh("open")));
    let group = GroupId(text(group));
    for (kind, key) in [(0, &group.0), (1, &id.0)] {
        let request = FindCoordinatorRequest::default()
            .with_key(key.clone())
            .with_key_type(kind);
        let found = wait_for(PATIENCE, || {
            let answer = connection.ask(&request, FIND_COORDINATOR).unwrap();
            (answer.error_code == 0).then_some(())
        });
        found.expect("a coordinator");
    }
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(id.clone()))
        .with_transaction_timeout_ms(60_000);
    let producer = wait_for(PATIENCE, || {
        let answer = connection.ask(&request, INIT_PRODUCER_ID).unwrap();
        (answer.error_code == 0).then_some((answer.producer_id, answer.producer_epoch))
    });
    let producer = producer.expect("a producer id");
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(id.clone())
        .with_producer_id(producer.0)
        .with_producer_epoch(producer.1)
        .with_group_id(group.clone());
    let added = connection.ask(&request, ADD_OFFSETS).unwrap();
    assert_eq!(added.error_code, 0);
    let partition = TxnOffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(2);
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(id.clone())
        .with_producer_id(producer.0)
        .with_producer_epoch(producer.1)
        .with_group_id(group)
        .with_topics(vec![
            TxnOffsetCommitRequestTopic::default()
                .with_name(TopicName(text(topic)))
                .with_partitions(vec![partition]),
        ]);
    let committed = wait_for(PATIENCE, || {
        let answer = connection.ask(&request, COMMIT_OFFSETS).unwrap();
        (answer.topics[0].partitions[0].error_code == 0).then_some(())
    });
    committed.expect("offsets in the transaction");
    Open {
        connection,
        id,
        producer,
    }
}

impl Open {
    fn commit(mut self) {
        let request = EndTxnRequest::default()
            .with_transactional_id(self.id)
            .with_producer_id(self.producer.0)
            .with_producer_epoch(self.producer.1)
            .with_committed(true);
        let ended = self.connection.ask(&request, END).unwrap();
        assert_eq!(ended.error_code, 0);
    }
}

#[test]
fn a_transaction_that_does_not_end_is_told_and_waited_for() {
    let (topic, group) = (topic("orders", 1), fresh("billing"));
    send_numbers(&topic, 1, 5);
    let open = open(&group, &topic);
    let script = "while read -r line; do echo '{\"ok\":true}'; done";
    let run = handled(&topic, &group, script);
    let run = run.args(["--worker", "sh handler", "--delivery", "exactly-once"]);
    let run = run.args(["--timeout", "2s", "-n", "3", "--json"]);
    let member = run.timeout(Duration::from_secs(90)).spawn();
    let says = |run: &Running| run.stderr().contains("still waiting: could not read");
    member.wait_until("the warning", PATIENCE, says);
    assert!(
        member.stderr().contains("find-hanging"),
        "{}",
        member.stderr()
    );
    open.commit();
    let output = member.wait(PATIENCE * 2).succeeds();
    assert!(
        output.stderr.contains("it is answered: going on"),
        "{}",
        output.stderr
    );
    assert_eq!(output.json()["processed"], 3);
}
