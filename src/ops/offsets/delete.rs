//! `eda offsets delete`: plan, then make a group forget where it was.

use super::places::Limits;
use crate::consent::Consent;
use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::model::topic::TopicPartition;
use crate::ops::group::occupied;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    pub group: String,
    pub limits: Limits,
}

/// The offsets that would be forgotten, sorted by topic and partition.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeletePlan {
    rows: Vec<Doomed>,
    #[serde(skip)]
    group: String,
    /// Who is in it: what they subscribe to will be refused.
    #[serde(skip)]
    members: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Doomed {
    group: String,
    topic: String,
    partition: i32,
    committed: Option<i64>,
}

/// Looks up what the group committed, also in topics that do not exist any more. Reads only.
///
/// A live group is not refused: it may forget a topic that it does not subscribe to (any more), and the broker knows
/// best which those are (KIP-496).
pub async fn plan_delete(cluster: &Cluster, request: &DeleteRequest) -> Result<DeletePlan> {
    let group = &request.group;
    let committed = cluster.committed(group).await?;
    let has_offsets = |_: &str| !committed.is_empty();
    let only = std::slice::from_ref(group);
    let occupied = occupied(cluster, only, has_offsets, false).await?;
    let places = committed.keys().filter(|place| request.limits.allow(place));
    let places = places.map(|place| (place.topic.as_str(), place.partition));
    request.limits.check(places)?;
    let rows = committed
        .into_iter()
        .filter(|(place, _)| request.limits.allow(place))
        .map(|(place, committed)| Doomed {
            group: group.clone(),
            topic: place.topic,
            partition: place.partition,
            committed,
        });
    Ok(DeletePlan {
        rows: rows.collect(),
        group: group.clone(),
        members: occupied.iter().map(|group| group.sentence()).collect(),
    })
}

impl DeletePlan {
    /// There is nothing to forget.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

const HEADERS: [&str; 4] = ["GROUP", "TOPIC", "PARTITION", "COMMITTED"];

impl Report for DeletePlan {
    fn table(&self) -> Table {
        let empty = format!("group `{}` has no such offsets", self.group);
        let mut table = Table::new(&HEADERS, empty).titled("would be forgotten");
        for row in &self.rows {
            table.row([
                row.group.as_str().into(),
                row.topic.as_str().into(),
                row.partition.into(),
                row.committed.into(),
            ]);
        }
        for members in &self.members {
            let text = format!("{members}; what they subscribe to will be refused");
            table.note(text, Tone::Warn);
        }
        if !self.is_empty() {
            let text = "without an offset a consumer begins where its auto.offset.reset says";
            table.note(text, Tone::Warn);
        }
        table
    }
}

/// What became of each offset.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct DeleteOutcome(Vec<Deleted>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    #[serde(flatten)]
    row: Doomed,
    deleted: bool,
    error: Option<String>,
}

/// Deletes them; one that fails does not keep the others.
pub async fn delete(
    cluster: &Cluster,
    plan: DeletePlan,
    _consent: Consent,
) -> Result<DeleteOutcome> {
    let place = |row: &Doomed| TopicPartition::new(row.topic.as_str(), row.partition);
    let places: Vec<TopicPartition> = plan.rows.iter().map(place).collect();
    let answers = cluster.delete_committed(&plan.group, &places).await?;
    let mut answers: BTreeMap<TopicPartition, Result<()>> = answers.into_iter().collect();
    let outcome = |row: Doomed| {
        let error = match answers.remove(&place(&row)) {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(error.one_line()),
            None => Some("the answer leaves it out".to_owned()),
        };
        Deleted {
            row,
            deleted: error.is_none(),
            error,
        }
    };
    Ok(DeleteOutcome(plan.rows.into_iter().map(outcome).collect()))
}

impl Report for DeleteOutcome {
    fn table(&self) -> Table {
        let headers = ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "RESULT"];
        let mut table = Table::new(&headers, "nothing was deleted");
        for Deleted { row, error, .. } in &self.0 {
            let result = match error {
                None => Cell::from("deleted"),
                Some(error) => Cell::from(error.as_str()).tone(Tone::Bad),
            };
            table.row([
                row.group.as_str().into(),
                row.topic.as_str().into(),
                row.partition.into(),
                row.committed.into(),
                result,
            ]);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.0.iter().all(|row| row.deleted)))
    }
}
