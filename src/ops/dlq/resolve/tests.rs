use super::*;
use crate::kafka::Connection;
use crate::model::record::{Header, OutgoingRef};
use std::collections::HashMap;
use std::time::Duration;

/// Knows these topics, with so many partitions and a limit each; asks nobody.
fn resolver(source: &str, manner: Manner, topics: &[(&str, i32, Option<u32>)]) -> Resolver {
    let connection = Connection {
        brokers: "127.0.0.1:1".to_owned(),
        timeout: Duration::from_millis(1),
        properties: Vec::new(),
        verbose_client_logs: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let known = |(name, partitions, limit): &(&str, i32, Option<u32>)| {
        let destination = Destination {
            name: (*name).into(),
            partitions: *partitions,
            limit: *limit,
        };
        ((*name).to_owned(), Arc::new(destination))
    };
    let cluster = Cluster::new(connection).unwrap();
    let handle = runtime.handle().clone();
    let mut destinations = Destinations::of(&cluster, handle, HashMap::new());
    destinations.known = topics.iter().map(known).collect();
    Resolver {
        cluster,
        runtime: runtime.handle().clone(),
        source: source.to_owned(),
        manner,
        destinations,
        learnt: None,
        origin_by_name: by_name::origin(source, |name| topics.iter().any(|it| it.0 == name)),
        compresses: false,
        places_only: false,
    }
}

/// A letter with these of its headers.
fn letter(headers: &[(&str, &str)]) -> Record {
    let mut all = vec![Header::text("trace", "00-1")];
    let own = headers.iter();
    all.extend(own.map(|(name, value)| Header::text(*name, value)));
    Record {
        topic: "orders.dlq".to_owned(),
        partition: 1,
        offset: 7,
        timestamp: None,
        key: Some(b"order-7".to_vec()),
        value: Some(b"{}".to_vec()),
        headers: all,
    }
}

const ORIGIN: (&str, &str) = ("__dlq.errors.topic", "orders");
const KIND: (&str, &str) = ("__dlq.errors.kind", "permanent");
const GROUP: (&str, &str) = ("__dlq.errors.group", "payment");

fn partition(number: &str) -> (&str, &str) {
    ("__dlq.errors.partition", number)
}

/// `orders:2`, `orders`, `parked: …` or why it stays.
fn told(resolver: &mut Resolver, record: &Record) -> String {
    let mut resolved = Vec::new();
    resolver
        .resolve(
            std::slice::from_ref(record),
            &Chooser::default(),
            &mut resolved,
        )
        .unwrap();
    match &resolved[0].route {
        Route::To(topic, Some(partition)) => format!("{}:{partition}", topic.name),
        Route::To(topic, None) => topic.name.to_string(),
        Route::Park(reason) => format!("parked: {reason}"),
        Route::Stays(stay) => stay.to_string(),
    }
}

#[test]
fn a_letter_goes_where_it_came_from_and_nowhere_else() {
    let topics = [("orders", 3, None), ("orders.dlq.other", 1, None)];
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[ORIGIN, KIND, partition("2")], "orders:2"),
        // The topic has become smaller, or the letter lies.
        (&[ORIGIN, KIND, partition("3")], "orders"),
        (&[ORIGIN, KIND, partition("-1")], "orders"),
        (&[ORIGIN, KIND], "orders"),
        (
            &[("__dlq.errors.topic", "gone"), KIND],
            "the origin topic does not exist",
        ),
        (
            &[("__dlq.errors.topic", "orders.dlq.other"), KIND],
            "its origin `orders.dlq.other` is itself a dead-letter topic (`--force` puts it back there)",
        ),
    ];
    for (headers, expected) in cases {
        let mut resolver = resolver("orders.dlq", Manner::default(), &topics);
        assert_eq!(
            told(&mut resolver, &letter(headers)),
            expected,
            "{headers:?}"
        );
    }
    let forced = Manner {
        force: true,
        ..Manner::default()
    };
    let mut resolver = resolver("orders.dlq", forced, &topics);
    let circle = letter(&[("__dlq.errors.topic", "orders.dlq.other"), KIND]);
    assert_eq!(told(&mut resolver, &circle), "orders.dlq.other");
}

#[test]
fn where_the_letter_names_no_topic_the_name_of_its_topic_may() {
    type Headers = &'static [(&'static str, &'static str)];
    const PLACE: Headers = &[("original_partition", "2"), ("original_offset", "7")];
    const DOUBTED: Headers = &[("__streams.errors.topic", "app-x-repartition")];
    const GROUP_ALONE: Headers = &[KIND, GROUP, ("__dlq.errors.topic", "")];
    let topics = [
        ("orders", 3, None),
        ("orders.payment.retry", 1, None),
        ("repaired", 1, None),
    ];
    let (unheard, unknown) = (
        "it has no dead-letter headers that are understood",
        "the origin topic is not known",
    );
    let to = |topic: &str| Target::Topic(topic.to_owned());
    let cases: [(&str, Target, Headers, &str); 9] = [
        ("orders.dlq", Target::Origin, &[], "orders"),
        ("orders.dlq", Target::Origin, PLACE, "orders:2"),
        ("orders.dlq", to("repaired"), PLACE, "repaired"),
        (
            "orders.dlq",
            Target::GroupRetry,
            GROUP_ALONE,
            "orders.payment.retry",
        ),
        ("orders.dlq", Target::GroupRetry, &[], unheard),
        // It names a topic, and that is not this one.
        ("orders.dlq", Target::Origin, DOUBTED, unknown),
        ("dl-orders", Target::Origin, &[], unheard),
        ("dl-orders", Target::Origin, PLACE, unknown),
        ("payments.dlq", Target::Origin, PLACE, unknown),
    ];
    for (source, target, headers, expected) in cases {
        let manner = Manner {
            target,
            ..Manner::default()
        };
        let mut resolver = resolver(source, manner, &topics);
        assert_eq!(
            told(&mut resolver, &letter(headers)),
            expected,
            "{source} {headers:?}"
        );
    }
}

