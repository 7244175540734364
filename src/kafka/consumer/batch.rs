//! Reading named partitions by the batch.

use super::{Consumer, IMPATIENT, Polled};
use crate::error::{Error, Result};
use crate::kafka::error::code;
use crate::kafka::ffi::batch::Batches;
use crate::model::record::RecordRef;
use crate::model::topic::TopicPartition;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How long a wait for records may keep events waiting.
const PATIENT: Duration = Duration::from_millis(100);

/// What is found on the way, where it lies.
#[derive(Debug)]
pub enum Seen<'a> {
    Record(RecordRef<'a>),
    /// The partition's end was reached; the offset is that of the next record.
    EndOfPartition(TopicPartition, i64),
}

/// A consumer of partitions one named, which shows its records instead of giving them away.
pub struct BatchReader {
    /// Before the consumer, whose client goes last.
    batches: Batches,
    consumer: Consumer,
}

impl Consumer {
    /// Reads these partitions as [`Consumer::assign`] does, by the batch and with nothing copied.
    pub fn assign_in_batches(self, partitions: &[(TopicPartition, i64)]) -> Result<BatchReader> {
        let places: Vec<_> = partitions.iter().map(|(place, _)| place.clone()).collect();
        let batches = self
            .handle()?
            .batches(&places)
            .map_err(|fault| self.error("assign partitions", self.group_subject(), fault))?;
        self.assign(partitions)?;
        Ok(BatchReader {
            batches,
            consumer: self,
        })
    }
}

impl BatchReader {
    /// Shows what is at hand, or else the first that comes within `timeout`, until `visit` breaks; what was at hand and
    /// not shown then is gone. Answers how much was shown, which is nothing when nothing came.
    ///
    /// # Errors
    /// Those of [`Consumer::poll`], and of `visit`.
    pub fn read(
        &mut self,
        timeout: Duration,
        visit: &mut dyn FnMut(Seen<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<usize> {
        self.read_past_failures(timeout, visit, &mut |_, error| Err(error))
    }

    /// As [`BatchReader::read`], but what is wrong with a partition, or with a topic (partition -1), goes to `failed`, and
    /// the others are read on.
    ///
    /// # Errors
    /// Those that are about no partition, and those of `visit` and `failed`.
    pub fn read_past_failures(
        &mut self,
        timeout: Duration,
        visit: &mut dyn FnMut(Seen<'_>) -> Result<ControlFlow<()>>,
        failed: &mut dyn FnMut(TopicPartition, Error) -> Result<()>,
    ) -> Result<usize> {
        let end = Instant::now() + timeout;
        loop {
            // Logs and failures come another way than records.
            match self.consumer.poll(Duration::ZERO)? {
                None => {}
                Some(polled) => {
                    let seen = match &polled {
                        Polled::Record(record) => Seen::Record(record.into()),
                        Polled::EndOfPartition(place, offset) => {
                            Seen::EndOfPartition(place.clone(), *offset)
                        }
                    };
                    return visit(seen).map(|_| 1);
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            let tick = match self.consumer.handle()?.context().ever_up() {
                true => PATIENT,
                false => IMPATIENT,
            };
            let shown = self.next(left.min(tick), visit, failed)?;
            if shown > 0 || left.is_zero() {
                return Ok(shown);
            }
        }
    }

    fn next(
        &mut self,
        timeout: Duration,
        visit: &mut dyn FnMut(Seen<'_>) -> Result<ControlFlow<()>>,
        failed: &mut dyn FnMut(TopicPartition, Error) -> Result<()>,
    ) -> Result<usize> {
        let batch = self.batches.next(timeout);
        for found in batch.messages() {
            let headers;
            let seen = match &found {
                Ok(message) => {
                    headers = message.headers();
                    Seen::Record(message.record(&headers))
                }
                Err(failure) if failure.fault.code == code::PARTITION_EOF => {
                    Seen::EndOfPartition(failure.partition.clone(), failure.offset)
                }
                Err(failure) => {
                    let about = failure.partition.clone();
                    let judged = self
                        .consumer
                        .judge(Some(about.clone()), failure.fault.clone());
                    if let Err(error) = judged {
                        failed(about, error)?;
                    }
                    continue;
                }
            };
            if visit(seen)?.is_break() {
                break;
            }
        }
        Ok(batch.len())
    }

    /// Ends the client; see [`Consumer::close`].
    pub fn close(self, deadline: Duration) -> Result<()> {
        drop(self.batches);
        self.consumer.close(deadline)
    }
}
