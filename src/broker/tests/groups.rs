//! The group state machine, driven with a clock of its own.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use tokio::sync::oneshot::Receiver;

use super::super::group::Limits;
use super::super::group::member::{Caller, Join, Joined, Outcome, Sync, Synced};
use super::super::group::state::{Group, Phase};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn group(initial_delay: Duration) -> Group {
    let limits = Limits {
        initial_delay,
        min_session: SECOND,
        max_session: SECOND * 60,
        consumer: super::super::group::consumer::Settings {
            session: SECOND * 45,
        },
    };
    Group::new("group", limits)
}

fn join(member: &str, instance: Option<&str>, protocols: &[&str]) -> Join {
    let protocols = protocols
        .iter()
        .map(|name| (name.to_string(), Bytes::from(name.to_string())));
    Join {
        member: member.to_owned(),
        instance: instance.map(str::to_owned),
        client_id: "client".to_owned(),
        session: SECOND * 10,
        rebalance: SECOND * 30,
        protocol_type: "consumer".to_owned(),
        protocols: protocols.collect(),
        id_required: false,
        can_skip: true,
        ..Join::default()
    }
}

fn later<T>(outcome: Outcome<T>) -> Receiver<T> {
    match outcome {
        Outcome::Later(receiver) => receiver,
        Outcome::Now(_) => panic!("answered at once"),
    }
}

fn now<T>(outcome: Outcome<T>) -> T {
    match outcome {
        Outcome::Now(answer) => answer,
        Outcome::Later(_) => panic!("not answered"),
    }
}

fn caller(joined: &Joined) -> Caller {
    Caller {
        member: joined.member.clone(),
        instance: None,
        generation: joined.generation,
    }
}

