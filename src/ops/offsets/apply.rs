//! Carrying out a [`MovePlan`].

use super::moves::{Move, MovePlan, cells};
use crate::consent::Consent;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::Cluster;
use crate::model::topic::TopicPartition;
use crate::ops::stop::Stop;
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// What became of each row.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MoveOutcome {
    rows: Vec<Outcome>,
    /// It was asked to stop before all groups were written to.
    #[serde(skip)]
    stopped: Option<Status>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(flatten)]
    row: Move,
    /// Whether the offset is now `new`; false with an error, and where it was there already. Null: nobody answered in
    /// time, so that it is not known.
    applied: Option<bool>,
}

/// What came of the rows of one group that change.
type Answers = BTreeMap<TopicPartition, Result<(), Error>>;

/// How many groups are written to at once.
const GROUPS_IN_FLIGHT: usize = 32;

/// Commits the new offsets. One partition that fails does not keep the others, and one group not the next. On a request
/// to stop no further group is begun; those under way are finished, and the outcome has all of them.
///
/// # Errors
/// None: what fails is in the outcome.
pub async fn apply(
    cluster: &Cluster,
    plan: MovePlan,
    stop: &Stop,
    _consent: Consent,
) -> Result<MoveOutcome> {
    let mut by_group: BTreeMap<String, Vec<Move>> = BTreeMap::new();
    for row in plan.moves {
        by_group.entry(row.group.clone()).or_default().push(row);
    }
    let mut waiting = by_group.into_iter();
    let mut in_flight = JoinSet::new();
    let mut outcomes: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    loop {
        while in_flight.len() < GROUPS_IN_FLIGHT && stop.requested().is_none() {
            let Some((group, rows)) = waiting.next() else {
                break;
            };
            let cluster = cluster.clone();
            in_flight.spawn(async move {
                let rows = apply_to_group(&cluster, &group, rows).await;
                (group, rows)
            });
        }
        match in_flight.join_next().await {
            Some(Ok((group, rows))) => {
                outcomes.insert(group, rows);
            }
            Some(Err(error)) => {
                return Err(
                    Error::failed("moving the offsets of a group ended early").caused_by(error)
                );
            }
            None => break,
        }
    }
    let mut stopped = None;
    for (group, rows) in waiting {
        stopped = stop.requested();
        outcomes.insert(group, rows.into_iter().map(Outcome::not_begun).collect());
    }
    Ok(MoveOutcome {
        rows: outcomes.into_values().flatten().collect(),
        stopped,
    })
}

async fn apply_to_group(cluster: &Cluster, group: &str, rows: Vec<Move>) -> Vec<Outcome> {
    let mut answers = commit(cluster, group, &rows).await;
    let outcome = |mut row: Move| {
        if !row.is_change() {
            return Outcome {
                applied: Some(false),
                row,
            };
        }
        let place = TopicPartition::new(&row.topic, row.partition);
        let answer = answers
            .remove(&place)
            .unwrap_or_else(|| Err(Error::failed("the answer leaves it out")));
        let applied = match &answer {
            Ok(()) => Some(true),
            Err(error) if error.kind() == Kind::Unreachable => None,
            Err(_) => Some(false),
        };
        row.error = answer.err().map(|error| error.one_line());
        Outcome { row, applied }
    };
    rows.into_iter().map(outcome).collect()
}

/// Commits what is to change, unless the group has moved since the plan was made: then what was agreed to is no longer
/// what would happen. Kafka has no commit on a condition, so a moment between the look and the commit remains.
async fn commit(cluster: &Cluster, group: &str, rows: &[Move]) -> Answers {
    let places = |rows: &[Move]| -> Vec<TopicPartition> {
        let changes = rows.iter().filter(|row| row.is_change());
        changes
            .map(|row| TopicPartition::new(&row.topic, row.partition))
            .collect()
    };
    let committed = match cluster.committed(group).await {
        Ok(committed) => committed,
        Err(error) => {
            // Nothing was written yet, so nothing is in doubt.
            let reason = error.one_line();
            let failed = |place| (place, Err(Error::failed(reason.clone())));
            return places(rows).into_iter().map(failed).collect();
        }
    };
    let mut answers = Answers::new();
    let mut offsets = Vec::new();
    for row in rows.iter().filter(|row| row.is_change()) {
        let place = TopicPartition::new(&row.topic, row.partition);
        let now = committed.get(&place).copied().flatten();
        match row.new {
            Some(new) if now == row.prior => offsets.push((place, new)),
            _ => {
                answers.insert(place, Err(has_moved(row.prior, now)));
            }
        }
    }
    match cluster.commit_for_group(group, &offsets).await {
        Ok(outcomes) => answers.extend(outcomes),
        Err(error) => {
            let kind = error.kind();
            let reason = error.one_line();
            let failed = |(place, _)| {
                let error = match kind {
                    Kind::Unreachable => Error::unreachable(reason.clone()),
                    _ => Error::failed(reason.clone()),
                };
                (place, Err(error))
            };
            answers.extend(offsets.into_iter().map(failed));
        }
    }
    answers
}

/// The group is no longer where the plan found it.
pub(super) fn has_moved(planned: Option<i64>, now: Option<i64>) -> Error {
    let offset = |offset: Option<i64>| offset.map_or("no commit".to_owned(), |at| at.to_string());
    let (planned, now) = (offset(planned), offset(now));
    Error::failed(format!(
        "the group moved meanwhile, from {planned} to {now}"
    ))
}

impl Report for MoveOutcome {
    fn table(&self) -> Table {
        let headers = [
            "GROUP",
            "TOPIC",
            "PARTITION",
            "PRIOR",
            "NEW",
            "CHANGE",
            "RESULT",
        ];
        let mut table = Table::new(&headers, "nothing was moved");
        for Outcome { row, applied } in &self.rows {
            let result = match (&row.error, applied) {
                (Some(error), _) => error,
                (None, Some(true)) => "moved",
                (None, _) => "was there",
            };
            table.row(cells(row, Some(result)));
        }
        let count = |is: fn(&Outcome) -> bool| self.rows.iter().filter(|row| is(row)).count();
        match count(Outcome::has_failed) {
            0 => {}
            failed => table.note(format!("not moved: {failed}"), Tone::Bad),
        }
        match count(|outcome| outcome.applied.is_none()) {
            0 => {}
            unknown => table.note(
                format!("not known whether moved: {unknown}; `eda offsets show` tells"),
                Tone::Bad,
            ),
        }
        if self.stopped.is_some() {
            let begun = "interrupted: no further group was begun; the same command goes on";
            table.note(begun, Tone::Warn);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(if let Some(stopped) = self.stopped {
            stopped
        } else if self.rows.iter().any(Outcome::has_failed) {
            Status::Failed
        } else if self.rows.iter().any(|outcome| outcome.applied.is_none()) {
            Status::Unreachable
        } else {
            Status::Done
        })
    }
}

impl Outcome {
    fn not_begun(mut row: Move) -> Self {
        if row.is_change() {
            row.error = Some("interrupted before it was moved".to_owned());
        }
        Outcome {
            applied: Some(false),
            row,
        }
    }

    fn has_failed(&self) -> bool {
        self.row.error.is_some() && self.applied.is_some()
    }
}
