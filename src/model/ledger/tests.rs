use super::*;
use crate::model::tests::cases;
use proptest::prelude::*;

#[test]
fn a_key_names_its_block_and_nothing_else_does() {
    let place = TopicPartition::new("order-created.dlq", 3);
    assert_eq!(key(&place, 17), "order-created.dlq/3/17");
    assert_eq!(parse_key(b"order-created.dlq/3/17"), Some((place, 17)));
    let others: [&[u8]; 7] = [
        b"",
        b"a/1",
        b"a/1/2/3",
        b"/1/2",
        b"a/-1/2",
        b"a/1/-2",
        b"\xff/1/2",
    ];
    for other in others {
        assert_eq!(parse_key(other), None, "{other:?}");
    }
}

#[test]
fn only_ledgers_of_our_own_groups_are_known_by_their_name() {
    assert_eq!(topic_for("eda-replay.a.dlq"), "eda-replay.a.dlq.ledger");
    assert!(is_ledger("eda-replay.a.dlq.ledger"));
    for group in [
        "a b/c".to_owned(),
        format!("eda-replay.{}", "a".repeat(240)),
    ] {
        let topic = topic_for(&group);
        assert!(
            topic.parse::<TopicName>().is_ok() && is_ledger(&topic),
            "{topic}"
        );
    }
    assert_eq!(topic_for("a b"), "eda-replay.e63f991904833892.ledger");
    for other in ["a.dlq", "general.ledger", "eda-replay.a.dlq"] {
        assert!(!is_ledger(other), "{other}");
    }
}

#[test]
fn a_block_is_the_same_after_a_journey() {
    let mut block = Block::EMPTY;
    assert!(block.set(0, 1) && block.set(63, 66) && block.set(4095, 4096));
    assert!(!block.set(64, 65), "it was set");
    let bytes = block.to_bytes();
    assert_eq!(bytes.len(), BYTES_A_BLOCK);
    assert_eq!((bytes[0], bytes[7], bytes[8], bytes[511]), (1, 128, 3, 128));
    assert_eq!(Block::from_bytes(&bytes), Some(block));
    assert_eq!(Block::from_bytes(&bytes[1..]), None);
}

#[test]
fn what_is_left_holds_the_commit_back_until_it_is_over() {
    let mut progress = Progress::new(10, BTreeMap::new());
    progress.mark(10, 12);
    assert_eq!((progress.next(), progress.untold().count()), (12, 0));
    // 12 is left.
    progress.mark(13, 5000);
    assert_eq!(progress.next(), 12);
    assert!(progress.is_over(11) && !progress.is_over(12) && progress.is_over(4999));
    assert_eq!(progress.count(10, 6000), 2 + 4987);
    let numbers: Vec<i64> = progress.untold().map(|(number, _)| number).collect();
    assert_eq!(numbers, [0, 1]);
    progress.told();
    assert_eq!(progress.untold().count(), 0);
    progress.mark(12, 13);
    assert_eq!(progress.next(), 5000);
    let told: Vec<_> = progress.untold().collect();
    assert_eq!(told, [(0, None)], "block 0 is superfluous, 1 is not yet");
    progress.told();
    progress.mark(0, 8192);
    assert_eq!(progress.untold().collect::<Vec<_>>(), [(1, None)]);
}

/// The same by the simplest means.
struct Model {
    next: usize,
    over: Vec<bool>,
}

impl Model {
    fn mark(&mut self, from: usize, to: usize) {
        self.over[from..to].fill(true);
        while self.over[self.next] {
            self.next += 1;
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Whatever is marked in whatever order, and however often it is written down and read again in between.
    #[test]
    fn a_replay_that_goes_on_from_the_ledger_is_as_if_it_had_never_stopped(
        start in 0_usize..6000,
        marks in proptest::collection::vec((0_usize..20_000, 0_usize..3000, 0_u8..4), 1..25),
    ) {
        let offset = |at: usize| i64::try_from(at).unwrap();
        let mut progress = Progress::new(offset(start), BTreeMap::new());
        let mut model = Model { next: 0, over: vec![false; 30_000] };
        model.mark(0, start);
        let mut ledger: BTreeMap<i64, Block> = BTreeMap::new();
        for (from, length, then) in marks {
            progress.mark(offset(from), offset(from + length));
            model.mark(from, from + length);
            if then > 0 {
                for (number, block) in progress.untold() {
                    match block {
                        Some(block) => ledger.insert(number, block.clone()),
                        None => ledger.remove(&number),
                    };
                }
                progress.told();
                prop_assert_eq!(progress.untold().count(), 0);
            }
            if then > 2 {
                progress = Progress::new(progress.next(), ledger.clone());
            }
            prop_assert_eq!(progress.next(), offset(model.next));
            let counted = model.over[from..from + 5000].iter().filter(|over| **over).count();
            prop_assert_eq!(progress.count(offset(from), offset(from + 5000)), offset(counted));
        }
        let wrong = (0..30_000).find(|at| progress.is_over(offset(*at)) != model.over[*at]);
        prop_assert_eq!(wrong, None);
        // Nothing is kept that the commit says already.
        let past = |number: &i64| (number + 1) * OFFSETS_A_BLOCK <= progress.next();
        prop_assert!(!progress.blocks.keys().any(past));
    }
}

/// A replay that sorts puts letters back in any order: each marks what lies between the one before it and itself, too.
#[test]
fn in_whatever_order_all_is_over_in_the_end() {
    let offsets = [0, 3, 4, 4095, 4096, 9000, 12_287];
    let items: Vec<(i64, i64)> = std::iter::once((0, 0))
        .chain(offsets.windows(2).map(|pair| (pair[0] + 1, pair[1])))
        .collect();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let mut shuffled = items.clone();
        random.shuffle(&mut shuffled);
        let mut progress = Progress::default();
        for (at, (from, offset)) in shuffled.iter().enumerate() {
            assert!(!progress.is_over(*offset));
            progress.mark(*from, offset + 1);
            let done = &shuffled[..=at];
            for (_, other) in &items {
                let is_done = done.iter().any(|(_, offset)| offset == other);
                assert_eq!(
                    progress.is_over(*other),
                    is_done,
                    "{shuffled:?} {at} {other}"
                );
            }
        }
        assert_eq!(progress.next(), 12_288);
        assert_eq!(progress.untold().count(), 0);
    }
}
