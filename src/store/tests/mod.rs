//! One suite over every memory of events done: each keeps the same promises.

// What starts the servers is shared with the black-box tests, which start more with it.
#[path = "../../../tests/support/certificate.rs"]
mod certificate;
#[path = "../../../tests/support/databases.rs"]
mod databases;
#[allow(dead_code, clippy::disallowed_methods)]
#[path = "../../../tests/support/keeper.rs"]
mod keeper;
#[allow(clippy::disallowed_methods)]
#[path = "../../../tests/support/machine.rs"]
mod machine;
#[path = "../../../tests/support/servers.rs"]
mod servers;
#[path = "../../../tests/support/signal.rs"]
mod signal;
#[allow(dead_code)]
#[path = "../../../tests/support/wait.rs"]
mod wait;

mod outages;
mod outbox;
mod place;
mod postgres;
mod promises;
mod redis;
mod sqlite;
