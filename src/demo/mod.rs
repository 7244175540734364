//! The order pipeline: seven services, each a consumer group on the runtime of [`ops::consume`](crate::ops::consume),
//! and an audit that checks from the topics what must be true in the end.
//!
//! | service | reads | writes |
//! |---|---|---|
//! | order | payment-failed, payment-refunded | order-created (the orders that come in), order-cancelled |
//! | payment | order-created, inventory-failed | payment-processed, payment-failed, payment-refunded |
//! | inventory | payment-processed | inventory-reserved, inventory-failed |
//! | shipping | inventory-reserved | order-shipped |
//! | notification | order-created, order-shipped, order-cancelled | notification-requested |
//! | analytics, audit | everything | nothing |
//!
//! - `topology`, `saga`, `event`: who reads what, and what each service answers with; pure.
//! - `chance`: all decisions, as functions of the seed, so that a seed gives the same orders the same ends.
//! - `chaos`: what goes wrong on purpose; `provider`: whom the payment service pays with.
//! - `outbox`: the order service's database, and the relays beside it.
//! - `timeline`: one order's way, for whoever follows it.
//! - `audit`: what was seen, and the six invariants; pure.
//! - `handler`, `fleet`, `orders`, `run`: the services at work.
//!
//! An order whose first event cannot be read is parked: the payment service, which it cannot do without, writes it to
//! `order-created.dlq`, with the order's id as its key. The services that the order can do without pass over it.
//!
//! A service that handles an event twice produces the same event twice, with the same id, since ids follow from
//! their cause; whoever reads it does its work once.

mod absent;
mod audit;
mod chance;
mod chaos;
mod cleanup;
pub mod compare;
mod event;
mod fleet;
mod folder;
mod handler;
mod lag;
mod options;
mod orders;
mod outbox;
mod ports;
mod provider;
mod report;
mod run;
mod sabotage;
mod saga;
#[cfg(test)]
mod tests;
mod timeline;
mod topics;
mod topology;

pub use audit::{Ends, Invariant, Verdict};
pub use chance::Rates;
pub use chaos::{ChaosEvent, What};
pub use folder::temporary_folder;
pub use options::{ChaosOptions, DemoOptions, DemoProgress, RestartBroker, Storyteller, Watcher};
pub use outbox::OutboxReport;
pub use ports::{start_again, start_on_a_port};
pub use report::{DeadLetters, DemoReport, Orders, ServiceReport};
pub use run::run;
pub use timeline::{End, Follow, Handled, Step, Timeline};

use std::time::Duration;

/// How often it is looked whether something has come to be.
const LOOK: Duration = Duration::from_millis(20);

/// How long members may take to join their groups.
const JOINING: Duration = Duration::from_secs(15);
