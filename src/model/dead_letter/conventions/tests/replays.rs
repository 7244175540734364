//! What others buried, put back by us, and buried again by us or by them.

use super::*;
use crate::model::dead_letter::{Failure, eda};
use crate::model::record::OutgoingRecord;

fn arrived(record: OutgoingRecord, offset: i64) -> Record {
    Record {
        topic: record.topic,
        partition: record.partition.unwrap_or(0),
        offset,
        timestamp: Some((WRITTEN, TimestampType::Create)),
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

fn spring(topic: &str, partition: i32, offset: i64) -> Vec<Header> {
    vec![
        text("kafka_dlt-original-topic", topic),
        int32("kafka_dlt-original-partition", partition),
        int64("kafka_dlt-original-offset", offset),
        int64("kafka_dlt-original-timestamp", PRODUCED),
        text(
            "kafka_dlt-exception-fqcn",
            "java.lang.IllegalStateException",
        ),
    ]
}

fn bury(record: &Record, dlq: &str) -> Record {
    let failure = Failure::transient("exit 75", "bank is down");
    arrived(eda::bury(record, &failure, "billing", 4, dlq, None, 1), 3)
}

fn first_place() -> Origin {
    Origin {
        timestamp: Some(PRODUCED),
        ..origin("orders", 1, 42)
    }
}

#[test]
fn what_spring_buried_and_we_put_back_and_bury_again_keeps_its_origin() {
    let buried = dead("orders-dlt", spring("orders", 1, 42));
    let letter = detect(&buried).unwrap();
    let back = arrived(eda::revive(&buried, &letter, Some(1), "r", 2), 1000);
    assert_eq!((back.topic.as_str(), back.partition), ("orders", 1));
    assert_eq!((&back.key, &back.value), (&buried.key, &buried.value));
    assert_eq!(back.headers[..2], own());
    assert_eq!(detect(&back), None, "it is alive again");
    let again = bury(&back, "orders.dlq");
    let letter = detect(&again).unwrap();
    assert_eq!((letter.convention, letter.replays), ("eda", 1));
    assert_eq!(letter.origin, first_place());
    // And when it is Spring again that buries it, knowing the last place only.
    let mut story = back.headers[2..].to_vec();
    story.extend(spring("orders", 1, 1000));
    let letter = detect(&dead("orders-dlt", story)).unwrap();
    assert_eq!((letter.convention, letter.replays), ("spring", 1));
    assert_eq!(letter.origin, first_place());
}

#[test]
fn a_replay_to_another_topic_is_remembered_there_only() {
    let buried = dead("orders-dlt", spring("orders", 1, 42));
    let letter = detect(&buried).unwrap();
    let back = eda::revive_to("orders-again", &buried, &letter, None, "r", 2);
    let notes = back.headers[2..].to_vec();
    let died_in = |topic: &str| {
        let story = [notes.clone(), spring(topic, 0, 5)].concat();
        detect(&dead("some-dlt", story)).unwrap().origin
    };
    assert_eq!(died_in("orders-again"), first_place());
    // A handler copied the headers to what it made of the record.
    let derived = Origin {
        timestamp: Some(PRODUCED),
        ..origin("payments", 0, 5)
    };
    assert_eq!(died_in("payments"), derived);
}

#[test]
fn a_dead_letter_of_anothers_that_fails_with_us_loses_the_story_and_keeps_the_origin() {
    let buried = dead("orders-dlt", spring("orders", 1, 42));
    let ours = bury(&buried, "orders-dlt.dlq");
    assert_eq!(ours.headers[..2], own());
    let letter = detect(&ours).unwrap();
    assert_eq!((letter.convention, &letter.origin), ("eda", &first_place()));
    let back = eda::revive(&ours, &letter, None, "r", 2);
    assert_eq!(
        (back.topic.as_str(), &back.headers[..2]),
        ("orders", &own()[..])
    );
    assert!(
        back.headers
            .iter()
            .all(|header| !header.name.starts_with("kafka_"))
    );
}

#[test]
fn an_envelope_that_fails_with_us_is_not_what_comes_back() {
    let envelope = Record {
        value: Some(
            br#"{"originalTopic":"orders","error":"x","payload":{"id":9},"key":"k"}"#.to_vec(),
        ),
        ..dead("orders.dlq", Vec::new())
    };
    let ours = bury(&envelope, "orders.dlq.dlq");
    let letter = detect(&ours).unwrap();
    assert_eq!(
        (letter.convention, letter.origin.topic.as_deref()),
        ("eda", Some("orders"))
    );
    assert_eq!(ours.value.as_deref(), Some(&br#"{"id":9}"#[..]));
    assert_eq!(ours.key.as_deref(), Some(&b"k"[..]));
    // Where it is not known what was in it, the envelope goes back to where it lay.
    let empty = Record {
        value: Some(br#"{"originalTopic":"orders","error":"x"}"#.to_vec()),
        ..envelope
    };
    let ours = bury(&empty, "orders.dlq.dlq");
    let origin = detect(&ours).unwrap().origin;
    assert_eq!(
        (origin.topic.as_deref(), origin.offset),
        (Some("orders.dlq"), Some(7))
    );
    assert_eq!(
        (&ours.value, &ours.headers[..2]),
        (&empty.value, &own()[..])
    );
}

#[test]
fn headers_that_were_copied_to_another_topic_do_not_lead_back() {
    // Connectors and mirrors write such a header to records that are well.
    for story in [
        spring("orders", 1, 42),
        vec![text("source-topic", "legacy.orders")],
    ] {
        let derived = dead("payments", story.clone());
        let ours = bury(&derived, "payments.dlq");
        let letter = detect(&ours).unwrap();
        let place = (letter.origin.topic.as_deref(), letter.origin.offset);
        assert_eq!(place, (Some("payments"), Some(7)));
        // They are the record's own there, and stay.
        let back = eda::revive(&ours, &letter, None, "r", 2);
        assert_eq!(back.headers[..story.len() + 2], derived.headers);
    }
    // Put back by hand with the story still on it: it is that record, and it failed there.
    let by_hand = dead("orders", spring("orders", 1, 42));
    let letter = detect(&bury(&by_hand, "orders.dlq")).unwrap();
    assert_eq!(letter.origin, first_place());
}
