//! Share groups (KIP-1191), whose dead letters are not the record.

use super::*;
use crate::model::dead_letter::{FailureKind, eda};

fn share_group(key: Option<&[u8]>, value: Option<&[u8]>, message: &str) -> Record {
    Record {
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: vec![
            text("__dlq.errors.topic", "orders"),
            text("__dlq.errors.partition", "2"),
            text("__dlq.errors.offset", "41"),
            text("__dlq.errors.group", "payments"),
            text("__dlq.errors.delivery.count", "5"),
            text("__dlq.errors.message", message),
        ],
        ..dead("dlq.payments", Vec::new())
    }
}

fn expected(message: &str, kind: FailureKind, payload: Payload) -> DeadLetter {
    DeadLetter {
        origin: origin("orders", 2, 41),
        group: some("payments"),
        message: some(message),
        attempts: Some(5),
        kind: Some(kind),
        payload,
        ..DeadLetter::new("share-group")
    }
}

#[test]
fn a_share_group_only_points_at_the_record() {
    let (rejected, exceeded) = (
        "Offset rejected by client.",
        "Offset delivery count exceeded the threshold.",
    );
    let cases = [
        (rejected, FailureKind::Permanent),
        (exceeded, FailureKind::Transient),
    ];
    for (message, kind) in cases {
        let pointer = share_group(None, None, message);
        let letter = expected(message, kind, Payload::Pointer);
        assert_eq!(detect(&pointer), Some(letter.clone()));
        assert!(letter.is_pointer());
        assert_eq!(original(&pointer, &letter), None);
    }
    // `errors.deadletterqueue.copy.record.enable`: never the headers.
    for (key, value) in [
        (Some(&b"k"[..]), Some(&b"v"[..])),
        (None, Some(b"")),
        (Some(b""), None),
    ] {
        let copy = share_group(key, value, rejected);
        let letter = expected(rejected, FailureKind::Permanent, Payload::Copy);
        assert_eq!(detect(&copy), Some(letter.clone()));
        let kept = original(&copy, &letter).unwrap();
        assert_eq!((kept.key.as_deref(), kept.value.as_deref()), (key, value));
        assert_eq!(kept.headers, []);
    }
}

#[test]
fn a_pointer_is_never_put_in_the_records_place() {
    let pointer = share_group(None, None, "Offset rejected by client.");
    let letter = detect(&pointer).unwrap();
    let revived = eda::revive(&pointer, &letter, Some(2), "r", 1);
    assert_eq!(revived.topic, "", "nobody takes it");
    // Nor when it is buried: what comes back is the pointer, to where it lay.
    let failure = crate::model::dead_letter::Failure::permanent("exit 65", "no");
    let buried = eda::bury(&pointer, &failure, "g", 1, "dlq.payments.dlq", None, 1);
    let buried = Record {
        headers: buried.headers,
        ..pointer
    };
    let place = detect(&buried).unwrap().origin;
    assert_eq!(
        (place.topic, place.partition, place.offset),
        (some("dlq.payments"), Some(0), Some(7))
    );
}

#[test]
fn what_a_pointer_points_at_is_put_back_with_the_notes_it_has() {
    let pointer = share_group(None, None, "Offset rejected by client.");
    let letter = detect(&pointer).unwrap();
    let fetched = Original {
        key: Some(b"k".to_vec()),
        value: None,
        headers: vec![
            text("trace", "1"),
            text("eda-replay-count", "2"),
            text("eda-replay-origin", "orders/2/5/1764000000000"),
        ],
    };
    let revived = eda::revive_original("orders", fetched, &pointer, &letter, "r", 9);
    assert_eq!(
        (revived.key.as_deref(), &revived.value),
        (Some(&b"k"[..]), &None)
    );
    let expected = [
        text("trace", "1"),
        text("eda-replay-count", "3"),
        text("eda-replay-id", "r"),
        text("eda-replay-at", "9"),
        text("eda-replay-source", "dlq.payments/0/7"),
        text("eda-replay-origin", "orders/2/5/1764000000000"),
    ];
    assert_eq!(revived.headers, expected);
}
