use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use super::*;

/// Valid frames to spoil, one of each kind that has arrays.
fn samples() -> Vec<Bytes> {
    let name = || StrBytes::from_static_str("name");
    let group = || GroupId(name());
    let partition = fetch_request::FetchPartition::default().with_partition_max_bytes(1000);
    let topic =
        fetch_request::FetchTopic::default().with_partitions(vec![partition.clone(), partition]);
    let protocol = join_group_request::JoinGroupRequestProtocol::default().with_name(name());
    let join = JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(50)
        .with_rebalance_timeout_ms(20)
        .with_protocol_type(name())
        .with_protocols(vec![protocol.clone(), protocol]);
    let data = produce_request::PartitionProduceData::default()
        .with_records(Some(Bytes::from_static(&[2; 90])));
    let produce = produce_request::TopicProduceData::default().with_partition_data(vec![data]);
    let create = create_topics_request::CreatableTopic::default()
        .with_name(TopicName(name()))
        .with_num_partitions(2)
        .with_replication_factor(1);
    let commit = offset_commit_request::OffsetCommitRequestTopic::default()
        .with_name(TopicName(name()))
        .with_partitions(vec![
            offset_commit_request::OffsetCommitRequestPartition::default(),
        ]);
    let mut all = transactional();
    all.extend(next_generation());
    all.extend([
        frame(
            &ApiVersionsRequest::default().with_client_software_name(name()),
            4,
        ),
        frame(&MetadataRequest::default(), 0),
        frame(&MetadataRequest::default(), 12),
        frame(
            &FetchRequest::default().with_topics(vec![topic.clone()]),
            17,
        ),
        frame(&FetchRequest::default().with_topics(vec![topic]), 4),
        frame(&join, 3),
        frame(&join, 9),
        frame(
            &ProduceRequest::default()
                .with_acks(1)
                .with_topic_data(vec![produce]),
            8,
        ),
        frame(
            &CreateTopicsRequest::default().with_topics(vec![create.clone()]),
            4,
        ),
        frame(&CreateTopicsRequest::default().with_topics(vec![create]), 7),
        frame(
            &OffsetCommitRequest::default()
                .with_group_id(group())
                .with_topics(vec![commit]),
            9,
        ),
        frame(
            &DeleteGroupsRequest::default().with_groups_names(vec![group(), group()]),
            1,
        ),
    ]);
    all
}

/// The same of groups of KIP-848: a member joins, lives, changes its mind, and leaves.
fn next_generation() -> Vec<Bytes> {
    let name = || StrBytes::from_static_str("next");
    let join = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(name()))
        .with_member_id(name())
        .with_rebalance_timeout_ms(20)
        .with_subscribed_topic_names(Some(vec![TopicName(StrBytes::from_static_str("name"))]))
        .with_topic_partitions(Some(Vec::new()));
    let fixed = join.clone().with_instance_id(Some(name()));
    let owned = consumer_group_heartbeat_request::TopicPartitions::default()
        .with_topic_id(uuid::Uuid::from_u128(1))
        .with_partitions(vec![0, 1]);
    let lives = join
        .clone()
        .with_member_epoch(1)
        .with_topic_partitions(Some(vec![owned.clone(), owned]))
        .with_subscribed_topic_regex(Some(StrBytes::from_static_str("na(m|n)e+[a-z]*")));
    let describe = ConsumerGroupDescribeRequest::default()
        .with_group_ids(vec![GroupId(name()), GroupId(name())]);
    let leaves = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(name()))
        .with_member_id(name())
        .with_member_epoch(-1);
    vec![
        frame(&join, 0),
        frame(&join, 1),
        frame(&fixed, 1),
        frame(&lives, 1),
        frame(&lives.with_subscribed_topic_regex(None), 0),
        frame(&fixed.with_member_epoch(-2), 1),
        frame(&describe, 1),
        frame(&leaves, 1),
    ]
}

