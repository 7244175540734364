use super::*;
use crate::model::dead_letter::{Stage, detect};
use crate::model::record::TimestampType;
use crate::model::tests::cases;
use proptest::prelude::*;

const GROUP_NAME: &str = "payment-service";
const DLQ: &str = "order-created.dlq";

fn null(name: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: None,
    }
}

fn alive() -> Record {
    Record {
        topic: "order-created".to_owned(),
        partition: 1,
        offset: 42,
        timestamp: Some((1_764_000_000_000, TimestampType::Create)),
        key: Some(b"order-7".to_vec()),
        value: Some(Vec::new()),
        headers: vec![
            Header::text("trace", "1"),
            null("flag"),
            Header::new("trace", vec![0xff]),
        ],
    }
}

/// The record as it is read back from where it was sent, at another offset and time.
fn arrived(record: OutgoingRecord, offset: i64) -> Record {
    Record {
        topic: record.topic,
        partition: record.partition.unwrap_or(0),
        offset,
        timestamp: Some((1_764_000_009_000, TimestampType::Create)),
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

fn die(record: &Record, now_ms: i64) -> Record {
    let failure = Failure::transient("exit 75", "bank is down");
    arrived(
        bury(
            record,
            &failure,
            GROUP_NAME,
            4,
            DLQ,
            Some(record.partition),
            now_ms,
        ),
        7,
    )
}

fn shown(headers: &[Header]) -> Vec<String> {
    let text = |header: &Header| {
        let value = header.value.as_deref().map(String::from_utf8_lossy);
        format!("{}={}", header.name, value.as_deref().unwrap_or("(null)"))
    };
    headers.iter().map(text).collect()
}

fn origin() -> Origin {
    Origin {
        topic: Some("order-created".to_owned()),
        partition: Some(1),
        offset: Some(42),
        timestamp: Some(1_764_000_000_000),
    }
}

#[test]
fn a_buried_record_is_itself_with_its_story_appended() {
    let record = alive();
    let failure = Failure::permanent("DecodeError", "not JSON").at(Stage::Decode);
    let dead = bury(
        &record,
        &failure,
        GROUP_NAME,
        1,
        DLQ,
        Some(1),
        1_764_000_003_000,
    );
    assert_eq!(
        (dead.topic.as_str(), dead.partition, dead.timestamp),
        (DLQ, Some(1), None)
    );
    assert_eq!((&dead.key, &dead.value), (&record.key, &record.value));
    assert_eq!(dead.headers[..3], record.headers);
    assert_eq!(
        shown(&dead.headers[3..]),
        [
            "__dlq.errors.topic=order-created",
            "__dlq.errors.partition=1",
            "__dlq.errors.offset=42",
            "__dlq.errors.timestamp=1764000000000",
            "__dlq.errors.group=payment-service",
            "__dlq.errors.exception=DecodeError",
            "__dlq.errors.message=not JSON",
            "__dlq.errors.delivery.count=1",
            "__dlq.errors.failed.at=1764000003000",
            "__dlq.errors.kind=permanent",
            "__dlq.errors.stage=decode",
        ]
    );
    let letter = detect(&arrived(dead, 0)).unwrap();
    let expected = DeadLetter {
        origin: origin(),
        group: Some(GROUP_NAME.to_owned()),
        exception: Some("DecodeError".to_owned()),
        message: Some("not JSON".to_owned()),
        attempts: Some(1),
        failed_at: Some(1_764_000_003_000),
        kind: Some(FailureKind::Permanent),
        stage: Some("decode".to_owned()),
        ..DeadLetter::new(NAME)
    };
    assert_eq!(letter, expected);
}

#[test]
fn a_revived_record_is_the_one_that_died_with_a_note_of_the_replay() {
    let dead = die(&alive(), 1);
    let letter = detect(&dead).unwrap();
    let revived = revive(&dead, &letter, Some(1), "replay-1", 1_764_000_005_000);
    assert_eq!(
        (revived.topic.as_str(), revived.partition, revived.timestamp),
        ("order-created", Some(1), None)
    );
    assert_eq!((revived.key, revived.value), (alive().key, alive().value));
    assert_eq!(revived.headers[..3], alive().headers);
    assert_eq!(
        shown(&revived.headers[3..]),
        [
            "eda-replay-count=1",
            "eda-replay-id=replay-1",
            "eda-replay-at=1764000005000",
            "eda-replay-source=order-created.dlq/1/7",
            "eda-replay-origin=order-created/1/42/1764000000000",
        ]
    );
}

#[test]
fn whatever_happens_to_it_the_first_origin_wins() {
    let mut record = alive();
    for replays in 0..3 {
        let dead = die(&record, 1);
        let letter = detect(&dead).unwrap();
        assert_eq!((letter.replays, &letter.origin), (replays, &origin()));
        // Straight from the dead-letter topic into the next, told by another group.
        let again = bury(
            &dead,
            &Failure::poison("SIGKILL", ""),
            "cleanup",
            2,
            "graveyard",
            None,
            2,
        );
        let letter = detect(&arrived(again.clone(), 3)).unwrap();
        assert_eq!(
            (&letter.origin, letter.group.as_deref()),
            (&origin(), Some("cleanup"))
        );
        assert_eq!(
            again
                .headers
                .iter()
                .filter(|header| header.name == TOPIC)
                .count(),
            1
        );
        // And through a replay, which gives it a new offset and timestamp.
        record = arrived(
            revive(&dead, &letter, Some(1), "again", 3),
            1000 + i64::from(replays),
        );
        assert_eq!(detect(&record), None);
        assert_eq!(super::replays(&record), replays + 1);
        assert_eq!(record.headers.len(), 3 + 5);
    }
}

#[test]
fn a_replay_to_another_topic_keeps_the_origin_too() {
    let dead = die(&alive(), 1);
    let revived = revive_to("order-retry", &dead, &detect(&dead).unwrap(), None, "r", 2);
    assert_eq!(
        revived.headers.last(),
        Some(&Header::text(REPLAY_TARGET, "order-retry"))
    );
    let dead = die(&arrived(revived, 0), 3);
    assert_eq!(detect(&dead).unwrap().origin, origin());
}

#[test]
fn headers_that_a_handler_copied_to_another_event_are_not_its_origin() {
    let dead = die(&alive(), 1);
    let revived = arrived(revive(&dead, &detect(&dead).unwrap(), None, "r", 2), 0);
    let derived = Record {
        topic: "payment-processed".to_owned(),
        partition: 0,
        offset: 5,
        ..revived
    };
    let letter = detect(&die(&derived, 3)).unwrap();
    let place = (
        letter.origin.topic.as_deref(),
        letter.origin.partition,
        letter.origin.offset,
    );
    assert_eq!(place, (Some("payment-processed"), Some(0), Some(5)));
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_guessed() {
    let with = |headers: Vec<Header>| detect(&Record { headers, ..alive() });
    // A share group's (KIP-1191) is not ours.
    let theirs = with(vec![Header::text(TOPIC, "t"), Header::text(GROUP, "g")]);
    assert_eq!(theirs.unwrap().convention, "share-group");
    assert_eq!(with(vec![Header::text(KIND, "permanent")]), None);
    let letter = with(vec![
        Header::new(TOPIC, vec![0xff]),
        Header::text(PARTITION, "-1"),
        Header::text(OFFSET, " 42 "),
        Header::text(TIMESTAMP, "yesterday"),
        null(MESSAGE),
        Header::text(EXCEPTION, ""),
        Header::text(ATTEMPTS, "99999999999"),
        Header::text(FAILED_AT, ""),
        Header::text(KIND, "Transient"),
        Header::text(REPLAY_COUNT, "many"),
    ]);
    let expected = DeadLetter {
        origin: Origin {
            offset: Some(42),
            ..Origin::default()
        },
        kind: Some(FailureKind::Transient),
        ..DeadLetter::new(NAME)
    };
    assert_eq!(letter.as_ref(), Some(&expected));
    // Without a topic it cannot be put back, and no topic is made up.
    assert_eq!(revive(&alive(), &expected, None, "r", 0).topic, "");
}

#[test]
fn a_copy_says_where_it_died_in_the_topic_it_was_put_back_to_only() {
    let dead = die(&alive(), 1);
    let letter = detect(&dead).unwrap();
    let copy = arrived(revive(&dead, &letter, Some(1), "r", 2), 90);
    assert_eq!(replayed(&(&copy).into()), (Some(origin()), 1));
    assert_eq!(replayed(&(&alive()).into()), (None, 0));
    // A handler has copied all headers to what it writes.
    let elsewhere = Record {
        topic: "payment-processed".to_owned(),
        ..copy.clone()
    };
    assert_eq!(replayed(&(&elsewhere).into()), (None, 1));
    // A pointer at the copy, which knows of the copy alone.
    let mut pointer = DeadLetter::new("share-group");
    pointer.origin = Origin {
        offset: Some(90),
        ..origin()
    };
    let original = Original {
        headers: copy.headers,
        ..Original::default()
    };
    assert_eq!(origin_of(&pointer, &original), origin());
    assert_eq!(origin_of(&pointer, &Original::default()), pointer.origin);
}

#[test]
fn of_an_origin_only_what_is_known_is_passed_on() {
    let known = [
        Header::text(TOPIC, "order-created"),
        Header::text(KIND, "poison"),
    ];
    let dead = Record {
        headers: known.to_vec(),
        ..alive()
    };
    let unknown = Origin {
        topic: Some("order-created".to_owned()),
        ..Origin::default()
    };
    assert_eq!(detect(&die(&dead, 1)).unwrap().origin, unknown);
    let revived = revive(&dead, &detect(&dead).unwrap(), None, "r", 1);
    assert_eq!(
        revived.headers.last(),
        Some(&Header::text(REPLAY_ORIGIN, "order-created///"))
    );
    assert_eq!(
        detect(&die(&arrived(revived, 9), 1)).unwrap().origin,
        unknown
    );
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let failure = Failure::transient("exit 1", "é".repeat(10_000));
    let dead = bury(&alive(), &failure, GROUP_NAME, 1, DLQ, None, 0);
    let message = detect(&arrived(dead, 0)).unwrap().message.unwrap();
    assert_eq!(message, "é".repeat(4096) + "…");
}

fn header() -> impl Strategy<Value = Header> {
    let names = [
        TOPIC, PARTITION, OFFSET, GROUP, MESSAGE, ATTEMPTS, TIMESTAMP, FAILED_AT, KIND, EXCEPTION,
        STAGE,
    ];
    let names: Vec<&str> = names.into_iter().chain(REPLAY_HEADERS).collect();
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        "[-+ ]?[0-9]{0,25}|order-created(/[0-9]*){0,5}|transient|.*".prop_map(String::into_bytes),
    ];
    let name = prop_oneof![
        proptest::sample::select(names).prop_map(str::to_owned),
        ".*"
    ];
    (name, proptest::option::of(value)).prop_map(|(name, value)| Header { name, value })
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn garbage_never_panics_and_key_value_and_other_headers_stay(
        headers in proptest::collection::vec(header(), 0..12),
        partition: i32,
        offset: i64,
        now_ms: i64,
    ) {
        let record = Record { headers, partition, offset, ..alive() };
        let foreign = |headers: &[Header]| {
            let ours = |name: &str| is_diagnostic(name) || REPLAY_HEADERS.contains(&name);
            let foreign = headers.iter().filter(|header| !ours(&header.name));
            foreign.cloned().collect::<Vec<_>>()
        };
        let dead = die(&record, now_ms);
        let letter = detect(&dead);
        prop_assert!(letter.as_ref().is_some_and(|letter| letter.origin.topic.is_some()));
        prop_assert_eq!(foreign(&dead.headers), foreign(&record.headers));
        let revived = revive(&dead, &letter.unwrap(), None, "r", now_ms);
        prop_assert_eq!(foreign(&revived.headers), foreign(&record.headers));
        prop_assert_eq!((revived.key, revived.value), (record.key, record.value));
    }
}
