//! The relay: how many events `eda outbox relay` publishes in a second from a SQLite file, and from PostgreSQL.
//!
//! `cargo bench --bench outbox`, or smaller: `cargo bench --bench outbox -- --records 100000 --runs 3`. On an embedded
//! broker in a process of its own: so many events of some 220 bytes, of a tenth as many aggregates, go into a topic of 6
//! partitions. The clock runs from the start of `eda` to its end, connecting included; what it says of itself is beside
//! it. Every run has an outbox of its own, filled beforehand, and ends with all of it published, which is checked.
//! PostgreSQL is the one that is installed; repetitions take turns; medians.

// As in tests/main.rs.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

// The bench of events uses more of it.
#[allow(dead_code)]
#[path = "events/options.rs"]
mod options;
// The tests use more of it.
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;

use options::Options;
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;
use support::databases::{Postgres, postgres};
use support::{Broker, eda};

/// What takes longer is no figure.
const LIMIT: Duration = Duration::from_secs(300);

const TOPIC: &str = "outbox.event.order";

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// How it is done, and how long it took each time.
struct Way {
    name: &'static str,
    on_postgres: bool,
    flags: &'static [&'static str],
    times: Vec<Duration>,
}

fn run(options: Options) -> Result<(), String> {
    let broker = Broker::embedded(&["--memory", "3GiB"]);
    let create = eda(&["topic", "create", TOPIC, "-p", "6"]);
    create.on(&broker).run().succeeds();
    let rows = rows(options.records);
    println!("{} events; {} runs", options.records, options.runs);
    let way = |name, on_postgres, flags| Way {
        name,
        on_postgres,
        flags,
        times: Vec::new(),
    };
    let mut ways = [
        way("SQLite", false, &[]),
        way("SQLite, block", false, &["--on-dead", "block"]),
        way("PostgreSQL", true, &[]),
        way("PostgreSQL, block", true, &["--on-dead", "block"]),
    ];
    for _ in 0..options.runs {
        for way in &mut ways {
            if let Some(time) = relay(&broker, way, &rows, options.records)? {
                way.times.push(time);
            }
        }
    }
    for way in &mut ways {
        way.times.sort();
        if let Some(median) = way.times.get(way.times.len() / 2) {
            let rate = f64::from(options.records) / median.as_secs_f64();
            println!(
                "{:<20} {:>8.3} s {rate:>9.0} events/s",
                way.name,
                median.as_secs_f64()
            );
        }
    }
    Ok(())
}

/// The rows, a JSON object a line.
fn rows(records: u32) -> String {
    let note = "x".repeat(150);
    let aggregates = (records / 10).max(1);
    let mut rows = String::new();
    for number in 0..records {
        let id = format!("order-{}", number % aggregates);
        let payload = json!({"orderId": id, "n": number, "note": note});
        let row = json!({
            "aggregatetype": "order", "aggregateid": id, "type": "OrderCreated", "payload": payload,
        });
        rows.push_str(&row.to_string());
        rows.push('\n');
    }
    rows
}

/// `None` where there is no such database.
fn relay(broker: &Broker, way: &Way, rows: &str, records: u32) -> Result<Option<Duration>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let database: Option<Postgres> = match way.on_postgres {
        true => postgres("the bench of the outbox"),
        false => None,
    };
    let address = match (&database, way.on_postgres) {
        (Some(database), _) => database.url(),
        (None, false) => format!("sqlite:{}", folder.path().join("outbox.db").display()),
        (None, true) => return Ok(None),
    };
    let outbox = |words: &[&str]| eda(words).args(["--db", &address]).timeout(LIMIT);
    outbox(&["outbox", "init", "--yes"]).run().succeeds();
    let add = outbox(&["outbox", "add", "--records"]);
    add.stdin(rows).run().succeeds();
    let relay = outbox(&["outbox", "relay", "--once", "--json"]).args(way.flags);
    let output = relay.on(broker).run().succeeds();
    let report = output.json();
    match report["published"] == records {
        true => Ok(Some(output.took)),
        false => Err(format!("not all of it was published: {report}")),
    }
}
