//! Compaction of whatever there is.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::log::compaction::fixture;
use super::compaction::{Compacted, HOUR, again, of_transaction};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever is written and cleaned, whoever reads it all knows the same of every key in the end as without cleaning.
    #[test]
    fn cleaning_changes_nothing_of_what_a_reader_knows(
        steps in prop::collection::vec((0..6u8, prop::collection::vec((0..8u8, any::<bool>()), 1..4)), 1..40),
        in_folder in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let folder = in_folder.then(|| folder.path().to_owned());
        let mut compacted = Compacted::open(folder.as_deref());
        let mut known: BTreeMap<String, (i64, bool)> = BTreeMap::new();
        let mut sequences: BTreeMap<u8, i32> = BTreeMap::new();
        for (step, given) in &steps {
            if *step == 3 {
                let (key, committed) = given[0];
                compacted.now += 10;
                let sequence = sequences.entry(key).and_modify(|it| *it += 1).or_insert(0);
                compacted.append(&of_transaction(key.into(), &format!("t{}", given.len()), *sequence));
                let policy = compacted.config().policy;
                let now = compacted.now;
                let ended = compacted.partition.end_transaction(key.into(), 0, committed, &policy, now);
                prop_assert!(ended.is_ok());
            }
            let records = given.iter().map(|(key, has_value)| {
                fixture::given(&key.to_string(), has_value.then_some("1"))
            });
            let batch = fixture::batch(i16::from(step % 5), &records.collect::<Vec<_>>());
            let base_offset = compacted.append(&batch);
            for (offset, (key, has_value)) in (base_offset..).zip(given) {
                known.insert(key.to_string(), (offset, *has_value));
            }
            match (step, &folder) {
                (0 | 1, _) => compacted.clean(),
                (2, Some(folder)) => compacted = again(compacted, folder),
                _ => {}
            }
            // Nobody's transaction is open.
            prop_assert_eq!(compacted.partition.bounds(true), compacted.partition.bounds(false));
            compacted.now += HOUR / 4;
        }
        let mut seen = BTreeMap::new();
        let not_of_transactions = |(_, key, _): &(i64, String, bool)| !key.starts_with('t');
        for (offset, key, has_value) in compacted.records().into_iter().filter(not_of_transactions) {
            seen.insert(key, (offset, has_value));
        }
        // A tombstone says no more than that there is nothing.
        seen.retain(|_, (_, has_value)| *has_value);
        known.retain(|_, (_, has_value)| *has_value);
        prop_assert_eq!(seen, known);
    }
}
