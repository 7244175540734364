//! `eda top`, on a terminal.

use super::{PATIENCE, behind_by_four, create, send_numbers};
use crate::support::terminal::{Terminal, is_missing};
use crate::support::{Broker, broker, eda, fresh, wait_until, wire};
use std::fs::File;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[track_caller]
fn top(broker: &Broker, columns: u16, rows: u16) -> Terminal {
    let top = eda(&["top", "--every", "200ms", "--timeout", "3s"]).on(broker);
    top.on_a_terminal_of(columns, rows)
}

/// The line of the screen that has the text.
fn line(screen: &str, text: &str) -> String {
    let found = screen.lines().find(|line| line.contains(text));
    found.unwrap_or_default().to_owned()
}

#[test]
fn groups_are_seen_filtered_opened_and_left() {
    if is_missing("groups_are_seen_filtered_opened_and_left") {
        return;
    }
    let (topic, group) = behind_by_four();
    let reader = fresh("reader");
    let member = eda(&["consume", &topic, "--group", &reader])
        .on(broker())
        .spawn();
    let mut top = top(broker(), 80, 24);
    top.wait_for("Groups");
    top.press(&format!("/{group}\r"));
    top.wait_until("the group alone", |screen| {
        line(screen, &format!("{group}  ")).contains(" 4 ") && screen.contains("Esc ends it")
    });
    // More is written while it is looked at.
    send_numbers(&topic, 2, 10);
    top.wait_until("the new lag", |screen| {
        line(screen, &format!("{group}  ")).contains(" 14 ")
    });
    top.press("\r");
    top.wait_until("its partitions", |screen| {
        screen.contains(&format!("{topic}:0")) && screen.contains(&format!("{topic}:1"))
    });
    top.press("\t");
    top.wait_for("nobody is in it (Empty)");
    // Back, and the filter is still there; Esc ends it.
    top.press("\u{1b}");
    top.wait_for("Esc ends it");
    top.press("\u{1b}");
    top.wait_until("no filter", |screen| !screen.contains("Esc ends it"));
    top.press(&format!("/{reader}\r"));
    top.wait_for(&format!("filter: {reader} ("));
    top.press("\r\t");
    top.wait_until("its member", |screen| {
        screen.contains("Members 1") && screen.contains(&format!("{topic}:0 {topic}:1"))
    });
    top.press("q");
    top.gives_back_the_screen().succeeds();
    drop(member);
}

#[test]
fn dead_letters_and_topics_are_beside_them() {
    if is_missing("dead_letters_and_topics_are_beside_them") {
        return;
    }
    let broker = Broker::embedded(&[]);
    for topic in ["orders", "orders.dlq"] {
        create(&broker, topic, 1);
        eda(&["produce", topic, "n=1"]).on(&broker).run().succeeds();
    }
    let mut top = top(&broker, 80, 24);
    top.wait_for("no consumer groups");
    top.press("2");
    top.wait_until("the dead letters", |screen| {
        screen.contains("UNREPLAYED") && line(screen, "orders.dlq").contains("name")
    });
    top.press("3");
    top.wait_until("the topics", |screen| {
        screen.contains("PARTITIONS") && line(screen, "orders ").contains(" 1 ")
    });
    top.press("4");
    top.wait_for("everything could be learnt");
    top.press("?");
    top.wait_for("filter by name");
    top.press("x");
    top.press("\u{3}");
    top.gives_back_the_screen().status(130);
}

#[test]
fn the_terminal_is_given_back_whatever_ends_it() {
    if is_missing("the_terminal_is_given_back_whatever_ends_it") {
        return;
    }
    for (signal, status) in [("TERM", 143), ("INT", 130), ("HUP", 143)] {
        let terminal = top(broker(), 80, 24);
        terminal.wait_for("Groups");
        assert!(terminal.settings().contains("-icanon"), "its own keys");
        terminal.signal(signal);
        terminal.gives_back_the_screen().status(status);
    }
}

#[test]
fn it_can_be_stopped_and_goes_on() {
    if is_missing("it_can_be_stopped_and_goes_on") {
        return;
    }
    let mut top = top(broker(), 80, 24);
    top.wait_for("Groups");
    for stop in ["key", "signal"] {
        match stop {
            "key" => top.press("\u{1a}"),
            _ => top.signal("TSTP"),
        }
        let is_ours = |top: &Terminal| top.settings().contains("-icanon");
        wait_until("the terminal back", PATIENCE, || !is_ours(&top));
        top.go_on("Groups");
        wait_until("the terminal taken again", PATIENCE, || is_ours(&top));
    }
    top.press("q");
    top.gives_back_the_screen().succeeds();
}

#[test]
fn a_shell_that_waits_for_it_stops_with_it() {
    if is_missing("a_shell_that_waits_for_it_stops_with_it") {
        return;
    }
    let top = eda(&["top", "--every", "200ms"]).on(broker());
    let mut top = top.on_a_terminal_under_a_shell(80, 24);
    top.wait_for("Groups");
    top.press("\u{1a}");
    top.shell_stops();
    assert!(!top.settings().contains("-icanon"), "given back");
    top.go_on("Groups");
    wait_until("the terminal taken again", PATIENCE, || {
        top.settings().contains("-icanon")
    });
    top.press("q");
    top.gives_back_the_screen().succeeds();
}

#[test]
fn a_window_that_is_too_small_is_told_what_it_needs() {
    if is_missing("a_window_that_is_too_small_is_told_what_it_needs") {
        return;
    }
    let mut top = top(broker(), 40, 10);
    top.wait_for("eda top needs 60x14");
    top.resize(80, 24);
    top.wait_for("Groups");
    top.resize(50, 24);
    top.wait_for("This window is 50x24");
    top.press("q");
    top.gives_back_the_screen().succeeds();
}

