//! One look at the lag, as it is shown and judged.

use super::gate::{self, Behind};
use super::probe::{First, Gap, Prober};
use super::row::{LagRow, Sort, rows, sort};
use super::snapshot::nothing_fits;
use super::{LagRequest, Snapshot, shown};
use crate::error::{Error, Result, Status};
use crate::kafka::Cluster;
use crate::model::group::GroupListing;
use crate::model::pattern::Pattern;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeSet;

/// How many offsets a partition's lag may have for it to be looked whether they hold any record: what transactions leave
/// behind is one marker each.
const RESIDUE: i64 = 100;

/// A row a partition, sorted by group, topic and partition, or as was asked.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct LagReport {
    pub(super) rows: Vec<LagRow>,
    #[serde(skip)]
    pub(super) groups: Vec<GroupListing>,
    #[serde(skip)]
    max: Option<i64>,
    #[serde(skip)]
    time: bool,
    #[serde(skip)]
    sort: Sort,
    /// The groups of which something must be known.
    #[serde(skip)]
    named: Vec<String>,
    /// Topics that groups have offsets in and that do not exist.
    #[serde(skip)]
    gone: BTreeSet<String>,
    #[serde(skip)]
    failures: Vec<String>,
    /// Why there are no rows, where there are none.
    #[serde(skip)]
    nothing: Option<Error>,
}

impl LagReport {
    pub(super) fn new(cluster: &Cluster, mut snapshot: Snapshot, request: &LagRequest) -> Self {
        // A failure has been said of them, and nothing else is known.
        let unread = std::mem::take(&mut snapshot.unread);
        snapshot.groups.retain(|group| !unread.contains(&group.id));
        // Of a group that only fits a pattern nothing need be known in topics that it perhaps does not read.
        let must_be_known = |group: &&GroupListing| {
            let mut patterns = request.groups.iter();
            request.topics.is_empty()
                || patterns.any(|pattern| pattern.is_literal() && pattern.matches(&group.id))
        };
        let named = match request.groups.is_empty() {
            true => Vec::new(),
            false => {
                let named = snapshot.groups.iter().filter(must_be_known);
                named.map(|group| group.id.clone()).collect()
            }
        };
        let fits_none = snapshot.groups.is_empty()
            && snapshot.failures.is_empty()
            && !request.groups.is_empty();
        let mut report = LagReport {
            rows: rows(&snapshot),
            groups: snapshot.groups,
            max: request.max,
            time: request.time,
            sort: request.sort.unwrap_or_default(),
            named,
            gone: snapshot.gone,
            failures: snapshot.failures,
            nothing: fits_none.then(|| nothing_fits(cluster, &request.groups)),
        };
        if report.nothing.is_none() && report.rows.is_empty() && report.named.is_empty() {
            report.nothing = Some(no_offsets(&request.topics));
        }
        sort(&mut report.rows, report.sort);
        report
    }

    /// Groups over the limit, or of which it is not known.
    pub(super) fn over(&self) -> Vec<(String, Behind)> {
        let over = |max| gate::over(&self.rows, max, &self.named, &self.gone);
        self.max.map(over).unwrap_or_default()
    }

    pub(super) fn is_over(&self) -> bool {
        !self.over().is_empty()
    }

    /// What there is to judge by a gate is nothing: it must not pass because it saw nothing.
    pub(super) fn is_blank(&self) -> bool {
        self.nothing.is_some() && self.failures.is_empty()
    }

    /// Said where there are no rows.
    pub(super) fn empty(&self) -> &str {
        let nothing = self.nothing.as_ref().map(Error::message);
        nothing.unwrap_or("no committed offsets")
    }

    /// Each group that is over the limit, in a sentence.
    pub(super) fn over_sentences(&self) -> Vec<String> {
        let max = self.max.unwrap_or_default();
        let over = self.over();
        over.iter()
            .map(|(group, behind)| behind.sentence(group, max))
            .collect()
    }

