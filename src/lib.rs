//! `eda`: operate event-driven architectures on Kafka from the command line. This page is the map of the crate.
//!
//! A folder is a reason to exist:
//!
//! - [`commands`]: what a person types. The only folder that knows clap; one file a command, its path is the command.
//! - [`ops`]: what it does. Verbs: `async fn (&Cluster, request) -> Result<report>`; no clap, no printing.
//! - [`model`]: what it is about. Nouns and pure functions; no I/O, no clock.
//! - [`kafka`]: who we talk to. The only folder that knows librdkafka; model types in and out.
//! - [`ui`]: who we talk with. The only folder that knows the terminal.
//! - [`broker`]: the engine in the box, an embedded Kafka for demos, tests and development; stands apart.
//! - [`store`]: the databases, where a handler's events are remembered as done, and an application's wait to be published.
//! - [`demo`]: the order pipeline, an application built on `ops` like anyone's code would be.
//!
//! and four files that everyone may lean on: [`error`] (the one error and the table of exit codes), [`report`]
//! (what a command found, as plain data), [`consent`] (proof that a change was agreed to), [`settings`] (flag,
//! environment, file and default, merged once).
//!
//! ```text
//! main → commands → demo ─→ ops → kafka → model → {error, report}
//!           │         └──────┴──→ store
//!           ├──→ settings, consent    ops → consent
//!           ├──→ broker ────────────→ error
//!           └──→ ui ────────────────→ {error, report, consent, model}
//! ```
//!
//! No arrow points up; `tests/architecture.rs` reads the sources and fails on one that does. A command has one of
//! three shapes: reading (query → report), changing (plan → consent → apply → outcome) or streaming (open →
//! record, record, … → summary).

pub mod broker;
pub mod commands;
pub mod consent;
pub mod demo;
pub mod error;
pub mod kafka;
pub mod model;
pub mod ops;
pub mod report;
pub mod settings;
pub mod store;
pub mod ui;

pub use commands::{command_line, run};
