//! What could not be learnt on the way to an answer that is given all the same.

use crate::error::{Error, Kind};

/// How many items a sentence names.
const NAMED: usize = 5;

/// Sentences about it.
#[derive(Debug, Default)]
pub(super) struct Unlearnt {
    /// What we are not allowed to look into, or is no more: nothing that failed.
    pub(super) refused: Vec<String>,
    /// What did not answer, and may at another time.
    pub(super) failures: Vec<String>,
}

impl Unlearnt {
    /// `doing` failed as a whole.
    pub(super) fn add(&mut self, doing: &str, error: &Error) {
        self.tell(doing, &[], error);
    }

    /// `doing` failed for each of these; of those that failed alike the first reason is told.
    pub(super) fn add_all(&mut self, doing: &str, failed: Vec<(String, Error)>) {
        let (refused, silent): (Vec<_>, Vec<_>) = failed
            .into_iter()
            .partition(|(_, error)| error.kind() == Kind::Failed);
        for mut failed in [refused, silent] {
            failed.sort_by(|(one, _), (other, _)| one.cmp(other));
            failed.dedup_by(|(one, _), (other, _)| one == other);
            let names: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
            if let Some((_, error)) = failed.first() {
                self.tell(doing, &names, error);
            }
        }
    }

    fn tell(&mut self, doing: &str, names: &[&str], error: &Error) {
        let more = names.len().saturating_sub(NAMED);
        let quoted = names.iter().take(NAMED).map(|name| format!(" `{name}`"));
        let mut named = quoted.collect::<Vec<_>>().join(",");
        if more > 0 {
            named.push_str(&format!(" and {more} more"));
        }
        let sentence = format!("cannot {doing}{named}: {}", error.one_line());
        match error.kind() {
            Kind::Failed => self.refused.push(sentence),
            _ => self.failures.push(sentence),
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
            unlearnt.refused,
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
}
