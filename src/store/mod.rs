//! The databases: what is remembered between runs.
//!
//! - [`idempotency`]: which events a group has done, behind one small trait; - [`memory`]: within this process;
//!   [`sqlite`]: in a file; [`redis`] and [`postgres`]: on a server;
//! - [`address`]: where a memory is, as the user writes it; - [`open()`]: opens the one that is meant;
//! - [`outbox`]: events that wait for their publication; [`orders`]: the application that writes them, in the demo;
//! - `stored`, `link`: what the databases have in common.

pub mod address;
pub mod idempotency;
mod link;
pub mod memory;
mod open;
pub mod orders;
pub mod outbox;
pub mod postgres;
pub mod redis;
pub mod sqlite;
mod stored;
#[cfg(test)]
mod tests;

pub use address::StoreAddress;
pub use idempotency::{Claimed, Idempotency, Lasting, Outage, Pending, Token};
pub use memory::Memory;
pub use open::open;
