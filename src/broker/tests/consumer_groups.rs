//! Groups of KIP-848 over their requests.

use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::super::transaction::state::Identity;
use super::durability::open;
use super::transactions::World;
use super::*;

fn name(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn group() -> GroupId {
    GroupId(name("group"))
}

fn orders() -> TopicName {
    TopicName(name("orders"))
}

/// A broker with a topic of so many partitions, and the topic's id.
async fn world(partitions: i32) -> (Arc<State>, Uuid) {
    let state = state();
    let topic = CreatableTopic::default()
        .with_name(orders())
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    let create = CreateTopicsRequest::default().with_topics(vec![topic]);
    let created = ask(&state, &create, 7).await;
    let id = created.topics[0].topic_id;
    (state, id)
}

fn join(member: &'static str) -> ConsumerGroupHeartbeatRequest {
    alive(member, 0)
        .with_rebalance_timeout_ms(30_000)
        .with_subscribed_topic_names(Some(vec![orders()]))
        .with_topic_partitions(Some(Vec::new()))
}

fn alive(member: &'static str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group())
        .with_member_id(name(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(-1)
}

/// Epoch and partitions a heartbeat is answered with, or its error.
async fn beat(
    state: &Arc<State>,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(i32, Option<Vec<i32>>), ResponseError> {
    let told = ask(state, request, 1).await;
    if let Some(error) = ResponseError::try_from_code(told.error_code) {
        assert!(told.error_message.is_some());
        return Err(error);
    }
    let partitions = told.assignment.map(|assignment| {
        let topics = assignment.topic_partitions.into_iter();
        topics.flat_map(|topic| topic.partitions).collect()
    });
    Ok((told.member_epoch, partitions))
}

async fn described(state: &Arc<State>) -> consumer_group_describe_response::DescribedGroup {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group()]);
    ask(state, &request, 1).await.groups.remove(0)
}

/// Type, protocol type and state as ListGroups says them.
async fn listed(state: &Arc<State>) -> Option<[String; 3]> {
    let groups = ask(state, &ListGroupsRequest::default(), 5).await.groups;
    groups.first().map(|group| {
        [&group.group_type, &group.protocol_type, &group.group_state].map(|text| text.to_string())
    })
}

async fn commit(state: &Arc<State>, member: &'static str, epoch: i32, version: i16) -> i16 {
    let partition = offset_commit_request::OffsetCommitRequestPartition::default()
        .with_committed_offset(7)
        .with_committed_metadata(Some(name("")));
    let topic = offset_commit_request::OffsetCommitRequestTopic::default()
        .with_name(orders())
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group())
        .with_member_id(name(member))
        .with_generation_id_or_member_epoch(epoch)
        .with_topics(vec![topic]);
    let answer = ask(state, &request, version).await;
    answer.topics[0].partitions[0].error_code
}

/// The group's error and the offset of the first partition.
async fn committed(state: &Arc<State>, member: Option<&'static str>, epoch: i32) -> (i16, i64) {
    let asked = offset_fetch_request::OffsetFetchRequestGroup::default()
        .with_group_id(group())
        .with_member_id(member.map(name))
        .with_member_epoch(epoch)
        .with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![asked]);
    let answer = ask(state, &request, 9).await.groups.remove(0);
    let topic = answer.topics.first();
    let offset = topic.map_or(-1, |topic| topic.partitions[0].committed_offset);
    (answer.error_code, offset)
}

fn classic_join() -> JoinGroupRequest {
    let protocol = join_group_request::JoinGroupRequestProtocol::default()
        .with_name(name("range"))
        .with_metadata(Bytes::new());
    JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(name("consumer"))
        .with_protocols(vec![protocol])
}

#[tokio::test]
async fn members_share_a_topic_and_are_described() {
    let (state, topic) = world(2).await;
    assert_eq!(listed(&state).await, None);
    let first = beat(&state, &join("a")).await;
    assert_eq!(first, Ok((2, Some(vec![0, 1]))));
    assert_eq!(beat(&state, &join("b")).await, Ok((3, Some(vec![]))));
    assert_eq!(beat(&state, &alive("a", 2)).await, Ok((2, Some(vec![0]))));
    let group = described(&state).await;
    assert_eq!(group.group_state.as_str(), "Reconciling");
    let indexes = |assignment: &consumer_group_describe_response::Assignment| -> Vec<i32> {
        let topics = assignment.topic_partitions.iter();
        topics.flat_map(|topic| topic.partitions.clone()).collect()
    };
    assert_eq!(
        indexes(&group.members[0].assignment),
        [0, 1],
        "not let go of"
    );
    assert_eq!(indexes(&group.members[0].target_assignment), [0]);
    let owned = TopicPartitions::default().with_topic_id(topic);
    let let_go = alive("a", 2).with_topic_partitions(Some(vec![owned.with_partitions(vec![0])]));
    assert_eq!(beat(&state, &let_go).await, Ok((3, None)));
    assert_eq!(beat(&state, &alive("b", 3)).await, Ok((3, Some(vec![1]))));
    let group = described(&state).await;
    assert_eq!((group.group_epoch, group.assignment_epoch), (3, 3));
    assert_eq!(group.assignor_name.as_str(), "uniform");
    assert_eq!(group.group_state.as_str(), "Stable");
    let member = &group.members[1];
    assert_eq!((member.member_id.as_str(), member.member_epoch), ("b", 3));
    assert_eq!(
        (member.client_id.as_str(), member.client_host.as_str()),
        ("test", "/127.0.0.1")
    );
    assert_eq!(
        (member.member_type, indexes(&member.assignment)),
        (1, vec![1])
    );
    let first_topic = &member.assignment.topic_partitions[0];
    assert_eq!(
        (first_topic.topic_id, &first_topic.topic_name),
        (topic, &orders())
    );
    let line = ["consumer", "consumer", "Stable"].map(str::to_owned);
    assert_eq!(listed(&state).await, Some(line));
}

