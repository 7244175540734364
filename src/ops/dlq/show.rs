//! `eda dlq show`.

use super::ledger;
use super::selection::Selection;
use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter::{self, DeadLetter};
use crate::model::ledger::Progress;
use crate::model::record::Record;
use crate::ops::blocking::blocking;
use crate::ops::scan;
use std::ops::ControlFlow;

/// One dead letter: the record, and what its headers tell.
pub struct Letter<'a> {
    pub record: &'a Record,
    /// None: the record says nothing about itself that we understand.
    pub story: Option<&'a DeadLetter>,
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct ShowRequest {
    pub topic: String,
    pub selection: Selection,
    /// None: all.
    pub count: Option<u64>,
    /// Only what no replay was done with.
    pub unreplayed: bool,
}

/// What was seen on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    pub shown: u64,
    /// Not meant.
    pub passed: u64,
}

/// Hands the dead letters that are meant to `write`, partition by partition, then `None` to flush.
pub async fn show(
    cluster: &Cluster,
    request: &ShowRequest,
    mut write: impl FnMut(Option<Letter<'_>>) -> Result<()> + Send + 'static,
) -> Result<Shown> {
    let Some(topic) = super::find(cluster, &request.topic).await? else {
        return Ok(Shown::default());
    };
    let stretch = scan::extents(cluster, &super::places(&topic), Isolation::ReadCommitted).await?;
    let progress = match request.unreplayed {
        true => ledger::progress(cluster, &super::replay_group(&topic.name), &stretch).await?,
        false => vec![Progress::default(); stretch.len()],
    };
    let chooser = request
        .selection
        .at(jiff::Timestamp::now().as_millisecond());
    let (cluster, count) = (cluster.clone(), request.count);
    let read = move || {
        let mut seen = Shown::default();
        for ((place, (start, end)), progress) in stretch.into_iter().zip(progress) {
            let begin = progress.next_in((start, end));
            let one = scan::Stretch::from([(place, (begin, end))]);
            if count.is_some_and(|count| seen.shown >= count) {
                break;
            }
            scan::read(&cluster, &one, Isolation::ReadCommitted, |record| {
                if progress.is_over(record.offset) {
                    return Ok(ControlFlow::Continue(()));
                }
                let story = dead_letter::detect(&record);
                if !chooser.wants(&record, story.as_ref(), None) {
                    seen.passed += 1;
                    return Ok(ControlFlow::Continue(()));
                }
                write(Some(Letter {
                    record: &record,
                    story: story.as_ref(),
                }))?;
                seen.shown += 1;
                Ok(match count {
                    Some(count) if seen.shown >= count => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                })
            })?;
        }
        write(None)?;
        Ok(seen)
    };
    blocking("reading", read).await
}
