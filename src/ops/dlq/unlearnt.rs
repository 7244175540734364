//! What could not be learnt on the way to an answer that is given all the same.

use crate::error::{Error, Kind};

/// How many items a sentence names.
const NAMED: usize = 5;

/// Sentences about it.
#[derive(Debug, Default)]
pub(super) struct Unlearnt {
    pub(super) sentences: Vec<String>,
    /// Something did not answer, and may at another time. What we are not allowed to look into is nothing that failed.
    pub(super) is_failure: bool,
}

impl Unlearnt {
    /// `doing` failed for these items, all for this reason.
    pub(super) fn add<const N: usize>(&mut self, doing: &str, items: [&str; N], error: Error) {
        self.tell(doing, items.map(str::to_owned).to_vec(), &error);
    }

    /// `doing` failed for each of these; the first reason is told.
    pub(super) fn add_all(&mut self, doing: &str, failed: Vec<(String, Error)>) {
        let is_failure = failed.iter().any(|(_, error)| error.kind() != Kind::Failed);
        let mut names = Vec::new();
        let mut reason = None;
        for (name, error) in failed {
            if !names.contains(&name) {
                names.push(name);
            }
            reason = reason.or(Some(error));
        }
        if let Some(error) = reason {
            self.tell(doing, names, &error);
            self.is_failure |= is_failure;
        }
    }

    fn tell(&mut self, doing: &str, names: Vec<String>, error: &Error) {
        let more = names.len().saturating_sub(NAMED);
        let quoted = names.iter().take(NAMED).map(|name| format!(" `{name}`"));
        let mut named = quoted.collect::<Vec<_>>().join(",");
        if more > 0 {
            named.push_str(&format!(" and {more} more"));
        }
        self.sentences
            .push(format!("cannot {doing}{named}: {}", error.one_line()));
        self.is_failure |= error.kind() != Kind::Failed;
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
        assert!(!unlearnt.is_failure);
        unlearnt.add("look into topics", [], Error::unreachable("no leader"));
        assert!(unlearnt.is_failure);
        assert_eq!(
            unlearnt.sentences,
            [
                "cannot look into `orders-0`, `orders-1`, `orders-2`, `orders-3`, `orders-4` and 2 more: not allowed",
                "cannot look into topics: no leader",
            ]
        );
    }
}
