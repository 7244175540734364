//! `eda consume` with a handler: what makes no sense is refused, with the reason, before anybody is asked.

use super::nobody;
use crate::support::{Output, eda};

#[track_caller]
fn refused(arguments: &[&str]) -> Output {
    let run = eda(&["consume", "orders"]).args(arguments);
    // Nobody listens there: whoever looked would end with 3.
    let output = run.args(["--brokers", &nobody()]).run().status(2);
    assert_eq!(output.stdout, "");
    output
}

#[test]
fn what_makes_no_sense_together_is_refused_and_why() {
    let cases: &[(&[&str], &str)] = &[
        (&["--exec", "cat"], "a handler needs a group"),
        (&["--worker", "cat"], "a handler needs a group"),
        (&["--http", "http://localhost"], "a handler needs a group"),
        (&["-g", "g", "--exec", "cat", "--worker", "cat"], "--worker"),
        (
            &["-g", "g", "--exec", "cat", "--http", "http://localhost"],
            "--http",
        ),
        (
            &["-g", "g", "--exec", "cat", "-f", "%v"],
            "`-f` writes records",
        ),
        (
            &["-g", "g", "--exec", "cat", "-p", "0"],
            "given out among the members",
        ),
        (
            &["-g", "g", "--exec", "cat", "--read-uncommitted"],
            "took back",
        ),
        (
            &["-g", "g", "--exec", "cat", "-o", "@-1h"],
            "begins where it left off",
        ),
        (
            &["-g", "g", "--exec", "cat", "-o", "5:9"],
            "begins where it left off",
        ),
        (
            &["-g", "g", "--exec", "cat", "-X", "enable.auto.commit=true"],
            "`-X enable.auto.commit` does not go with a handler",
        ),
        (
            &["-g", "g", "--exec", "cat", "--in-flight", "2"],
            "`--in-flight` is for `--worker`",
        ),
        (
            &[
                "-g",
                "g",
                "--worker",
                "cat",
                "--delivery",
                "at-most-once",
                "--in-flight",
                "2",
            ],
            "which might handle them twice",
        ),
        (
            &[
                "-g",
                "g",
                "--exec",
                "cat",
                "--delivery",
                "at-most-once",
                "--dedupe",
                "memory",
            ],
            "handles none twice by itself",
        ),
        (
            &[
                "-g",
                "g",
                "--worker",
                "cat",
                "--delivery",
                "exactly-once",
                "--commit-interval",
                "31s",
            ],
            "at most 30s",
        ),
        (
            &["-g", "g", "--exec", "cat", "--delivery", "exactly-once"],
            "`--delivery exactly-once` is for `--worker`",
        ),
        (
            &[
                "-g",
                "g",
                "--http",
                "http://localhost",
                "--delivery",
                "exactly-once",
            ],
            "`--delivery exactly-once` is for `--worker`",
        ),
        (
            &[
                "-g",
                "g",
                "--worker",
                "cat",
                "--delivery",
                "exactly-once",
                "--dedupe",
                "memory",
            ],
            "`--dedupe` does not go with `--delivery exactly-once`",
        ),
        (
            &[
                "-g",
                "g",
                "--exec",
                "cat",
                "--delivery",
                "at-most-once",
                "--max-retries",
                "1",
            ],
            "`--max-retries` does not go with `--delivery at-most-once`",
        ),
        (
            &[
                "-g",
                "g",
                "--exec",
                "cat",
                "--delivery",
                "at-most-once",
                "--backoff",
                "1s..2s",
            ],
            "`--backoff` does not go with",
        ),
        (
            &[
                "-g",
                "g",
                "--exec",
                "cat",
                "--delivery",
                "at-most-once",
                "--retry-on",
                "1",
            ],
            "`--retry-on` does not go with",
        ),
        (
            &["-g", "g", "--worker", "cat", "--retry-on", "1"],
            "says in its answer",
        ),
        (
            &["-g", "g", "--worker", "cat", "--permanent-on", "1"],
            "says in its answer",
        ),
        (
            &[
                "-g",
                "g",
                "--exec",
                "cat",
                "--retry-on",
                "1-9",
                "--permanent-on",
                "5",
            ],
            "5 cannot be both transient and permanent",
        ),
        (
            &["-g", "g", "--exec", "cat", "--no-dlq", "--dlq-topic", "x"],
            "--dlq-topic",
        ),
        (
            &["-g", "g", "--exec", "cat", "--dlq-topic", "orders"],
            "without end",
        ),
        (
            &["-g", "g", "--exec", "cat", "--dedupe-lease", "1s"],
            "there is none",
        ),
        (
            &["-g", "g", "--exec", "cat", "--dedupe-ttl", "1s"],
            "there is none",
        ),
    ];
    for (arguments, reason) in cases {
        refused(arguments).stderr_has(reason);
    }
}

