//! Members with an instance id, and who may commit.

use super::super::super::member::Caller;
use super::super::heartbeat::LEAVE_FOR_NOW;
use super::*;

fn fixed(request: Heartbeat, instance: &str) -> Heartbeat {
    Heartbeat {
        instance: Some(instance.to_owned()),
        ..request
    }
}

#[test]
fn a_static_member_that_comes_back_disturbs_nobody() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 4)]), start());
    let mut beat = |request: Heartbeat| group.heartbeat(&request, &image, now);
    beat(fixed(join("a", &["orders"]), "one")).unwrap();
    beat(join("b", &["orders"])).unwrap();
    beat(fixed(alive("a", 2), "one")).unwrap();
    let kept = places(1, &[0, 1]);
    beat(fixed(owning("a", 2, &kept), "one")).unwrap();
    beat(alive("b", 3)).unwrap();
    // It still lives, so nobody else can be it.
    let early = beat(fixed(join("c", &["orders"]), "one"));
    assert_eq!(code(early), ResponseError::UnreleasedInstanceId);
    let left = beat(fixed(alive("a", LEAVE_FOR_NOW), "one")).unwrap();
    assert_eq!(left.epoch, LEAVE_FOR_NOW);
    // What it had is kept for it.
    assert_eq!(given(&beat(alive("b", 3)).unwrap()), None);
    let back = beat(fixed(join("c", &["orders"]), "one")).unwrap();
    assert_eq!((back.epoch, given(&back)), (3, Some(kept)));
    assert_eq!(given(&beat(alive("b", 3)).unwrap()), None);
    let former = beat(fixed(alive("a", 3), "one"));
    assert_eq!(code(former), ResponseError::FencedInstanceId);
    assert_eq!(code(beat(alive("a", 3))), ResponseError::UnknownMemberId);
    let unknown = beat(fixed(alive("a", 3), "two"));
    assert_eq!(code(unknown), ResponseError::UnknownMemberId);
    assert_eq!((group.state(), group.epochs()), ("Stable", (3, 3)));
}

#[test]
fn a_static_member_that_leaves_for_good_or_stays_away_is_out() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 4)]), start());
    let mut beat = |request: Heartbeat| group.heartbeat(&request, &image, now);
    beat(fixed(join("a", &["orders"]), "one")).unwrap();
    let wrong = beat(fixed(alive("b", LEAVE), "one"));
    assert_eq!(code(wrong), ResponseError::FencedInstanceId);
    beat(fixed(alive("a", LEAVE), "one")).unwrap();
    beat(fixed(join("b", &["orders"]), "one")).unwrap();
    beat(fixed(alive("b", LEAVE_FOR_NOW), "one")).unwrap();
    let gone = beat(fixed(alive("b", 4), "one"));
    assert_eq!(code(gone), ResponseError::FencedMemberEpoch);
    group.pass_time(now + SECOND * 45);
    assert!(group.is_empty());
}

#[test]
fn a_member_that_becomes_static_in_the_place_of_another_leaves_nothing_unread() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 4)]), start());
    let mut beat = |request: Heartbeat| group.heartbeat(&request, &image, now);
    beat(fixed(join("a", &["orders"]), "one")).unwrap();
    beat(join("b", &["orders"])).unwrap();
    beat(fixed(alive("a", LEAVE_FOR_NOW), "one")).unwrap();
    let alone = beat(fixed(join("b", &["orders"]), "one")).unwrap();
    assert_eq!(
        (alone.epoch, given(&alone)),
        (4, Some(places(1, &[0, 1, 2, 3])))
    );
    assert_eq!(group.members().count(), 1);
}

fn caller(member: &str, generation: i32) -> Caller {
    Caller {
        member: member.to_owned(),
        instance: None,
        generation,
    }
}

#[test]
fn members_commit_what_they_have_had_since_the_epoch_they_know() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 4)]), start());
    assert_eq!(group.may_commit(&caller("", -1), false), Ok(()));
    group
        .heartbeat(&join("a", &["orders"]), &image, now)
        .unwrap();
    group
        .heartbeat(&join("b", &["orders"]), &image, now)
        .unwrap();
    group.heartbeat(&alive("a", 2), &image, now).unwrap();
    let kept = places(1, &[0, 1]);
    group
        .heartbeat(&owning("a", 2, &kept), &image, now)
        .unwrap();
    group.heartbeat(&alive("b", 3), &image, now).unwrap();
    let may = |member: &str, epoch: i32| group.may_commit(&caller(member, epoch), false);
    let unknown = Err(ResponseError::UnknownMemberId);
    assert_eq!((may("", -1), may("c", 3)), (unknown, unknown));
    let stale = Err(ResponseError::StaleMemberEpoch);
    assert_eq!(
        (may("a", 2), may("a", 3), may("a", 4)),
        (Ok(()), Ok(()), stale)
    );
    assert_eq!(group.may_commit(&caller("", -1), true), Ok(()));
    let place = |member: &str, epoch: i32, index: i32| {
        group.may_commit_place(&caller(member, epoch), "orders", index)
    };
    assert_eq!(place("a", 3, 3), Ok(()), "Kafka trusts a present epoch");
    assert_eq!((place("a", 2, 0), place("a", 2, 2)), (Ok(()), stale));
    assert_eq!((place("b", 2, 2), place("b", 3, 2)), (stale, Ok(())));
    let fetch = |member: Option<&str>, epoch: i32| group.may_fetch(member, epoch);
    assert_eq!((fetch(None, -1), fetch(Some("c"), -1)), (Ok(()), unknown));
    assert_eq!((fetch(Some("a"), 3), fetch(Some("a"), 2)), (Ok(()), stale));
}