    /// Learns the age of the first unread record of every row.
    pub(super) async fn probe_all(&mut self, prober: &mut Prober) {
        let gaps: Vec<Gap> = self.rows.iter().filter_map(gap).collect();
        let firsts = prober.ask(&gaps).await;
        let now = jiff::Timestamp::now().as_millisecond();
        for row in &mut self.rows {
            let Some(gap) = gap(row) else {
                row.time_lag_ms = (row.effective_lag == Some(0)).then_some(0);
                continue;
            };
            match firsts.get(&(gap.place, gap.position)) {
                Some(First::Record(Some(timestamp))) => {
                    row.time_lag_ms = Some(now.saturating_sub(*timestamp).max(0));
                }
                Some(First::Nothing(end)) if *end >= gap.end => {
                    row.effective_lag = Some(0);
                    row.time_lag_ms = Some(0);
                }
                _ => {}
            }
        }
        sort(&mut self.rows, self.sort);
    }

    /// Looks whether what is left of a small lag holds any record: markers of transactions take an offset each, and a
    /// group that has read everything before them is not behind. Only rows that are `wanted` are looked at, and only of
    /// groups over the limit.
    pub(super) async fn probe_residue(
        &mut self,
        prober: &mut Prober,
        wanted: impl Fn(&LagRow) -> bool,
    ) {
        let over: BTreeSet<String> = self.over().into_iter().map(|(group, _)| group).collect();
        let is_residue = |row: &LagRow| {
            row.effective_lag.is_some_and(|lag| lag <= RESIDUE)
                && over.contains(&row.partition.group)
        };
        let residue = self.rows.iter().filter(|row| is_residue(row));
        let gaps: Vec<Gap> = residue.filter(|row| wanted(row)).filter_map(gap).collect();
        if gaps.is_empty() {
            return;
        }
        let firsts = prober.ask(&gaps).await;
        for row in &mut self.rows {
            let Some(gap) = gap(row) else { continue };
            let first = firsts.get(&(gap.place, gap.position));
            if matches!(first, Some(First::Nothing(end)) if *end >= gap.end) {
                row.effective_lag = Some(0);
            }
        }
    }
}

/// What is left to read, where that is known and something is.
fn gap(row: &LagRow) -> Option<Gap> {
    row.effective_lag.filter(|lag| *lag > 0)?;
    Some(Gap {
        place: row.partition.topic_partition(),
        position: row.partition.position()?,
        end: row.partition.end?,
    })
}

fn no_offsets(topics: &[Pattern]) -> Error {
    let names: Vec<&str> = topics.iter().map(Pattern::as_str).collect();
    match names.is_empty() {
        true => Error::failed("no group has committed offsets"),
        false => Error::failed(format!("no group has offsets in `{}`", names.join("`, `"))),
    }
}

