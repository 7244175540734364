//! What `--max` judges a group by.

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
    /// It has neither commits nor partitions.
    pub(super) blank: bool,
}

impl Behind {
    pub(super) fn is_unknown(&self) -> bool {
        self.blank || self.uncommitted + self.unlearnt + self.gone > 0
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
