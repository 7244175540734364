//! KIP-848's requests, byte by byte: the same answers from every broker.

mod conversation;

use crate::support::excused;
use conversation::{Conversation, text};
use insta::assert_snapshot;
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

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
