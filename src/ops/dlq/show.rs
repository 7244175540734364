//! `eda dlq show`.

use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter::{self, DeadLetter};
use crate::model::record::Record;
use crate::ops::scan;
use std::ops::ControlFlow;

/// One dead letter: the record, and what its headers tell.
pub struct Letter<'a> {
    pub record: &'a Record,
    /// None: the record says nothing about itself that we understand.
    pub story: Option<&'a DeadLetter>,
}

/// Hands up to `count` dead letters to `write`, partition by partition, then `None` to flush. Gives how many.
pub async fn show(
    cluster: &Cluster,
    topic: &str,
    count: Option<u64>,
    mut write: impl FnMut(Option<Letter<'_>>) -> Result<()> + Send + 'static,
) -> Result<u64> {
    let Some(topic) = super::find(cluster, topic).await? else {
        return Ok(0);
    };
    let stretch = scan::extents(cluster, &super::places(&topic), Isolation::ReadCommitted).await?;
    let cluster = cluster.clone();
    let read = move || {
        let mut shown = 0;
        for (place, extent) in stretch {
            let one = scan::Stretch::from([(place, extent)]);
            if count.is_some_and(|count| shown >= count) {
                break;
            }
            scan::read(&cluster, &one, Isolation::ReadCommitted, |record| {
                let story = dead_letter::detect(&record);
                write(Some(Letter {
                    record: &record,
                    story: story.as_ref(),
                }))?;
                shown += 1;
                Ok(match count {
                    Some(count) if shown >= count => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                })
            })?;
        }
        write(None)?;
        Ok(shown)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Error::failed("the reading thread ended early").caused_by(error))?
}
