//! How long a producer waits for an acknowledgement, at a steady and small rate: Java's own measure of it.

use super::Candidate;
use super::support::apache;
use std::process::Command;

const RATE: &str = "1000";
/// A quarter of a minute.
const RECORDS: &str = "15000";
/// Not counted: in its first seconds Java compiles.
const WARM_UP: &str = "5000";
const TOPIC: &str = "latency";

/// Median and 99th percentile of each run, in milliseconds; the median run of each broker.
pub fn compare(candidates: &[Candidate], runs: usize) -> Result<(), String> {
    println!(
        "\nProducerPerformance: {RECORDS} records of 220 bytes at {RATE}/s but the first {WARM_UP}, acks=all, linger.ms=0; {runs} runs"
    );
    for candidate in candidates {
        let create = super::eda(&["topic", "create", TOPIC, "-p", "6"]);
        create.on(&candidate.broker).run().succeeds();
    }
    let mut measured: Vec<Vec<(f64, f64)>> = candidates.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for (candidate, measured) in candidates.iter().zip(&mut measured) {
            measured.push(measure(candidate.broker.address())?);
        }
    }
    println!("{:<22} {:>9} {:>9} {:>9}", "", "MEDIAN", "P99", "× EDA");
    let mut first = None;
    for (candidate, mut measured) in candidates.iter().zip(measured) {
        measured.sort_by(|one, other| one.1.total_cmp(&other.1));
        let (median, high) = measured[measured.len() / 2];
        let ratio = high / *first.get_or_insert(high);
        println!(
            "{:<22} {median:>6} ms {high:>6} ms {ratio:>9.2}",
            candidate.name
        );
    }
    Ok(())
}

/// The line it ends with: `10000 steady state records sent, … 1 ms 50th, 2 ms 95th, 4 ms 99th, 9 ms 99.9th.`
fn measure(address: &str) -> Result<(f64, f64), String> {
    let bootstrap = format!("bootstrap.servers={address}");
    let output = Command::new("java")
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
        .arg(apache::jars()?.join("*"))
        .arg("org.apache.kafka.tools.ProducerPerformance")
        .args([
            "--topic",
            TOPIC,
            "--num-records",
            RECORDS,
            "--warmup-records",
            WARM_UP,
            "--record-size",
            "220",
        ])
        .args([
            "--throughput",
            RATE,
            "--producer-props",
            &bootstrap,
            "acks=all",
            "linger.ms=0",
        ])
        .output()
        .map_err(|error| format!("java: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    let percentile = |name: &str| {
        let part = last
            .split(", ")
            .find(|part| part.trim_end_matches('.').ends_with(name))?;
        part.split_whitespace().next()?.parse().ok()
    };
    match (percentile("50th"), percentile("99th")) {
        (Some(median), Some(high)) => Ok((median, high)),
        _ => Err(format!("ProducerPerformance said: {text}")),
    }
}