/// The same of those that make and end transactions.
fn transactional() -> Vec<Bytes> {
    let name = || StrBytes::from_static_str("name");
    let id = || TransactionalId(name());
    let topic = add_partitions_to_txn_request::AddPartitionsToTxnTopic::default()
        .with_name(TopicName(name()))
        .with_partitions(vec![0, 1]);
    let offset = txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
        .with_name(TopicName(name()))
        .with_partitions(vec![
            txn_offset_commit_request::TxnOffsetCommitRequestPartition::default(),
        ]);
    let initialise = InitProducerIdRequest::default()
        .with_transactional_id(Some(id()))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1);
    let add = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(id())
        .with_v3_and_below_topics(vec![topic]);
    let add_offsets = AddOffsetsToTxnRequest::default()
        .with_transactional_id(id())
        .with_group_id(GroupId(name()));
    let commit = TxnOffsetCommitRequest::default()
        .with_transactional_id(id())
        .with_group_id(GroupId(name()))
        .with_generation_id(-1)
        .with_topics(vec![offset]);
    let end = EndTxnRequest::default()
        .with_transactional_id(id())
        .with_committed(true);
    let list = ListTransactionsRequest::default()
        .with_state_filters(vec![name()])
        .with_producer_id_filters(vec![ProducerId(0)])
        .with_transactional_id_pattern(Some(name()));
    vec![
        frame(&initialise, 5),
        frame(&add, 3),
        frame(&add_offsets, 3),
        frame(&commit, 4),
        frame(&end, 4),
        frame(&list, 2),
        frame(
            &DescribeTransactionsRequest::default().with_transactional_ids(vec![id()]),
            0,
        ),
    ]
}

#[tokio::test]
async fn spoiled_requests_are_answered_or_refused_and_never_panic() {
    let state = state();
    let mut random = fastrand::Rng::with_seed(20);
    let samples = samples();
    let mut answered = 0;
    for round in 0..100_000 {
        let mut frame = BytesMut::from(&samples[round % samples.len()][..]);
        for _ in 0..random.usize(0..4) {
            let index = random.usize(0..frame.len());
            match random.u8(0..4) {
                0 => frame[index] = random.u8(..),
                1 => frame[index] = *random.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap(),
                2 => frame.truncate(index.max(1)),
                _ => {
                    let huge = i32::MAX.to_be_bytes();
                    let end = (index + 4).min(frame.len());
                    frame[index..end].copy_from_slice(&huge[..end - index]);
                }
            }
        }
        // A long poll or a join barrier would wait; what matters is that they begin to.
        let connection = connection();
        let answer = api::dispatch(&state, &connection, frame.freeze());
        let answer = tokio::time::timeout(std::time::Duration::ZERO, answer).await;
        answered += usize::from(matches!(answer, Ok(Ok(_))));
    }
    assert!(answered > 1000, "{answered}");
    // It still works.
    ask(&state, &ApiVersionsRequest::default(), 3).await;
}

#[tokio::test]
async fn a_fetch_of_an_unknown_topic_without_partitions_waits_and_does_not_spin() {
    let request = FetchRequest::default()
        .with_min_bytes(1)
        .with_max_wait_ms(20_000)
        .with_topics(vec![fetch_request::FetchTopic::default()]);
    let (state, connection) = (state(), connection());
    // It once read again and again until its time was over, and kept the thread from everybody else.
    let answer = api::dispatch(&state, &connection, frame(&request, 4));
    let answer = tokio::time::timeout(std::time::Duration::ZERO, answer).await;
    assert!(answer.is_err(), "it waits for its time to be over");
}

#[tokio::test]
async fn an_array_that_claims_two_billion_items_is_refused_unread() {
    let mut frame = BytesMut::from(&frame(&DeleteGroupsRequest::default(), 1)[..]);
    let length = frame.len();
    frame[length - 4..].copy_from_slice(&i32::MAX.to_be_bytes());
    let Refusal(reason) = api::dispatch(&state(), &connection(), frame.freeze())
        .await
        .unwrap_err();
    assert_eq!(
        reason,
        "DeleteGroups version 1: an array is longer than the frame"
    );
}

#[tokio::test]
async fn garbage_closes_its_own_connection_only() {
    let broker = broker().await;
    let mut good = connect(&broker).await;
    let huge = i32::MAX.to_be_bytes();
    let garbage: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &huge,
        &[255; 64],
        &[0, 0, 0, 3, 1, 2, 3],
        &[0, 0, 0, 8, 0, 99, 0, 0, 0, 0, 0, 0],
    ];
    for bytes in garbage {
        let mut bad = connect(&broker).await;
        bad.write_all(bytes).await.unwrap();
        // Reset or end of stream, as the kernel likes.
        let closed = bad.read_u8().await;
        assert!(closed.is_err(), "{bytes:?}");
        assert!(
            ask_over(&mut good, &ApiVersionsRequest::default(), 0)
                .await
                .is_some()
        );
    }
    broker.stop().await;
    assert!(
        ask_over(&mut good, &ApiVersionsRequest::default(), 0)
            .await
            .is_none()
    );
}
