//! Which events a group has done: at-least-once delivery hands some out twice.
//!
//! An event is claimed before it is handled, and marked done afterwards. A claim is a lease: one whose owner died ends by
//! itself and is taken over; one whose owner lives is renewed. What is done is remembered for a time, never shorter than
//! a dead letter may wait for its replay, or the replay is handled as if it were new.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// An answer under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Outage>> + Send + 'a>>;

/// A memory of the events one group has done. Every method may be called from many tasks at once, and its future dropped
/// at any wait: what it asked for may then have happened or not.
///
/// The same promises hold for every implementation, and one suite of tests checks them.
pub trait Idempotency: Send + Sync + fmt::Debug {
    /// Asks for the right to handle the event. It is given when nobody has done it, and nobody holds a lease that still
    /// runs.
    fn claim<'a>(&'a self, event: &'a str) -> Pending<'a, Claimed>;

    /// Makes the lease last for its whole length from now on. `false` when it ran out and is somebody else's by now, or
    /// the event is done.
    fn renew<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool>;

    /// The event is done, for as long as the memory lasts. `false` when the lease had run out and somebody else took the
    /// event over meanwhile: it was handled twice. An event that is marked done already (by a handler that does so in the
    /// transaction of its effect) is `true`.
    fn done<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, bool>;

    /// Gives the claim back: it failed, and is handled when it comes again. A lease that was taken over stays.
    fn release<'a>(&'a self, event: &'a str, token: &'a Token) -> Pending<'a, ()>;

    /// Forgets what is older than the memory lasts: bounded work. Whether there may be more.
    fn forget_expired(&self) -> Pending<'_, bool>;

    /// How long a claim lasts unless it is renewed.
    fn lease(&self) -> Duration;
}

/// The answer to [`Idempotency::claim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours to handle.
    Ours(Token),
    /// It was done before.
    Done,
    /// Somebody has it in hand; worth asking again after this time at the latest.
    InHand(Duration),
}

/// Tells one claim of an event from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

impl Token {
    /// One that no other claim has. Positive as a signed number, which is what databases have.
    pub fn random() -> Self {
        Token(fastrand::u64(1..=i64::MAX as u64))
    }
}

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// A claim that is not renewed.
    pub lease: Duration,
    /// The memory of an event that is done.
    pub memory: Duration,
}

impl Default for Lasting {
    fn default() -> Self {
        Lasting {
            lease: Duration::from_secs(30),
            memory: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// The memory did not answer, or answered that it cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Outage {
    /// In a sentence, without secrets.
    pub message: String,
    /// Whether asking again can help: not when a table or a right is missing.
    pub passing: bool,
    /// Whether the database or the file is not there, or not for us: a right is missing, or credentials are refused.
    pub barred: bool,
}

impl Outage {
    /// Asking again may help.
    pub fn passing(message: impl Into<String>) -> Self {
        Outage {
            message: message.into(),
            passing: true,
            barred: false,
        }
    }

    /// It will be the same until somebody mends it.
    pub fn lasting(message: impl Into<String>) -> Self {
        Outage {
            message: message.into(),
            passing: false,
            barred: false,
        }
    }

    /// The database or the file is not there, or a right to it is missing. It will be the same until somebody mends it.
    pub fn barred(message: impl Into<String>) -> Self {
        Outage {
            barred: true,
            ..Outage::lasting(message)
        }
    }
}
