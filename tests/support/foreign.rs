//! Client libraries that are not ours, each with a small program in tests/clients/ that does its round trip: where
//! `tests/clients/install` has put them, and always in CI.
//!
//! Each program takes the same verbs and prints one JSON object:
//!
//! - `round-trip BROKER TOPIC GROUP`: makes the topic (3 partitions, `retention.ms` of an hour) and describes it; in
//!   each compression the client has, sends 10 idempotent records with key and headers; reads them as a group that
//!   commits; sends `again` to each partition; reads as the same group. `partitions`, `retention`, `compressions`,
//!   `first_run` and `second_run` (records as `eda consume --json` has them), the group's `state`, and what it has
//!   `committed` and its `lag` by partition.
//! - `transactions BROKER SOURCE TARGET GROUP COUNT`: reads so many records as a group, and twice sends one each to
//!   the new topic, in a transaction with the group's offsets: the first is aborted, the second committed. The group's
//!   offsets `after_abort` and `after_commit`; the values that `read_committed` and `read_uncommitted` see.
//! - `delete-records BROKER TOPIC`: those before offset 1 of each partition. The offsets that are `earliest` now.
//! - `delete BROKER TOPIC GROUP`: the group, then the topic.

use super::apache;
use super::broker::Broker;
use super::excuses::excuse;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than any client's round trip: each gives up after half of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Java's, from Apache Kafka's own jars.
    Java,
    /// Python's confluent-kafka.
    Python,
    /// Go's franz-go.
    FranzGo,
    /// Go's sarama.
    Sarama,
    /// Node's kafkajs.
    KafkaJs,
}

/// How a client's program is started.
#[derive(Debug)]
pub struct Program {
    command: PathBuf,
    arguments: Vec<String>,
}

impl Client {
    /// The client's program; None where it is not to be had, which is said and counted, and in CI fails the test.
    #[track_caller]
    pub fn find(self, test: &str) -> Option<Program> {
        let reason = match self.program() {
            Ok(program) => return Some(program),
            Err(reason) => reason,
        };
        assert!(
            !in_ci(),
            "CI is to have the client {self:?}, and has not: {reason}"
        );
        excuse(test, &format!("needs the client {self:?}: {reason}"));
        None
    }

    fn program(self) -> Result<Program, String> {
        let program = |command: PathBuf, arguments: &[&str]| Program {
            command,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        };
        match self {
            Client::Java => java(),
            Client::Python => {
                let folder = installed("python")?;
                let script = folder.join("round_trip.py");
                let python = folder.join("bin/python");
                Ok(program(python, &[&script.to_string_lossy()]))
            }
            Client::FranzGo => Ok(program(installed("franz-go")?.join("round-trip"), &[])),
            Client::Sarama => Ok(program(installed("sarama")?.join("round-trip"), &[])),
            Client::KafkaJs => {
                let script = installed("kafkajs")?.join("round_trip.js");
                Ok(program("node".into(), &[&script.to_string_lossy()]))
            }
        }
    }
}

impl Program {
    /// Runs `PROGRAM VERB BROKER WORDS…` and gives its answer; fails the test when the program fails.
    #[track_caller]
    pub fn run(&self, verb: &str, broker: &Broker, words: &[&str]) -> Value {
        let output = assert_cmd::Command::new(&self.command)
            .args(&self.arguments)
            .args([verb, broker.address()])
            .args(words)
            .timeout(PATIENCE)
            .output()
            .unwrap_or_else(|error| panic!("`{}`: {error}", self.command.display()));
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} {verb} {words:?}: {}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
            self.command.display(),
            output.status
        );
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some()
}

/// One source file, compiled as it is started. CI fetches the jars if need be.
fn java() -> Result<Program, String> {
    let jars = if in_ci() {
        apache::jars()?
    } else {
        apache::jars_in_cache()?
            .ok_or("Apache's jars are not there, which EDA_TEST_BROKER=apache fetches")?
    };
    // A runtime without a compiler cannot start a source.
    let compiler = Command::new("java")
        .args(["--describe-module", "jdk.compiler"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !compiler.is_ok_and(|status| status.success()) {
        return Err("`java` is not there, or has no compiler".to_owned());
    }
    let class_path = jars.join("*");
    let source = sources("java").join("RoundTrip.java");
    let words = [
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
    ];
    let mut arguments: Vec<String> = words.map(str::to_owned).to_vec();
    arguments.extend([class_path, source].map(|path| path.to_string_lossy().into_owned()));
    Ok(Program {
        command: "java".into(),
        arguments,
    })
}

/// The folder of a client that `tests/clients/install` has installed from the files of this checkout.
fn installed(client: &str) -> Result<PathBuf, String> {
    let folder = apache::cache()?.join("clients").join(client);
    let files = fs::read_dir(sources(client)).map_err(|error| error.to_string())?;
    for file in files {
        let file = file.map_err(|error| error.to_string())?;
        let is_same = match fs::read(folder.join(file.file_name())) {
            Ok(installed) => fs::read(file.path()).is_ok_and(|ours| ours == installed),
            Err(_) => false,
        };
        if !is_same {
            return Err(format!(
                "`tests/clients/install {client}` has not been run on what is there now"
            ));
        }
    }
    Ok(folder)
}

fn sources(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(client)
}
