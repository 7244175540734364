//! A sample as people see it.

use super::super::report::{notes, tone};
use super::super::shown;
use super::super::{LagRow, Sort};
use super::sample::{GroupRow, Sample, WatchedRow};
use crate::model::duration;
use crate::model::lag::status::{GroupStatus, PartitionStatus};
use crate::model::wording::counted;
use crate::report::{Cell, Report, Table, Tone};
use std::cmp::Reverse;
use std::time::Duration;

impl Report for Sample {
    fn table(&self) -> Table {
        let Some(outage) = &self.error else {
            let mut table = self.seen();
            table.note_all(&self.failures, Tone::Bad);
            return table.titled(self.title());
        };
        // What was known last, and that it is old.
        let before = self.before.as_deref();
        let mut table = before.map_or_else(Table::default, Sample::seen);
        let since = outage.since;
        let lasts = Duration::try_from(self.time.duration_since(since)).unwrap_or_default();
        let mut text = format!("no answer since {since:.0} ({})", shown::roughly(lasts));
        if let Some(before) = before {
            text.push_str(&format!(", the figures are those of {:.0}", before.time));
        }
        table.notes.insert(0, (text, Tone::Bad));
        table.notes.insert(1, (outage.reason.clone(), Tone::Bad));
        table.titled(self.title())
    }
}

impl Sample {
    fn title(&self) -> String {
        let shown = self.before.as_deref().unwrap_or(self);
        let lags = shown.groups.iter().filter_map(|group| group.lag);
        let lag = lags.fold(0, i64::saturating_add);
        format!(
            "{:.0}  every {}  {}  {}  {lag} behind",
            self.time,
            duration::human(self.style.interval),
            counted(shown.groups.len() as u64, "group"),
            counted(shown.rows.len() as u64, "partition"),
        )
    }

    fn seen(&self) -> Table {
        match self.style.total {
            true => self.by_group(),
            false => self.by_partition(),
        }
    }

    fn by_partition(&self) -> Table {
        let mut headers = vec!["GROUP", "TOPIC", "PARTITION", "LAG"];
        headers.extend(self.moving_headers());
        let mut table = Table::new(&headers, self.empty.as_str());
        let mut rows: Vec<&WatchedRow> = self.rows.iter().collect();
        match self.style.sort {
            Sort::Name => {}
            Sort::Lag => rows.sort_by_key(|row| Reverse(worst(row))),
            Sort::Time => {
                rows.sort_by_key(|row| (Reverse(row.lag.time_lag_ms), Reverse(worst(row))))
            }
        }
        for row in &rows {
            let partition = &row.lag.partition;
            let mut cells = vec![
                partition.group.as_str().into(),
                partition.topic.as_str().into(),
                partition.partition.into(),
                Cell::from(partition.lag).tone(tone(&row.lag)),
            ];
            let status = row
                .status
                .map(|status| (status.name(), status_tone(status)));
            cells.extend(self.moving_cells(Moving {
                time_lag_ms: row.lag.time_lag_ms,
                consumed: row.consumed_per_second,
                produced: row.produced_per_second,
                eta: eta(row.lag.effective_lag, row.eta_ms, row.catching_up),
                status,
                course: &row.course,
            }));
            table.row(cells);
        }
        let rows: Vec<LagRow> = rows.iter().map(|row| row.lag.clone()).collect();
        notes(&rows, &mut table);
        table
    }

