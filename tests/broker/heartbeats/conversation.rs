//! One connection to the coordinator of a group, and what was said on it.

use super::super::{PATIENCE, topic_on};
use crate::support::broker::Kind;
use crate::support::{Broker, apache, broker, fresh, wait_for, wire};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request, StrBytes};
use std::fmt::Write;
use std::net::TcpStream;
use std::sync::OnceLock;
use uuid::Uuid;

/// A broker that assigns with every change: Kafka otherwise waits until a second has passed since it last did.
#[track_caller]
fn prompt_broker() -> &'static Broker {
    static APACHE: OnceLock<Result<Broker, String>> = OnceLock::new();
    if Kind::chosen() != Kind::Apache {
        return broker();
    }
    let at_once = "group.consumer.assignment.interval.ms=0\n\
                   group.consumer.assignor.offload.enable=false\n";
    let started = APACHE.get_or_init(|| apache::start_with(at_once));
    started.as_ref().unwrap()
}

/// What a member was told last.
#[derive(Clone, Debug, Default)]
pub struct Told {
    error: i16,
    epoch: i32,
    pub partitions: Option<Vec<i32>>,
}

/// Who asks, and what it was answered.
pub struct Conversation {
    stream: TcpStream,
    group: String,
    topic: String,
    topic_id: Uuid,
    pub said: String,
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn ask<R: Request>(stream: &mut TcpStream, request: &R, version: i16) -> R::Response {
    let mut frame = BytesMut::new();
    frame.put_i16(R::KEY);
    frame.put_i16(version);
    frame.put_i32(7);
    frame.put_i16(4);
    frame.put_slice(b"test");
    if R::header_version(version) >= 2 {
        frame.put_u8(0);
    }
    request.encode(&mut frame, version).unwrap();
    wire::send(stream, &frame).unwrap();
    let mut answer = Bytes::from(wire::receive(stream).unwrap());
    assert_eq!(answer.get_i32(), 7, "the correlation id");
    if R::Response::header_version(version) >= 1 {
        assert_eq!(answer.get_u8(), 0);
    }
    R::Response::decode(&mut answer, version).unwrap()
}

impl Conversation {
    /// On a topic of four partitions, with the coordinator of a new group.
    pub fn new() -> Conversation {
        let broker = prompt_broker();
        let (topic, group) = (topic_on(broker, "orders", 4), fresh("payment-service"));
        let mut stream = wire::connect(broker.address()).unwrap();
        let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(&group)]);
        // A cluster that has just started makes the topic of offsets first.
        let found = wait_for(PATIENCE, || {
            let found = ask(&mut stream, &find, 4).coordinators.remove(0);
            (found.error_code == 0).then_some(found)
        });
        let found = found.expect("a coordinator");
        let asked = metadata_request::MetadataRequestTopic::default()
            .with_name(Some(TopicName(text(&topic))));
        let metadata = MetadataRequest::default().with_topics(Some(vec![asked]));
        let topic_id = ask(&mut stream, &metadata, 12).topics.remove(0).topic_id;
        let address = format!("{}:{}", found.host.as_str(), found.port);
        Conversation {
            stream: wire::connect(&address).unwrap(),
            group,
            topic,
            topic_id,
            said: String::new(),
        }
    }

    pub fn alive(&self, member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text(&self.group)))
            .with_member_id(text(member))
            .with_member_epoch(epoch)
            .with_rebalance_timeout_ms(-1)
    }

    pub fn join(&self, member: &str) -> ConsumerGroupHeartbeatRequest {
        self.alive(member, 0)
            .with_rebalance_timeout_ms(30_000)
            .with_subscribed_topic_names(Some(vec![TopicName(text(&self.topic))]))
            .with_topic_partitions(Some(Vec::new()))
    }

    pub fn owning(&self, member: &str, epoch: i32, owned: &[i32]) -> ConsumerGroupHeartbeatRequest {
        let topic = TopicPartitions::default().with_topic_id(self.topic_id);
        let topic = topic.with_partitions(owned.to_vec());
        let alive = self.alive(member, epoch);
        alive.with_topic_partitions(Some(vec![topic]))
    }

    fn say(&mut self, what: &str, answer: impl std::fmt::Display) {
        writeln!(self.said, "{what}: {answer}").unwrap();
    }

    pub fn beat(&mut self, what: &str, request: ConsumerGroupHeartbeatRequest) -> Told {
        let answer = ask(&mut self.stream, &request, 1);
        let partitions = answer.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.into_iter();
            topics.flat_map(|topic| topic.partitions).collect()
        });
        let told = Told {
            error: answer.error_code,
            epoch: answer.member_epoch,
            partitions,
        };
        let count = told.partitions.as_ref().map(Vec::len);
        let line = match (told.error, count) {
            (0, Some(count)) => format!("epoch {}, {count} partitions", told.epoch),
            (0, None) => format!("epoch {}", told.epoch),
            (error, _) => format!("error {error}"),
        };
        self.say(what, line);
        told
    }

    pub fn commit(&mut self, what: &str, member: &str, epoch: i32, partition: i32, version: i16) {
        let partition = offset_commit_request::OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(0)
            .with_committed_metadata(Some(text("")));
        let topic = offset_commit_request::OffsetCommitRequestTopic::default()
            .with_name(TopicName(text(&self.topic)))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(text(&self.group)))
            .with_member_id(text(member))
            .with_generation_id_or_member_epoch(epoch)
            .with_topics(vec![topic]);
        let answer = ask(&mut self.stream, &request, version);
        self.say(what, answer.topics[0].partitions[0].error_code);
    }

    pub fn fetch(&mut self, what: &str, member: Option<&str>, epoch: i32) {
        let asked = offset_fetch_request::OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(&self.group)))
            .with_member_id(member.map(text))
            .with_member_epoch(epoch)
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![asked]);
        let answer = ask(&mut self.stream, &request, 9).groups.remove(0);
        let line = format!("{}, {} topics", answer.error_code, answer.topics.len());
        self.say(what, line);
    }

    /// As the groups' own request describes it, and as that of classic groups does.
    pub fn describe(&mut self, what: &str) {
        let groups = vec![GroupId(text(&self.group))];
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(groups.clone());
        let answer = ask(&mut self.stream, &request, 1).groups.remove(0);
        let mut members: Vec<_> = answer.members.iter().collect();
        members.sort_by_key(|member| member.member_id.clone());
        let count = |assignment: &consumer_group_describe_response::Assignment| -> usize {
            let topics = assignment.topic_partitions.iter();
            topics.map(|topic| topic.partitions.len()).sum()
        };
        let member = |member: &consumer_group_describe_response::Member| {
            let (now, then) = (&member.assignment, &member.target_assignment);
            let id = member.member_id.as_str();
            format!(
                ", {id} {} {}>{}",
                member.member_epoch,
                count(now),
                count(then)
            )
        };
        let members: String = members.into_iter().map(member).collect();
        let line = format!(
            "{} {} {} {}/{}{members}",
            answer.error_code,
            answer.group_state.as_str(),
            answer.assignor_name.as_str(),
            answer.group_epoch,
            answer.assignment_epoch,
        );
        self.say(what, line);
        for version in [5, 6] {
            let request = DescribeGroupsRequest::default().with_groups(groups.clone());
            let answer = ask(&mut self.stream, &request, version).groups.remove(0);
            let line = format!("{} {}", answer.error_code, answer.group_state.as_str());
            self.say(&format!("  DescribeGroups {version}"), line);
        }
    }

    pub fn delete(&mut self, what: &str) {
        let groups = vec![GroupId(text(&self.group))];
        let request = DeleteGroupsRequest::default().with_groups_names(groups);
        let answer = ask(&mut self.stream, &request, 2).results.remove(0);
        self.say(what, answer.error_code);
    }

    /// A member the group can do without, until the coordinator knows the topic.
    pub fn wait_for_the_topic(&mut self) {
        let group = std::mem::replace(&mut self.group, fresh("first"));
        let told = wait_for(PATIENCE, || {
            let join = self.join("nobody");
            let told = self.beat("", join);
            told.partitions.filter(|partitions| !partitions.is_empty())
        });
        assert!(told.is_some(), "{}", self.said);
        let leave = self.alive("nobody", -1);
        self.beat("", leave);
        self.said.clear();
        self.group = group;
    }
}
