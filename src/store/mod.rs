//! The databases: what is remembered between runs.
//!
//! - [`idempotency`]: which events a group has done, behind one small trait; - [`memory`]: within this process.

pub mod idempotency;
pub mod memory;

pub use idempotency::{Claimed, Idempotency, Lasting, Outage, Pending, Token};
pub use memory::Memory;