#[test]
fn a_broker_that_goes_away_is_shown_and_comes_back() {
    if is_missing("a_broker_that_goes_away_is_shown_and_comes_back") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = Broker::embedded_in(folder.path());
    create(&first, "orders", 1);
    eda(&["produce", "orders", "n=1"])
        .on(&first)
        .run()
        .succeeds();
    eda(&["consume", "orders", "-g", "payment-service", "-n", "1"])
        .on(&first)
        .run()
        .succeeds();
    let mut top = top(&first, 80, 24);
    top.wait_for("payment-service");
    first.kill();
    top.wait_for("no answer since");
    assert!(
        top.screen().contains("payment-service"),
        "what was seen stays"
    );
    let data = ["--data", folder.path().to_str().unwrap()];
    let _second = Broker::embedded_at(first.address(), &data);
    top.wait_until("the recovery", |screen| {
        !screen.contains("no answer since") && screen.contains("payment-service")
    });
    top.press("q");
    top.gives_back_the_screen().succeeds();
}

#[test]
fn without_a_terminal_or_a_cluster_it_says_so() {
    let hint = "`eda lag --watch`";
    eda(&["top"]).on(broker()).run().status(2).stderr_has(hint);
    if is_missing("without_a_terminal_or_a_cluster_it_says_so") {
        return;
    }
    eda(&["top", "--json"])
        .on(broker())
        .on_a_terminal()
        .ends()
        .status(2)
        .stdout_has(hint);
    let closed = format!("127.0.0.1:{}", wire::free_port());
    eda(&["top", "--brokers", &closed])
        .on_a_terminal()
        .ends()
        .status(3)
        .stdout_has("cannot reach Kafka");
}

#[test]
fn without_colours_there_are_none() {
    if is_missing("without_colours_there_are_none") {
        return;
    }
    let (_, group) = behind_by_four();
    for plain in [true, false] {
        let top = eda(&["top", "--every", "200ms"]).on(broker());
        let top = match plain {
            true => top.env("NO_COLOR", "1"),
            false => top,
        };
        let mut top = top.on_a_terminal_of(80, 24);
        top.wait_for("Groups");
        top.press(&format!("/{group}\r"));
        top.wait_for("ERR");
        top.press("q");
        let sent = top.gives_back_the_screen().succeeds().stdout;
        assert_eq!(!sent.contains("\u{1b}[38;5;"), plain, "{sent:?}");
    }
}

#[test]
fn the_first_look_can_be_left_though_nobody_answers() {
    if is_missing("the_first_look_can_be_left_though_nobody_answers") {
        return;
    }
    // Whoever connects is never accepted.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for (key, status) in [("q", 0), ("\u{1b}", 0), ("\u{3}", 130)] {
        let top = eda(&["top", "--brokers", &address, "--timeout", "10m"]);
        let mut top = top.on_a_terminal_of(80, 24);
        top.wait_for("looking for the first time (q or Esc ends it)");
        top.press(key);
        top.gives_back_the_screen().status(status);
    }
}

#[test]
fn the_time_left_is_not_known_by_one_look() {
    if is_missing("the_time_left_is_not_known_by_one_look") {
        return;
    }
    let (_, group) = behind_by_four();
    let once = eda(&["top", "--every", "10m"]).on(broker());
    let mut top = once.on_a_terminal_of(80, 24);
    top.wait_for("Groups");
    top.press(&format!("/{group}\r"));
    top.wait_until("the group", |screen| {
        let row = line(screen, &format!("{group}  "));
        let cells: Vec<&str> = row.split_whitespace().collect();
        cells.get(1..6) == Some(&["-", "4", "-", "-", "-"])
    });
    top.press("q");
    top.gives_back_the_screen().succeeds();
}

/// `line` on a terminal of its own, whose shell finds `eda` as `$EDA`.
fn script(line: &str) -> Command {
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .env("EDA", crate::support::eda::program())
        .env("EDA_BROKERS", broker().address())
        .stdin(Stdio::piped());
    script
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_is_refused() {
    if is_missing("a_terminal_that_cannot_be_drawn_on_is_refused") {
        return;
    }
    for kind in ["TERM=dumb", "-u TERM", "TERM="] {
        let output = script(&format!("env {kind} \"$EDA\" top"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(2), "{kind}: {said}");
        assert!(
            said.contains("by `TERM` this one cannot be drawn on"),
            "{said}"
        );
        assert!(said.contains("`eda lag --watch`"), "{said}");
        assert!(!said.contains("\u{1b}[?1049h"), "{said:?}");
    }
}

#[test]
fn a_terminal_that_vanishes_ends_it() {
    if is_missing("a_terminal_that_vanishes_ends_it") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (seen, status) = (folder.path().join("seen"), folder.path().join("status"));
    // The shell outlives the terminal to tell how it ended.
    let line =
        "stty cols 80 rows 24; trap : HUP; \"$EDA\" top --every 200ms; echo $? > \"$STATUS\"";
    let mut terminal = script(line)
        .env("STATUS", &status)
        .stdout(File::create(&seen).unwrap())
        .spawn()
        .unwrap();
    let has = |path, text: &str| {
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    wait_until("the groups", PATIENCE, || has(&seen, "Groups"));
    // Nobody is left at the other end.
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let vanished = Instant::now();
    wait_until("its status", PATIENCE, || has(&status, "\n"));
    assert_eq!(std::fs::read_to_string(&status).unwrap(), "143\n");
    let took = vanished.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
}
