//! What is wrong with a command line is said at once: exit 2, before anybody is connected to.

use super::nobody;
use crate::support::eda;

/// What is typed, and what the message must name.
const WRONG: &[(&[&str], &str)] = &[
    (&["topic", "create", "order created"], "order created"),
    (&["topic", "create", "bestellung-ü"], "ü"),
    (&["topic", "create", ""], "empty"),
    (&["topic", "create", ".."], ".."),
    (
        &["topic", "create", "orders", "--partitions", "0"],
        "--partitions",
    ),
    (&["topic", "create", "orders", "--partitions", "-1"], "-1"),
    (
        &["topic", "create", "orders", "--partitions", "many"],
        "--partitions",
    ),
    (
        &["topic", "create", "orders", "--replicas", "0"],
        "--replicas",
    ),
    (&["topic", "create", "orders", "--retention", "7x"], "7x"),
    (&["topic", "create", "orders", "--retention", "-5s"], "-5s"),
    (
        &["topic", "create", "orders", "--config", "compact"],
        "KEY=VALUE",
    ),
    (
        &[
            "topic",
            "create",
            "orders",
            "--retention",
            "7d",
            "-c",
            "retention.ms=1",
        ],
        "retention",
    ),
    (
        &[
            "topic", "create", "orders", "-c", "a=1", "-c", "b=1", "-c", "a=2",
        ],
        "`-c a` is given twice",
    ),
    (&["topic", "create"], "NAME"),
    (&["topic", "delete"], "NAME"),
    (&["topic", "describe"], "NAME"),
    (&["topic", "craete", "orders"], "create"),
    (&["topci", "list"], "topic"),
    (&["consume"], "TOPIC"),
    (&["consume", "orders", "--offset", "json"], "json"),
    (&["consume", "orders", "--offset", "@soon"], "@soon"),
    (&["consume", "orders", "-n", "-1"], "-1"),
    (&["consume", "orders", "--idle", "soon"], "soon"),
    (&["consume", "orders", "-f", "%v", "--json"], "`-f`"),
    (
        &["--output", "json", "consume", "orders", "-f", "%v"],
        "`-f`",
    ),
    (&["consume", "orders", "--partition", "-1"], "-1"),
    (&["produce"], "EVENT"),
    (&["produce", "orders", "--rate", "0"], "--rate"),
    (&["produce", "orders", "-n", "10", "file.json"], "-n"),
    (
        &["produce", "orders", "no-such-file.json"],
        "no-such-file.json",
    ),
    (
        &["produce", "orders", "--records", "--raw", "-n", "1"],
        "--",
    ),
    (&["produce", "orders", "--compression", "rar"], "rar"),
    (&["lag", "--max", "-1"], "-1"),
    (&["lag", "--prometheus", "--max", "0"], "--max"),
    (&["lag", "--prometheus", "--json"], "--json"),
    (&["lag", "--prometheus", "--serve", ":0"], "--serve"),
    (&["lag", "--serve", ":0", "--output", "plain"], "--output"),
    (&["lag", "--serve", "9308"], "HOST:PORT"),
    (&["lag", "--flavor", "kafka-exporter"], "--prometheus"),
    (&["dlq", "replay"], "TOPIC"),
    (&["demo", "--orders", "none"], "none"),
    (&["broker", "--listen", "here"], "here"),
    (&["broker", "--memory", "1KiB"], "1KiB"),
    (&["completions"], "SHELL"),
    (&["topic", "list", "--timeout", "10"], "10"),
    (&["topic", "list", "--output", "xml"], "xml"),
    (&["topic", "list", "-X", "client.id"], "PROPERTY=VALUE"),
    (&["topic", "list", "--context", "nowhere"], "--context"),
    (&["topic", "list", "--no-such-flag"], "--no-such-flag"),
];

#[test]
fn wrong_command_lines_are_refused_before_anybody_is_asked() {
    let mut wrong = Vec::new();
    for (arguments, named) in WRONG {
        // Nobody listens there: whoever looked would end with 3.
        let output = eda(arguments).args(["--brokers", &nobody()]).run();
        if output.status != 2 || !output.stderr.contains(named) || !output.stdout.is_empty() {
            wrong.push(format!(
                "{arguments:?} should name `{named}`\n{}",
                output.snapshot()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        WRONG.len(),
        wrong.join("\n")
    );
}

#[test]
fn under_json_what_is_wrong_is_json_too() {
    for arguments in [
        &["topic", "create", "orders", "--partitions", "0"][..],
        &["topic", "create"],
    ] {
        let output = eda(arguments)
            .arg("--json")
            .args(["--brokers", &nobody()])
            .run()
            .status(2);
        assert_eq!(output.error_json()["kind"], "usage", "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let output = eda(&["topic", "list", "-X", "hunter2"]).run().status(2);
    assert!(!output.stderr.contains("hunter2 "), "{}", output.stderr);
}

#[test]
fn a_context_that_is_not_there_is_named() {
    let list = eda(&["topic", "list", "--context", "nowhere"]);
    list.run().status(2).stderr_has("`nowhere`");
}

#[test]
fn a_contexts_file_that_is_wrong_is_named_with_its_line() {
    let list = eda(&["topic", "list"]);
    let folder = list.home().join("config/eda");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("contexts.toml"),
        "current = \"a\"\npassword = hunter2\n",
    )
    .unwrap();
    let output = list.run().status(2).stderr_has("line 2");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

/// The conf of a client that could not be made was destroyed twice: status 139, and no word.
#[test]
fn a_certificate_that_is_not_there_is_said_and_does_not_crash() {
    let properties = ["security.protocol=ssl", "ssl.ca.location=/nonexistent"];
    let mut list = eda(&["topic", "list", "--brokers", &nobody()]);
    for property in properties {
        list = list.args(["-X", property]);
    }
    list.run().status(2).stderr_has("ssl.ca.location");
}

/// clap repeats what it refuses, and what is refused here may be a password.
#[test]
fn a_property_without_a_value_is_not_repeated() {
    let output = eda(&["topic", "list", "-X", "sasl.passwordhunter2"])
        .run()
        .status(2);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn what_was_typed_is_not_repeated_raw() {
    let hostile = "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b";
    for arguments in [
        &["consume", "orders", "--idle", hostile][..],
        &["consume", "orders", "--where", hostile],
        &["produce", "orders", "--source", hostile],
        &[hostile],
        &["topic", "list", hostile, hostile],
    ] {
        let output = eda(arguments).arg("--brokers").arg(nobody()).run();
        let raw = |character: char| character != '\n' && character.is_control();
        assert!(!output.stderr.contains(raw), "{:?}", output.stderr);
        assert!(!output.stderr.contains('\u{202e}'), "{:?}", output.stderr);
        assert!(!output.stderr.is_empty());
    }
}
