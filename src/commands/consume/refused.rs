//! Which flags of handlers do not go together, and why.

use super::handler::{HandlerArgs, Kind};
use crate::error::{Error, Result};
use crate::model::duration::human;
use crate::ops::consume::Delivery;
use crate::store::StoreAddress;
use std::time::Duration;

/// Brokers abort transactions that are open for longer than `transaction.timeout.ms`, a minute.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(30);

/// Client properties that would commit what is not done, or show what was never committed, with the value that is ours.
const OURS: [(&str, &str); 5] = [
    ("enable.auto.commit", "false"),
    ("auto.commit.enable", "false"),
    ("enable.auto.offset.store", "false"),
    ("group.id", ""),
    ("isolation.level", "read_committed"),
];

/// Refuses properties that would break what handlers are promised.
///
/// # Errors
/// Usage, naming the property.
pub fn refuse_properties(properties: &[(String, String)]) -> Result<()> {
    let is_theirs = |(name, value): &&(String, String)| {
        OURS.iter()
            .any(|(ours, allowed)| name == ours && value != allowed)
    };
    match properties.iter().find(is_theirs) {
        Some((name, _)) => Err(Error::usage(format!(
            "`-X {name}` does not go with a handler, whose records would be lost or taken back"
        ))
        .hint("leave it out; `--delivery` says when offsets are committed")),
        None => Ok(()),
    }
}

impl HandlerArgs {
    /// Where the memory of events is; `environment` is what `EDA_DEDUPE` says.
    ///
    /// # Errors
    /// Usage: what makes no sense together, or an address that is none or has a password where others can read it.
    pub fn check(&self, environment: Option<&str>) -> Result<StoreAddress> {
        let kind = self.kind();
        if self.delivery() == Delivery::AtMostOnce {
            let flag = match (self.max_retries, self.backoff, &self.retry_on) {
                (Some(1..), ..) => Some("--max-retries"),
                (_, Some(_), _) => Some("--backoff"),
                (_, _, Some(_)) => Some("--retry-on"),
                _ => None,
            };
            if let Some(flag) = flag {
                return Err(Error::usage(format!(
                    "`{flag}` does not go with `--delivery at-most-once`: another attempt would handle the record twice"
                )));
            }
            if self.in_flight.is_some_and(|ahead| ahead > 1) {
                return Err(Error::usage(
                    "`--in-flight` does not go with `--delivery at-most-once`: records that a worker had when it died would be sent \
                     to the next one, which might handle them twice",
                ));
            }
        }
        if self.delivery() == Delivery::ExactlyOnce && kind != Some(Kind::Worker) {
            return Err(Error::usage(
                "`--delivery exactly-once` is for `--worker`, whose answers say what to produce in the transaction",
            )
            .hint("what a program or a server does by itself cannot be undone: at-least-once with `--dedupe` passes over what was done"));
        }
        if kind == Some(Kind::Worker) && (self.retry_on.is_some() || self.permanent_on.is_some()) {
            return Err(Error::usage(
                "`--retry-on` and `--permanent-on` are about exit codes and HTTP statuses: a worker says in its answer whether an error is permanent",
            ));
        }
        if kind != Some(Kind::Worker) && self.in_flight.is_some() {
            return Err(Error::usage(
                "`--in-flight` is for `--worker`, which is asked ahead of its answers",
            )
            .hint("`--concurrency` says how many records are handled at once"));
        }
        let store = self.store(environment)?;
        let has_store = !matches!(store, StoreAddress::None);
        if has_store && self.delivery() == Delivery::AtMostOnce {
            return Err(Error::usage(
                "a memory of events does not go with `--delivery at-most-once`, which handles none twice by itself",
            )
            .hint("`--dedupe none` leaves it out"));
        }
        if self.delivery() == Delivery::ExactlyOnce
            && self
                .commit_interval
                .is_some_and(|interval| interval > LONGEST_TRANSACTION)
        {
            return Err(Error::usage(format!(
                "a transaction is open for one `--commit-interval`: at most {}",
                human(LONGEST_TRANSACTION)
            )));
        }
        if has_store && self.delivery() == Delivery::ExactlyOnce {
            let source = match self.dedupe {
                Some(_) => "`--dedupe` does",
                None => "`EDA_DEDUPE` does",
            };
            return Err(Error::usage(format!(
                "{source} not go with `--delivery exactly-once`: a transaction that is lost would leave marks of what nobody saw"
            ))
            .hint("`--dedupe none` leaves it out"));
        }
        let about_store = self.dedupe_lease.is_some() || self.dedupe_ttl.is_some();
        if about_store && !has_store {
            return Err(Error::usage(
                "`--dedupe-lease` and `--dedupe-ttl` are about a memory of events, and there is none",
            )
            .hint("name one with `--dedupe`, such as `--dedupe sqlite:done.db`"));
        }
        Ok(store)
    }

    fn store(&self, environment: Option<&str>) -> Result<StoreAddress> {
        if let Some(text) = &self.dedupe {
            let address: StoreAddress = text.parse()?;
            return match address.has_password() {
                true => Err(Error::usage(
                    "a password in `--dedupe` can be read by every user of this machine",
                )
                .hint("set EDA_DEDUPE to the address instead")),
                false => Ok(address),
            };
        }
        match environment {
            Some(text) => text
                .parse()
                .map_err(|error: Error| error.context("EDA_DEDUPE")),
            None => Ok(StoreAddress::None),
        }
    }
}
