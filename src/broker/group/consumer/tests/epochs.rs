//! Epochs, fencing, time-outs and topics that come and go.

use super::super::heartbeat::LEAVE_FOR_NOW;
use super::*;

#[test]
fn a_partition_goes_to_its_new_owner_when_the_old_one_has_let_go() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 4)]), start());
    let mut beat = |request: Heartbeat| group.heartbeat(&request, &image, now).unwrap();
    let first = beat(join("a", &["orders"]));
    assert_eq!(first.epoch, 2);
    assert_eq!(given(&first), Some(places(1, &[0, 1, 2, 3])));
    // The other waits for partitions; nobody has said that they are free.
    let second = beat(join("b", &["orders"]));
    assert_eq!((second.epoch, given(&second)), (3, Some(Vec::new())));
    let kept = places(1, &[0, 1]);
    let asked = beat(alive("a", 2));
    assert_eq!((asked.epoch, given(&asked)), (2, Some(kept.clone())));
    assert_eq!(given(&beat(alive("b", 3))), None);
    // It lives, and does not say that it has let go.
    assert_eq!(beat(alive("a", 2)).epoch, 2);
    let still = beat(owning("a", 2, &places(1, &[0, 1, 2])));
    assert_eq!((still.epoch, given(&still)), (2, None));
    assert_eq!(given(&beat(alive("b", 3))), None);
    assert_eq!(beat(owning("a", 2, &kept)).epoch, 3);
    let got = beat(alive("b", 3));
    assert_eq!((got.epoch, given(&got)), (3, Some(places(1, &[2, 3]))));
    assert_eq!(group.state(), "Stable");
}

#[test]
fn states_are_kafkas() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 2)]), start());
    assert_eq!(group.state(), "Empty");
    let join_as = |id: &str| join(id, &["orders"]);
    group.heartbeat(&join_as("a"), &image, now).unwrap();
    assert_eq!(group.state(), "Stable");
    group.heartbeat(&join_as("b"), &image, now).unwrap();
    assert_eq!((group.state(), group.epochs()), ("Reconciling", (3, 3)));
    group.heartbeat(&alive("b", LEAVE), &image, now).unwrap();
    assert_eq!((group.state(), group.epochs()), ("Assigning", (4, 3)));
    group.heartbeat(&alive("a", 2), &image, now).unwrap();
    assert_eq!((group.state(), group.epochs()), ("Stable", (4, 4)));
    group.heartbeat(&alive("a", LEAVE), &image, now).unwrap();
    assert_eq!(group.state(), "Empty");
}

#[test]
fn who_knows_another_epoch_is_fenced_unless_an_answer_may_have_been_lost() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 2)]), start());
    let mut beat = |request: Heartbeat| group.heartbeat(&request, &image, now);
    beat(join("a", &["orders"])).unwrap();
    assert_eq!(code(beat(alive("a", 3))), ResponseError::FencedMemberEpoch);
    assert_eq!(code(beat(alive("b", 2))), ResponseError::UnknownMemberId);
    assert_eq!(
        code(beat(alive("b", LEAVE))),
        ResponseError::UnknownMemberId
    );
    let changed = Heartbeat {
        topics: Some(vec!["orders".to_owned(), "payments".to_owned()]),
        ..alive("a", 2)
    };
    assert_eq!(beat(changed).unwrap().epoch, 3);
    // It says it has no more than it was told of: the answer with epoch 2 was lost.
    let lost = beat(owning("a", 2, &places(1, &[0, 1])));
    assert_eq!(lost.unwrap().epoch, 3);
    let too_much = beat(owning("a", 2, &places(2, &[0])));
    assert_eq!(code(too_much), ResponseError::FencedMemberEpoch);
    assert_eq!(code(beat(alive("a", 2))), ResponseError::FencedMemberEpoch);
    // A fenced member comes back as what it was.
    let back = beat(join("a", &["orders", "payments"])).unwrap();
    assert_eq!((back.epoch, given(&back)), (3, Some(places(1, &[0, 1]))));
}

#[test]
fn a_silent_member_is_out_and_the_others_get_what_it_had() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 2)]), start());
    group
        .heartbeat(&join("a", &["orders"]), &image, now)
        .unwrap();
    let later = now + SECOND * 40;
    group
        .heartbeat(&join("b", &["orders"]), &image, later)
        .unwrap();
    assert_eq!(group.next_limit(), Some(now + SECOND * 45));
    group.pass_time(now + SECOND * 44);
    assert_eq!(group.members().count(), 2);
    group.pass_time(now + SECOND * 45);
    let told = group.heartbeat(&alive("b", 3), &image, later).unwrap();
    assert_eq!((told.epoch, given(&told)), (4, Some(places(1, &[0, 1]))));
    let fenced = group.heartbeat(&alive("a", 2), &image, later);
    assert_eq!(code(fenced), ResponseError::UnknownMemberId);
}

#[test]
fn who_does_not_let_go_in_time_is_out() {
    let (mut group, image, now) = (machine(), topics(&[("orders", 2)]), start());
    group
        .heartbeat(&join("a", &["orders"]), &image, now)
        .unwrap();
    group
        .heartbeat(&join("b", &["orders"]), &image, now)
        .unwrap();
    group.heartbeat(&alive("a", 2), &image, now).unwrap();
    // It lives, and that is not enough.
    for seconds in [10, 20, 29] {
        let at = now + SECOND * seconds;
        group.heartbeat(&alive("a", 2), &image, at).unwrap();
        group.heartbeat(&alive("b", 3), &image, at).unwrap();
    }
    assert_eq!(group.next_limit(), Some(now + SECOND * 30));
    group.pass_time(now + SECOND * 30);
    let told = group.heartbeat(&alive("b", 3), &image, now).unwrap();
    assert_eq!(given(&told), Some(places(1, &[0, 1])));
}

