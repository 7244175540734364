//! The help, the version, and what is generated from the same definition.

use crate::support::eda;

const COMMANDS: &[&[&str]] = &[
    &["topic", "create"],
    &["topic", "list"],
    &["topic", "describe"],
    &["topic", "alter"],
    &["topic", "purge"],
    &["topic", "delete"],
    &["group", "list"],
    &["group", "describe"],
    &["group", "delete"],
    &["offsets", "show"],
    &["offsets", "reset"],
    &["offsets", "skip"],
    &["offsets", "export"],
    &["offsets", "import"],
    &["offsets", "delete"],
    &["produce"],
    &["consume"],
    &["lag"],
    &["serve"],
    &["top"],
    &["expect"],
    &["dlq", "list"],
    &["dlq", "stats"],
    &["dlq", "show"],
    &["dlq", "replay"],
    &["dlq", "purge"],
    &["outbox", "init"],
    &["outbox", "add"],
    &["outbox", "relay"],
    &["outbox", "status"],
    &["outbox", "retry"],
    &["outbox", "purge"],
    &["demo", "run"],
    &["demo", "compare"],
    &["demo"],
    &["broker"],
    &["completions"],
];

#[test]
fn bare_eda_off_a_terminal_prints_the_help() {
    let bare = eda::<&str>(&[]).run().succeeds();
    assert_eq!(bare.stdout, eda(&["--help"]).run().succeeds().stdout);
    for command in [
        "topic",
        "produce",
        "consume",
        "lag",
        "serve",
        "top",
        "group",
        "offsets",
        "dlq",
        "outbox",
        "demo",
        "broker",
        "completions",
    ] {
        assert!(
            bare.stdout
                .lines()
                .any(|line| line.trim_start().starts_with(command)),
            "no `{command}`"
        );
    }
}

#[test]
fn every_command_has_a_help_that_begins_with_examples() {
    for command in COMMANDS {
        let long = eda(command).arg("--help").run().succeeds();
        assert!(
            long.stdout.starts_with("Examples:\n"),
            "{command:?}\n{}",
            long.stdout
        );
        let name = format!("eda {}", command.join(" ").trim_end_matches(" run"));
        assert!(
            long.stdout
                .lines()
                .nth(1)
                .unwrap()
                .trim_start()
                .starts_with(&name),
            "{}",
            long.stdout
        );
        assert_eq!(long.stderr, "");
        let short = eda(command).arg("-h").run().succeeds();
        assert!(
            short.stdout.lines().count() < long.stdout.lines().count(),
            "{command:?}"
        );
        for help in [&long.stdout, &short.stdout] {
            assert!(
                help.lines().all(|line| line.chars().count() <= 120),
                "{command:?}\n{help}"
            );
        }
    }
}

#[test]
fn a_group_of_commands_without_one_of_them_says_which_there_are() {
    for group in ["topic", "dlq"] {
        eda(&[group]).run().status(2).stderr_has("list");
    }
}

#[test]
fn the_version_is_the_packages() {
    let version = eda(&["--version"]).run().succeeds();
    assert_eq!(
        version.stdout,
        format!("eda {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        eda(&["completions", shell])
            .run()
            .succeeds()
            .stdout_has("eda");
    }
    eda(&["completions", "tcsh"])
        .run()
        .status(2)
        .stderr_has("bash");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    eda(&["man"]).run().succeeds().stdout_has(".TH eda 1");
    let man = eda(&["man", "pages"]);
    man.run().succeeds();
    for command in COMMANDS {
        let page = man
            .home()
            .join("pages")
            .join(format!("eda-{}.1", command.join("-")));
        assert!(page.exists(), "{}", page.display());
    }
}
