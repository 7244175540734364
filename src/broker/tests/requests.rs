use std::time::{Duration, Instant};

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use super::super::log::batch::fixture;
use super::super::sync::now_milliseconds;
use super::*;

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("orders"))
}

fn create(partitions: i32, replication: i16) -> CreateTopicsRequest {
    let asked = CreatableTopic::default()
        .with_name(topic())
        .with_num_partitions(partitions)
        .with_replication_factor(replication);
    CreateTopicsRequest::default().with_topics(vec![asked])
}

fn produce(batch: Vec<u8>, acks: i16) -> ProduceRequest {
    let data = produce_request::PartitionProduceData::default().with_records(Some(batch.into()));
    let asked = produce_request::TopicProduceData::default()
        .with_name(topic())
        .with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_acks(acks)
        .with_topic_data(vec![asked])
}

fn fetch(offset: i64, max_wait: i32) -> FetchRequest {
    let partition = fetch_request::FetchPartition::default()
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1_000_000);
    let asked = fetch_request::FetchTopic::default()
        .with_topic(topic())
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(max_wait)
        .with_min_bytes(1)
        .with_max_bytes(1_000_000)
        .with_topics(vec![asked])
}

fn error_of(response: &ProduceResponse) -> i16 {
    response.responses[0].partition_responses[0].error_code
}

#[tokio::test]
async fn topics_are_made_described_and_deleted() {
    let state = state();
    for (partitions, replication, error) in [(0, 1, 37), (3, 2, 38), (3, 0, 38), (20_000, 1, 44)] {
        let refused = ask(&state, &create(partitions, replication), 7).await;
        assert_eq!(refused.topics[0].error_code, error);
        assert!(refused.topics[0].configs.is_some(), "Java dies of null");
    }
    let valid = ask(&state, &create(2, 1).with_validate_only(true), 7).await;
    assert_eq!(valid.topics[0].error_code, 0);
    let made = ask(&state, &create(-1, -1), 7).await;
    assert_eq!(
        (
            made.topics[0].num_partitions,
            made.topics[0].replication_factor
        ),
        (3, 1)
    );
    assert_eq!(ask(&state, &create(2, 1), 7).await.topics[0].error_code, 36);

    let id = made.topics[0].topic_id;
    let by_id = metadata_request::MetadataRequestTopic::default()
        .with_topic_id(id)
        .with_name(None);
    let request = MetadataRequest::default().with_topics(Some(vec![by_id]));
    let found = ask(&state, &request, 12).await;
    assert_eq!(found.topics[0].name, Some(topic()));
    let gone = delete_topics_request::DeleteTopicState::default()
        .with_topic_id(id)
        .with_name(None);
    ask(
        &state,
        &DeleteTopicsRequest::default().with_topics(vec![gone]),
        6,
    )
    .await;
    assert_eq!(ask(&state, &request, 12).await.topics[0].error_code, 100);
    let all = MetadataRequest::default().with_topics(None);
    assert!(ask(&state, &all, 13).await.topics.is_empty());
}

#[tokio::test]
async fn what_is_produced_is_fetched_in_every_version() {
    let state = state();
    let id = ask(&state, &create(1, 1), 7).await.topics[0].topic_id;
    let now = now_milliseconds();
    for index in 0..3 {
        let batch = fixture::batch(&[now, now + 1], &vec![b'x'; 3000 * index]);
        let produced = ask(&state, &produce(batch, -1), 9).await;
        assert_eq!(
            produced.responses[0].partition_responses[0].base_offset,
            index as i64 * 2
        );
    }
    for version in 4..=18 {
        let mut request = fetch(2, 0);
        if version >= 13 {
            request.topics[0].topic = TopicName::default();
            request.topics[0].topic_id = id;
        }
        let fetched = ask(&state, &request, version).await;
        let partition = &fetched.responses[0].partitions[0];
        assert_eq!((partition.error_code, partition.high_watermark), (0, 6));
        let records = partition.records.as_ref().unwrap();
        let batches: Vec<_> = super::super::log::batch::batches(records).collect();
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].1.base_offset, 2);
    }
    let outside = ask(&state, &fetch(7, 0), 12).await;
    assert_eq!(outside.responses[0].partitions[0].error_code, 1);
    let session = ask(&state, &fetch(0, 0).with_session_id(5), 12).await;
    assert_eq!(session.error_code, 70);
}

