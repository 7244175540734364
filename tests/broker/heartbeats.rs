//! KIP-848's requests, byte by byte: the same answers from every broker.

use super::{PATIENCE, topic_on};
use crate::support::broker::Kind;
use crate::support::{Broker, apache, broker, excused, fresh, wait_for, wire};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use insta::assert_snapshot;
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
struct Told {
    error: i16,
    epoch: i32,
    partitions: Option<Vec<i32>>,
}

/// Who asks, and what it was answered.
struct Conversation {
    stream: TcpStream,
    group: String,
    topic: String,
    topic_id: Uuid,
    said: String,
}

fn text(text: &str) -> StrBytes {
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
    fn new() -> Conversation {
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

    fn alive(&self, member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text(&self.group)))
            .with_member_id(text(member))
            .with_member_epoch(epoch)
            .with_rebalance_timeout_ms(-1)
    }

    fn join(&self, member: &str) -> ConsumerGroupHeartbeatRequest {
        self.alive(member, 0)
            .with_rebalance_timeout_ms(30_000)
            .with_subscribed_topic_names(Some(vec![TopicName(text(&self.topic))]))
            .with_topic_partitions(Some(Vec::new()))
    }

    fn owning(&self, member: &str, epoch: i32, owned: &[i32]) -> ConsumerGroupHeartbeatRequest {
        let topic = TopicPartitions::default().with_topic_id(self.topic_id);
        let topic = topic.with_partitions(owned.to_vec());
        let alive = self.alive(member, epoch);
        alive.with_topic_partitions(Some(vec![topic]))
    }

    fn say(&mut self, what: &str, answer: impl std::fmt::Display) {
        writeln!(self.said, "{what}: {answer}").unwrap();
    }

    fn beat(&mut self, what: &str, request: ConsumerGroupHeartbeatRequest) -> Told {
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

    fn commit(&mut self, what: &str, member: &str, epoch: i32, partition: i32, version: i16) {
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

    fn fetch(&mut self, what: &str, member: Option<&str>, epoch: i32) {
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
    fn describe(&mut self, what: &str) {
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

    fn delete(&mut self, what: &str) {
        let groups = vec![GroupId(text(&self.group))];
        let request = DeleteGroupsRequest::default().with_groups_names(groups);
        let answer = ask(&mut self.stream, &request, 2).results.remove(0);
        self.say(what, answer.error_code);
    }

    /// A member the group can do without, until the coordinator knows the topic.
    fn wait_for_the_topic(&mut self) {
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

#[test]
fn members_are_told_the_same_by_every_broker() {
    if excused("members_are_told_the_same_by_every_broker") {
        return;
    }
    let mut it = Conversation::new();
    it.wait_for_the_topic();
    it.describe("no group");
    it.beat("alive in no group", it.alive("a", 2));
    it.beat("leaving no group", it.alive("a", -1));
    it.commit("commit to no group", "a", 2, 0, 9);
    it.commit("commit to no group, before epochs", "a", 2, 0, 8);
    it.beat("a joins", it.join("a"));
    it.beat("b joins", it.join("b"));
    it.describe("b waits for a");
    let kept = it.beat("a is alive", it.alive("a", 2));
    let kept = kept.partitions.unwrap();
    it.beat("a again", it.alive("a", 2));
    it.describe("a is to let go");
    it.beat("b is alive", it.alive("b", 3));
    it.beat("a has let go", it.owning("a", 2, &kept));
    let got = it.beat("b is alive", it.alive("b", 3));
    let got = got.partitions.unwrap();
    it.describe("two members");
    it.commit("a commits", "a", 3, kept[0], 9);
    it.commit("a with its last epoch", "a", 2, kept[0], 9);
    it.commit("a with its last epoch, b's", "a", 2, got[0], 9);
    it.commit("b with an epoch before its partition's", "b", 2, got[0], 9);
    it.commit("a with an epoch to come", "a", 4, kept[0], 9);
    it.commit("a before epochs", "a", 3, kept[0], 8);
    it.commit("somebody unknown", "c", 3, 0, 9);
    it.commit("somebody without membership", "", -1, 0, 9);
    it.fetch("a fetches", Some("a"), 3);
    it.fetch("a with its last epoch", Some("a"), 2);
    it.fetch("somebody unknown", Some("c"), 3);
    it.fetch("somebody without membership", None, -1);
    it.delete("deleting it");
    it.beat("a with its last epoch", it.alive("a", 2));
    it.beat("and what it has", it.owning("a", 2, &kept));
    it.beat("and what it has not", it.owning("a", 2, &got));
    it.beat("a with an epoch to come", it.alive("a", 4));
    it.beat("a joins again", it.join("a"));
    it.beat("a leaves", it.alive("a", -1));
    it.describe("a has left");
    it.beat("b gets all", it.alive("b", 3));
    it.beat("b leaves", it.alive("b", -1));
    it.describe("nobody is left");
    it.commit("somebody without membership", "", -1, 0, 9);
    it.delete("deleting it");
    assert_snapshot!(it.said, @r"
    no group: 69   0/0
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    alive in no group: error 69
    leaving no group: error 69
    commit to no group: 69
    commit to no group, before epochs: 22
    a joins: epoch 2, 4 partitions
    b joins: epoch 3, 0 partitions
    b waits for a: 0 Reconciling uniform 3/3, a 2 4>2, b 3 0>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    a is alive: epoch 2, 2 partitions
    a again: epoch 2
    a is to let go: 0 Reconciling uniform 3/3, a 2 4>2, b 3 0>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    b is alive: epoch 3
    a has let go: epoch 3
    b is alive: epoch 3, 2 partitions
    two members: 0 Stable uniform 3/3, a 3 2>2, b 3 2>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    a commits: 0
    a with its last epoch: 0
    a with its last epoch, b's: 113
    b with an epoch before its partition's: 113
    a with an epoch to come: 113
    a before epochs: 35
    somebody unknown: 25
    somebody without membership: 25
    a fetches: 0, 1 topics
    a with its last epoch: 113, 0 topics
    somebody unknown: 25, 0 topics
    somebody without membership: 0, 1 topics
    deleting it: 68
    a with its last epoch: error 110
    and what it has: epoch 3
    and what it has not: error 110
    a with an epoch to come: error 110
    a joins again: epoch 3, 2 partitions
    a leaves: epoch -1
    a has left: 0 Assigning uniform 4/3, b 3 2>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    b gets all: epoch 4, 4 partitions
    b leaves: epoch -1
    nobody is left: 0 Empty uniform 5/4
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    somebody without membership: 0
    deleting it: 0
    ");
}

#[test]
fn static_members_and_bad_requests_are_told_the_same_by_every_broker() {
    if excused("static_members_and_bad_requests_are_told_the_same_by_every_broker") {
        return;
    }
    let mut it = Conversation::new();
    it.wait_for_the_topic();
    let one = |request: ConsumerGroupHeartbeatRequest| {
        request.with_instance_id(Some(StrBytes::from_static_str("one")))
    };
    it.beat("a joins as one", one(it.join("a")));
    it.beat("b joins", it.join("b"));
    it.beat("a is to let go", one(it.alive("a", 2)));
    it.beat("c joins as one", one(it.join("c")));
    it.beat("a joins as one again", one(it.join("a")));
    it.beat("c as one", one(it.alive("c", 3)));
    it.beat("c leaves as one", one(it.alive("c", -2)));
    it.beat("a leaves for now", one(it.alive("a", -2)));
    it.describe("a is away");
    it.beat("a as if it were there", one(it.alive("a", 3)));
    it.beat("b is alive", it.alive("b", 3));
    it.beat("c joins as one", one(it.join("c")));
    it.beat("a is no more", it.alive("a", 3));
    it.beat("b is alive", it.alive("b", 3));
    it.describe("c is one");
    it.beat(
        "c leaves as two",
        it.alive("c", -1).with_instance_id(Some(text("two"))),
    );
    it.beat("c leaves", one(it.alive("c", -1)));
    it.beat("no name", it.join(""));
    it.beat(
        "no subscription",
        it.join("d").with_subscribed_topic_names(None),
    );
    it.beat(
        "no rebalance time-out",
        it.join("d").with_rebalance_timeout_ms(-1),
    );
    it.beat("partitions at once", it.owning("d", 0, &[0]));
    it.beat("for now, and not static", it.alive("b", -2));
    it.beat("an epoch nobody knows", it.alive("b", -3));
    it.beat(
        "an assignor nobody knows",
        it.join("d").with_server_assignor(Some(text("sticky"))),
    );
    it.beat(
        "no pattern",
        it.join("d").with_subscribed_topic_regex(Some(text("("))),
    );
    it.beat("an empty rack", it.join("d").with_rack_id(Some(text(" "))));
    it.beat("a topic that is not there", {
        let names = vec![TopicName(text("not.there"))];
        it.join("d").with_subscribed_topic_names(Some(names))
    });
    it.beat(
        "range",
        it.join("e").with_server_assignor(Some(text("range"))),
    );
    it.describe("d has nothing");
    assert_snapshot!(it.said, @r"
    a joins as one: epoch 2, 4 partitions
    b joins: epoch 3, 0 partitions
    a is to let go: epoch 2, 2 partitions
    c joins as one: error 111
    a joins as one again: error 111
    c as one: error 82
    c leaves as one: error 82
    a leaves for now: epoch -2
    a is away: 0 Reconciling uniform 3/3, a -2 2>2, b 3 0>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    a as if it were there: error 110
    b is alive: epoch 3, 2 partitions
    c joins as one: epoch 3, 2 partitions
    a is no more: error 25
    b is alive: epoch 3
    c is one: 0 Stable uniform 3/3, b 3 2>2, c 3 2>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    c leaves as two: error 25
    c leaves: epoch -1
    no name: error 42
    no subscription: error 42
    no rebalance time-out: error 42
    partitions at once: error 42
    for now, and not static: error 42
    an epoch nobody knows: error 42
    an assignor nobody knows: error 112
    no pattern: error 128
    an empty rack: error 42
    a topic that is not there: epoch 5, 0 partitions
    range: epoch 6, 0 partitions
    d has nothing: 0 Reconciling range 6/6, b 3 2>2, d 5 0>0, e 6 0>2
      DescribeGroups 5: 0 Dead
      DescribeGroups 6: 69 Dead
    ");
}
