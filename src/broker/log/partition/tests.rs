use super::super::batch::fixture;
use super::*;

const POLICY: Policy = Policy {
    delete: true,
    retention_milliseconds: -1,
    retention_bytes: -1,
    segment_bytes: 1024 * 1024,
    segment_milliseconds: i64::MAX,
    append_time: false,
    compaction: None,
};

fn log(limit: u64) -> (Log, Arc<Memory>) {
    let memory = Arc::new(Memory::new(limit));
    (Log::new(memory.clone(), None), memory)
}

fn append(
    log: &mut Log,
    timestamps: &[i64],
    value: &[u8],
    policy: &Policy,
    now: i64,
) -> Result<i64, Full> {
    let batch = fixture::batch(timestamps, value);
    let header = batch::validate(&batch, i32::MAX).unwrap();
    log.append(&batch, &header, policy, now)
}

/// Base and last offsets of the batches read.
fn offsets(read: &Batches) -> Vec<(i64, i64)> {
    let bytes = read.slices.iter().map(|slice| slice.bytes().unwrap());
    let bytes = bytes.collect::<Vec<_>>().concat();
    let headers = batch::batches(&bytes);
    let offsets: Vec<_> = headers
        .map(|(_, header)| (header.base_offset, header.last_offset()))
        .collect();
    assert_eq!(offsets.last().map_or(0, |last| last.1 + 1), read.end);
    offsets
}

/// As a partition asks.
fn first_at(log: &Log, timestamp: i64) -> Option<(i64, i64)> {
    let mut from = 0;
    loop {
        let candidate = log.candidate(timestamp, from).unwrap()?;
        if let Some(found) = candidate.first() {
            return Some(found);
        }
        from = candidate.next();
    }
}

#[test]
fn every_offset_of_small_and_large_batches_is_found() {
    let (mut log, memory) = log(u64::MAX);
    let large = vec![7; 5000];
    for index in 0..3000i64 {
        let value: &[u8] = if index % 50 == 3 { &large } else { b"small" };
        assert_eq!(
            append(&mut log, &[index, index], value, &POLICY, 0),
            Ok(index * 2)
        );
    }
    assert_eq!((log.start(), log.end()), (0, 6000));
    assert_eq!(memory.used(), log.size);
    for offset in 0..6000 {
        let slices = log.read(offset, i64::MAX, 1, true).unwrap();
        let first = offset - offset % 2;
        assert_eq!(offsets(&slices), [(first, first + 1)]);
    }
    assert!(
        log.read(6000, i64::MAX, 100, true)
            .unwrap()
            .slices
            .is_empty()
    );
    assert!(log.read(6001, i64::MAX, 100, true).is_err());
    assert!(log.read(-1, i64::MAX, 100, true).is_err());
    let all = offsets(&log.read(0, i64::MAX, usize::MAX, false).unwrap());
    assert!(
        all.iter()
            .enumerate()
            .all(|(index, pair)| pair.0 == index as i64 * 2)
    );
    assert_eq!(all.len(), 3000);
    drop(log);
    assert_eq!(memory.used(), 0);
}

#[test]
fn a_read_keeps_to_max_bytes() {
    let (mut log, _) = log(u64::MAX);
    for _ in 0..100 {
        append(&mut log, &[1], &[0; 100], &POLICY, 0).unwrap();
    }
    let one = log.read(0, i64::MAX, 1, true).unwrap().slices[0].len();
    assert_eq!(
        offsets(&log.read(10, i64::MAX, one * 5 + 3, true).unwrap()).len(),
        5
    );
    assert!(
        log.read(10, i64::MAX, one - 1, false)
            .unwrap()
            .slices
            .is_empty()
    );
}

#[test]
fn a_time_is_found_inside_a_batch() {
    let (mut log, _) = log(u64::MAX);
    append(&mut log, &[100, 200, 300], b"a", &POLICY, 0).unwrap();
    append(&mut log, &[250, 400], b"b", &POLICY, 0).unwrap();
    assert_eq!(first_at(&log, 0), Some((100, 0)));
    assert_eq!(first_at(&log, 101), Some((200, 1)));
    assert_eq!(first_at(&log, 300), Some((300, 2)));
    assert_eq!(first_at(&log, 301), Some((400, 4)));
    assert_eq!(first_at(&log, 401), None);
    assert_eq!(first_at(&log, log.max_timestamp().unwrap()), Some((400, 4)));
    log.delete_before(2).unwrap();
    assert_eq!(first_at(&log, 0), Some((300, 2)));
}

