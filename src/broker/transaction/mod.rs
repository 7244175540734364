//! Idempotent and transactional producers (KIP-98, KIP-360, KIP-447).
//!
//! - [`coordinator`]: every transactional id; [`state`]: the state machine of one.
//! - [`ongoing`]: the open and the aborted transactions of one partition.
//! - [`sequences`]: what each producer wrote last to one partition.
//! - [`producer_ids`]: ids, each given out once.

pub(crate) mod coordinator;
pub(crate) mod ongoing;
pub(crate) mod producer_ids;
pub(crate) mod sequences;
pub(crate) mod state;
