//! What an error of a transaction is about, and calls that are repeated.

use super::super::authorization::{Asked, Operation};
use super::super::delivery::Deliveries;
use super::super::error::{Subject, code};
use super::super::ffi::transaction::{Remedy, Trouble};
use crate::error::Error;
use crate::model::duration;
use std::time::{Duration, Instant};

/// Before a call is repeated that failed at once.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

pub(super) fn is_forbidden(number: i32) -> bool {
    matches!(
        number,
        code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED | code::CLUSTER_AUTHORIZATION_FAILED
    )
}

/// Calls until the answer is one that stays, for `timeout` altogether and `slice` at once, while `hopeful`.
pub(super) fn repeated(
    timeout: Duration,
    slice: Duration,
    hopeful: impl Fn() -> bool,
    call: impl Fn(Duration) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let end = Instant::now() + timeout;
    loop {
        let asked = Instant::now();
        let left = end.saturating_duration_since(asked);
        match call(left.min(slice)) {
            Err(trouble)
                if trouble.remedy == Remedy::Repeat && Instant::now() < end && hopeful() =>
            {
                // A call that waited for an answer asks again at once.
                if asked.elapsed() < PAUSE {
                    std::thread::sleep(PAUSE.min(left));
                }
            }
            outcome => return outcome,
        }
    }
}

/// What an error of a transaction is about.
pub(super) struct Terms<'a> {
    pub(super) deliveries: &'a Deliveries,
    pub(super) id: &'a str,
    pub(super) limit: Duration,
    pub(super) is_over: bool,
}

impl Terms<'_> {
    pub(super) fn over(&self) -> Error {
        let limit = duration::human(self.limit);
        Error::failed(format!(
            "the transaction was open for longer than {limit}, after which the broker aborts it"
        ))
        .hint("`-X transaction.timeout.ms=MS` allows more, up to the brokers' `transaction.max.timeout.ms`")
    }

    pub(super) fn error(&self, doing: &str, trouble: Trouble) -> Error {
        let id = self.id;
        let fault = trouble.fault;
        match fault.code {
            code::FENCED if self.is_over => self.over().caused_by(fault),
            code::FENCED => Error::failed(format!(
                "another producer took transactional id `{id}` over"
            ))
            .hint("each run that may overlap with others needs an id of its own")
            .caused_by(fault),
            code::INVALID_TRANSACTION_TIMEOUT => {
                let limit = duration::human(self.limit);
                let text = format!("the brokers let no transaction be open for {limit}");
                Error::failed(text)
                    .hint("their `transaction.max.timeout.ms` is the most for `-X transaction.timeout.ms`")
                    .caused_by(fault)
            }
            // Which record it was is told with its outcome.
            code::MESSAGE_TOO_LARGE => {
                Error::failed("a record is too large for its topic").caused_by(fault)
            }
            _ => {
                let subject = Subject::TransactionalId(id);
                let asked = match fault.code {
                    code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
                        subject.needing(Operation::Write)
                    }
                    _ => Asked::from(subject),
                };
                self.deliveries.place().error(doing, asked, fault)
            }
        }
    }
}