#[tokio::test]
async fn produce_refuses_as_kafka_does() {
    let state = state();
    let now = now_milliseconds();
    let good = || fixture::batch(&[now], b"x");
    assert_eq!(error_of(&ask(&state, &produce(good(), 1), 8).await), 3);
    ask(&state, &create(1, 1), 7).await;
    assert_eq!(error_of(&ask(&state, &produce(good(), 2), 8).await), 21);
    let mut corrupt = good();
    corrupt[65] ^= 1;
    assert_eq!(error_of(&ask(&state, &produce(corrupt, 1), 8).await), 2);
    let large = fixture::batch(&[now], &vec![0; 2_000_000]);
    assert_eq!(error_of(&ask(&state, &produce(large, 1), 8).await), 10);
    let transactional = fixture::transactional(&[now], b"x", 1, 0, 0);
    assert_eq!(
        error_of(&ask(&state, &produce(transactional, 1), 8).await),
        53
    );
    let unanswered = api::dispatch(&state, &connection(), frame(&produce(good(), 0), 8)).await;
    assert!(unanswered.unwrap().is_none());
    assert_eq!(
        ask(&state, &fetch(0, 0), 12).await.responses[0].partitions[0].high_watermark,
        1
    );
}

#[tokio::test]
async fn memory_is_bounded_and_retention_makes_room() {
    let options = Options {
        memory_limit: 3_000_000,
        ..options()
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 1234));
    let state = Arc::new(State::new(options, address).unwrap());
    ask(&state, &create(1, 1), 7).await;
    let batch = || fixture::batch(&[now_milliseconds()], &vec![0; 900_000]);
    for _ in 0..3 {
        assert_eq!(error_of(&ask(&state, &produce(batch(), 1), 8).await), 0);
    }
    assert_eq!(error_of(&ask(&state, &produce(batch(), 1), 8).await), 56);
    let entry = incremental_alter_configs_request::AlterableConfig::default()
        .with_name("retention.bytes".to_owned().into())
        .with_value(Some("1000000".to_owned().into()));
    let resource = incremental_alter_configs_request::AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(topic().0)
        .with_configs(vec![entry]);
    let alter = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    assert_eq!(ask(&state, &alter, 1).await.responses[0].error_code, 0);
    // Retention out of turn comes at most every 100 ms.
    let deadline = Instant::now() + Duration::from_secs(5);
    while error_of(&ask(&state, &produce(batch(), 1), 8).await) != 0 {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_long_poll_ends_with_the_first_record_or_the_topic() {
    let broker = broker().await;
    let (mut reader, mut writer) = (connect(&broker).await, connect(&broker).await);
    ask_over(&mut writer, &create(1, 1), 7).await.unwrap();
    for round in 0..2 {
        let request = fetch(round, 60_000);
        let waiting = ask_over(&mut reader, &request, 12);
        let writing = async {
            // Once another request has been answered the fetch may or may not wait yet: both must work.
            ask_over(&mut writer, &ApiVersionsRequest::default(), 0)
                .await
                .unwrap();
            let batch = fixture::batch(&[now_milliseconds()], b"x");
            ask_over(&mut writer, &produce(batch, 1), 8).await.unwrap();
        };
        let (fetched, ()) = tokio::join!(waiting, writing);
        assert_eq!(
            fetched.unwrap().responses[0].partitions[0].high_watermark,
            round + 1
        );
    }
    let request = fetch(2, 60_000);
    let waiting = ask_over(&mut reader, &request, 12);
    let deleting = async {
        let delete = DeleteTopicsRequest::default().with_topic_names(vec![topic()]);
        ask_over(&mut writer, &delete, 4).await.unwrap();
    };
    let (fetched, ()) = tokio::join!(waiting, deleting);
    assert_eq!(fetched.unwrap().responses[0].partitions[0].error_code, 3);
}

#[tokio::test]
async fn a_long_poll_ends_when_its_client_goes() {
    let broker = broker().await;
    let (mut reader, mut writer) = (connect(&broker).await, connect(&broker).await);
    ask_over(&mut writer, &create(1, 1), 7).await.unwrap();
    let others = Arc::strong_count(&broker.state) - 1;
    let waiting = frame(&fetch(0, 600_000), 12);
    reader.write_i32(waiting.len() as i32).await.unwrap();
    reader.write_all(&waiting).await.unwrap();
    let busy = |count: usize| Arc::strong_count(&broker.state) == count;
    assert!(busy(others + 1));
    drop(reader);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !busy(others) {
        assert!(Instant::now() < deadline, "the connection's task lives on");
        tokio::task::yield_now().await;
    }
}
