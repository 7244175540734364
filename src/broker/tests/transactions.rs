use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use super::super::log::batch::{self, fixture};
use super::super::sync::now_milliseconds;
use super::super::transaction::state::Identity;
use super::*;

const FENCED: i16 = 90;
const INVALID_STATE: i16 = 48;

pub(super) fn name(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

/// A broker with a topic of two partitions, and what its clients ask.
pub(super) struct World(pub(super) Arc<State>);

impl World {
    pub(super) async fn new() -> World {
        let world = World(state());
        assert_eq!(world.create().await, 0);
        world
    }

    /// Makes the topic.
    pub(super) async fn create(&self) -> i16 {
        let topic = CreatableTopic::default()
            .with_name(TopicName(name("orders")))
            .with_num_partitions(2)
            .with_replication_factor(1);
        let create = CreateTopicsRequest::default().with_topics(vec![topic]);
        ask(&self.0, &create, 7).await.topics[0].error_code
    }

    /// InitProducerId of the transactional id `id`.
    pub(super) async fn initialise(&self, timeout: i32, before: Identity) -> Result<Identity, i16> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(name("id"))))
            .with_transaction_timeout_ms(timeout)
            .with_producer_id(ProducerId(before.id))
            .with_producer_epoch(before.epoch);
        let given = ask(&self.0, &request, 5).await;
        match given.error_code {
            0 => Ok(Identity {
                id: given.producer_id.0,
                epoch: given.producer_epoch,
            }),
            error => Err(error),
        }
    }

    pub(super) async fn new_producer(&self) -> Identity {
        self.initialise(60_000, Identity::NONE).await.unwrap()
    }

    pub(super) async fn add(&self, producer: Identity, partitions: Vec<i32>) -> Vec<i16> {
        let topic = add_partitions_to_txn_request::AddPartitionsToTxnTopic::default()
            .with_name(TopicName(name("orders")))
            .with_partitions(partitions);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(TransactionalId(name("id")))
            .with_v3_and_below_producer_id(ProducerId(producer.id))
            .with_v3_and_below_producer_epoch(producer.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let answer = ask(&self.0, &request, 3).await;
        let results = &answer.results_by_topic_v3_and_below[0].results_by_partition;
        results.iter().map(|one| one.partition_error_code).collect()
    }

    /// Two records; the answer's error and base offset.
    pub(super) async fn write(
        &self,
        producer: Identity,
        partition: i32,
        sequence: i32,
    ) -> (i16, i64) {
        let now = now_milliseconds();
        let (id, epoch) = (producer.id, producer.epoch);
        let batch = fixture::transactional(&[now, now], b"x", id, epoch, sequence);
        self.produce(batch, partition, Some("id")).await
    }

    pub(super) async fn produce(
        &self,
        batch: Vec<u8>,
        partition: i32,
        id: Option<&'static str>,
    ) -> (i16, i64) {
        let data = produce_request::PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.into()));
        let topic = produce_request::TopicProduceData::default()
            .with_name(TopicName(name("orders")))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(id.map(|id| TransactionalId(name(id))))
            .with_acks(-1)
            .with_topic_data(vec![topic]);
        let answer = ask(&self.0, &request, 9).await;
        let answer = &answer.responses[0].partition_responses[0];
        (answer.error_code, answer.base_offset)
    }

    pub(super) async fn end(&self, producer: Identity, committed: bool) -> i16 {
        let request = EndTxnRequest::default()
            .with_transactional_id(TransactionalId(name("id")))
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch)
            .with_committed(committed);
        ask(&self.0, &request, 3).await.error_code
    }

    /// What a reader gets from `offset` on: base offsets of the batches, the last stable offset, and the aborted
    /// transactions as producer and first offset.
    pub(super) async fn read(
        &self,
        offset: i64,
        committed: bool,
    ) -> (Vec<i64>, i64, Option<Vec<(i64, i64)>>) {
        let partition = fetch_request::FetchPartition::default()
            .with_fetch_offset(offset)
            .with_partition_max_bytes(1_000_000);
        let topic = fetch_request::FetchTopic::default()
            .with_topic(TopicName(name("orders")))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_max_bytes(1_000_000)
            .with_isolation_level(i8::from(committed))
            .with_topics(vec![topic]);
        let mut answers = Vec::new();
        // The old encoding and the flexible one.
        for version in [11, 12] {
            let answer = ask(&self.0, &request, version).await;
            let partition = &answer.responses[0].partitions[0];
            assert_eq!(partition.error_code, 0);
            let records = partition.records.as_ref().unwrap();
            let bases = batch::batches(records).map(|(_, header)| header.base_offset);
            let aborted = partition.aborted_transactions.as_ref();
            let aborted = aborted.map(|all| {
                let all = all.iter();
                all.map(|one| (one.producer_id.0, one.first_offset))
                    .collect()
            });
            answers.push((bases.collect(), partition.last_stable_offset, aborted));
        }
        assert_eq!(answers[0], answers[1]);
        answers.remove(0)
    }

    /// The end of partition 0.
    pub(super) async fn latest(&self, committed: bool) -> i64 {
        let partition = list_offsets_request::ListOffsetsPartition::default().with_timestamp(-1);
        let topic = list_offsets_request::ListOffsetsTopic::default()
            .with_name(TopicName(name("orders")))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_isolation_level(i8::from(committed))
            .with_topics(vec![topic]);
        ask(&self.0, &request, 7).await.topics[0].partitions[0].offset
    }

    pub(super) async fn stage_offset(
        &self,
        producer: Identity,
        offset: i64,
        generation: i32,
    ) -> i16 {
        let partition = txn_offset_commit_request::TxnOffsetCommitRequestPartition::default()
            .with_committed_offset(offset);
        let topic = txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
            .with_name(TopicName(name("orders")))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(name("id")))
            .with_group_id(GroupId(name("group")))
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch)
            .with_generation_id(generation)
            .with_topics(vec![topic]);
        ask(&self.0, &request, 3).await.topics[0].partitions[0].error_code
    }

    pub(super) async fn add_group(&self, producer: Identity) -> i16 {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(TransactionalId(name("id")))
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch)
            .with_group_id(GroupId(name("group")));
        ask(&self.0, &request, 3).await.error_code
    }

    /// The group's offset and its error.
    pub(super) async fn offset(&self, stable: bool) -> (i64, i16) {
        let topic = offset_fetch_request::OffsetFetchRequestTopics::default()
            .with_name(TopicName(name("orders")))
            .with_partition_indexes(vec![0]);
        let group = offset_fetch_request::OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(name("group")))
            .with_topics(Some(vec![topic]));
        let request = OffsetFetchRequest::default()
            .with_require_stable(stable)
            .with_groups(vec![group]);
        let answer = ask(&self.0, &request, 9).await;
        let partition = &answer.groups[0].topics[0].partitions[0];
        (partition.committed_offset, partition.error_code)
    }
}

