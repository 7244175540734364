//! One look at the lag, as it is shown and judged.

use super::gate::Behind;
use super::{LagRequest, Snapshot};
use crate::error::{Error, Result, Status};
use crate::model::lag::PartitionLag;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A row a partition, sorted by group, topic and partition.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct LagReport {
    rows: Vec<PartitionLag>,
    #[serde(skip)]
    max: Option<i64>,
    /// The groups asked for.
    #[serde(skip)]
    named: Vec<String>,
    /// Topics that groups have offsets in and that do not exist.
    #[serde(skip)]
    gone: BTreeSet<String>,
    #[serde(skip)]
    failures: Vec<String>,
}

impl LagReport {
    pub(super) fn new(snapshot: Snapshot, request: &LagRequest) -> Self {
        let named = match request.groups.is_empty() {
            true => Vec::new(),
            false => snapshot.groups.into_iter().map(|group| group.id).collect(),
        };
        LagReport {
            rows: snapshot.rows,
            max: request.max,
            named,
            gone: snapshot.gone,
            failures: snapshot.failures,
        }
    }

    /// Groups over the limit, or of which it is not known.
    fn over(&self) -> Vec<(String, Behind)> {
        let Some(max) = self.max else {
            return Vec::new();
        };
        let mut groups: BTreeMap<&str, Behind> = BTreeMap::new();
        for row in &self.rows {
            let behind = groups.entry(&row.group).or_default();
            match row.lag {
                Some(lag) => behind.lag = behind.lag.saturating_add(lag),
                None if self.gone.contains(&row.topic) => behind.gone += 1,
                None if row.start.is_none() || row.end.is_none() => behind.unlearnt += 1,
                None if row.start != row.end => behind.uncommitted += 1,
                None => {}
            }
        }
        for group in &self.named {
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
}

impl Report for LagReport {
    fn table(&self) -> Table {
        let headers = [
            "GROUP",
            "TOPIC",
            "PARTITION",
            "COMMITTED",
            "START",
            "END",
            "LAG",
        ];
        let mut table = Table::new(&headers, "no committed offsets");
        for row in &self.rows {
            let tone = match row.lag {
                Some(0) => Tone::Good,
                _ => Tone::Plain,
            };
            table.row([
                row.group.as_str().into(),
                row.topic.as_str().into(),
                row.partition.into(),
                row.committed.into(),
                row.start.into(),
                row.end.into(),
                Cell::from(row.lag).tone(tone),
            ]);
            if row.lost > 0 {
                let text = format!(
                    "{} lost {} records of {}:{}: deleted before they were read",
                    row.group, row.lost, row.topic, row.partition
                );
                table.note(text, Tone::Bad);
            }
        }
        for (group, behind) in self.over() {
            let text = behind.sentence(&group, self.max.unwrap_or_default());
            table.note(text, Tone::Bad);
        }
        for failure in &self.failures {
            table.note(failure.clone(), Tone::Bad);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        if self.rows.is_empty()
            && let Some(failure) = self.failures.first()
        {
            return Err(Error::failed(failure.clone()));
        }
        Ok(match (self.failures.is_empty(), self.over().is_empty()) {
            (false, _) => Status::Failed,
            (true, false) => Status::Alarm,
            (true, true) => Status::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lag::compute;
    use crate::model::topic::TopicPartition;

    fn row(partition: i32, committed: Option<i64>, end: i64) -> PartitionLag {
        let place = TopicPartition::new("orders", partition);
        let offsets = BTreeMap::from([(place.clone(), committed)]);
        let starts = BTreeMap::from([(place.clone(), 0)]);
        let ends = BTreeMap::from([(place, end)]);
        compute("payment", &offsets, &starts, &ends).remove(0)
    }

    fn report(rows: Vec<PartitionLag>, max: i64) -> LagReport {
        LagReport {
            rows,
            max: Some(max),
            named: Vec::new(),
            gone: BTreeSet::new(),
            failures: Vec::new(),
        }
    }

    fn status(rows: Vec<PartitionLag>, max: i64) -> Status {
        report(rows, max).status().unwrap()
    }

    #[test]
    fn the_gate_sums_a_group_and_trusts_nothing_unknown() {
        assert_eq!(
            status(vec![row(0, Some(5), 5), row(1, Some(3), 5)], 2),
            Status::Done
        );
        assert_eq!(
            status(vec![row(0, Some(5), 6), row(1, Some(3), 5)], 2),
            Status::Alarm
        );
        assert_eq!(
            status(vec![row(0, Some(5), 5), row(1, None, 4)], 10),
            Status::Alarm
        );
        assert_eq!(
            status(vec![row(0, Some(5), 5), row(1, None, 0)], 0),
            Status::Done
        );
    }

    #[test]
    fn a_named_group_of_which_nothing_is_known_is_an_alarm() {
        let mut report = report(vec![row(0, Some(5), 5)], 0);
        report.named = vec!["payment".to_owned()];
        assert_eq!(report.status().unwrap(), Status::Done);
        report.named.push("young".to_owned());
        assert_eq!(report.status().unwrap(), Status::Alarm);
        let notes = report.table().notes;
        assert!(
            notes[0].0.starts_with("young: the lag is unknown"),
            "{notes:?}"
        );
        report.max = None;
        assert_eq!(report.status().unwrap(), Status::Done);
    }

    #[test]
    fn the_reason_of_an_unknown_lag_is_said() {
        let mut unlearnt = row(1, None, 5);
        unlearnt.end = None;
        let mut report = report(vec![row(0, None, 5), unlearnt], 0);
        let text = |report: &LagReport| report.table().notes[0].0.clone();
        assert_eq!(
            text(&report),
            "payment: 1 partitions hold records and have no commit, 1 partitions did not tell their offsets"
        );
        report.rows.remove(0);
        report.gone.insert("orders".to_owned());
        assert_eq!(
            text(&report),
            "payment: 1 partitions are of topics that do not exist"
        );
    }
}