#[test]
fn to_another_topic_the_key_decides_and_without_one_the_old_partition() {
    let manner = Manner {
        target: Target::Topic("repaired".to_owned()),
        ..Manner::default()
    };
    let topics = [("orders", 3, None), ("repaired", 3, None)];
    let mut resolver = resolver("orders.dlq", manner, &topics);
    let mut record = letter(&[ORIGIN, KIND, partition("2")]);
    assert_eq!(told(&mut resolver, &record), "repaired");
    record.key = None;
    assert_eq!(told(&mut resolver, &record), "repaired:2");
    assert_eq!(
        told(&mut resolver, &letter(&[])),
        "repaired",
        "what tells nothing, too"
    );
}

#[test]
fn a_retry_topic_is_only_one_that_the_group_has_for_itself() {
    let manner = || Manner {
        target: Target::GroupRetry,
        ..Manner::default()
    };
    let record = letter(&[ORIGIN, KIND, GROUP]);
    let cases: [(&[&str], &str); 4] = [
        (
            &["orders.payment.retry", "orders__payment__retry"],
            "orders.payment.retry",
        ),
        (&["orders__payment__retry"], "orders__payment__retry"),
        // Anybody may read it: only Spring says who does.
        (
            &["orders-retry"],
            "group `payment` has no retry topic of its own",
        ),
        (&["orders"], "group `payment` has no retry topic of its own"),
    ];
    for (names, expected) in cases {
        let topics: Vec<_> = names.iter().map(|name| (*name, 1, None)).collect();
        let mut resolver = resolver("orders.dlq", manner(), &topics);
        assert_eq!(told(&mut resolver, &record), expected, "{names:?}");
    }
}

#[test]
fn what_was_put_back_too_often_is_parked_once() {
    let topics = [("orders", 3, None)];
    let record = |replays: &str| letter(&[ORIGIN, KIND, ("eda-replay-count", replays)]);
    let from = |source: &str, replays: &str| {
        let mut resolver = resolver(source, Manner::default(), &topics);
        told(&mut resolver, &record(replays))
    };
    assert_eq!(from("orders.dlq", "2"), "orders");
    assert_eq!(
        from("orders.dlq", "3"),
        "parked: it was put back 3 times already"
    );
    assert_eq!(
        from("orders.dlq.parking", "3"),
        "it was put back 3 times already (`--max-replays` allows more)"
    );
}

#[test]
fn the_size_that_counts_is_that_of_what_is_put_back() {
    let record = |length: usize| {
        let mut record = letter(&[ORIGIN, KIND, ("__dlq.errors.message", &"m".repeat(8000))]);
        record.value = Some(vec![b'x'; length]);
        record
    };
    let parked = |length: usize, compresses: bool| {
        let mut resolver = resolver(
            "orders.dlq",
            Manner::default(),
            &[("orders", 3, Some(4000))],
        );
        resolver.compresses = compresses;
        told(&mut resolver, &record(length)).starts_with("parked: ")
    };
    assert!(!parked(3000, false), "the message does not go back");
    assert!(parked(3990, false) && parked(4000, false));
    assert!(!parked(4000, true), "only the broker can tell");
    // To the byte, whatever is added on the way.
    let mut resolver = resolver(
        "orders.dlq",
        Manner::default(),
        &[("orders", 3, Some(4000))],
    );
    let (mut resolved, stamp) = (
        Vec::new(),
        Stamp {
            replay_id: &"0".repeat(36),
            now_ms: 1_764_000_000_000,
        },
    );
    for length in 3000..4000 {
        let record = record(length);
        resolver
            .resolve(
                std::slice::from_ref(&record),
                &Chooser::default(),
                &mut resolved,
            )
            .unwrap();
        if let Some(outgoing) = resolver.outgoing(&record, &resolved[0], stamp) {
            let outgoing: OutgoingRef<'_> = (&outgoing).into();
            let size = record_size::smallest_batch(&outgoing);
            assert!(
                size <= 4000 && !resolver.destinations.is_too_large("orders", &outgoing),
                "{length}: {size}"
            );
        } else {
            assert!(length > 3500, "{length}");
        }
    }
}

#[test]
fn diagnostics_stay_only_where_they_are_asked_for_and_notes_of_parking_never() {
    let record = letter(&[
        ORIGIN,
        KIND,
        ("eda-replay-count", "1"),
        ("eda-parked-reason", "often"),
    ]);
    let names = |keep_diagnostics: bool| {
        let manner = Manner {
            keep_diagnostics,
            ..Manner::default()
        };
        let mut resolver = resolver("orders.dlq", manner, &[("orders", 3, None)]);
        let mut resolved = Vec::new();
        resolver
            .resolve(
                std::slice::from_ref(&record),
                &Chooser::default(),
                &mut resolved,
            )
            .unwrap();
        let stamp = Stamp {
            replay_id: "id",
            now_ms: 1,
        };
        let outgoing = resolver.outgoing(&record, &resolved[0], stamp).unwrap();
        let names: Vec<String> = outgoing
            .headers
            .into_iter()
            .map(|header| header.name)
            .collect();
        names.join(" ")
    };
    let added = "eda-replay-count eda-replay-id eda-replay-at eda-replay-source eda-replay-origin";
    assert_eq!(names(false), format!("trace {added}"));
    assert_eq!(
        names(true),
        format!("trace __dlq.errors.topic __dlq.errors.kind {added}")
    );
}
