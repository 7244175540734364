use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Message, StrBytes};

use super::super::api::TABLE;
use super::super::guard;
use super::*;

fn name() -> StrBytes {
    StrBytes::from_static_str("name")
}

/// Sends one request of a kind in every version advertised, and checks that the guard finds its end, and that the
/// answer can be encoded and decoded.
async fn every_version<R: Request + Message>(request: impl Fn(i16) -> R) {
    let row = TABLE.iter().find(|row| row.api as i16 == R::KEY).unwrap();
    assert!(row.versions.0 >= R::VERSIONS.min && row.versions.1 <= R::VERSIONS.max);
    for version in row.versions.0..=row.versions.1 {
        let request = request(version);
        let mut body = BytesMut::new();
        request.encode(&mut body, version).unwrap();
        let flexible = R::header_version(version) >= 2;
        assert_eq!(
            guard::check(&body, row.shape, version, flexible),
            Ok(0),
            "{:?} {version}",
            row.api
        );
        for length in 0..body.len() {
            let cut = guard::check(&body[..length], row.shape, version, flexible);
            assert!(cut.is_err(), "{:?} {version} cut to {length}", row.api);
        }
        ask(&state(), &request, version).await;
    }
}

#[tokio::test]
async fn topics_and_records_in_every_version() {
    let topic = || TopicName(name());
    every_version(|version| match version {
        3.. => ApiVersionsRequest::default()
            .with_client_software_name(name())
            .with_client_software_version(name()),
        _ => ApiVersionsRequest::default(),
    })
    .await;
    every_version(|_| {
        let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(topic()));
        MetadataRequest::default().with_topics(Some(vec![asked]))
    })
    .await;
    every_version(|version| {
        let data = produce_request::PartitionProduceData::default()
            .with_records(Some(Bytes::from_static(b"abc")));
        let asked = produce_request::TopicProduceData::default().with_partition_data(vec![data]);
        let asked = if version < 13 {
            asked.with_name(topic())
        } else {
            asked
        };
        ProduceRequest::default()
            .with_acks(1)
            .with_topic_data(vec![asked])
    })
    .await;
    every_version(|version| {
        let asked = fetch_request::FetchTopic::default()
            .with_partitions(vec![fetch_request::FetchPartition::default()]);
        let asked = if version < 13 {
            asked.with_topic(topic())
        } else {
            asked
        };
        FetchRequest::default().with_topics(vec![asked])
    })
    .await;
    every_version(|_| {
        let asked = list_offsets_request::ListOffsetsTopic::default()
            .with_name(topic())
            .with_partitions(vec![list_offsets_request::ListOffsetsPartition::default()]);
        ListOffsetsRequest::default().with_topics(vec![asked])
    })
    .await;
    every_version(|_| {
        let config = create_topics_request::CreatableTopicConfig::default()
            .with_name("retention.ms".to_owned().into());
        let asked = create_topics_request::CreatableTopic::default()
            .with_name(topic())
            .with_num_partitions(1)
            .with_replication_factor(1)
            .with_configs(vec![config.with_value(Some("1000".to_owned().into()))]);
        CreateTopicsRequest::default().with_topics(vec![asked])
    })
    .await;
    every_version(|version| match version {
        6.. => DeleteTopicsRequest::default().with_topics(vec![
            delete_topics_request::DeleteTopicState::default().with_name(Some(topic())),
        ]),
        _ => DeleteTopicsRequest::default().with_topic_names(vec![topic()]),
    })
    .await;
    every_version(|_| {
        let asked = create_partitions_request::CreatePartitionsTopic::default()
            .with_name(topic())
            .with_count(3);
        CreatePartitionsRequest::default()
            .with_topics(vec![asked.with_assignments(Some(Vec::new()))])
    })
    .await;
    every_version(|_| {
        let asked = delete_records_request::DeleteRecordsTopic::default()
            .with_name(topic())
            .with_partitions(vec![
                delete_records_request::DeleteRecordsPartition::default(),
            ]);
        DeleteRecordsRequest::default().with_topics(vec![asked])
    })
    .await;
    every_version(|_| {
        DescribeClusterRequest::default().with_include_cluster_authorized_operations(true)
    })
    .await;
    every_version(|_| SaslHandshakeRequest::default().with_mechanism(name())).await;
    every_version(|_| {
        SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(b"abc"))
    })
    .await;
    every_version(|_| InitProducerIdRequest::default()).await;
    every_version(|_| {
        InitProducerIdRequest::default().with_transactional_id(Some(TransactionalId(name())))
    })
    .await;
}