#[test]
fn topics_that_come_grow_and_go_make_a_new_target() {
    let (mut group, now) = (machine(), start());
    let mut beat = |request: Heartbeat, image: &Arc<Image>| {
        let told = group.heartbeat(&request, image, now).unwrap();
        (told.epoch, given(&told))
    };
    let none = topics(&[]);
    assert_eq!(beat(join("a", &["orders"]), &none), (2, Some(vec![])));
    assert_eq!(beat(alive("a", 2), &none), (2, None));
    let one = topics(&[("orders", 1)]);
    assert_eq!(beat(alive("a", 2), &one), (3, Some(places(1, &[0]))));
    let grown = topics(&[("orders", 2)]);
    let both = places(1, &[0, 1]);
    assert_eq!(beat(alive("a", 3), &grown), (4, Some(both.clone())));
    let more = topics(&[("orders", 2), ("payments", 1)]);
    assert_eq!(
        beat(alive("a", 4), &more),
        (4, None),
        "it wants no payments"
    );
    assert_eq!(beat(alive("a", 4), &none), (4, Some(vec![])));
    assert_eq!(beat(owning("a", 4, &[]), &none), (5, None));
}

#[test]
fn a_pattern_finds_topics_that_come_later() {
    let (mut group, now) = (machine(), start());
    let pattern = |pattern: &str| Heartbeat {
        topics: None,
        pattern: Some(pattern.to_owned()),
        ..join("a", &[])
    };
    let image = topics(&[("orders-eu", 1), ("payments", 1)]);
    let refused = group.heartbeat(&pattern("orders-("), &image, now);
    assert_eq!(code(refused), ResponseError::InvalidRegularExpression);
    assert!(group.is_empty());
    let told = group.heartbeat(&pattern("orders-.*"), &image, now).unwrap();
    assert_eq!(given(&told), Some(places(1, &[0])));
    assert!(group.subscribes("orders-eu") && !group.subscribes("payments"));
    let image = topics(&[("orders-eu", 1), ("payments", 1), ("orders-us", 1)]);
    let told = group.heartbeat(&alive("a", 2), &image, now).unwrap();
    let both = [places(1, &[0]), places(3, &[0])].concat();
    assert_eq!((told.epoch, given(&told)), (3, Some(both)));
    // Names and patterns count together; an empty pattern is none.
    let names = Heartbeat {
        topics: Some(vec!["payments".to_owned()]),
        pattern: Some(String::new()),
        owned: Some(Vec::new()),
        ..alive("a", 3)
    };
    let told = group.heartbeat(&names, &image, now).unwrap();
    assert_eq!((told.epoch, given(&told)), (4, Some(places(2, &[0]))));
}

#[test]
fn the_assignor_most_members_ask_for_assigns() {
    let (mut group, image, now) = (machine(), topics(&[("one", 1), ("two", 1)]), start());
    let asking = |id: &str, assignor: &str| Heartbeat {
        assignor: Some(assignor.to_owned()),
        ..join(id, &["one", "two"])
    };
    assert_eq!(group.assignor().name(), "uniform");
    for (id, assignor) in [("a", "range"), ("b", "range"), ("c", "uniform")] {
        group.heartbeat(&asking(id, assignor), &image, now).unwrap();
    }
    assert_eq!(group.assignor().name(), "range");
    let shares: Vec<usize> = ["a", "b", "c"]
        .iter()
        .map(|id| group.target(id).count())
        .collect();
    assert_eq!(
        shares,
        [2, 0, 0],
        "the first partition of each to the first"
    );
}

#[test]
fn requests_that_are_wrong_whatever_the_group() {
    let refused = |request: &Heartbeat, version| {
        let result = request.check("group", version);
        result.err().map(|(error, _)| error)
    };
    let fine = join("a", &["orders"]);
    assert_eq!(refused(&fine, 1), None);
    let nameless = Heartbeat {
        member: String::new(),
        ..fine.clone()
    };
    assert_eq!(refused(&nameless, 0), None);
    let invalid = [
        nameless,
        alive("a", JOIN),
        alive("a", -3),
        alive("a", LEAVE_FOR_NOW),
        alive("", LEAVE),
        alive(" ", 1),
        Heartbeat {
            rebalance: None,
            ..fine.clone()
        },
        Heartbeat {
            owned: None,
            ..fine.clone()
        },
        Heartbeat {
            owned: Some(places(1, &[0])),
            ..fine.clone()
        },
        Heartbeat {
            topics: None,
            ..fine.clone()
        },
        Heartbeat {
            instance: Some(String::new()),
            ..fine.clone()
        },
        Heartbeat {
            rack: Some(" ".to_owned()),
            ..fine.clone()
        },
    ];
    for request in invalid {
        let error = refused(&request, 1);
        assert_eq!(error, Some(ResponseError::InvalidRequest), "{request:?}");
    }
    assert!(fine.check("", 1).is_err());
    let unknown = Heartbeat {
        assignor: Some("sticky".to_owned()),
        ..fine
    };
    assert_eq!(
        refused(&unknown, 1),
        Some(ResponseError::UnsupportedAssignor)
    );
}
