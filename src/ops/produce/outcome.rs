//! What became of the records.

use super::atomic::{Ended, Ending};
use super::pump::Sent;
use crate::error::{Error, Kind, Result, Status};
use crate::model::topic::TopicPartition;
use crate::report::{Report, Table, Tone};
use serde::Serialize;

/// How many were acknowledged, where they are, and which were refused.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProduceOutcome {
    topic: String,
    /// Acknowledged by all in-sync replicas; of a transaction only when it was committed.
    delivered: u64,
    failed: u64,
    /// Keys and values, without headers and framing.
    bytes: u64,
    duration_ms: u64,
    interrupted: bool,
    partitions: Vec<Written>,
    failures: Vec<Refused>,
    /// null: every record for itself, or there was none.
    transaction: Option<Ended>,
    #[serde(skip)]
    stopped: Option<Status>,
    /// What ended the run; it says itself what was committed.
    #[serde(skip)]
    error: Option<Error>,
    /// That the brokers could not be reached is why one failed.
    #[serde(skip)]
    unreachable: bool,
    /// What went wrong, a sentence each.
    #[serde(skip)]
    told: Vec<String>,
}

/// What one partition took; with other producers at work, records of theirs may lie between.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    partition: i32,
    first_offset: i64,
    last_offset: i64,
}

#[derive(Debug, Serialize)]
struct Refused {
    /// The line of the input it came from; without lines its number, from 1.
    line: u64,
    error: String,
}

impl ProduceOutcome {
    /// `unit` is what the input is counted in.
    pub(super) fn new(topic: String, unit: &str, mut sent: Sent, error: Option<Error>) -> Self {
        let ended = sent.transaction.as_ref();
        if ended.is_some_and(|ended| ended.outcome != Ending::Committed) {
            // Nobody is to take for delivered what is not.
            (sent.acknowledged, sent.bytes) = (0, 0);
            sent.offsets.clear();
        }
        let partitions = sent
            .offsets
            .into_iter()
            .map(|(place, (first_offset, last_offset))| Written {
                partition: place.partition,
                first_offset,
                last_offset,
            });
        let kinds = sent.failures.iter().map(|(_, error)| error.kind());
        let unreachable = kinds.into_iter().any(|kind| kind == Kind::Unreachable);
        let failures = sent.failures.into_iter().map(|(line, error)| Refused {
            line,
            error: error.one_line(),
        });
        let failures: Vec<Refused> = failures.collect();
        let refused = failures.iter();
        let mut told: Vec<String> = refused
            .map(|refused| format!("{unit} {}: {}", refused.line, refused.error))
            .collect();
        let untold = sent.failed.saturating_sub(failures.len() as u64);
        if untold > 0 {
            told.push(format!("and {untold} more were refused"));
        }
        let lost = sent.transaction.as_ref().and_then(Ended::sentence);
        match (lost, sent.stopped) {
            // The error says it.
            _ if error.is_some() => {}
            (Some(lost), Some(_)) => told.push(format!("interrupted: {lost}")),
            (Some(lost), None) => told.push(lost),
            (None, Some(_)) => told.push("interrupted: the rest was not sent".to_owned()),
            (None, None) => {}
        }
        ProduceOutcome {
            topic,
            delivered: sent.acknowledged,
            failed: sent.failed,
            bytes: sent.bytes,
            duration_ms: u64::try_from(sent.elapsed.as_millis()).unwrap_or(u64::MAX),
            interrupted: sent.stopped.is_some(),
            partitions: partitions.collect(),
            failures,
            transaction: sent.transaction,
            stopped: sent.stopped,
            unreachable,
            told,
            error,
        }
    }

    /// Where the first record went that was acknowledged.
    pub(in crate::ops) fn first_written(&self) -> Option<(TopicPartition, i64)> {
        let first = self.partitions.first()?;
        let place = TopicPartition::new(&self.topic, first.partition);
        Some((place, first.first_offset))
    }

    /// How the run ended, after its outcome was `shown`: an error of its own comes before one of showing it.
    ///
    /// # Errors
    /// Either of them.
    pub fn end(self, shown: Result<Status>) -> Result<Status> {
        match self.error {
            Some(error) => Err(error),
            None => shown,
        }
    }
}

impl Report for ProduceOutcome {
    fn table(&self) -> Table {
        let headers = ["TOPIC", "PARTITION", "FIRST-OFFSET", "LAST-OFFSET"];
        let lost = self.transaction.as_ref().and_then(Ended::sentence);
        let empty = match lost {
            _ if self.error.is_some() => "",
            Some(_) => "nothing was committed",
            None if self.failed > 0 || self.interrupted => "nothing was delivered",
            None => "nothing to send",
        };
        let mut table = Table::new(&headers, empty);
        for row in &self.partitions {
            table.row([
                self.topic.as_str().into(),
                row.partition.into(),
                row.first_offset.into(),
                row.last_offset.into(),
            ]);
        }
        if self.delivered > 0 {
            let seconds = self.duration_ms as f64 / 1000.0;
            let records = if self.delivered == 1 {
                "record"
            } else {
                "records"
            };
            let committed = match self.transaction {
                Some(_) => " and committed",
                None => "",
            };
            let mut text = format!(
                "{} {records}, {} bytes acknowledged{committed} in {seconds:.3} s",
                self.delivered, self.bytes
            );
            // Of a shorter run it is the time it takes to connect.
            if seconds >= 1.0 {
                let rate = self.delivered as f64 / seconds;
                text += &format!(", {rate:.0} records/s");
            }
            table.note(text, Tone::Plain);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.told
    }

    fn effect(&self) -> Option<String> {
        match self.delivered {
            0 => None,
            1 => Some("1 record was delivered all the same".to_owned()),
            count => Some(format!("{count} records were delivered all the same")),
        }
    }

    fn status(&self) -> Result<Status> {
        Ok(match (self.failed, self.stopped) {
            (1.., _) if self.unreachable => Status::Unreachable,
            (1.., _) => Status::Failed,
            (0, Some(status)) => status,
            (0, None) => Status::Done,
        })
    }
}
