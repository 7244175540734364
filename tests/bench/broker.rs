//! The embedded broker beside Apache Kafka: the same client, the same machine, taking turns.
//!
//! `cargo bench --bench broker`, or smaller: `cargo bench --bench broker -- --records 100000 --runs 3`. So many records
//! of some 220 bytes in with kcat, three times as many out; Java's `ProducerPerformance` at 1,000 records a second for
//! its latencies; how soon the embedded broker answers, and what it holds. Apache Kafka comes from the jars of the
//! `apache` test run. Only figures of one run compare; medians, as ratios to the embedded broker in memory.

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
#[path = "events/input.rs"]
mod input;
#[path = "broker/latency.rs"]
mod latency;
// The bench of a fleet uses more of it.
#[allow(dead_code)]
#[path = "fleet/measure.rs"]
mod measure;
#[path = "events/options.rs"]
mod options;
// The tests use more of it.
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;

use measure::Tool;
use options::Options;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::{Broker, apache, eda, wire};

const WRITTEN: &str = "written";
const READ: &str = "read";
/// For millions of records on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is produced again and again is not all kept.
const KEPT: &str = "retention.bytes=100000000";
const PROPERTIES: &str = "log.segment.bytes=50000000\nlog.retention.check.interval.ms=5000\n";

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// A broker and what it is called.
struct Candidate {
    name: &'static str,
    broker: Broker,
}

fn run(options: Options) -> Result<(), String> {
    start_and_idle();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let embedded = |name, arguments: &[&str]| Candidate {
        name,
        broker: Broker::embedded(arguments),
    };
    let data = folder.path().to_str().ok_or("a path that is text")?;
    let candidates = [
        embedded("embedded", &["--memory", "4GiB"]),
        embedded("embedded --data", &["--data", data]),
        Candidate {
            name: "Apache Kafka",
            broker: apache::start_with(PROPERTIES)?,
        },
    ];
    let input = input::Input::write(options.records).map_err(|error| error.to_string())?;
    for candidate in &candidates {
        for (topic, config) in [(WRITTEN, KEPT), (READ, "retention.bytes=-1")] {
            let create = eda(&["topic", "create", topic, "-p", "6", "-c", config]);
            create.on(&candidate.broker).run().succeeds();
        }
    }
    println!(
        "\nkcat: {} records into 6 partitions; {} runs",
        options.records, options.runs
    );
    compare(
        &candidates,
        options.runs,
        &["-P", "-t", WRITTEN, "-K", "\t", "-l", input.lines()],
    );
    let before = resident(&candidates[0].broker);
    for candidate in &candidates {
        for _ in 0..3 {
            let fill = eda(&["produce", READ, "-f", r"%k\t%v\n", input.lines()]);
            fill.timeout(PATIENCE)
                .on(&candidate.broker)
                .run()
                .succeeds();
        }
    }
    let sent = 3 * std::fs::metadata(input.lines())
        .map_err(|error| error.to_string())?
        .len();
    let more = resident(&candidates[0].broker).saturating_sub(before) * 1024;
    println!(
        "\nembedded: {} more records are {} MiB sent and {} MiB more resident: {:.2} ×",
        3 * options.records,
        sent >> 20,
        more >> 20,
        more as f64 / sent as f64
    );
    println!(
        "\nkcat: {} records out of 6 partitions; {} runs",
        3 * options.records,
        options.runs
    );
    compare(&candidates, options.runs, &["-C", "-t", READ, "-e"]);
    latency::compare(&candidates, options.runs)
}

fn compare(candidates: &[Candidate], runs: usize, words: &[&str]) {
    let tool = |candidate: &Candidate| {
        let first = ["kcat", "-q", "-b", candidate.broker.address()];
        let line = first.iter().chain(words).map(OsString::from).collect();
        Tool::new(candidate.name, line).unread()
    };
    let mut tools: Vec<Tool> = candidates.iter().map(tool).collect();
    measure::take_turns(&mut tools, runs);
    measure::show(&tools);
}

/// How long until the first answer, and how much memory before anything happens.
fn start_and_idle() {
    let start = || {
        let started = Instant::now();
        let broker = eda(&["broker", "--listen", "127.0.0.1:0"]).spawn();
        broker.wait_for_line("127.0.0.1:", PATIENCE);
        let address = broker.stdout().trim().to_owned();
        assert_eq!(wire::brokers_known(&address), Ok(1));
        (started.elapsed(), resident_of(broker.id()))
    };
    let mut starts: Vec<(Duration, u64)> = (0..21).map(|_| start()).collect();
    starts.sort();
    let (median, kibibytes) = starts[starts.len() / 2];
    println!(
        "embedded: the first answer after {:.1} ms (fastest {:.1}, slowest {:.1} of {}), then {:.1} MiB resident",
        median.as_secs_f64() * 1000.0,
        starts[0].0.as_secs_f64() * 1000.0,
        starts[starts.len() - 1].0.as_secs_f64() * 1000.0,
        starts.len(),
        kibibytes as f64 / 1024.0
    );
}

fn resident(broker: &Broker) -> u64 {
    resident_of(broker.id())
}

/// Resident memory in KiB.
fn resident_of(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
