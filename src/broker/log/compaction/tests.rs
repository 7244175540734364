//! Tests of one batch's compaction.

use proptest::prelude::*;

use super::super::batch::{self, Header};
use super::super::marker::{self, marker};
use super::fixture::{self, Given, given};
use super::*;

/// Offset, timestamp, key, and whether it is a tombstone, of each record.
type Seen = Vec<(i64, i64, Option<Vec<u8>>, bool)>;

fn seen(batch: &[u8]) -> Seen {
    let header = batch::stored(batch).unwrap();
    let records = open(&header, batch).unwrap();
    let all = records.iter().map(|entry| {
        let key = entry.key.map(<[u8]>::to_vec);
        (entry.offset, entry.timestamp, key, entry.is_tombstone)
    });
    all.collect()
}

fn filtered(
    batch: &[u8],
    horizon: Option<i64>,
    keep: impl FnMut(&Entry<'_>) -> bool,
) -> (Header, Filtered) {
    let header = batch::stored(batch).unwrap();
    let records = open(&header, batch).unwrap();
    (header, filter(&header, batch, &records, horizon, keep))
}

#[track_caller]
fn rewritten(
    batch: &[u8],
    horizon: Option<i64>,
    keep: impl FnMut(&Entry<'_>) -> bool,
) -> (Header, Vec<u8>) {
    let Filtered::Rewritten(new) = filtered(batch, horizon, keep).1 else {
        panic!("the batch is not rewritten");
    };
    (batch::stored(&new).unwrap(), new)
}

/// Three records at offsets 70, 71 and 72 of producer 7, the second a tombstone, at times 1000, 3000 and 2000.
fn three(attributes: i16) -> Vec<u8> {
    let at = |timestamp, given: Given| Given { timestamp, ..given };
    let mut batch = fixture::batch(
        attributes & 7,
        &[
            at(1000, given("a", Some("1"))),
            at(3000, given("b", None)),
            at(2000, given("c", Some("3"))),
        ],
    );
    let header = Header {
        base_offset: 70,
        attributes,
        producer_id: 7,
        producer_epoch: 2,
        base_sequence: 40,
        ..Header::read(&batch).unwrap()
    };
    batch = batch::write(&header, &batch[HEADER_SIZE..]);
    batch
}

#[test]
fn what_stays_keeps_its_place_and_the_batch_its_producer() {
    let batch = three(0x13);
    let (new, bytes) = rewritten(&batch, None, |entry| entry.offset != 70);
    let old = batch::stored(&batch).unwrap();
    let expected = Header {
        size: bytes.len(),
        base_timestamp: 3000,
        max_timestamp: 3000,
        count: 2,
        ..old
    };
    assert_eq!(new, expected);
    assert_eq!(seen(&bytes), seen(&batch)[1..]);
    assert_eq!(delete_horizon(&new), None);
    // The largest timestamp goes with its record.
    let (new, _) = rewritten(&batch, None, |entry| !entry.is_tombstone);
    assert_eq!((new.base_timestamp, new.max_timestamp), (1000, 2000));
}

#[test]
fn an_append_time_is_every_records_time_and_outlives_them() {
    let batch = three(0x08);
    let times = |batch: &[u8]| -> Vec<_> { seen(batch).iter().map(|record| record.1).collect() };
    assert_eq!(times(&batch), [3000, 3000, 3000]);
    let (new, bytes) = rewritten(&batch, Some(9000), |entry| entry.offset == 72);
    assert_eq!((new.base_timestamp, new.max_timestamp), (9000, 3000));
    assert_eq!(times(&bytes), [3000]);
}

#[test]
fn a_delete_horizon_is_set_once() {
    let batch = three(0x10);
    assert_eq!(filtered(&batch, None, |_| true).1, Filtered::Whole);
    let (new, bytes) = rewritten(&batch, Some(50_000), |_| true);
    assert_eq!(delete_horizon(&new), Some(50_000));
    assert_eq!(new.attributes, 0x50);
    assert_eq!(seen(&bytes), seen(&batch));
    assert_eq!(filtered(&bytes, Some(60_000), |_| true).1, Filtered::Whole);
    let (newer, bytes) = rewritten(&bytes, Some(60_000), |entry| entry.offset > 70);
    assert_eq!(delete_horizon(&newer), Some(50_000));
    assert_eq!(seen(&bytes), seen(&batch)[1..]);
}

#[test]
fn a_batch_of_none_has_the_header_that_kafka_writes() {
    let batch = three(0x1b);
    let (old, Filtered::Empty(bytes)) = filtered(&batch, Some(9), |_| false) else {
        panic!("something is left");
    };
    let expected = Header {
        size: HEADER_SIZE,
        attributes: 0x18,
        base_timestamp: -1,
        count: 0,
        ..old
    };
    assert_eq!(batch::stored(&bytes), Some(expected));
    // A second time it is what it was.
    let again = filtered(&bytes, None, |_| panic!("there is no record")).1;
    assert_eq!(again, Filtered::Empty(bytes));
}

#[test]
fn a_marker_gets_a_horizon_and_stays_a_marker() {
    for committed in [true, false] {
        let (bytes, _) = marker(7, 3, committed, 1000);
        let (new, bytes) = rewritten(&bytes, Some(86_400_000), |_| true);
        assert!(new.is_control() && new.is_transactional());
        assert_eq!(delete_horizon(&new), Some(86_400_000));
        assert_eq!(seen(&bytes)[0].1, 1000);
        assert_eq!(marker::committed(&new, &bytes), Some(committed));
        let Filtered::Empty(bytes) = filtered(&bytes, None, |_| false).1 else {
            panic!("something is left");
        };
        let empty = batch::stored(&bytes).unwrap();
        assert_eq!(marker::committed(&empty, &bytes), None);
    }
}

#[test]
fn records_that_the_header_does_not_speak_of_are_malformed() {
    let good = fixture::batch(1, &[given("a", None), given("b", None)]);
    let read_with = |change: fn(&mut Header)| {
        let mut header = Header::read(&good).unwrap();
        change(&mut header);
        read(&header, &good).err()
    };
    assert_eq!(read_with(|_| ()), None);
    for change in [
        (|header| header.count = 1) as fn(&mut Header),
        |header| header.count = 3,
        |header| header.count = i32::MAX,
        |header| header.count = -1,
        |header| header.last_offset_delta = 0,
        |header| header.attributes = 0,
        |header| header.size += 1,
    ] {
        assert_eq!(read_with(change), Some(Fault::Malformed));
    }
    for codec in [2, 3, 4, 5, 6, 7] {
        let mut header = Header::read(&good).unwrap();
        header.attributes = codec;
        assert_eq!(read(&header, &good).err(), Some(Fault::Undecodable));
        assert!(open(&header, &good).is_none());
    }
}

#[test]
fn more_than_the_limit_is_not_read() {
    let value = "x".repeat(300_000);
    for codec in 1..=4 {
        let batch = fixture::batch(codec, &[given("a", Some(&value))]);
        let header = Header::read(&batch).unwrap();
        assert!(read_within(&header, &batch, 400_000).is_ok());
        let refused = read_within(&header, &batch, 200_000).err();
        assert_eq!(refused, Some(Fault::TooLarge), "codec {codec}");
    }
}

fn some_records() -> impl Strategy<Value = Vec<(Given, bool)>> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    let timestamp = prop_oneof![Just(-1), 0..2_000_000_000_000i64, any::<i64>()];
    let given = (timestamp, bytes(), bytes()).prop_map(|(timestamp, key, value)| Given {
        timestamp,
        key,
        value,
    });
    prop::collection::vec((given, any::<bool>()), 1..60)
}

proptest! {
    #[test]
    fn exactly_the_chosen_records_stay_as_they_are(
        records in some_records(),
        codec in 0..=4i16,
        horizon in prop::option::of(0..4_000_000_000_000i64),
    ) {
        let (given, chosen): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let batch = fixture::batch(codec, &given);
        let before = seen(&batch);
        for ((offset, given), seen) in (0..).zip(&given).zip(&before) {
            let key = given.key.clone();
            prop_assert_eq!(seen, &(offset, given.timestamp, key, given.value.is_none()));
        }
        let keep = |entry: &Entry<'_>| chosen[entry.offset as usize];
        let (old, filtered) = filtered(&batch, horizon, keep);
        match filtered {
            Filtered::Whole => prop_assert!(!chosen.contains(&false) && horizon.is_none()),
            Filtered::Empty(bytes) => {
                prop_assert!(!chosen.contains(&true));
                prop_assert_eq!(seen(&bytes), Seen::new());
            }
            Filtered::Rewritten(bytes) => {
                let new = batch::stored(&bytes).unwrap();
                prop_assert_eq!(delete_horizon(&new), horizon);
                prop_assert_eq!(new.compression(), codec);
                prop_assert_eq!(new.last_offset(), old.last_offset());
                let mut left = before;
                left.retain(|record| chosen[record.0 as usize]);
                let latest = left.iter().map(|record| record.1).max().unwrap();
                prop_assert_eq!(new.max_timestamp, latest.max(-1));
                prop_assert_eq!(seen(&bytes), left);
                // Keys, values and headers, too: what is not chosen alone is gone.
                let kept: Vec<_> = given.iter().zip(&chosen).filter(|(_, chosen)| **chosen).collect();
                let records = open(&new, &bytes).unwrap();
                for (record, (given, _)) in record::records(&records.bytes).zip(kept) {
                    let content = fixture::content(given);
                    prop_assert_eq!(record.content, &content[..]);
                }
            }
        }
    }

    #[test]
    fn keeping_all_changes_nothing(records in some_records(), codec in 0..=4i16) {
        let given: Vec<_> = records.into_iter().map(|(given, _)| given).collect();
        let batch = fixture::batch(codec, &given);
        prop_assert_eq!(filtered(&batch, None, |_| true).1, Filtered::Whole);
    }

    #[test]
    fn garbage_is_refused_or_read_but_never_fatal(
        codec in 0..8i16,
        count in -1..5i32,
        payload in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let batch = fixture::with_payload(&fixture::header(codec, count), &payload);
        let header = Header::read(&batch).unwrap();
        if let Ok(records) = read_within(&header, &batch, 1 << 20) {
            prop_assert_eq!(records.iter().count(), count as usize);
        }
    }

    #[test]
    fn a_damaged_batch_is_refused_or_read_but_never_fatal(
        records in some_records(),
        codec in 0..=4i16,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let given: Vec<_> = records.into_iter().map(|(given, _)| given).collect();
        let batch = fixture::batch(codec, &given);
        let header = Header::read(&batch).unwrap();
        let mut payload = batch[HEADER_SIZE..].to_vec();
        payload.truncate(cut.index(2 * payload.len()));
        let length = payload.len().max(1);
        for (at, value) in damage {
            if let Some(place) = payload.get_mut(at.index(length)) {
                *place = value;
            }
        }
        let batch = fixture::with_payload(&header, &payload);
        let header = Header::read(&batch).unwrap();
        if let Ok(records) = read_within(&header, &batch, 1 << 20) {
            prop_assert_eq!(records.iter().count(), given.len());
            let kept = filter(&header, &batch, &records, Some(1), |entry| entry.offset % 2 == 0);
            if let Filtered::Rewritten(bytes) | Filtered::Empty(bytes) = kept {
                prop_assert!(batch::stored(&bytes).is_some());
            }
        }
    }
}
