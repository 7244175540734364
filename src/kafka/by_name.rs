//! Answers that come in any order, put back to the names they were asked for.

use super::error::Fault;
use super::lost;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// One outcome for each name, in the order of `names`; `error` makes the sentence of one that failed. A name that the
/// answer leaves out has failed too.
pub(super) fn outcomes_by_name<T>(
    names: &[&str],
    answers: Vec<(String, Result<T, Fault>)>,
    error: impl Fn(&str, Fault) -> Error,
) -> Vec<(String, Result<T>)> {
    let mut answers: BTreeMap<String, _> = answers.into_iter().collect();
    let outcome = |&name: &&str| {
        let answer = answers.remove(name).unwrap_or_else(|| Err(lost()));
        (name.to_owned(), answer.map_err(|fault| error(name, fault)))
    };
    names.iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_outcome_also_one_that_was_left_out() {
        let answers = vec![
            ("c".to_owned(), Err(Fault::new(1, "no"))),
            ("a".to_owned(), Ok(7)),
            ("nobody asked".to_owned(), Ok(8)),
        ];
        let outcomes = outcomes_by_name(&["a", "b", "c"], answers, |name, fault| {
            Error::failed(format!("{name}: {}", fault.reason))
        });
        let shown: Vec<(&str, Result<i32, String>)> = outcomes
            .iter()
            .map(|(name, outcome)| {
                let outcome = outcome.as_ref().copied();
                (name.as_str(), outcome.map_err(Error::one_line))
            })
            .collect();
        let left_out = "b: the answer leaves it out".to_owned();
        assert_eq!(
            shown,
            [
                ("a", Ok(7)),
                ("b", Err(left_out)),
                ("c", Err("c: no".to_owned()))
            ]
        );
    }
}
