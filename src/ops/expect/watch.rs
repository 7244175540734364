//! Reads on from where the topics ended, until it is decided or the time is over.

use super::board::Board;
use crate::error::{Error, Result, Status};
use crate::kafka::{BatchReader, Cluster, Consumer, ConsumerOptions, Isolation, Seen};
use crate::model::duration::human;
use crate::model::topic::TopicPartition;
use crate::ops::blocking::blocking;
use crate::ops::scan::{self, NoRebalance};
use crate::ops::stop::Stop;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a poll waits when nothing comes: the longest a Ctrl-C goes unseen.
const POLL: Duration = Duration::from_millis(100);

/// A reader that stands where each partition ended.
pub(super) struct Watch {
    cluster: Cluster,
    reader: BatchReader,
    /// The offset after what was read, by partition.
    positions: BTreeMap<TopicPartition, i64>,
}

/// How it ended.
pub(super) struct Watched {
    pub(super) board: Board,
    pub(super) took: Duration,
    pub(super) stopped: Option<Status>,
}

impl Watch {
    /// Opens it, so that it fetches from now on.
    pub(super) async fn open(
        cluster: &Cluster,
        positions: Vec<(TopicPartition, i64)>,
    ) -> Result<Self> {
        let cluster = cluster.clone();
        blocking("reading", move || {
            let options = ConsumerOptions {
                group: None,
                from_beginning: true,
                read_uncommitted: false,
                end_of_partition: true,
                apart: None,
                overrides: Vec::new(),
            };
            let consumer = Consumer::open(cluster.connection(), options, Arc::new(NoRebalance))?;
            let reader = consumer.assign_in_batches(&positions)?;
            Ok(Watch {
                cluster,
                reader,
                positions: positions.into_iter().collect(),
            })
        })
        .await
    }

    /// Shows the board what comes, for as long as `within` from `begun`.
    ///
    /// # Errors
    /// What lay in the topics when the time was over cannot be read.
    pub(super) async fn run(
        mut self,
        mut board: Board,
        begun: Instant,
        within: Duration,
        stop: Stop,
    ) -> Result<Watched> {
        let runtime = Handle::current();
        blocking("reading", move || {
            let mut stopped = None;
            while !board.is_decided() {
                stopped = stop.requested();
                let left = within.saturating_sub(begun.elapsed());
                if stopped.is_some() || left.is_zero() {
                    break;
                }
                self.read(left.min(POLL), &mut board, begun)?;
            }
            if !board.is_decided() && stopped.is_none() {
                stopped = self.read_to_the_end(&mut board, begun, &runtime, &stop)?;
            }
            let took = begun.elapsed();
            // What was seen was seen, however it parts.
            if let Err(error) = self.reader.close(self.cluster.connection().timeout) {
                tracing::debug!("not closed: {}", error.one_line());
            }
            Ok(Watched {
                board,
                took,
                stopped,
            })
        })
        .await
    }

    /// Reads what is in the topics now, and not what comes meanwhile. How it ends when it is to stop before.
    fn read_to_the_end(
        &mut self,
        board: &mut Board,
        begun: Instant,
        runtime: &Handle,
        stop: &Stop,
    ) -> Result<Option<Status>> {
        let places: Vec<TopicPartition> = self.positions.keys().cloned().collect();
        let asking = scan::extents(&self.cluster, &places, Isolation::ReadCommitted);
        let ends = runtime.block_on(asking)?;
        let patience = self.cluster.connection().timeout;
        let since = Instant::now();
        loop {
            let is_behind = |(place, (_, end)): (&TopicPartition, &(i64, i64))| {
                self.positions.get(place).is_some_and(|at| at < end)
            };
            if board.is_decided() || !ends.iter().any(is_behind) {
                return Ok(None);
            }
            if let Some(status) = stop.requested() {
                return Ok(Some(status));
            }
            if since.elapsed() > patience {
                let text = format!(
                    "what came in time could not be read within {} more",
                    human(patience)
                );
                return Err(Error::unreachable(text));
            }
            self.read(POLL, board, begun)?;
        }
    }

    fn read(&mut self, timeout: Duration, board: &mut Board, begun: Instant) -> Result<()> {
        let positions = &mut self.positions;
        self.reader.read(timeout, &mut |seen| {
            let (place, next) = match seen {
                Seen::Record(record) => {
                    board.see(&record, begun.elapsed());
                    let place = TopicPartition::new(record.topic, record.partition);
                    (place, record.offset + 1)
                }
                Seen::EndOfPartition(place, offset) => (place, offset),
            };
            if let Some(position) = positions.get_mut(&place) {
                *position = next.max(*position);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }
}
