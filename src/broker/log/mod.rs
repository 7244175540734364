//! A partition's log: the batches as they came, found by offset and by time, bounded by retention and by memory.
//!
//! - [`batch`]: one record batch as bytes: validation and the fields the broker writes.
//! - [`record`]: the records inside a batch, for lookups by time and for compaction.
//! - [`compaction`]: the keys of one batch, and the batch with fewer records.
//! - [`marker`]: the control batch that ends a transaction.
//! - [`segment`]: a stretch of batches in blocks, the unit retention deletes.
//! - [`partition`]: the log itself, a queue of segments.
//! - [`memory`]: the budget all logs of a broker share.

pub(crate) mod batch;
pub(crate) mod compaction;
pub(crate) mod marker;
pub(crate) mod memory;
pub(crate) mod partition;
pub(crate) mod record;
pub(crate) mod segment;

pub(crate) use memory::Memory;
pub(crate) use partition::{Log, Policy};