#[tokio::test]
async fn committed_readers_stop_at_what_is_open_and_hear_of_what_was_aborted() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    assert_eq!(world.add(producer, vec![0, 1]).await, [0, 0]);
    assert_eq!(world.write(producer, 0, 0).await, (0, 0));
    let plain = fixture::batch(&[now_milliseconds()], b"plain");
    assert_eq!(world.produce(plain, 0, None).await, (0, 2));
    assert_eq!(world.read(0, true).await, (vec![], 0, Some(vec![])));
    assert_eq!(world.read(0, false).await, (vec![0, 2], 0, None));
    assert_eq!(
        (world.latest(true).await, world.latest(false).await),
        (0, 3)
    );

    assert_eq!(world.end(producer, true).await, 0);
    assert_eq!(world.end(producer, true).await, 0, "it may be asked again");
    assert_eq!(world.end(producer, false).await, INVALID_STATE);
    // The marker is the fourth.
    assert_eq!(world.read(0, true).await, (vec![0, 2, 3], 4, Some(vec![])));
    assert_eq!(world.latest(true).await, 4);

    assert_eq!(world.add(producer, vec![0]).await, [0]);
    assert_eq!(world.write(producer, 0, 2).await, (0, 4));
    assert_eq!(world.end(producer, false).await, 0);
    let aborted = Some(vec![(producer.id, 4)]);
    assert_eq!(
        world.read(3, true).await,
        (vec![3, 4, 6], 7, aborted.clone())
    );
    assert_eq!(world.read(6, true).await, (vec![6], 7, aborted));
}