#[test]
fn append_time_is_stamped_and_found() {
    let (mut log, _) = log(u64::MAX);
    let policy = Policy {
        append_time: true,
        ..POLICY
    };
    append(&mut log, &[1, 2], b"a", &policy, 5000).unwrap();
    let slices = log.read(0, i64::MAX, 1000, true).unwrap();
    let header = batch::validate(&slices.slices[0].bytes().unwrap(), 1000).unwrap();
    assert_eq!(
        (header.max_timestamp, header.is_log_append_time()),
        (5000, true)
    );
    assert_eq!(first_at(&log, 3), Some((5000, 0)));
}

#[test]
fn deleting_records_frees_memory_and_moves_the_start() {
    let (mut log, memory) = log(u64::MAX);
    for _ in 0..1000 {
        append(&mut log, &[1], &[0; 3000], &POLICY, 0).unwrap();
    }
    let before = memory.used();
    log.delete_before(500).unwrap();
    assert_eq!(log.start(), 500);
    assert!(memory.used() <= before / 2);
    assert!(log.read(499, i64::MAX, 10, true).is_err());
    assert_eq!(
        offsets(&log.read(500, i64::MAX, 1, true).unwrap()),
        [(500, 500)]
    );
    log.delete_before(1000).unwrap();
    assert_eq!((log.start(), log.end(), memory.used()), (1000, 1000, 0));
    assert_eq!(append(&mut log, &[1], b"x", &POLICY, 0), Ok(1000));
}

#[test]
fn retention_by_time_and_by_size() {
    let (mut log, _) = log(u64::MAX);
    let policy = Policy {
        retention_milliseconds: 1000,
        ..POLICY
    };
    append(&mut log, &[1_000], b"old", &policy, 1_000).unwrap();
    append(&mut log, &[1_900], b"new", &policy, 1_900).unwrap();
    log.retain(&policy, 2_000);
    assert_eq!(log.start(), 0);
    log.retain(&policy, 2_500);
    assert_eq!(
        log.start(),
        1,
        "a segment ends after half the retention time"
    );
    log.retain(&policy, 10_000);
    assert_eq!((log.start(), log.end()), (2, 2));

    let policy = Policy {
        retention_bytes: 3_000_000,
        ..POLICY
    };
    for _ in 0..1000 {
        append(&mut log, &[1], &[0; 10_000], &policy, 0).unwrap();
    }
    log.retain(&policy, 0);
    assert!((3_000_000..4_100_000).contains(&log.size), "{}", log.size);
    let kept = log.start();
    log.retain(
        &Policy {
            delete: false,
            retention_bytes: 0,
            ..POLICY
        },
        0,
    );
    assert_eq!(log.start(), kept);
}

#[test]
fn a_full_budget_refuses_and_keeps_what_is_there() {
    let (mut log, memory) = log(300);
    append(&mut log, &[1], &[0; 100], &POLICY, 0).unwrap();
    assert_eq!(append(&mut log, &[1], &[0; 150], &POLICY, 0), Err(Full));
    assert_eq!(log.end(), 1);
    assert!(memory.used() < 300);
}

#[test]
fn a_read_ends_before_its_limit() {
    let (mut log, _) = log(u64::MAX);
    for index in 0..100 {
        // Small ones share a block, large ones have their own.
        let value = vec![0; if index % 10 == 0 { 3000 } else { 10 }];
        append(&mut log, &[1, 1], &value, &POLICY, 0).unwrap();
    }
    for limit in (0..=200).step_by(2) {
        let read = offsets(&log.read(0, limit, usize::MAX, true).unwrap());
        assert_eq!(read.len() as i64, limit / 2);
        assert!(read.last().is_none_or(|(_, last)| *last == limit - 1));
    }
    assert!(
        log.read(60, 40, usize::MAX, true)
            .unwrap()
            .slices
            .is_empty()
    );
}
