//! Carrying out a [`MovePlan`].

use super::moves::{Move, MovePlan, cells};
use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::kafka::Cluster;
use crate::model::topic::TopicPartition;
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// What became of each row.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MoveOutcome(Vec<Outcome>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(flatten)]
    row: Move,
    /// Whether the offset is now `new`; false with an error, and where it was there already.
    applied: bool,
}

/// How many groups are written to at once.
const GROUPS_IN_FLIGHT: usize = 32;

/// Commits the new offsets. One partition that fails does not keep the others, and one group not the next.
///
/// # Errors
/// None: what fails is in the outcome.
pub async fn apply(cluster: &Cluster, plan: MovePlan, _consent: Consent) -> Result<MoveOutcome> {
    let mut by_group: BTreeMap<String, Vec<Move>> = BTreeMap::new();
    for row in plan.moves {
        by_group.entry(row.group.clone()).or_default().push(row);
    }
    let mut waiting = by_group.into_iter();
    let mut in_flight = JoinSet::new();
    let mut outcomes: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
    loop {
        while in_flight.len() < GROUPS_IN_FLIGHT {
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
    Ok(MoveOutcome(outcomes.into_values().flatten().collect()))
}

async fn apply_to_group(cluster: &Cluster, group: &str, rows: Vec<Move>) -> Vec<Outcome> {
    let offsets: Vec<(TopicPartition, i64)> = rows
        .iter()
        .filter(|row| row.is_change())
        .filter_map(|row| Some((TopicPartition::new(&row.topic, row.partition), row.new?)))
        .collect();
    let mut answers: BTreeMap<TopicPartition, Result<(), String>> =
        match cluster.commit_for_group(group, &offsets).await {
            Ok(answers) => answers
                .into_iter()
                .map(|(place, answer)| (place, answer.map_err(|error| error.one_line())))
                .collect(),
            Err(error) => {
                let reason = error.one_line();
                let failed = offsets.into_iter();
                failed
                    .map(|(place, _)| (place, Err(reason.clone())))
                    .collect()
            }
        };
    let outcome = |mut row: Move| {
        let changed = row.is_change();
        if changed {
            let place = TopicPartition::new(&row.topic, row.partition);
            let answer = answers.remove(&place);
            row.error = answer
                .unwrap_or_else(|| Err("the answer leaves it out".to_owned()))
                .err();
        }
        Outcome {
            applied: changed && row.error.is_none(),
            row,
        }
    };
    rows.into_iter().map(outcome).collect()
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
        for Outcome { row, applied } in &self.0 {
            let result = match (&row.error, applied) {
                (Some(error), _) => error,
                (None, true) => "moved",
                (None, false) => "was there",
            };
            table.row(cells(row, Some(result)));
        }
        let failed = self.0.iter().filter(|outcome| outcome.row.error.is_some());
        match failed.count() {
            0 => {}
            failed => table.note(format!("{failed} offsets were not moved"), Tone::Bad),
        }
        table
    }

    fn status(&self) -> Result<Status> {
        let failed = self.0.iter().any(|outcome| outcome.row.error.is_some());
        Ok(if failed { Status::Failed } else { Status::Done })
    }
}