#[tokio::test]
async fn what_is_asked_for_is_checked_before_the_group_is_looked_at() {
    let (state, _) = world(1).await;
    let assignor = join("a").with_server_assignor(Some(name("sticky")));
    let pattern = join("a").with_subscribed_topic_regex(Some(name("(")));
    let cases = [
        (alive("a", 0), ResponseError::InvalidRequest),
        (join(""), ResponseError::InvalidRequest),
        (assignor, ResponseError::UnsupportedAssignor),
        (pattern, ResponseError::InvalidRegularExpression),
        (alive("a", 2), ResponseError::GroupIdNotFound),
        (alive("a", -1), ResponseError::GroupIdNotFound),
    ];
    for (request, error) in cases {
        assert_eq!(beat(&state, &request).await, Err(error), "{request:?}");
    }
    assert_eq!(listed(&state).await, None, "no group was left by them");
    // In version 0 the broker gives a member its id.
    let told = ask(&state, &join(""), 0).await;
    assert_eq!((told.error_code, told.heartbeat_interval_ms), (0, 5000));
    assert!(told.member_id.is_some_and(|id| id.len() == 36));
}

#[tokio::test]
async fn commits_and_fetches_follow_the_members_epoch() {
    let (state, _) = world(1).await;
    let not_found = ResponseError::GroupIdNotFound.code();
    assert_eq!(commit(&state, "a", 2, 9).await, not_found);
    beat(&state, &join("a")).await.unwrap();
    let stale = ResponseError::StaleMemberEpoch.code();
    let unknown = ResponseError::UnknownMemberId.code();
    assert_eq!(commit(&state, "a", 3, 9).await, stale);
    assert_eq!(commit(&state, "b", 2, 9).await, unknown);
    assert_eq!(
        commit(&state, "", -1, 9).await,
        unknown,
        "there are members"
    );
    let too_old = ResponseError::UnsupportedVersion.code();
    assert_eq!(commit(&state, "a", 2, 8).await, too_old);
    assert_eq!(commit(&state, "a", 2, 9).await, 0);
    assert_eq!(committed(&state, None, -1).await, (0, 7));
    assert_eq!(committed(&state, Some("a"), 2).await, (0, 7));
    assert_eq!(committed(&state, Some("a"), 3).await, (stale, -1));
    assert_eq!(committed(&state, Some("b"), 2).await, (unknown, -1));
    let partition = offset_delete_request::OffsetDeleteRequestPartition::default();
    let topic = offset_delete_request::OffsetDeleteRequestTopic::default()
        .with_name(orders())
        .with_partitions(vec![partition]);
    let forget = OffsetDeleteRequest::default()
        .with_group_id(group())
        .with_topics(vec![topic]);
    let answer = ask(&state, &forget, 0).await;
    let subscribed = ResponseError::GroupSubscribedToTopic.code();
    assert_eq!(answer.topics[0].partitions[0].error_code, subscribed);
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    let deleted = ask(&state, &delete, 2).await.results.remove(0);
    assert_eq!(deleted.error_code, ResponseError::NonEmptyGroup.code());
    beat(&state, &alive("a", -1)).await.unwrap();
    assert_eq!(commit(&state, "", -1, 9).await, 0);
    let deleted = ask(&state, &delete, 2).await.results.remove(0);
    assert_eq!((deleted.error_code, listed(&state).await), (0, None));
}

#[tokio::test]
async fn transactions_commit_for_members_too() {
    let world = World::new().await;
    let producer = world.new_producer().await;
    assert_eq!(world.add_group(producer).await, 0);
    beat(&world.0, &join("a")).await.unwrap();
    let stale = ResponseError::IllegalGeneration.code();
    let unknown = ResponseError::UnknownMemberId.code();
    let cases = [
        ("a", 3, stale),
        ("a", 1, stale),
        ("b", 2, unknown),
        ("", 2, unknown),
        ("", -1, 0),
        ("a", 2, 0),
    ];
    for (member, epoch, error) in cases {
        let staged = stage(&world.0, producer, member, epoch).await;
        assert_eq!(staged, error, "{member} {epoch}");
    }
    assert_eq!(world.end(producer, true).await, 0);
    assert_eq!(committed(&world.0, Some("a"), 2).await, (0, 7));
}

