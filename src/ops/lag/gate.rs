//! What `--max` judges a group by.

use super::row::LagRow;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a group in all its partitions.
#[derive(Debug, Default)]
pub(super) struct Behind {
    pub(super) lag: i64,
    /// Partitions that hold records and have no commit.
    pub(super) uncommitted: usize,
    /// Partitions whose first or next offset could not be learnt.
    pub(super) unlearnt: usize,
    /// Partitions of topics that do not exist.
    pub(super) gone: usize,
    /// Partitions with a commit past their end.
    pub(super) ahead: usize,
    /// It has neither commits nor partitions.
    pub(super) blank: bool,
}

/// Groups that are more than `max` behind, or of which it is not known, by name. Of those that are `named` something
/// must be known.
pub(super) fn over(
    rows: &[LagRow],
    max: i64,
    named: &[String],
    gone: &BTreeSet<String>,
) -> Vec<(String, Behind)> {
    let mut groups: BTreeMap<&str, Behind> = BTreeMap::new();
    for row in rows {
        let partition = &row.partition;
        let behind = groups.entry(&partition.group).or_default();
        behind.ahead += usize::from(partition.ahead > 0);
        match row.effective_lag.or(partition.lag) {
            Some(lag) => behind.lag = behind.lag.saturating_add(lag),
            None if gone.contains(&partition.topic) => behind.gone += 1,
            None if partition.start.is_none() || partition.end.is_none() => behind.unlearnt += 1,
            None if partition.is_unknown() => behind.uncommitted += 1,
            None => {}
        }
    }
    for group in named {
        groups.entry(group).or_insert(Behind {
            blank: true,
            ..Behind::default()
        });
    }
    groups
        .into_iter()
        .filter(|(_, behind)| behind.lag > max || behind.is_unknown())
        .map(|(group, behind)| (group.to_owned(), behind))
        .collect()
}

impl Behind {
    fn is_unknown(&self) -> bool {
        self.blank || self.uncommitted + self.unlearnt + self.gone + self.ahead > 0
    }

    pub(super) fn sentence(&self, group: &str, max: i64) -> String {
        if self.blank {
            return format!(
                "{group}: the lag is unknown, it has neither commits nor partitions assigned"
            );
        }
        let reasons = [
            (self.uncommitted, "hold records and have no commit"),
            (self.unlearnt, "did not tell their offsets"),
            (self.gone, "are of topics that do not exist"),
            (self.ahead, "have a commit past their end"),
        ];
        let mut clauses: Vec<String> = reasons
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} partitions {what}"))
            .collect();
        if clauses.is_empty() {
            return format!("{group} is {} behind, more than {max}", self.lag);
        }
        if self.lag > max {
            clauses.push(format!("in the others it is {} behind", self.lag));
        }
        format!("{group}: {}", clauses.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    fn sentences(rows: &[LagRow], max: i64, named: &[&str], gone: &[&str]) -> Vec<String> {
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        let gone = gone.iter().map(|name| (*name).to_owned()).collect();
        let over = over(rows, max, &named, &gone);
        over.iter()
            .map(|(group, behind)| behind.sentence(group, max))
            .collect()
    }

    #[test]
    fn a_group_is_summed_and_nothing_unknown_is_trusted() {
        let level = row(0, Some(5), Some(5));
        let pair = |other| [level.clone(), other];
        let behind_by_2 = pair(row(1, Some(3), Some(5)));
        assert!(sentences(&behind_by_2, 2, &[], &[]).is_empty());
        assert_eq!(
            sentences(&behind_by_2, 1, &[], &[]),
            ["payment is 2 behind, more than 1"]
        );
        let uncommitted = pair(row(1, None, Some(4)));
        assert_eq!(
            sentences(&uncommitted, 10, &[], &[]),
            ["payment: 1 partitions hold records and have no commit"]
        );
        let empty = pair(row(1, None, Some(0)));
        assert!(sentences(&empty, 0, &[], &[]).is_empty());
    }

    #[test]
    fn the_reason_of_an_unknown_lag_is_said() {
        let rows = [row(0, None, Some(5)), row(1, Some(3), None)];
        assert_eq!(
            sentences(&rows, 0, &[], &[]),
            [
                "payment: 1 partitions hold records and have no commit, 1 partitions did not tell their offsets"
            ]
        );
        assert_eq!(
            sentences(&rows[1..], 0, &[], &["orders"]),
            ["payment: 1 partitions are of topics that do not exist"]
        );
        assert_eq!(
            sentences(&[], 0, &["young"], &[]),
            ["young: the lag is unknown, it has neither commits nor partitions assigned"]
        );
    }

    #[test]
    fn a_commit_past_the_end_is_no_sign_of_having_read() {
        let mut past = row(0, Some(9), Some(5));
        past.partition.ahead = 4;
        assert_eq!(
            sentences(&[past], 0, &[], &[]),
            ["payment: 1 partitions have a commit past their end"]
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_lag() {
        let mut residue = row(0, Some(4), Some(5));
        assert_eq!(sentences(&[residue.clone()], 0, &[], &[]).len(), 1);
        residue.effective_lag = Some(0);
        assert!(sentences(&[residue], 0, &[], &[]).is_empty());
    }
}