#[tokio::test]
async fn only_an_open_transaction_is_written_to() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    assert_eq!(world.write(producer, 0, 0).await.0, INVALID_STATE);
    // All or none of them.
    assert_eq!(world.add(producer, vec![0, 9]).await, [55, 3]);
    assert_eq!(world.write(producer, 0, 0).await.0, INVALID_STATE);
    assert_eq!(world.add(producer, vec![0]).await, [0]);
    assert_eq!(world.write(producer, 0, 0).await.0, 0);
    let now = now_milliseconds();
    let outside = fixture::idempotent(&[now], b"x", producer.id, producer.epoch, 2);
    assert_eq!(world.produce(outside, 0, Some("id")).await.0, INVALID_STATE);
    let stranger = Identity {
        id: producer.id + 100,
        ..producer
    };
    assert_eq!(world.add(stranger, vec![0]).await, [49]);
    assert_eq!(world.write(stranger, 0, 0).await.0, 49);
    assert_eq!(world.end(producer, true).await, 0);
    assert_eq!(
        world.write(producer, 0, 2).await.0,
        INVALID_STATE,
        "it comes late"
    );
}

#[tokio::test]
async fn a_second_producer_fences_the_first_and_aborts_what_it_left() {
    let world = World::new().await;
    let first = world.new_producer().await;
    world.add(first, vec![0]).await;
    assert_eq!(world.write(first, 0, 0).await, (0, 0));
    let second = world.new_producer().await;
    assert_eq!(second.id, first.id);
    assert!(second.epoch > first.epoch);
    assert_eq!(
        world.read(0, true).await,
        (vec![0, 2], 3, Some(vec![(first.id, 0)]))
    );
    assert_eq!(world.add(first, vec![0]).await, [FENCED]);
    assert_eq!(world.write(first, 0, 2).await.0, 47);
    assert_eq!(world.end(first, true).await, FENCED);
    assert_eq!(world.initialise(60_000, first).await, Err(FENCED));
    assert_eq!(world.initialise(0, Identity::NONE).await, Err(50));
    assert_eq!(world.initialise(900_001, Identity::NONE).await, Err(50));
    world.add(second, vec![0]).await;
    assert_eq!(world.write(second, 0, 0).await, (0, 3));
    assert_eq!(world.end(second, true).await, 0);
}

#[tokio::test]
async fn what_is_open_too_long_is_aborted() {
    let world = World::new().await;
    let producer = world.initialise(1000, Identity::NONE).await.unwrap();
    world.add(producer, vec![0]).await;
    world.write(producer, 0, 0).await;
    let expire = |after: i64| {
        let now = now_milliseconds() + after;
        world.0.transactions.expire(world.0.places(), now);
    };
    expire(900);
    assert_eq!(world.latest(true).await, 0);
    expire(1100);
    assert_eq!(
        world.read(0, true).await,
        (vec![0, 2], 3, Some(vec![(producer.id, 0)]))
    );
    assert_eq!(world.end(producer, true).await, FENCED);
    let week = Duration::from_secs(7 * 24 * 60 * 60 + 10);
    expire(week.as_millis() as i64);
    assert_eq!(
        world.end(producer, true).await,
        49,
        "nobody knows it any more"
    );
}

#[tokio::test]
async fn offsets_of_a_transaction_count_when_it_commits() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    assert_eq!(world.stage_offset(producer, 5, -1).await, INVALID_STATE);
    assert_eq!(world.add_group(producer).await, 0);
    assert_eq!(world.stage_offset(producer, 5, -1).await, 0);
    assert_eq!(
        world.stage_offset(producer, 5, 3).await,
        25,
        "no such member"
    );
    let unstable = ResponseError::UnstableOffsetCommit.code();
    assert_eq!(world.offset(true).await, (-1, unstable));
    assert_eq!(world.offset(false).await, (-1, 0));
    assert_eq!(world.end(producer, false).await, 0);
    assert_eq!(world.offset(true).await, (-1, 0));
    assert_eq!(world.add_group(producer).await, 0);
    assert_eq!(world.stage_offset(producer, 7, -1).await, 0);
    assert_eq!(world.end(producer, true).await, 0);
    assert_eq!(world.offset(true).await, (7, 0));
    let stale = Identity {
        epoch: producer.epoch + 1,
        ..producer
    };
    assert_eq!(world.stage_offset(stale, 8, -1).await, 47);
}
