//! `eda offsets reset`: the plan.

use super::moves::{Move, MovePlan};
use super::places::{self, Limits};
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Committed, Isolation};
use crate::model::offset::Position;
use crate::model::topic::TopicPartition;
use crate::ops::group::Occupied;
use crate::ops::positions::{self, Resolved, nearest};
use crate::ops::scan;
use std::collections::BTreeMap;

/// Where to.
#[derive(Debug, Clone)]
pub enum Target {
    Position(Position),
    /// So many records further (or back, when negative) than where the group is.
    By(i64),
    /// Where another group is.
    Group(String),
}

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct ResetRequest {
    pub groups: Vec<String>,
    pub to: Target,
    pub limits: Limits,
    /// The groups need not exist yet.
    pub create: bool,
    pub skip_failed: bool,
}

type Targets = BTreeMap<TopicPartition, Result<Resolved>>;

/// Works out where each offset would go. Reads only.
pub async fn plan_reset(cluster: &Cluster, request: &ResetRequest) -> Result<MovePlan> {
    let mut found = places::find(cluster, &request.groups, &request.limits, request.create).await?;
    let mut remarks = remarks(&found, &request.to);
    let source = match &request.to {
        Target::Group(other) => {
            let only = std::slice::from_ref(other);
            let mut source = places::find(cluster, only, &request.limits, false).await?;
            found.extents.append(&mut source.extents);
            let offsets = source.groups.pop().map(|(_, offsets)| offsets);
            let committed: Committed = offsets
                .unwrap_or_default()
                .into_iter()
                .filter(|(_, offset)| offset.is_some())
                .collect();
            if committed.is_empty() {
                remarks.push(format!("group `{other}` has no commits here to go by"));
            }
            Some(committed)
        }
        _ => None,
    };
    let known: scan::Stretch = found
        .extents
        .iter()
        .filter_map(|(place, extent)| Some((place.clone(), *extent.as_ref().ok()?)))
        .collect();
    let targets: Targets = match &request.to {
        Target::Position(position) => {
            let isolation = Isolation::ReadUncommitted;
            positions::resolve_each(cluster, position, &known, isolation).await?
        }
        _ => Targets::new(),
    };
    let mut moves = Vec::new();
    for (group, committed) in &found.groups {
        let mut rows: Committed = committed.clone();
        if let Some(source) = &source {
            // Where the other group has nothing to go by, this one is left where it is.
            rows.retain(|place, _| source.contains_key(place));
            for place in source.keys() {
                rows.entry(place.clone()).or_insert(None);
            }
        }
        for (place, prior) in rows {
            let extent = match found.extents.get(&place) {
                Some(Ok(extent)) => Ok(*extent),
                Some(Err(error)) => Err(error.one_line()),
                None => Err(format!("partition `{place}` does not exist")),
            };
            let source = source.as_ref().and_then(|source| *source.get(&place)?);
            let target = extent.and_then(|extent| {
                let resolved = target(&request.to, &targets, &place, prior, source, extent)?;
                Ok((resolved.offset, resolved.note(extent)))
            });
            moves.push(Move::new(
                group,
                &place.topic,
                place.partition,
                prior,
                target,
            ));
        }
    }
    let places = moves.iter().map(|row| (row.topic.as_str(), row.partition));
    request.limits.check(places)?;
    if moves.is_empty() {
        let error = Error::failed(format!(
            "there is nothing to move: `{}` has no commits here",
            request.groups.join("`, `")
        ));
        return Err(error.hint("`--topic` names one in which it is to have them"));
    }
    moves.sort_by(|one, other| {
        (&one.group, &one.topic, one.partition).cmp(&(&other.group, &other.topic, other.partition))
    });
    Ok(MovePlan {
        moves,
        refusals: Occupied::refusals(&found.occupied),
        occupied: found.occupied,
        skip_failed: request.skip_failed,
        remarks,
    })
}

/// What is left as it is, though one might think that it is meant.
fn remarks(found: &places::Found, to: &Target) -> Vec<String> {
    let gone = found.gone.iter().map(|topic| {
        format!("topic `{topic}` does not exist any more: its offsets stay as they are")
    });
    let untouched = found.untouched.iter().map(|((group, topic), partitions)| {
        let partitions: Vec<String> = partitions.iter().map(i32::to_string).collect();
        format!(
            "{group} has no commit in {topic}:{}, which is left so; `--topic {topic}` means all of it",
            partitions.join(",")
        )
    });
    match to {
        // Where the other group has a commit, it is not left.
        Target::Group(_) => gone.collect(),
        _ => gone.chain(untouched).collect(),
    }
}

fn target(
    to: &Target,
    targets: &Targets,
    place: &TopicPartition,
    prior: Option<i64>,
    source: Option<i64>,
    extent: (i64, i64),
) -> Result<Resolved, String> {
    match to {
        Target::Position(_) => match targets.get(place) {
            Some(Ok(resolved)) => Ok(*resolved),
            Some(Err(error)) => Err(error.one_line()),
            None => Err("the answer leaves it out".to_owned()),
        },
        Target::By(by) => match prior {
            Some(prior) => Ok(nearest(prior.saturating_add(*by), extent)),
            None => Err("there is no commit to count from".to_owned()),
        },
        Target::Group(group) => match source {
            Some(offset) => Ok(nearest(offset, extent)),
            None => Err(format!("group `{group}` has no commit here")),
        },
    }
}
