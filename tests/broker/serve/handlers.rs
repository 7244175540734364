//! What handlers say of themselves, shown here.

use super::super::{PATIENCE, send_numbers, topic};
use super::{row, serve_on};
use crate::support::prometheus::Scrape;
use crate::support::{Running, broker, eda, fresh, wait_until, wire};

/// A handler that publishes its metrics, and where.
pub(super) struct Handler {
    pub(super) running: Running,
    pub(super) metrics: String,
}

#[track_caller]
pub(super) fn handler(topic: &str, group: &str, command: &str) -> Handler {
    let running = eda(&["consume", topic, "--group", group, "--exec", command])
        .args(["--metrics", ":0"])
        .on(broker())
        .spawn();
    let told = "metrics on http://";
    running.wait_until(told, PATIENCE, |running| running.stderr().contains(told));
    let stderr = running.stderr();
    let (_, rest) = stderr.split_once(told).unwrap();
    let metrics = rest.split('/').next().unwrap().to_owned();
    Handler { running, metrics }
}

#[test]
fn a_handler_is_on_the_page_and_in_the_metrics() {
    let topic = topic("orders", 1);
    let group = fresh("payment");
    let handler = handler(&topic, &group, "true");
    let closed = format!("127.0.0.1:{}", wire::free_port());
    let served = serve_on(
        broker(),
        &[
            "--handler",
            &format!("http://{}/metrics", handler.metrics),
            "--handler",
            &closed,
        ],
    );
    let found = || row(&served.state(), "handlers", "instance", &handler.metrics);
    wait_until("the handler", PATIENCE, || {
        found()["group"] == group.as_str()
    });
    send_numbers(&topic, 1, 5);
    wait_until("its work", PATIENCE, || {
        found()["processed"] == 5.0 && found()["meanMs"].is_f64()
    });
    assert_eq!(found()["failedPercent"], 0.0);
    let silent = row(&served.state(), "handlers", "instance", &closed);
    assert!(
        silent["error"].as_str().unwrap().contains("cannot connect"),
        "{silent}"
    );
    let failures = served.state()["failures"].to_string();
    assert!(failures.contains(&closed), "{failures}");

    let scrape = || Scrape::read(&served.get("/metrics").body);
    let labels = [
        ("group", group.as_str()),
        ("instance", handler.metrics.as_str()),
    ];
    assert_eq!(
        scrape().value("eda_handler_processed_total", &labels),
        Some(5.0)
    );
    assert_eq!(
        scrape().value("eda_handler_duration_seconds_count", &labels),
        Some(5.0)
    );
    let up = |instance: &str| scrape().value("eda_serve_handler_up", &[("instance", instance)]);
    assert_eq!((up(&handler.metrics), up(&closed)), (Some(1.0), Some(0.0)));
    // Its series end with it instead of standing still.
    handler.running.terminate();
    wait_until("its end", PATIENCE, || {
        scrape()
            .value("eda_handler_processed_total", &labels)
            .is_none()
    });
    served.ends();
}
