//! The transactional outbox: events that an application has written into its own database, in the transaction of their
//! effect, and that a relay publishes from there.
//!
//! - [`init`]: makes the table; - [`add`]: puts events into it, for scripts and tests; - [`relay`]: publishes them;
//! - [`status`]: how it is doing; - [`retry`]: dead events again; - [`purge`]: deletes what is over.

pub mod add;
pub mod init;
pub mod purge;
pub mod relay;
pub mod retry;
pub mod status;
