//! What could not be learnt on the way to an answer that is given all the same.

use crate::error::{Error, Kind};

/// How many items a sentence names.
const NAMED: usize = 5;

/// Sentences about it.
#[derive(Debug, Default)]
pub(super) struct Unlearnt {
    /// What fails nothing: what we are not allowed to look into, what is no more, and what the answer can do without.
    pub(super) warnings: Vec<String>,
    /// What did not answer, and may at another time.
    pub(super) failures: Vec<String>,
}

/// Whether the answer is right without it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Needed,
    Spared,
}

impl Unlearnt {
    /// `doing` failed as a whole.
    pub(super) fn add(&mut self, doing: &str, error: &Error) {
        self.tell(doing, &[], error, Weight::Needed);
    }

    /// `doing` failed for each of these; of those that failed alike the first reason is told.
    pub(super) fn add_all(&mut self, doing: &str, failed: Vec<(String, Error)>) {
        self.tell_all(doing, failed, Weight::Needed);
    }

    /// `doing` failed as a whole, and the answer is right without it.
    pub(super) fn warn(&mut self, doing: &str, error: &Error) {
        self.tell(doing, &[], error, Weight::Spared);
    }

    /// `doing` failed for each of these, and the answer is right without it.
    pub(super) fn warn_all(&mut self, doing: &str, failed: Vec<(String, Error)>) {
        self.tell_all(doing, failed, Weight::Spared);
    }

    fn tell_all(&mut self, doing: &str, failed: Vec<(String, Error)>, weight: Weight) {
        let (refused, silent): (Vec<_>, Vec<_>) = failed
            .into_iter()
            .partition(|(_, error)| error.kind() == Kind::Failed);
        for mut failed in [refused, silent] {
            failed.sort_by(|(one, _), (other, _)| one.cmp(other));
            failed.dedup_by(|(one, _), (other, _)| one == other);
            let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
            if let Some((_, error)) = failed.first() {
                self.tell(doing, &names, error, weight);
            }
        }
    }

    fn tell(&mut self, doing: &str, names: &[&str], error: &Error, weight: Weight) {
        let more = names.len().saturating_sub(NAMED);
        let quoted = names.iter().take(NAMED).map(|name| format!(" `{name}`"));
        let mut named = quoted.collect::<Vec<_>>().join(",");
        if more > 0 {
            named.push_str(&format!(" and {more} more"));
        }
        let sentence = format!("cannot {doing}{named}: {}", error.one_line());
        match (weight, error.kind()) {
            (Weight::Spared, _) | (_, Kind::Failed) => self.warnings.push(sentence),
            (Weight::Needed, _) => self.failures.push(sentence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_a_kind_are_one_sentence_and_a_refusal_is_no_failure() {
        let mut unlearnt = Unlearnt::default();
        let failed = |number: usize| (format!("orders-{number}"), Error::failed("not allowed"));
        unlearnt.add_all("look into", Vec::new());
        unlearnt.add_all("look into", (0..7).map(failed).collect());
        unlearnt.add_all(
            "look into",
            vec![
                ("b".to_owned(), Error::unreachable("no leader")),
                ("a".to_owned(), Error::failed("not allowed")),
                ("a".to_owned(), Error::failed("not allowed")),
            ],
        );
        unlearnt.add("look into topics", &Error::unreachable("no leader"));
        assert_eq!(
            unlearnt.warnings,
            [
                "cannot look into `orders-0`, `orders-1`, `orders-2`, `orders-3`, `orders-4` and 2 more: not allowed",
                "cannot look into `a`: not allowed",
            ]
        );
        assert_eq!(
            unlearnt.failures,
            [
                "cannot look into `b`: no leader",
                "cannot look into topics: no leader",
            ]
        );
    }

    #[test]
    fn what_the_answer_can_do_without_fails_nothing_whatever_the_reason() {
        let mut unlearnt = Unlearnt::default();
        let silent = || Error::unreachable("no leader");
        unlearnt.warn_all(
            "look into",
            vec![
                ("b".to_owned(), silent()),
                ("a".to_owned(), Error::failed("not allowed")),
            ],
        );
        unlearnt.warn("look into topics", &silent());
        assert_eq!(
            unlearnt.warnings,
            [
                "cannot look into `a`: not allowed",
                "cannot look into `b`: no leader",
                "cannot look into topics: no leader",
            ]
        );
        assert!(unlearnt.failures.is_empty());
    }
}
