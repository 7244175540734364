//! Dead letters in bulk: `eda dlq replay` beside kcat, which only copies, in one run.
//!
//! `cargo bench --bench replay`, or smaller: `cargo bench --bench replay -- --records 100000 --runs 3`. On an embedded
//! broker in a process of its own: so many dead letters of some 220 bytes with keys, and with the headers that `eda` writes,
//! in 6 partitions. They are planned (read, understood, counted), put back into their origin exactly once and at least once,
//! and copied by `kcat -C | kcat -P`, which leaves headers out and remembers nothing. Repetitions take turns; medians, each
//! as a ratio to the replay that is exactly once; the most memory each took. Only figures of one run compare.

// As in tests/main.rs.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

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
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::Duration;
use support::{Broker, eda};

const ORIGIN: &str = "orders";
const LETTERS: &str = "orders.dlq";
const COPIES: &str = "copies";
const PARTITIONS: u32 = 6;

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
    // A million dead letters are 700 MB.
    let broker = Broker::embedded(&["--memory", "3GiB"]);
    let partitions = PARTITIONS.to_string();
    for topic in [ORIGIN, LETTERS, COPIES] {
        let create = eda(&["topic", "create", topic, "-p", &partitions]);
        let create = match topic {
            LETTERS => create,
            // What is written again and again is not all kept.
            _ => create.args([
                "-c",
                "retention.bytes=20000000",
                "-c",
                "segment.bytes=10000000",
            ]),
        };
        create.on(&broker).run().succeeds();
    }
    fill(&broker, options.records).map_err(|error| error.to_string())?;
    println!(
        "{} dead letters in {PARTITIONS} partitions; {} runs",
        options.records, options.runs
    );
    let mut tools = tools(&broker);
    measure::take_turns(&mut tools, options.runs);
    measure::show(&tools);
    Ok(())
}

/// Dead letters as `eda` writes them, of four reasons.
fn fill(broker: &Broker, records: u32) -> Result<(), KafkaError> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("linger.ms", "20")
        .create()?;
    let note = "x".repeat(150);
    let reasons = [
        "card declined",
        "no such user",
        "timeout",
        "total is negative",
    ];
    for number in 0..records {
        let partition = i32::try_from(number % PARTITIONS).unwrap_or_default();
        let key = format!("order-{}", number % 200_000);
        let value = format!("{{\"orderId\":\"{key}\",\"n\":{number},\"note\":\"{note}\"}}");
        let story = [
            ("topic", ORIGIN.to_owned()),
            ("partition", partition.to_string()),
            ("offset", (number / PARTITIONS).to_string()),
            ("timestamp", "1764000000000".to_owned()),
            ("group", "payment-service".to_owned()),
            ("exception", "Declined".to_owned()),
            (
                "message",
                reasons[number as usize % reasons.len()].to_owned(),
            ),
            ("delivery.count", "4".to_owned()),
            ("failed.at", "1764000003000".to_owned()),
            ("kind", "permanent".to_owned()),
            ("stage", "handle".to_owned()),
        ];
        let own = OwnedHeaders::new_with_capacity(12).insert(Header {
            key: "traceparent",
            value: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        });
        let headers = story.iter().fold(own, |headers, (name, value)| {
            let name = format!("__dlq.errors.{name}");
            headers.insert(Header {
                key: &name,
                value: Some(value),
            })
        });
        let mut record = BaseRecord::to(LETTERS)
            .partition(partition)
            .key(&key)
            .payload(&value)
            .headers(headers);
        while let Err((error, back)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            record = back;
            producer.poll(Duration::from_millis(10));
        }
        if number % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(120))
}

/// Each replay has a group of its own, or there would be nothing left to do after the first.
fn tools(broker: &Broker) -> Vec<Tool> {
    let program = eda::program();
    let (program, address) = (program.display(), broker.address());
    let shell = |name, script: String| {
        let line = ["sh", "-c", &script].map(OsString::from).to_vec();
        Tool::new(name, line).unread()
    };
    let replay = |name, more: &str| {
        let words = format!("dlq replay {LETTERS} --brokers {address} --json {more}");
        shell(
            name,
            format!("exec '{program}' {words} --replay-group bench-$$"),
        )
    };
    let mut tools = vec![
        replay("replay, exactly once", "--yes"),
        replay("replay, at least once", "--yes --at-least-once"),
        replay("the plan alone", "--dry-run"),
    ];
    match Command::new("kcat").arg("-V").output() {
        Ok(_) => {
            let read = format!("kcat -q -b {address} -C -e -t {LETTERS} -K '\\t'");
            let write = format!("kcat -q -b {address} -P -t {COPIES} -K '\\t'");
            tools.push(shell("kcat -C | kcat -P", format!("{read} | {write}")));
        }
        Err(_) => println!("kcat is not on the PATH"),
    }
    tools
}