    fn by_group(&self) -> Table {
        let mut headers = vec!["GROUP", "STATE", "MEMBERS", "PARTITIONS", "LAG"];
        headers.extend(self.moving_headers());
        let mut table = Table::new(&headers, self.empty.as_str());
        let mut groups: Vec<&GroupRow> = self.groups.iter().collect();
        let unknown = |group: &&GroupRow| group.unknown > 0;
        match self.style.sort {
            Sort::Name => {}
            Sort::Lag => groups.sort_by_key(|group| Reverse((unknown(group), group.lag))),
            Sort::Time => groups.sort_by_key(|group| Reverse((group.time_lag_ms, group.lag))),
        }
        for group in groups {
            let tone = match group.lag {
                _ if group.lost > 0 => Tone::Bad,
                Some(0) if group.unknown == 0 => Tone::Good,
                _ => Tone::Plain,
            };
            let mut cells = vec![
                group.group.as_str().into(),
                group.state.map(|state| state.name()).into(),
                group.members.into(),
                group.partitions.into(),
                Cell::from(group.lag).tone(tone),
            ];
            let status = group
                .status
                .map(|status| (status.name(), group_tone(status)));
            cells.extend(self.moving_cells(Moving {
                time_lag_ms: group.time_lag_ms,
                consumed: group.consumed_per_second,
                produced: group.produced_per_second,
                eta: eta(group.effective_lag, group.eta_ms, group.catching_up),
                status,
                course: &group.course,
            }));
            table.row(cells);
        }
        table
    }

    fn moving_headers(&self) -> Vec<&'static str> {
        let mut headers = vec!["STATUS", "READ/s", "WRITTEN/s", "ETA"];
        if self.style.time {
            headers.push("TIME");
        }
        headers.push("TREND");
        headers
    }

    fn moving_cells(&self, moving: Moving<'_>) -> Vec<Cell> {
        let status = moving
            .status
            .map_or(Cell::Missing, |(name, tone)| Cell::from(name).tone(tone));
        let mut cells = vec![
            status,
            shown::rate(moving.consumed),
            shown::rate(moving.produced),
            moving.eta,
        ];
        if self.style.time {
            cells.push(shown::age(moving.time_lag_ms));
        }
        cells.push(moving.course.into());
        cells
    }
}

/// What changes from sample to sample, of a partition and of a group alike.
struct Moving<'a> {
    time_lag_ms: Option<i64>,
    consumed: Option<f64>,
    produced: Option<f64>,
    eta: Cell,
    status: Option<(&'static str, Tone)>,
    course: &'a str,
}

impl GroupRow {
    /// The status as people see it.
    pub(in crate::ops) fn status_cell(&self) -> Cell {
        self.status.map_or(Cell::Missing, |status| {
            Cell::from(status.name()).tone(group_tone(status))
        })
    }

    /// When it will have caught up.
    pub(in crate::ops) fn eta_cell(&self) -> Cell {
        eta(self.effective_lag, self.eta_ms, self.catching_up)
    }
}

impl WatchedRow {
    /// The status as people see it.
    pub(in crate::ops) fn status_cell(&self) -> Cell {
        self.status.map_or(Cell::Missing, |status| {
            Cell::from(status.name()).tone(status_tone(status))
        })
    }

    /// When it will have caught up.
    pub(in crate::ops) fn eta_cell(&self) -> Cell {
        eta(self.lag.effective_lag, self.eta_ms, self.catching_up)
    }
}

/// What is bad stands before what is only far behind.
fn worst(row: &WatchedRow) -> (bool, bool, Option<i64>) {
    let is_bad = row
        .status
        .is_some_and(|status| status_tone(status) == Tone::Bad);
    (
        row.lag.partition.is_unknown(),
        is_bad,
        row.lag.effective_lag,
    )
}

fn eta(lag: Option<i64>, milliseconds: Option<i64>, catching_up: Option<bool>) -> Cell {
    match (lag, milliseconds, catching_up) {
        (Some(0), ..) => Cell::Missing,
        (_, _, Some(false)) => Cell::from("never").tone(Tone::Warn),
        (_, milliseconds, _) => shown::age(milliseconds),
    }
}

fn status_tone(status: PartitionStatus) -> Tone {
    match status {
        PartitionStatus::Ok => Tone::Good,
        PartitionStatus::Warn => Tone::Warn,
        PartitionStatus::Stalled | PartitionStatus::Stopped | PartitionStatus::Rewind => Tone::Bad,
    }
}

fn group_tone(status: GroupStatus) -> Tone {
    match status {
        GroupStatus::Ok => Tone::Good,
        GroupStatus::Warn => Tone::Warn,
        GroupStatus::Err => Tone::Bad,
    }
}
