//! The plan of every command that moves offsets.

use crate::error::{Error, Result, Status};
use crate::ops::group::Occupied;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;

/// One partition of one group. Offsets are those of the next record to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Move {
    pub(super) group: String,
    pub(super) topic: String,
    pub(super) partition: i32,
    /// `None`: the group has no commit here.
    pub(super) prior: Option<i64>,
    /// `None`: it cannot be said, see `error`.
    pub(super) new: Option<i64>,
    /// New minus prior: positive is skipped, negative is read again.
    pub(super) change: Option<i64>,
    /// Why `new` is not what was asked for.
    pub(super) note: Option<String>,
    /// Why the offset cannot be moved.
    pub(super) error: Option<String>,
}

/// Where offsets would be moved, sorted by group, topic and partition.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MovePlan {
    pub(super) moves: Vec<Move>,
    /// Groups that have members: their offsets are not ours to move.
    #[serde(skip)]
    pub(super) occupied: Vec<Occupied>,
    /// The same as sentences.
    #[serde(skip)]
    pub(super) refusals: Vec<String>,
    /// Rows that fail are left out instead of refusing the rest.
    #[serde(skip)]
    pub(super) skip_failed: bool,
    /// What else the reader should know.
    #[serde(skip)]
    pub(super) remarks: Vec<String>,
}

impl Move {
    /// A row whose offset moves from `prior` to where `target` is.
    pub(super) fn new(
        group: &str,
        topic: &str,
        partition: i32,
        prior: Option<i64>,
        target: Result<(i64, Option<String>), String>,
    ) -> Self {
        let (new, note, error) = match target {
            Ok((new, note)) => (Some(new), note, None),
            Err(error) => (None, None, Some(error)),
        };
        Move {
            group: group.to_owned(),
            topic: topic.to_owned(),
            partition,
            prior,
            new,
            change: new.zip(prior).map(|(new, prior)| new.saturating_sub(prior)),
            note,
            error,
        }
    }

    /// Whether there is something to do.
    pub(super) fn is_change(&self) -> bool {
        self.new.is_some() && self.new != self.prior
    }
}

impl MovePlan {
    /// Nothing would change, and nothing failed.
    pub fn is_empty(&self) -> bool {
        self.failed() == 0 && !self.moves.iter().any(Move::is_change)
    }

    /// Why it cannot be carried out: a group has members. A dry run shows the plan all the same.
    pub fn refusal(&self) -> Option<Error> {
        Occupied::refusal(&self.occupied)
    }

    /// Whether rows that fail keep the others from being moved.
    pub fn is_held_up(&self) -> bool {
        self.failed() > 0 && !self.skip_failed
    }

    fn failed(&self) -> usize {
        let failed = |row: &&Move| row.error.is_some();
        self.moves.iter().filter(failed).count()
    }
}

/// `skips 12 records and reads 3 again`, for one group.
fn consequence(skipped: i64, repeated: i64) -> Option<String> {
    let records = |count: i64| match count {
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    };
    match (skipped, repeated) {
        (0, 0) => None,
        (skipped, 0) => Some(format!("skips {}", records(skipped))),
        (0, repeated) => Some(format!("reads {} again", records(repeated))),
        (skipped, repeated) => Some(format!(
            "skips {} and reads {repeated} again",
            records(skipped)
        )),
    }
}

impl Report for MovePlan {
    fn table(&self) -> Table {
        let headers = [
            "GROUP",
            "TOPIC",
            "PARTITION",
            "PRIOR",
            "NEW",
            "CHANGE",
            "NOTE",
        ];
        let mut table = Table::new(&headers, "nothing to move: every offset is there already");
        let mut totals: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for row in &self.moves {
            let total = totals.entry(&row.group).or_default();
            match row.change.unwrap_or(0) {
                change @ 1.. => total.0 = total.0.saturating_add(change),
                change => total.1 = total.1.saturating_sub(change),
            }
            table.row(cells(row, row.error.as_deref().or(row.note.as_deref())));
        }
        for (group, (skipped, repeated)) in totals {
            if let Some(consequence) = consequence(skipped, repeated) {
                table.note(format!("{group}: {consequence}"), Tone::Warn);
            }
        }
        table.note_all(&self.remarks, Tone::Warn);
        match (self.failed(), self.skip_failed) {
            (0, _) => {}
            (failed, true) => table.note(format!("{failed} rows fail and are left out"), Tone::Bad),
            (failed, false) => table.note(
                format!(
                    "{failed} rows fail, so nothing is moved; `--skip-failed` moves the others"
                ),
                Tone::Bad,
            ),
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.refusals
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(
            self.failed() > 0 || !self.occupied.is_empty(),
        ))
    }
}

/// A row of plan and outcome.
pub(super) fn cells(row: &Move, remark: Option<&str>) -> [Cell; 7] {
    let tone = match row.error {
        Some(_) => Tone::Bad,
        None => Tone::Plain,
    };
    // With its sign, so that forwards and backwards cannot be mistaken for each other.
    let change = row.change.map(|change| match change {
        0 => "0".to_owned(),
        change => format!("{change:+}"),
    });
    [
        row.group.as_str().into(),
        row.topic.as_str().into(),
        row.partition.into(),
        row.prior.into(),
        row.new.into(),
        change.into(),
        remark.map_or(Cell::from(""), |text| Cell::from(text).tone(tone)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(moves: Vec<Move>) -> MovePlan {
        MovePlan {
            moves,
            occupied: Vec::new(),
            refusals: Vec::new(),
            skip_failed: false,
            remarks: Vec::new(),
        }
    }

    fn moved(prior: Option<i64>, new: i64) -> Move {
        Move::new("payment", "orders", 0, prior, Ok((new, None)))
    }

    #[test]
    fn what_is_skipped_and_what_is_repeated_is_summed_apart() {
        let plan = plan(vec![
            moved(Some(10), 15),
            moved(Some(10), 7),
            moved(None, 3),
            moved(Some(4), 4),
        ]);
        assert!(!plan.is_empty());
        let table = plan.table();
        assert_eq!(
            table.notes,
            [(
                "payment: skips 5 records and reads 3 again".to_owned(),
                Tone::Warn
            )]
        );
        let changes: Vec<&Cell> = table.rows.iter().map(|row| &row[5]).collect();
        let text = |text: &str| Cell::from(text);
        assert_eq!(
            changes,
            [&text("+5"), &text("-3"), &Cell::Missing, &text("0")]
        );
    }

    #[test]
    fn a_plan_without_changes_is_empty_and_one_with_failures_is_not() {
        assert!(plan(vec![moved(Some(4), 4)]).is_empty());
        let failed = Move::new("payment", "orders", 0, None, Err("gone".to_owned()));
        let mut plan = plan(vec![moved(Some(4), 5), failed]);
        assert!(plan.is_held_up());
        assert_eq!(plan.status().unwrap(), Status::Failed);
        plan.skip_failed = true;
        assert!(!plan.is_held_up());
    }
}
