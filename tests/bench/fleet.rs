//! A fleet of groups as an operator looks at it: `eda` beside the tools there are, in one run.
//!
//! `cargo bench --bench fleet`, or smaller: `cargo bench --bench fleet -- --groups 100 --topics 10 --runs 3`.
//! On Apache Kafka (from the jars of the `apache` test run) and on the embedded broker, with 500 groups that read
//! one topic of 6 partitions and with 1,000 groups that read a topic of 10 each: repetitions take turns, so that what else the machine does hits all alike;
//! medians, each as a ratio to `eda`'s; the most memory each took. Only figures of one run compare.
//!
//! kcat and kcl are measured where they are on the PATH. One repetition of a tool that takes longer than 20 s is
//! enough, and after 60 s it is ended.

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
#[path = "fleet/measure.rs"]
mod measure;
#[path = "fleet/options.rs"]
mod options;
#[path = "fleet/tools.rs"]
mod tools;
// The tests use more of it.
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;

use options::{Options, Size};
use std::process::ExitCode;
use std::time::Instant;
use support::fleet::Fleet;
use support::{Broker, apache};

fn main() -> ExitCode {
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| {
        for size in &options.sizes {
            for (kind, start) in BROKERS {
                on(kind, &start()?, *size, options.runs)?;
            }
        }
        Ok(())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

type Start = fn() -> Result<Broker, String>;

/// A broker for each size: what one fleet left behind does not weigh on the next.
const BROKERS: [(&str, Start); 2] = [
    ("Apache Kafka", apache::start),
    ("the embedded broker", || Ok(Broker::embedded(&[]))),
];

fn on(kind: &str, broker: &Broker, size: Size, runs: usize) -> Result<(), String> {
    let fleet = Fleet {
        name: "fleet",
        groups: size.groups,
        topics: size.topics,
        partitions: size.partitions,
        gaps: false,
    };
    let started = Instant::now();
    fleet.make(broker)?;
    let made = started.elapsed();
    println!(
        "\n{} groups on {} topics of {} partitions on {kind}, made in {:.1} s; {runs} runs",
        size.groups,
        size.topics,
        size.partitions,
        made.as_secs_f64()
    );
    let rows = size.groups * size.partitions as usize;
    let mut tools = tools::all(broker, size.topics, rows)?;
    measure::take_turns(&mut tools, runs);
    measure::show(&tools);
    Ok(())
}
