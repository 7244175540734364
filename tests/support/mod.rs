//! How a test runs `eda`, and on what.
//!
//! ```ignore
//! let broker = broker();                                // the one of this run, whichever it is
//! let topic = fresh("order-created");                   // nobody else's name
//! eda(&["topic", "create", &topic]).on(broker).run().succeeds();
//! assert_snapshot!(eda(&["topic", "list", &topic]).on(broker).run().snapshot(), @"…");
//! ```

pub mod apache;
pub mod broker;
pub mod browser;
pub mod certificate;
pub mod connection;
pub mod container;
pub mod databases;
pub mod eda;
pub mod excuses;
pub mod fenced;
pub mod fleet;
pub mod foreign;
pub mod http;
pub mod kafka_tools;
pub mod kcat;
pub mod keeper;
pub mod machine;
pub mod prometheus;
pub mod proxy;
pub mod redact;
pub mod running;
pub mod screen;
pub mod servers;
pub mod signal;
pub mod terminal;
pub mod wait;
pub mod wire;

pub use broker::{Broker, broker};
pub use eda::{Eda, Output, eda};
pub use excuses::excused;
pub use running::Running;
pub use wait::{fresh, wait_for, wait_until};