async fn stage(state: &Arc<State>, producer: Identity, member: &'static str, epoch: i32) -> i16 {
    let partition = txn_offset_commit_request::TxnOffsetCommitRequestPartition::default()
        .with_committed_offset(7);
    let topic = txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
        .with_name(orders())
        .with_partitions(vec![partition]);
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(TransactionalId(name("id")))
        .with_group_id(group())
        .with_producer_id(ProducerId(producer.id))
        .with_producer_epoch(producer.epoch)
        .with_member_id(name(member))
        .with_generation_id(epoch)
        .with_topics(vec![topic]);
    let answer = ask(state, &request, 3).await;
    answer.topics[0].partitions[0].error_code
}

#[tokio::test]
async fn an_empty_group_becomes_one_of_the_other_kind_and_keeps_its_offsets() {
    let (state, _) = world(1).await;
    assert_eq!(commit(&state, "", -1, 9).await, 0);
    assert_eq!(listed(&state).await.unwrap()[0], "classic");
    beat(&state, &join("a")).await.unwrap();
    assert_eq!(listed(&state).await.unwrap()[0], "consumer");
    assert_eq!(committed(&state, None, -1).await, (0, 7));
    let describe = DescribeGroupsRequest::default().with_groups(vec![group()]);
    let dead = ask(&state, &describe, 5).await.groups.remove(0);
    assert_eq!((dead.error_code, dead.group_state.as_str()), (0, "Dead"));
    let dead = ask(&state, &describe, 6).await.groups.remove(0);
    let not_found = ResponseError::GroupIdNotFound.code();
    assert_eq!(
        (dead.error_code, dead.group_state.as_str()),
        (not_found, "Dead")
    );
    let refused = ask(&state, &classic_join(), 3).await;
    let inconsistent = ResponseError::InconsistentGroupProtocol.code();
    assert_eq!(refused.error_code, inconsistent);
    beat(&state, &alive("a", -1)).await.unwrap();
    assert_eq!(listed(&state).await.unwrap()[2], "Empty");
    let joined = ask(&state, &classic_join(), 3).await;
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    assert_eq!(listed(&state).await.unwrap()[0], "classic");
    assert_eq!(committed(&state, None, -1).await, (0, 7));
    let refused = beat(&state, &join("a")).await;
    assert_eq!(refused, Err(ResponseError::GroupIdNotFound));
    let group = described(&state).await;
    assert_eq!(group.error_code, not_found);
}

#[tokio::test]
async fn members_go_on_when_the_broker_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = open(folder.path());
    assert_eq!(world.create().await, 0);
    let by_pattern = join("b")
        .with_subscribed_topic_names(None)
        .with_subscribed_topic_regex(Some(name("or.*")));
    beat(&world.0, &join("a")).await.unwrap();
    beat(&world.0, &by_pattern).await.unwrap();
    assert_eq!(beat(&world.0, &alive("a", 2)).await, Ok((2, Some(vec![0]))));
    let before = described(&world.0).await;
    drop(world);
    let (world, _) = open(folder.path());
    let line = ["consumer", "consumer", "Reconciling"].map(str::to_owned);
    assert_eq!(listed(&world.0).await, Some(line));
    assert_eq!(described(&world.0).await, before);
    assert_eq!(beat(&world.0, &alive("b", 3)).await, Ok((3, None)));
    let topic = world.0.topics.get("orders").unwrap().id;
    let owned = TopicPartitions::default().with_topic_id(topic);
    let let_go = alive("a", 2).with_topic_partitions(Some(vec![owned.with_partitions(vec![0])]));
    assert_eq!(beat(&world.0, &let_go).await, Ok((3, None)));
    assert_eq!(beat(&world.0, &alive("b", 3)).await, Ok((3, Some(vec![1]))));
    for member in ["a", "b"] {
        beat(&world.0, &alive(member, -1)).await.unwrap();
    }
    drop(world);
    let (world, _) = open(folder.path());
    let line = ["consumer", "consumer", "Empty"].map(str::to_owned);
    assert_eq!(listed(&world.0).await, Some(line));
    assert_eq!(beat(&world.0, &join("c")).await, Ok((6, Some(vec![0, 1]))));
}

#[tokio::test]
async fn the_broker_watches_sessions() {
    let broker = Broker::start(Options {
        consumer_session_timeout: Duration::from_millis(50),
        consumer_heartbeat_interval: Duration::from_millis(10),
        ..options()
    });
    let broker = broker.await.unwrap();
    let mut stream = connect(&broker).await;
    let told = ask_over(&mut stream, &join("a"), 1).await.unwrap();
    assert_eq!((told.error_code, told.heartbeat_interval_ms), (0, 10));
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group()]);
    let ends = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let mut answer = ask_over(&mut stream, &request, 1).await.unwrap();
            if answer.groups.remove(0).group_state.as_str() == "Empty" {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    ends.await.expect("nobody was put out");
    broker.stop().await;
}