fn sync(
    group: &mut Group,
    joined: &Joined,
    assignments: &[(&Joined, &'static str)],
    at: Instant,
) -> Receiver<Synced> {
    let given = assignments
        .iter()
        .map(|(member, text)| (member.member.clone(), Bytes::from(*text)));
    let request = Sync {
        caller: caller(joined),
        assignments: given.collect(),
        ..Sync::default()
    };
    later(group.sync(request, at))
}

/// A stable group of two: leader and follower.
fn pair(group: &mut Group, at: Instant) -> (Joined, Joined) {
    let first = later(group.join(join("", None, &["range"]), at))
        .try_recv()
        .unwrap();
    let mut second = later(group.join(join("", None, &["range"]), at));
    assert!(
        second.try_recv().is_err(),
        "the barrier holds until the first is back"
    );
    assert_eq!(
        group.heartbeat(&caller(&first), at),
        Err(ResponseError::RebalanceInProgress)
    );
    let first = later(group.join(join(&first.member, None, &["range"]), at))
        .try_recv()
        .unwrap();
    let second = second.try_recv().unwrap();
    assert_eq!((first.generation, second.generation), (2, 2));
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
    let mut follower = sync(group, &second, &[], at);
    assert!(
        follower.try_recv().is_err(),
        "a follower waits for the leader"
    );
    let mut leader = sync(group, &first, &[(&first, "one"), (&second, "two")], at);
    assert_eq!(leader.try_recv().unwrap().assignment, "one");
    assert_eq!(follower.try_recv().unwrap().assignment, "two");
    assert_eq!(group.phase(), Phase::Stable);
    (first, second)
}

#[test]
fn two_members_share_and_a_dead_one_is_replaced() {
    let (mut group, start) = (group(Duration::ZERO), Instant::now());
    let (leader, follower) = pair(&mut group, start);
    let half = start + SECOND * 6;
    assert_eq!(group.heartbeat(&caller(&leader), half), Ok(()));
    group.pass_time(start + SECOND * 11);
    assert_eq!(
        group.heartbeat(&caller(&follower), half),
        Err(ResponseError::UnknownMemberId)
    );
    assert_eq!(
        group.heartbeat(&caller(&leader), half),
        Err(ResponseError::RebalanceInProgress)
    );
    let again = later(group.join(join(&leader.member, None, &["range"]), half))
        .try_recv()
        .unwrap();
    assert_eq!((again.generation, again.members.len()), (3, 1));
    let old = Caller {
        generation: 2,
        ..caller(&again)
    };
    assert_eq!(
        group.heartbeat(&old, half),
        Err(ResponseError::IllegalGeneration)
    );
    group.leave(&again.member, None, half).unwrap();
    assert_eq!(group.phase(), Phase::Empty);
}

#[test]
fn a_member_that_does_not_rejoin_is_out_when_time_is_up() {
    let (mut group, start) = (group(Duration::ZERO), Instant::now());
    let (leader, follower) = pair(&mut group, start);
    let mut third = later(group.join(join("", None, &["range"]), start));
    let mut second = later(group.join(join(&follower.member, None, &["range"]), start));
    // The leader goes on sending heartbeats and never joins.
    group
        .heartbeat(&caller(&leader), start + SECOND * 25)
        .unwrap_err();
    group.pass_time(start + SECOND * 31);
    let (second, third) = (second.try_recv().unwrap(), third.try_recv().unwrap());
    assert_eq!(second.generation, 3);
    assert!(second.leader == second.member || second.leader == third.member);
    assert_eq!(group.members().count(), 2);
}

#[test]
fn protocols_are_voted_for_and_must_overlap() {
    let (mut group, start) = (group(SECOND), Instant::now());
    let mut first = later(group.join(join("", None, &["range", "sticky"]), start));
    let mut second = later(group.join(join("", None, &["sticky", "range"]), start));
    let mut third = later(group.join(join("", None, &["sticky", "other"]), start));
    let refused = now(group.join(join("", None, &["other"]), start));
    assert_eq!(
        refused.error,
        Some(ResponseError::InconsistentGroupProtocol)
    );
    assert!(first.try_recv().is_err(), "the initial delay");
    group.pass_time(start + SECOND);
    for answer in [&mut first, &mut second, &mut third] {
        let joined = answer.try_recv().unwrap();
        assert_eq!(
            (joined.generation, joined.protocol.as_deref()),
            (1, Some("sticky"))
        );
    }
}

#[test]
fn a_newcomer_comes_back_with_its_id_or_is_forgotten() {
    let (mut group, start) = (group(Duration::ZERO), Instant::now());
    let request = Join {
        id_required: true,
        ..join("", None, &["range"])
    };
    let told = now(group.join(request.clone(), start));
    assert_eq!(told.error, Some(ResponseError::MemberIdRequired));
    let request = Join {
        member: told.member,
        ..request
    };
    let joined = later(group.join(request.clone(), start))
        .try_recv()
        .unwrap();
    assert_eq!(joined.error, None);
    let stranger = now(group.join(join("stranger", None, &["range"]), start));
    assert_eq!(stranger.error, Some(ResponseError::UnknownMemberId));
    let short = Join {
        session: SECOND / 2,
        ..request
    };
    assert_eq!(
        now(group.join(short, start)).error,
        Some(ResponseError::InvalidSessionTimeout)
    );
}

#[test]
fn a_static_member_takes_its_place_again_without_a_rebalance() {
    let (mut group, start) = (group(Duration::ZERO), Instant::now());
    let first = later(group.join(join("", Some("a"), &["range"]), start))
        .try_recv()
        .unwrap();
    sync(&mut group, &first, &[(&first, "mine")], start)
        .try_recv()
        .unwrap();
    let back = now(group.join(join("", Some("a"), &["range"]), start));
    assert_ne!(back.member, first.member);
    assert_eq!((back.generation, back.skip_assignment), (1, true));
    let synced = now(group.sync(
        Sync {
            caller: caller(&back),
            ..Sync::default()
        },
        start,
    ));
    assert_eq!(synced.assignment, "mine");
    let old = Caller {
        instance: Some("a".to_owned()),
        ..caller(&first)
    };
    assert_eq!(
        group.heartbeat(&old, start),
        Err(ResponseError::FencedInstanceId)
    );
    assert_eq!(group.leave("", Some("a"), start), Ok(()));
    assert_eq!(group.phase(), Phase::Empty);
}

#[test]
fn only_members_commit_to_a_live_group() {
    let (mut group, start) = (group(Duration::ZERO), Instant::now());
    let nobody = Caller {
        generation: -1,
        ..Caller::default()
    };
    assert_eq!(group.may_commit(&nobody, false, start), Ok(()));
    let (leader, _) = pair(&mut group, start);
    assert_eq!(
        group.may_commit(&nobody, false, start),
        Err(ResponseError::UnknownMemberId)
    );
    assert_eq!(group.may_commit(&caller(&leader), false, start), Ok(()));
    let old = Caller {
        generation: 1,
        ..caller(&leader)
    };
    assert_eq!(
        group.may_commit(&old, false, start),
        Err(ResponseError::IllegalGeneration)
    );
}

#[test]
fn a_member_that_never_syncs_is_out() {
    let (mut group, start) = (group(Duration::ZERO), Instant::now());
    let joined = later(group.join(join("", None, &["range"]), start))
        .try_recv()
        .unwrap();
    group
        .heartbeat(&caller(&joined), start + SECOND * 29)
        .unwrap();
    assert!(group.next_limit().unwrap() <= start + SECOND * 30);
    group.pass_time(start + SECOND * 30);
    assert_eq!(group.phase(), Phase::Empty);
}