#[tokio::test]
async fn configs_in_every_version() {
    every_version(|_| {
        let asked = |kind, name: &'static str| {
            describe_configs_request::DescribeConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(StrBytes::from_static_str(name))
                .with_configuration_keys(None)
        };
        DescribeConfigsRequest::default()
            .with_include_synonyms(true)
            .with_resources(vec![
                asked(2, "name"),
                asked(4, "1"),
                asked(4, "2"),
                asked(9, ""),
            ])
    })
    .await;
    every_version(|_| {
        let entry = alter_configs_request::AlterableConfig::default().with_name(name());
        let asked =
            alter_configs_request::AlterConfigsResource::default().with_configs(vec![entry]);
        AlterConfigsRequest::default().with_resources(vec![asked])
    })
    .await;
    every_version(|_| {
        let entry = incremental_alter_configs_request::AlterableConfig::default().with_name(name());
        let asked = incremental_alter_configs_request::AlterConfigsResource::default()
            .with_configs(vec![entry]);
        IncrementalAlterConfigsRequest::default().with_resources(vec![asked])
    })
    .await;
}

#[tokio::test]
async fn groups_in_every_version() {
    let group = || GroupId(name());
    every_version(|version| match version {
        4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![name()]),
        _ => FindCoordinatorRequest::default().with_key(name()),
    })
    .await;
    every_version(|_| {
        let protocol = join_group_request::JoinGroupRequestProtocol::default().with_name(name());
        JoinGroupRequest::default()
            .with_group_id(group())
            .with_session_timeout_ms(10_000)
            .with_protocol_type(name())
            .with_protocols(vec![
                protocol.with_metadata(Bytes::from_static(b"metadata")),
            ])
    })
    .await;
    every_version(|_| {
        let given =
            sync_group_request::SyncGroupRequestAssignment::default().with_member_id(name());
        SyncGroupRequest::default()
            .with_group_id(group())
            .with_assignments(vec![given])
    })
    .await;
    every_version(|_| {
        HeartbeatRequest::default()
            .with_group_id(group())
            .with_member_id(name())
    })
    .await;
    every_version(|version| {
        let member = leave_group_request::MemberIdentity::default().with_member_id(name());
        match version {
            3.. => LeaveGroupRequest::default().with_members(vec![member]),
            _ => LeaveGroupRequest::default().with_member_id(name()),
        }
    })
    .await;
    every_version(|_| {
        let partition = offset_commit_request::OffsetCommitRequestPartition::default();
        let topic = offset_commit_request::OffsetCommitRequestTopic::default()
            .with_name(TopicName(name()))
            .with_partitions(vec![partition.with_committed_metadata(Some(name()))]);
        OffsetCommitRequest::default()
            .with_group_id(group())
            .with_topics(vec![topic])
    })
    .await;
    every_version(|version| match version {
        8.. => {
            let topic = offset_fetch_request::OffsetFetchRequestTopics::default()
                .with_name(TopicName(name()))
                .with_partition_indexes(vec![0]);
            let group = offset_fetch_request::OffsetFetchRequestGroup::default()
                .with_group_id(group())
                .with_topics(Some(vec![topic]));
            OffsetFetchRequest::default().with_groups(vec![group])
        }
        _ => {
            let topic = offset_fetch_request::OffsetFetchRequestTopic::default()
                .with_name(TopicName(name()))
                .with_partition_indexes(vec![0]);
            OffsetFetchRequest::default()
                .with_group_id(group())
                .with_topics(Some(vec![topic]))
        }
    })
    .await;
    every_version(|_| {
        let topic = offset_delete_request::OffsetDeleteRequestTopic::default()
            .with_name(TopicName(name()))
            .with_partitions(vec![
                offset_delete_request::OffsetDeleteRequestPartition::default(),
            ]);
        OffsetDeleteRequest::default()
            .with_group_id(group())
            .with_topics(vec![topic])
    })
    .await;
    every_version(|version| {
        let request = ListGroupsRequest::default();
        let request = if version >= 4 {
            request.with_states_filter(vec![name()])
        } else {
            request
        };
        if version >= 5 {
            request.with_types_filter(vec![name()])
        } else {
            request
        }
    })
    .await;
    every_version(|version| {
        let owned = consumer_group_heartbeat_request::TopicPartitions::default()
            .with_topic_id(uuid::Uuid::from_u128(1))
            .with_partitions(vec![0, 1]);
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group())
            .with_member_id(name())
            .with_member_epoch(1)
            .with_instance_id(Some(name()))
            .with_rack_id(Some(name()))
            .with_rebalance_timeout_ms(1000)
            .with_subscribed_topic_names(Some(vec![TopicName(name())]))
            .with_server_assignor(Some(name()))
            .with_topic_partitions(Some(vec![owned]));
        match version {
            1.. => request.with_subscribed_topic_regex(Some(name())),
            _ => request,
        }
    })
    .await;
    every_version(|_| {
        ConsumerGroupDescribeRequest::default()
            .with_group_ids(vec![group()])
            .with_include_authorized_operations(true)
    })
    .await;
    every_version(|_| DescribeGroupsRequest::default().with_groups(vec![group()])).await;
    every_version(|_| DeleteGroupsRequest::default().with_groups_names(vec![group()])).await;
}

