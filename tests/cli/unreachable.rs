//! A cluster that is not there: exit 3, soon, with the reason and what to do.

use super::nobody;
use crate::support::eda;
use insta::assert_snapshot;
use std::net::TcpListener;
use std::time::Duration;

/// Each command that asks a cluster for something.
const COMMANDS: &[&[&str]] = &[
    &["topic", "list"],
    &["topic", "create", "orders"],
    &["topic", "describe", "orders"],
    &["topic", "delete", "orders", "--yes"],
    &["produce", "orders", "n=1"],
    &["consume", "orders", "-n", "1"],
    &["consume", "orders", "--group", "g", "-n", "1"],
    &["lag"],
    &["dlq", "list"],
    &["dlq", "stats", "orders.dlq"],
    &["dlq", "show", "orders.dlq"],
    &["dlq", "replay", "orders.dlq", "--yes"],
    &["dlq", "purge", "orders.dlq", "--yes"],
];

#[test]
fn a_refused_port_is_reported_within_a_second() {
    for command in COMMANDS {
        let address = nobody();
        let output = eda(command).args(["--brokers", &address]).run();
        let output = output.status(3).stderr_has(&address).stderr_has("refused");
        let output = output.stderr_has("eda broker").stderr_has("--brokers");
        assert!(
            output.took < Duration::from_secs(1),
            "{command:?} took {:?}",
            output.took
        );
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn an_address_that_swallows_what_it_is_sent_is_reported_within_the_time_out() {
    // The kernel accepts, nobody answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for command in COMMANDS {
        let output = eda(command)
            .args(["--brokers", &address, "--timeout", "1s"])
            .run();
        let output = output.status(3).stderr_has("--timeout");
        assert!(
            output.took < Duration::from_millis(2500),
            "{command:?} took {:?}",
            output.took
        );
    }
}

#[test]
fn a_name_that_does_not_resolve_is_reported_with_the_name() {
    let output = eda(&[
        "topic",
        "list",
        "--brokers",
        "kafka.invalid:9092",
        "--timeout",
        "5s",
    ])
    .run();
    output.status(3).stderr_has("kafka.invalid");
}

#[test]
fn under_json_it_is_one_object_on_stderr() {
    let address = nobody();
    let output = eda(&["topic", "list", "--json", "--brokers", &address])
        .run()
        .status(3);
    let error = output.error_json();
    assert_eq!(error["kind"], "unreachable");
    assert!(
        error["message"].as_str().unwrap().contains(&address),
        "{error}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("eda broker"),
        "{error}"
    );
    assert_eq!(output.stderr.lines().count(), 1);
    assert_eq!(output.stdout, "");
}

#[test]
fn the_flag_wins_over_the_environment_and_that_over_the_contexts_file() {
    let (flag, environment, file) = (nobody(), nobody(), nobody());
    let list = eda(&["topic", "list"]);
    let folder = list.home().join("config/eda");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("current = \"here\"\n[contexts.here]\nbrokers = \"{file}\"\n");
    std::fs::write(folder.join("contexts.toml"), text).unwrap();
    list.run().status(3).stderr_has(&file);
    let list = list.env("EDA_BROKERS", &environment);
    list.run().status(3).stderr_has(&environment);
    list.args(["--brokers", &flag])
        .run()
        .status(3)
        .stderr_has(&flag);
}

#[test]
fn the_spellings_of_other_tools_are_understood() {
    for flag in ["-b", "--bootstrap-server", "--bootstrap-servers"] {
        let address = nobody();
        eda(&["topic", "list", flag, &address])
            .run()
            .status(3)
            .stderr_has(&address);
    }
}

#[test]
fn what_a_person_reads() {
    let address = nobody();
    let output = eda(&["topic", "list", "--brokers", &address]).run();
    // librdkafka counts its attempts at the end of the reason.
    let counted = |line: &str| line.split(" (after ").next().unwrap_or_default().to_owned() + "\n";
    let text: String = output.snapshot().lines().map(counted).collect();
    assert_snapshot!(text.replace(&address, "[nobody]"), @r"
    status: 3
    --- stdout
    --- stderr
    error: cannot reach Kafka at `[nobody]`
      caused by: Connect to ipv4#[nobody] failed: Connection refused

    hint: `eda broker` starts one for development; `--brokers HOST:PORT` names another
    ");
}
