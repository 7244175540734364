//! `eda lag --prometheus` and `--serve`: what Prometheus is told, and that nothing keeps it from being told.

mod once;
mod serve;

use super::{PATIENCE, send_numbers, topic};
use crate::support::{broker, eda, fresh};

/// A topic of three partitions with ten records, and a group that has read six of them.
fn behind() -> (String, String) {
    behind_as(&fresh("payment-service"))
}

fn behind_as(group: &str) -> (String, String) {
    let topic = topic("orders", 3);
    send_numbers(&topic, 3, 10);
    eda(&["consume", &topic, "--group", group, "-n", "6"])
        .on(broker())
        .run()
        .succeeds();
    (topic, group.to_owned())
}
