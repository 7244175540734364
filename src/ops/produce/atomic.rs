//! All or nothing: the one transaction of a run, from its first record to its end.

use crate::error::{Error, Result, Status};
use crate::kafka::{Transaction, TransactionalProducer, Uncommitted};
use crate::model::duration;
use crate::ops::stop::Stop;
use serde::Serialize;
use std::time::Duration;

/// What readers of committed records see of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ending {
    Committed,
    Aborted,
    Unknown,
}

/// How the transaction ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ended {
    id: String,
    pub(super) outcome: Ending,
    /// Acknowledged inside of it, whatever became of it then.
    pub(super) written: u64,
    /// That the brokers said that it is aborted; else they do it when its time is over. null when it is not aborted.
    pub(super) confirmed: Option<bool>,
    #[serde(skip)]
    limit: Duration,
}

impl Ended {
    /// The one thing to know, when it is not committed.
    pub(super) fn sentence(&self) -> Option<String> {
        let (records, were) = match self.written {
            1 => ("1 record".to_owned(), "was"),
            count => (format!("{count} records"), "were"),
        };
        match self.outcome {
            Ending::Committed => None,
            Ending::Unknown => Some(format!(
                "whether the {records} {were} committed or aborted is not known"
            )),
            Ending::Aborted if self.confirmed == Some(false) => Some(format!(
                "nothing was committed: {records} had been acknowledged, the abort was not confirmed, and the broker \
                 aborts by itself {} after the first record; until then readers of committed records wait there",
                duration::human(self.limit)
            )),
            Ending::Aborted if self.written == 0 => {
                Some("nothing was committed: no record had been acknowledged".to_owned())
            }
            Ending::Aborted => Some(format!(
                "nothing was committed: {records} had been acknowledged and {were} aborted"
            )),
        }
    }
}

/// The transaction of a run; begun with the first record.
pub(super) struct Atomic<'a> {
    transactions: &'a TransactionalProducer,
    open: Option<Transaction>,
    /// It took no more records: the error that ended the input is none of the input's own.
    is_stuck: bool,
}

/// How a run ended that is all or nothing.
pub(super) struct AtomicEnd {
    /// None when there was no record.
    pub(super) transaction: Option<Ended>,
    /// The request to stop that aborted it.
    pub(super) stopped: Option<Status>,
    pub(super) ended: Result<()>,
}

impl<'a> Atomic<'a> {
    /// Makes the producer known to the brokers; `None` when the run was asked to stop meanwhile.
    pub(super) fn prepare(
        transactions: &'a TransactionalProducer,
        stop: &Stop,
    ) -> Result<Option<Self>> {
        let is_known = transactions.init(|| stop.requested().is_none())?;
        Ok(is_known.then_some(Atomic {
            transactions,
            open: None,
            is_stuck: false,
        }))
    }

    /// Sends a record in the transaction.
    ///
    /// # Errors
    /// The transaction's time is over, it cannot be begun, or the record cannot be queued.
    pub(super) fn send(&mut self, enqueue: impl FnOnce() -> Result<()>) -> Result<()> {
        let sent = self.admit().and_then(|()| enqueue());
        self.is_stuck = sent.is_err();
        sent
    }

    fn admit(&mut self) -> Result<()> {
        match &self.open {
            Some(transaction) => transaction.check_time(),
            None => {
                self.open = Some(self.transactions.begin()?);
                Ok(())
            }
        }
    }

    /// Commits when all went well so far, else aborts. `fed`: whether the input went right to its end.
    pub(super) fn end(self, fed: Result<()>, stop: &Stop, timeout: Duration) -> AtomicEnd {
        let Some(transaction) = self.open else {
            return AtomicEnd {
                transaction: None,
                stopped: stop.requested(),
                ended: fed,
            };
        };
        let producer = self.transactions.producer();
        let nothing_refused = || producer.tally().failed == 0;
        let id = self.transactions.id().to_owned();
        let limit = transaction.limit();
        let is_input_wrong = fed.is_err() && !self.is_stuck;
        let mut ended = fed;
        if ended.is_ok() && nothing_refused() && stop.requested().is_none() {
            ended = producer.flush(timeout).map_err(without_doubt);
        }
        // Asked once: from here on a request to stop comes too late.
        let stopped = stop.requested();
        let broken = match (stopped, &ended) {
            (Some(_), Ok(())) => Ok(()),
            _ => transaction.check(),
        };
        if let Err(broken) = broken {
            ended = Err(match ended {
                Err(error) if is_input_wrong => error.adding(&broken.one_line()),
                // It says more than that nothing could be sent in the transaction any more.
                _ => broken,
            });
        }
        let (outcome, confirmed) = if ended.is_ok() && nothing_refused() && stopped.is_none() {
            match transaction.commit() {
                Ok(()) => (Ending::Committed, None),
                Err(Uncommitted::Nothing(error)) => {
                    ended = Err(error);
                    (Ending::Aborted, Some(true))
                }
                Err(Uncommitted::Open(error)) => {
                    ended = Err(error);
                    (Ending::Aborted, Some(false))
                }
                Err(Uncommitted::Unknown(error)) => {
                    let hint = "look whether the records are there before you produce them again";
                    ended = Err(error.hint(hint));
                    (Ending::Unknown, None)
                }
            }
        } else {
            let aborted = transaction.abort();
            if let Err(error) = &aborted {
                tracing::info!("the abort was not confirmed: {}", error.one_line());
            }
            (Ending::Aborted, Some(aborted.is_ok()))
        };
        AtomicEnd {
            transaction: Some(Ended {
                id,
                outcome,
                written: producer.tally().acknowledged,
                confirmed,
                limit,
            }),
            stopped,
            ended,
        }
    }
}

/// Records that nobody acknowledged may be duplicated by another run, unless they were in a transaction.
fn without_doubt(error: Error) -> Error {
    error.hint("none of them will be seen by readers of committed records: it is safe to produce them again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_is_known() {
        let sentence = |outcome, written, confirmed| {
            let ended = Ended {
                id: "mine".to_owned(),
                outcome,
                written,
                confirmed,
                limit: Duration::from_secs(60),
            };
            ended.sentence()
        };
        assert_eq!(sentence(Ending::Committed, 2, None), None);
        let cases = [
            (
                (Ending::Aborted, 2, Some(true)),
                "nothing was committed: 2 records had been acknowledged and were aborted",
            ),
            (
                (Ending::Aborted, 0, Some(true)),
                "nothing was committed: no record had been acknowledged",
            ),
            (
                (Ending::Aborted, 1, Some(false)),
                "nothing was committed: 1 record had been acknowledged, the abort was not confirmed, and the broker \
                 aborts by itself 1m after the first record; until then readers of committed records wait there",
            ),
            (
                (Ending::Unknown, 1, None),
                "whether the 1 record was committed or aborted is not known",
            ),
        ];
        for ((outcome, written, confirmed), expected) in cases {
            let said = sentence(outcome, written, confirmed);
            assert_eq!(said.as_deref(), Some(expected));
        }
    }
}
