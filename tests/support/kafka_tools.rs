//! Apache Kafka's own Java tools, from the jars of the `apache` run.

use super::apache;
use super::broker::Broker;
use std::time::Duration;

/// Runs a tool against a broker and gives its standard output; fails the test when the tool fails.
///
/// `tool("org.apache.kafka.tools.TopicCommand", broker, &["--list"], "")`
#[track_caller]
pub fn tool(class: &str, broker: &Broker, arguments: &[&str], stdin: &str) -> String {
    let jars = match apache::jars() {
        Ok(jars) => jars,
        Err(reason) => panic!("Apache Kafka's tools are not to be had: {reason}"),
    };
    let output = assert_cmd::Command::new("java")
        .args([
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .arg(jars.join("*"))
        .args([class, "--bootstrap-server", broker.address()])
        .args(arguments)
        .write_stdin(stdin)
        .timeout(Duration::from_secs(60))
        .output()
        .expect("java can be started");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{class} {arguments:?}: {}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
        output.status
    );
    // Most tools say on standard error what went wrong, and end with 0.
    assert!(
        !stderr.contains("Exception"),
        "{class} {arguments:?}\n{stderr}"
    );
    stdout
}

/// Java's producer sends each key, with itself as value; which partition it lands in is Java's choice.
#[track_caller]
pub fn produce_keys(broker: &Broker, topic: &str, keys: &[&str]) {
    let lines: String = keys.iter().map(|key| format!("{key}\t{key}\n")).collect();
    let arguments = [
        "--topic",
        topic,
        "--reader-property",
        "parse.key=true",
        "--reader-property",
        "key.separator=\t",
    ];
    tool(
        "org.apache.kafka.tools.ConsoleProducer",
        broker,
        &arguments,
        &lines,
    );
}
