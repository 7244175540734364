//! What the databases have in common: how an id is written down, and how long an answer may take.

use super::{Claimed, Idempotency, Outage};
use crate::error::Error;
use std::borrow::Cow;
use std::fmt::Write;
use std::future::Future;
use std::time::Duration;

/// Longer ids are hashed: PostgreSQL's and SQLite's indexes are for short keys, and nobody bounds what a producer writes.
const LONGEST: usize = 512;

/// How the hash of an id begins.
const HASHED: &str = "sha256:";

/// How an event id, or a group's name, is written down in every database: as it is, or as `sha256:` and its SHA-256 in
/// hexadecimal when it is longer than 512 bytes or holds a NUL (which PostgreSQL's text refuses). One that looks like
/// such a hash already is hashed as well, or it could be taken for another's.
pub fn stored(id: &str) -> Cow<'_, str> {
    if id.len() <= LONGEST && !id.contains('\0') && !id.starts_with(HASHED) {
        return Cow::Borrowed(id);
    }
    let mut text = String::from(HASHED);
    for byte in openssl::sha::sha256(id.as_bytes()) {
        let _ = write!(text, "{byte:02x}"); // Into a string: cannot fail.
    }
    Cow::Owned(text)
}

/// Milliseconds, of which databases have 63 bits: what lasts longer lasts 100 million years.
pub fn milliseconds(duration: Duration) -> i64 {
    const LONGEST: i64 = i64::MAX / 4;
    i64::try_from(duration.as_millis()).map_or(LONGEST, |given| given.min(LONGEST))
}

/// What the future answers, or an outage that says who (`store`) took too long.
pub async fn within<T>(
    timeout: Duration,
    store: &str,
    answer: impl Future<Output = Result<T, Outage>>,
) -> Result<T, Outage> {
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(too_slow(timeout, store)),
    }
}

/// The outage of a store that did not answer in time.
pub fn too_slow(timeout: Duration, store: &str) -> Outage {
    Outage::passing(format!(
        "`{store}` did not answer within {} ms",
        timeout.as_millis()
    ))
}

/// The error of an outage that is met before anything was begun.
pub fn at_open(outage: Outage) -> Error {
    match outage.passing {
        true => Error::unreachable(outage.message),
        false => Error::failed(outage.message),
    }
}

/// Asks a store that was just opened to claim an event that nobody else has, and to forget it again: it is reachable,
/// and may be written to.
pub async fn probe(store: &dyn Idempotency) -> Result<(), Outage> {
    let event = format!("eda-probe-{:016x}", fastrand::u64(..));
    if let Claimed::Ours(token) = store.claim(&event).await? {
        store.release(&event, &token).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_strange_ids_are_hashed_and_never_meet() {
        let longest = "x".repeat(LONGEST);
        for id in ["", "order-7", "größe", "a'b\"c", &longest] {
            assert_eq!(stored(id), id);
        }
        let nul = stored("\0");
        assert_eq!(
            nul,
            "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        let looks_like_it = stored(&nul);
        assert_ne!(looks_like_it, nul);
        assert!(looks_like_it.starts_with(HASHED));
        let longer = "x".repeat(LONGEST + 1);
        assert_eq!(stored(&longer).len(), HASHED.len() + 64);
        assert_ne!(stored(&longer), stored(&"x".repeat(LONGEST + 2)));
    }

    #[test]
    fn what_lasts_for_ever_can_be_added_to_the_time_of_day() {
        let now = milliseconds(Duration::from_secs(1_764_000_000));
        assert!(now.checked_add(milliseconds(Duration::MAX)).is_some());
        assert_eq!(milliseconds(Duration::from_secs(30)), 30_000);
    }
}
