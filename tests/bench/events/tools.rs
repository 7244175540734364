//! The tools that are compared.

use super::input::Input;
use super::measure::Tool;
use super::support::{Broker, eda};
use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

pub const WRITTEN: &str = "written";
pub const READ: &str = "read";
pub const EVENTS: &str = "order-created";

/// For a million records on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(120);

fn of_eda(broker: &Broker, words: &[&str]) -> Vec<OsString> {
    let mut line = vec![eda::program().into_os_string()];
    line.extend(words.iter().map(OsString::from));
    line.extend(["--brokers", broker.address()].map(OsString::from));
    line
}

fn of_kcat(broker: &Broker, words: &[&str]) -> Vec<OsString> {
    let first = ["kcat", "-q", "-b", broker.address()];
    first.iter().chain(words).map(OsString::from).collect()
}

fn with_kcat(mut tools: Vec<Tool>, others: Vec<Tool>) -> Vec<Tool> {
    match Command::new("kcat").arg("-V").output() {
        Ok(_) => tools.extend(others),
        Err(_) => println!("kcat is not on the PATH"),
    }
    tools
}

/// Raw lines, as kcat sends them; then events that are completed and checked, told as a ratio to the same.
pub fn producers(broker: &Broker, input: &Input, records: u32) -> Vec<Tool> {
    let eda = |name, words: &[&str]| Tool::new(name, of_eda(broker, words)).unread();
    let kcat = |name, words: &[&str]| Tool::new(name, of_kcat(broker, words)).unread();
    let (lines, count) = (input.lines(), records.to_string());
    let plain = ["-P", "-t", WRITTEN, "-K", "\t", "-l", lines];
    let safe = ["-X", "acks=all", "-X", "enable.idempotence=true"];
    let tools = vec![
        eda(
            "eda produce -f",
            &["produce", WRITTEN, "-f", r"%k\t%v\n", lines],
        ),
        eda(
            "eda produce, payloads",
            &["produce", EVENTS, input.payloads()],
        ),
        eda("eda produce -n", &["produce", EVENTS, "-n", &count]),
    ];
    let others = vec![
        kcat("kcat -P", &plain),
        kcat("kcat -P, idempotent", &[&plain[..], &safe[..]].concat()),
    ];
    with_kcat(tools, others)
}

/// Keys and values; then whole records as JSON, a comparison of its own.
pub fn consumers(broker: &Broker) -> Vec<Tool> {
    let eda = |name, words: &[&str]| Tool::new(name, of_eda(broker, words)).unread();
    let kcat = |name, words: &[&str]| Tool::new(name, of_kcat(broker, words)).unread();
    let all = ["consume", READ, "-o", ":end"];
    let text = vec![eda(
        "eda consume -f",
        &[&all[..], &["-f", r"%k\t%v\n"]].concat(),
    )];
    let text = with_kcat(
        text,
        vec![kcat(
            "kcat -C -f",
            &["-C", "-t", READ, "-f", "%k\\t%s\\n", "-e"],
        )],
    );
    let json =
        vec![eda("eda consume --json", &[&all[..], &["--json"]].concat()).begins_a_comparison()];
    let json = with_kcat(
        json,
        vec![kcat("kcat -C -J", &["-C", "-t", READ, "-J", "-e"])],
    );
    text.into_iter().chain(json).collect()
}