impl Report for LagReport {
    fn table(&self) -> Table {
        let mut headers = vec![
            "GROUP",
            "TOPIC",
            "PARTITION",
            "COMMITTED",
            "START",
            "END",
            "LAG",
        ];
        if self.time {
            headers.push("TIME");
        }
        let mut table = Table::new(&headers, self.empty());
        for row in &self.rows {
            let partition = &row.partition;
            let mut cells = vec![
                partition.group.as_str().into(),
                partition.topic.as_str().into(),
                partition.partition.into(),
                partition.committed.into(),
                partition.start.into(),
                partition.end.into(),
                Cell::from(partition.lag).tone(tone(row)),
            ];
            if self.time {
                cells.push(shown::age(row.time_lag_ms));
            }
            table.row(cells);
        }
        notes(&self.rows, &mut table);
        for sentence in self.over_sentences() {
            table.note(sentence, Tone::Bad);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        if self.rows.is_empty()
            && let Some(failure) = self.failures.first()
        {
            return Err(Error::failed(failure.clone()));
        }
        if self.max.is_some()
            && let Some(nothing) = &self.nothing
        {
            let error = Error::failed(format!("nothing to judge: {}", nothing.message()));
            return Err(match nothing.hint_text() {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
        Ok(match (self.failures.is_empty(), self.is_over()) {
            (false, _) => Status::Failed,
            (true, true) => Status::Alarm,
            (true, false) => Status::Done,
        })
    }

    fn failures(&self) -> &[String] {
        &self.failures
    }
}

/// What the lag of a row means.
pub(super) fn tone(row: &LagRow) -> Tone {
    match row.effective_lag {
        _ if row.partition.lost > 0 || row.partition.ahead > 0 => Tone::Bad,
        _ if row.retention_at_risk => Tone::Warn,
        Some(0) => Tone::Good,
        _ => Tone::Plain,
    }
}

/// What the figures of a row do not say by themselves.
pub(super) fn notes(rows: &[LagRow], table: &mut Table) {
    for row in rows {
        let partition = &row.partition;
        let (group, place) = (&partition.group, partition.topic_partition());
        if partition.lost > 0 {
            let lost = partition.lost;
            let text =
                format!("{group} lost {lost} records of {place}: deleted before they were read");
            table.note(text, Tone::Bad);
        } else if partition.ahead > 0 {
            let ahead = partition.ahead;
            let text =
                format!("{group} is {ahead} past the end of {place}: was the topic made anew?");
            table.note(text, Tone::Bad);
        } else if row.effective_lag == Some(0) && partition.lag.is_some_and(|lag| lag > 0) {
            let text = format!(
                "{group} has read {place} to its end: the offsets that are left hold no records"
            );
            table.note(text, Tone::Plain);
        }
        if row.retention_at_risk {
            let text = format!(
                "{group} is about to lose records of {place}: it stands where the oldest are deleted"
            );
            table.note(text, Tone::Warn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    fn report(rows: Vec<LagRow>, max: Option<i64>) -> LagReport {
        LagReport {
            rows,
            max,
            ..LagReport::default()
        }
    }

    #[test]
    fn a_named_group_of_which_nothing_is_known_is_an_alarm() {
        let mut report = report(vec![row(0, Some(5), Some(5))], Some(0));
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
    fn a_gate_that_saw_nothing_does_not_pass() {
        let mut report = report(Vec::new(), None);
        report.nothing = Some(no_offsets(&["orders".into()]));
        assert_eq!(report.status().unwrap(), Status::Done);
        assert_eq!(report.table().empty, "no group has offsets in `orders`");
        report.max = Some(10);
        let error = report.status().unwrap_err();
        assert_eq!(
            error.message(),
            "nothing to judge: no group has offsets in `orders`"
        );
    }

    #[test]
    fn what_the_figures_do_not_say_is_noted() {
        let mut lost = row(0, Some(5), Some(500));
        lost.partition.lost = 7;
        let mut at_risk = row(1, Some(5), Some(500));
        at_risk.retention_at_risk = true;
        let mut residue = row(2, Some(499), Some(500));
        residue.effective_lag = Some(0);
        let table = report(vec![lost, at_risk, residue], None).table();
        let expected = [
            (
                "payment lost 7 records of orders:0: deleted before they were read",
                Tone::Bad,
            ),
            (
                "payment is about to lose records of orders:1: it stands where the oldest are deleted",
                Tone::Warn,
            ),
            (
                "payment has read orders:2 to its end: the offsets that are left hold no records",
                Tone::Plain,
            ),
        ];
        let expected = expected.map(|(text, tone)| (text.to_owned(), tone));
        assert_eq!(table.notes, expected);
        let tones: Vec<_> = table.rows.iter().map(|row| row[6].clone()).collect();
        assert_eq!(
            tones,
            [
                Cell::Number(495, Tone::Bad),
                Cell::Number(495, Tone::Warn),
                Cell::Number(1, Tone::Good)
            ]
        );
    }
}
