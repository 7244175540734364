//! Handlers: how many records `eda consume` has handled in a second, by a worker, a server, and a process each.
//!
//! `cargo bench --bench handlers`, or smaller: `cargo bench --bench handlers -- --records 100000 --runs 3`. On an embedded
//! broker in a process of its own: so many records of some 220 bytes with keys in 6 partitions are handled by a worker that
//! does nothing but answer, a tenth of them by an HTTP server on loopback that does nothing but answer, a hundredth by
//! `true`. The clock runs from the start of `eda` to its end, joining the group and leaving it included. Beside them, what
//! reading the same records takes that are only printed, to nowhere. Repetitions take turns; medians.

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
#[path = "events/options.rs"]
mod options;
#[path = "handlers/server.rs"]
mod server;
// The tests use more of it.
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;

use options::Options;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::{Broker, eda, fresh};

/// The word that makes this program a worker.
const WORKER: &str = "answer-every-line";

/// What takes longer is no figure.
const LIMIT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        answer_every_line();
        return ExitCode::SUCCESS;
    }
    match Options::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Reads lines and answers each; what was read is answered before more is waited for.
fn answer_every_line() {
    let mut input = BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    loop {
        let read = match input.fill_buf() {
            Ok([]) | Err(_) => return,
            Ok(bytes) => (
                bytes.iter().filter(|byte| **byte == b'\n').count(),
                bytes.len(),
            ),
        };
        for _ in 0..read.0 {
            let _ = output.write_all(b"{\"ok\":true}\n");
        }
        input.consume(read.1);
        if output.flush().is_err() {
            return;
        }
    }
}

/// What is measured: a name, how many records, what `eda consume` is told, how long each took.
struct Case {
    name: &'static str,
    records: u32,
    arguments: Vec<String>,
    times: Vec<Duration>,
}

fn run(options: Options) -> Result<(), String> {
    let broker = Broker::embedded(&[]);
    let input = input::Input::write(options.records).map_err(|error| error.to_string())?;
    let topic = "orders";
    eda(&["topic", "create", topic, "-p", "6"])
        .on(&broker)
        .run()
        .succeeds();
    let fill = eda(&["produce", topic, "-f", r"%k\t%v\n", input.lines()]);
    fill.timeout(LIMIT).on(&broker).run().succeeds();
    let server = server::start().map_err(|error| error.to_string())?;
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let worker = format!("'{}' {WORKER}", this.display());
    let url = format!("http://{}/", server.address());
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let case = |name, part: u32, arguments: &[&str]| Case {
        name,
        records: (options.records / part).max(1),
        arguments: words(arguments),
        times: Vec::new(),
    };
    let mut cases = [
        case("printed, to nowhere", 1, &[]),
        case("--worker, one that only answers", 1, &["--worker", &worker]),
        case(
            "--http, a server that only answers",
            10,
            &["--http", &url, "--concurrency", "16"],
        ),
        case(
            "--exec true",
            100,
            &["--exec", "true", "--concurrency", "2"],
        ),
    ];
    println!("{} runs, in turn; medians", options.runs);
    for _ in 0..options.runs {
        for case in &mut cases {
            let took = once(&broker, topic, case)?;
            case.times.push(took);
        }
    }
    for case in &mut cases {
        case.times.sort();
        let median = case.times[case.times.len() / 2].as_secs_f64();
        let rate = f64::from(case.records) / median;
        println!(
            "{:36} {:>9} records {:>8.3} s {:>9.0} records/s",
            case.name, case.records, median, rate
        );
    }
    Ok(())
}

fn once(broker: &Broker, topic: &str, case: &Case) -> Result<Duration, String> {
    let count = case.records.to_string();
    let group = fresh("workers");
    let consume = eda(&["consume", topic, "--group", &group, "-n", &count, "--json"]);
    let consume = consume.args(&case.arguments).timeout(LIMIT).on(broker);
    let started = Instant::now();
    let output = consume.run();
    let took = started.elapsed();
    match output.status {
        0 => Ok(took),
        status => Err(format!("{}: status {status}\n{}", case.name, output.stderr)),
    }
}