#[tokio::test]
async fn transactions_in_every_version() {
    let id = || TransactionalId(name());
    every_version(|_| {
        let topic = add_partitions_to_txn_request::AddPartitionsToTxnTopic::default()
            .with_name(TopicName(name()))
            .with_partitions(vec![0]);
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(id())
            .with_v3_and_below_topics(vec![topic])
    })
    .await;
    every_version(|_| {
        AddOffsetsToTxnRequest::default()
            .with_transactional_id(id())
            .with_group_id(GroupId(name()))
    })
    .await;
    every_version(|_| EndTxnRequest::default().with_transactional_id(id())).await;
    every_version(|version| {
        let partition = txn_offset_commit_request::TxnOffsetCommitRequestPartition::default()
            .with_committed_metadata(Some(name()));
        let topic = txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
            .with_name(TopicName(name()))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(id())
            .with_group_id(GroupId(name()))
            .with_topics(vec![topic]);
        match version {
            3.. => request.with_member_id(name()),
            _ => request,
        }
    })
    .await;
    every_version(|_| {
        let topic = describe_producers_request::TopicRequest::default()
            .with_name(TopicName(name()))
            .with_partition_indexes(vec![0]);
        DescribeProducersRequest::default().with_topics(vec![topic])
    })
    .await;
    every_version(|_| DescribeTransactionsRequest::default().with_transactional_ids(vec![id()]))
        .await;
    every_version(|version| {
        let request = ListTransactionsRequest::default()
            .with_state_filters(vec![name()])
            .with_producer_id_filters(vec![ProducerId(1)]);
        let request = match version {
            1.. => request.with_duration_filter(1),
            _ => request,
        };
        match version {
            2.. => request.with_transactional_id_pattern(Some(name())),
            _ => request,
        }
    })
    .await;
}

#[tokio::test]
async fn a_version_from_the_future_is_answered_in_version_0() {
    let mut future = BytesMut::from(&frame(&ApiVersionsRequest::default(), 3)[..]);
    future[3] = 99;
    let reply = api::dispatch(&state(), &connection(), future.freeze())
        .await
        .unwrap()
        .unwrap();
    let response = parse::<ApiVersionsRequest>(reply.concat().into(), 0);
    assert_eq!(response.error_code, 35);
    assert_eq!(response.api_keys.len(), TABLE.len());
}
