//! Carrying out a [`MovePlan`].

use super::moves::{Move, MovePlan, cells};
use crate::consent::Consent;
use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::topic::TopicPartition;
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;

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

/// Commits the new offsets. One partition that fails does not keep the others, and one group not the next.
///
/// # Errors
/// None: what fails is in the outcome.
pub async fn apply(cluster: &Cluster, plan: MovePlan, _consent: Consent) -> Result<MoveOutcome> {
    let mut by_group: BTreeMap<String, Vec<Move>> = BTreeMap::new();
    for row in plan.moves {
        by_group.entry(row.group.clone()).or_default().push(row);
    }
    let mut outcomes = Vec::new();
    for (group, mut rows) in by_group {
        let offsets: Vec<(TopicPartition, i64)> = rows
            .iter()
            .filter(|row| row.is_change())
            .filter_map(|row| Some((TopicPartition::new(&row.topic, row.partition), row.new?)))
            .collect();
        let answer = cluster.commit_for_group(&group, &offsets).await;
        let mut failed: BTreeMap<TopicPartition, String> = BTreeMap::new();
        match answer {
            Ok(answers) => {
                let mut unanswered: Vec<_> = offsets.into_iter().map(|(place, _)| place).collect();
                for (place, answer) in answers {
                    unanswered.retain(|waiting| *waiting != place);
                    if let Err(error) = answer {
                        failed.insert(place, error.one_line());
                    }
                }
                let lost = "the answer leaves it out";
                failed.extend(unanswered.into_iter().map(|place| (place, lost.to_owned())));
            }
            Err(error) => {
                let reason = error.one_line();
                failed.extend(
                    offsets
                        .into_iter()
                        .map(|(place, _)| (place, reason.clone())),
                );
            }
        }
        outcomes.extend(rows.drain(..).map(|mut row| {
            let changed = row.is_change();
            let place = TopicPartition::new(&row.topic, row.partition);
            if let Some(reason) = failed.remove(&place) {
                row.error = Some(reason);
            }
            Outcome {
                applied: changed && row.error.is_none(),
                row,
            }
        }));
    }
    Ok(MoveOutcome(outcomes))
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
