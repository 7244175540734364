//! Dead letters: what it costs to find out whose a record is, and what it tells.
//!
//! `cargo bench --bench dead_letters`. The best of several runs in one thread, for records with a key and 250 bytes of
//! JSON. A million of them must be planned at 300,000 a second: reading, decoding and this.

// As in tests/main.rs.
#![allow(clippy::print_stdout)]

use eda::model::dead_letter::{Failure, detect, eda as ours};
use eda::model::record::{Header, Record, TimestampType};
use std::hint::black_box;
use std::time::Instant;

const RUNS: usize = 7;
const CALLS: u32 = 300_000;

fn main() {
    let own = [
        "traceparent",
        "ce_id",
        "ce_type",
        "content-type",
        "tenant",
        "locale",
    ];
    let none: Vec<Header> = own
        .iter()
        .map(|name| Header::text(*name, "00-0af7651916cd43dd"))
        .collect();
    let failure = Failure::transient("exit 75", "bank is down");
    let buried = ours::bury(
        &record(Vec::new()),
        &failure,
        "billing",
        4,
        "x.dlq",
        None,
        1,
    );
    let told = [
        "topic",
        "partition",
        "offset",
        "group",
        "message",
        "failed.at",
    ];
    let is_told = |header: &Header| {
        told.iter()
            .any(|name| header.name == format!("__dlq.errors.{name}"))
    };
    let six: Vec<Header> = buried
        .headers
        .iter()
        .filter(|header| is_told(header))
        .cloned()
        .collect();
    measure("no headers", &record(Vec::new()));
    measure("6 headers, no dead letter", &record(none));
    measure("6 headers, eda", &record(six));
    measure("6 headers, Spring with a trace of 4 KiB", &record(spring()));
}

fn record(headers: Vec<Header>) -> Record {
    let value = format!(
        r#"{{"eventId":"e-1","kind":"OrderCreated","note":"{}"}}"#,
        "x".repeat(200)
    );
    Record {
        topic: "orders.dlq".to_owned(),
        partition: 0,
        offset: 7,
        timestamp: Some((1_764_000_000_000, TimestampType::Create)),
        key: Some(b"order-7".to_vec()),
        value: Some(value.into_bytes()),
        headers,
    }
}

fn spring() -> Vec<Header> {
    let frame = "\tat com.acme.Orders.handle(Orders.java:7)\n";
    let (outer, inner) = (frame.repeat(60), frame.repeat(40));
    let trace =
        format!("org.x.ListenerFailed: failed\n{outer}Caused by: com.acme.Declined: no\n{inner}");
    vec![
        Header::text("kafka_dlt-original-topic", "orders"),
        Header::new("kafka_dlt-original-partition", 1i32.to_be_bytes()),
        Header::new("kafka_dlt-original-offset", 42i64.to_be_bytes()),
        Header::text("kafka_dlt-exception-cause-fqcn", "org.x.ListenerFailed"),
        Header::text("kafka_dlt-exception-message", "failed"),
        Header::text("kafka_dlt-exception-stacktrace", &trace),
    ]
}

fn measure(what: &str, record: &Record) {
    let run = |_| {
        let begin = Instant::now();
        for _ in 0..CALLS {
            black_box(detect(black_box(record)));
        }
        begin.elapsed() / CALLS
    };
    let best = (0..RUNS).map(run).min().unwrap_or_default();
    let whose = detect(record).map_or("nobody's", |letter| letter.convention);
    println!("{what}: {} ns ({whose})", best.as_nanos());
}
