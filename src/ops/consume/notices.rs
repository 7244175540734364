//! What whoever watches a running member is told.

use std::fmt;

/// Told of what happens besides records. Called from any thread; must not block for long.
pub trait Notices: Send + Sync + fmt::Debug {
    /// Something that whoever watches should know, once for each change of state and not for each record.
    fn warn(&self, text: &str);

    /// A line that a handler wrote, on its standard error or where an answer was expected. Hostile bytes and all.
    fn handler_said(&self, line: &[u8]);
}

/// Nobody watches: what happens is in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Notices for Unwatched {
    fn warn(&self, text: &str) {
        tracing::warn!("{text}");
    }

    fn handler_said(&self, line: &[u8]) {
        tracing::info!("{}", String::from_utf8_lossy(line));
    }
}
