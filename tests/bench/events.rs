//! Records in bulk: `eda produce` and `eda consume` beside kcat, in one run.
//!
//! `cargo bench --bench events`, or smaller: `cargo bench --bench events -- --records 100000 --runs 3`. On Apache
//! Kafka (from the jars of the `apache` test run): so many records of some 220 bytes with keys into 6 partitions, and
//! three times as many out of them. Repetitions take turns, so that what else the machine does hits all alike;
//! medians, each as a ratio to `eda`'s; the most memory each took. Only figures of one run compare.
//!
//! `eda` is idempotent and waits for all in-sync replicas, so kcat is measured as it comes and with the same. kcat is
//! measured where it is on the PATH.

// As in tests/main.rs.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

#[path = "events/input.rs"]
mod input;
// The bench of a fleet uses more of it.
#[allow(dead_code)]
#[path = "fleet/measure.rs"]
mod measure;
#[path = "events/options.rs"]
mod options;
#[path = "events/tools.rs"]
mod tools;
// The tests use more of it.
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;

use options::Options;
use std::process::ExitCode;
use support::{apache, eda};

/// What is produced again and again is not all kept: a run of a million is 5 GB.
const BROKER: &str = "log.retention.bytes=100000000
log.segment.bytes=50000000
log.retention.check.interval.ms=5000
";

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    let broker = apache::start_with(BROKER)?;
    let input = input::Input::write(options.records).map_err(|error| error.to_string())?;
    for topic in [tools::WRITTEN, tools::READ, tools::EVENTS] {
        let create = ["topic", "create", topic, "-p", "6", "-c"];
        let create = eda(&create).args(["retention.bytes=-1"]);
        let create = match topic {
            tools::READ => create,
            _ => eda(&["topic", "create", topic, "-p", "6"]),
        };
        create.on(&broker).run().succeeds();
    }
    println!(
        "{} records into 6 partitions; {} runs",
        options.records, options.runs
    );
    let mut tools = tools::producers(&broker, &input, options.records);
    measure::take_turns(&mut tools, options.runs);
    measure::show(&tools);
    for _ in 0..3 {
        let fill = eda(&["produce", tools::READ, "-f", r"%k\t%v\n", input.lines()]);
        fill.timeout(tools::PATIENCE).on(&broker).run().succeeds();
    }
    println!(
        "\n{} records out of 6 partitions; {} runs",
        3 * options.records,
        options.runs
    );
    let mut tools = tools::consumers(&broker);
    measure::take_turns(&mut tools, options.runs);
    measure::show(&tools);
    Ok(())
}
