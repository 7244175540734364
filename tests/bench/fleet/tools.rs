//! The tools that are compared, each with the command line that shows the whole fleet.

use crate::measure::Tool;
use crate::support::{Broker, apache, eda};
use std::ffi::OsString;
use std::process::Command;

/// `eda`'s first of each kind: the others are told as ratios to it.
pub fn all(broker: &Broker, topics: usize, rows: usize) -> Result<Vec<Tool>, String> {
    let address = broker.address();
    let program = eda::program();
    let of_eda = |words: &[&str]| -> Vec<OsString> {
        let mut line = vec![program.clone().into_os_string()];
        line.extend(words.iter().map(OsString::from));
        line.extend(["--brokers", address, "--json"].map(OsString::from));
        line
    };
    let jars = apache::jars()?.join("*").into_os_string();
    let mut tools = vec![
        Tool::new("eda topic list", of_eda(&["topic", "list"]))
            .shows(topics, |line| line.trim_start().starts_with("\"name\"")),
    ];
    match is_there("kcat", "-V") {
        true => tools.push(
            Tool::new("kcat -L", line(&["kcat", "-L", "-b", address]))
                .shows(topics, |line| line.starts_with("  topic \"fleet")),
        ),
        false => println!("kcat is not on the PATH"),
    }
    tools.push(
        Tool::new("eda lag", of_eda(&["lag"]))
            .begins_a_comparison()
            .shows(rows, |line| line.trim_start().starts_with("\"group\"")),
    );
    match is_there("kcl", "--help") {
        true => tools.push(
            Tool::new(
                "kcl group describe",
                line(&[
                    "kcl",
                    "--no-config-file",
                    "-B",
                    address,
                    "group",
                    "describe",
                    "--regex",
                    ".*",
                    "--section",
                    "lag",
                ]),
            )
            .shows(rows, |line| line.contains("fleet-topic-")),
        ),
        false => println!("kcl is not on the PATH"),
    }
    let mut java = line(&["java", "-Xmx512m", "-cp"]);
    java.push(jars);
    java.extend(line(&[
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "--bootstrap-server",
        address,
        "--describe",
        "--all-groups",
    ]));
    tools.push(
        Tool::new("ConsumerGroupCommand", java).shows(rows, |line| line.contains(" fleet-topic-")),
    );
    Ok(tools)
}

fn line(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn is_there(program: &str, question: &str) -> bool {
    Command::new(program).arg(question).output().is_ok()
}