#[test]
fn what_is_about_handlers_needs_one() {
    for flag in [
        &["--concurrency", "2"][..],
        &["--in-flight", "2"],
        &["--order", "key"],
        &["--max-retries", "2"],
        &["--backoff", "1s..2s"],
        &["--handler-timeout", "1s"],
        &["--retry-on", "1"],
        &["--permanent-on", "1"],
        &["--dlq-topic", "x"],
        &["--no-dlq"],
        &["--delivery", "at-most-once"],
        &["--dedupe", "memory"],
        &["--dedupe-lease", "1s"],
        &["--dedupe-ttl", "1s"],
        &["--commit-interval", "1s"],
        &["--grace", "1s"],
        &["--metrics", ":0"],
    ] {
        refused(&[&["-g", "g"], flag].concat()).stderr_has("--worker <COMMAND>");
    }
}

#[test]
fn values_that_are_none_are_refused() {
    for (flag, value, named) in [
        ("--concurrency", "0", "1..=10000"),
        ("--backoff", "1s", "expected FROM..TO, such as 200ms..30s"),
        ("--backoff", "2s..1s", "it ends before it begins"),
        ("--handler-timeout", "0s", "at least 1ms"),
        ("--retry-on", "0", "0 is always a success"),
        ("--permanent-on", "600", "out of range"),
        ("--delivery", "twice", "exactly-once"),
        ("--order", "none", "partition"),
        ("--metrics", "9308", "HOST:PORT"),
        (
            "--dlq-topic",
            "a b",
            "cannot be the dead-letter topic of `orders`",
        ),
        ("--dedupe", "mysql://x", "`mysql` is no store of events"),
    ] {
        refused(&["-g", "g", "--exec", "cat", flag, value]).stderr_has(named);
    }
}

#[test]
fn a_handler_that_is_none_is_refused() {
    for (flag, value, named) in [
        ("--exec", "", "`--exec` needs a program"),
        ("--exec", "'' x", "`--exec` needs a program"),
        ("--worker", " ", "`--worker` needs a program"),
        ("--exec", "sh -c 'open", "cannot be split into words"),
        (
            "--exec",
            "no-such-program",
            "cannot find the handler `no-such-program` in PATH",
        ),
        (
            "--worker",
            "./no-such-program",
            "cannot find the handler `./no-such-program`",
        ),
        ("--http", "ftp://localhost/", "ftp"),
    ] {
        refused(&["-g", "g", flag, value]).stderr_has(named);
    }
}

#[test]
fn a_password_is_not_for_arguments_and_never_repeated() {
    let address = "redis://:hunter2@localhost/0";
    let output = refused(&["-g", "g", "--exec", "cat", "--dedupe", address]);
    let output = output.stderr_has("set EDA_DEDUPE to the address instead");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    let run = eda(&["consume", "orders", "-g", "g", "--worker", "cat"])
        .args(["--delivery", "exactly-once", "--brokers", &nobody()])
        .env("EDA_DEDUPE", address);
    let output = run.run().status(2);
    let output = output.stderr_has("`EDA_DEDUPE` does not go with `--delivery exactly-once`");
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    run.arg("--dedupe").arg("none").run().status(3);
}
