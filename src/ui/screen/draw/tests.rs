use super::super::Pressed;
use super::super::viewer::{Action, Viewer};
use super::*;
use crate::report::panel::{Column, ColumnKind, Key, PanelRow, View};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn column(header: &'static str, kind: ColumnKind, from: u16) -> Column {
    Column { header, from, kind }
}

fn group(name: &str, lag: i64, status: (&str, Tone)) -> PanelRow {
    let severity = if status.1 == Tone::Bad { 3.0 } else { 0.0 };
    PanelRow {
        name: name.to_owned(),
        keys: vec![
            Key::Text(name.to_owned()),
            Key::Both(severity, lag as f64),
            Key::Number(lag as f64),
            Key::Text(String::new()),
            Key::Number(lag as f64),
        ],
        cells: vec![
            name.into(),
            Cell::from(status.0).tone(status.1),
            lag.into(),
            "Stable".into(),
            "▁▂▃▄▅▆▇█▁▂▃▄▅▆▇█".into(),
        ],
    }
}

fn groups(rows: Vec<PanelRow>) -> Panel {
    Panel {
        title: "Groups".to_owned(),
        columns: vec![
            column("GROUP", ColumnKind::Name, 0),
            column("STATUS", ColumnKind::Text, 0),
            column("LAG", ColumnKind::Figure, 0),
            column("STATE", ColumnKind::Text, 110),
            column("TREND", ColumnKind::Course, 0),
        ],
        rows,
        empty: "no consumer groups".to_owned(),
        sort: (1, true),
        opens: true,
        tone: Tone::Bad,
    }
}

fn errors() -> Panel {
    Panel {
        title: "Errors".to_owned(),
        columns: vec![column("WHAT", ColumnKind::Name, 0)],
        empty: "everything could be learnt".to_owned(),
        ..Panel::default()
    }
}

fn view(rows: Vec<PanelRow>) -> View {
    View {
        title: "127.0.0.1:9092".to_owned(),
        seen: "12:00:00Z  every 2s".to_owned(),
        alarm: None,
        panels: vec![groups(rows), errors()],
    }
}

fn three() -> Viewer {
    let mut viewer = Viewer::default();
    viewer.show(view(vec![
        group("audit", 5, ("OK", Tone::Good)),
        group("payment-service", 70, ("ERR", Tone::Bad)),
        group("notification", 900, ("OK", Tone::Good)),
    ]));
    viewer
}

fn seen(viewer: &mut Viewer, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, viewer, true)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y: u16| {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn press(viewer: &mut Viewer, keys: &str) {
    for key in keys.chars() {
        assert_eq!(viewer.press(Pressed::Letter(key)), Action::Nothing, "{key}");
    }
}

#[test]
fn a_screen_of_80_by_24() {
    let screen = seen(&mut three(), 80, 24);
    insta::assert_snapshot!(screen.lines().take(8).collect::<Vec<_>>().join("\n"), @"
    eda top  127.0.0.1:9092                                      12:00:00Z  every 2s
     1 Groups 3  2 Errors 0

    GROUP                                             STATUS↓  LAG             TREND
    payment-service                                   ERR       70  ▁▂▃▄▅▆▇█▁▂▃▄▅▆▇█
    notification                                      OK       900  ▁▂▃▄▅▆▇█▁▂▃▄▅▆▇█
    audit                                             OK         5  ▁▂▃▄▅▆▇█▁▂▃▄▅▆▇█
    ");
    assert_eq!(screen.lines().count(), 24);
    assert!(screen.ends_with("p pause"), "{screen}");
}

#[test]
fn a_wide_window_shows_more() {
    let screen = seen(&mut three(), 120, 24);
    assert!(
        screen.contains("STATE") && screen.contains("Stable"),
        "{screen}"
    );
    assert!(screen.contains("▁▂▃▄▅▆▇█▁▂▃▄▅▆▇█"), "{screen}");
}

#[test]
fn a_window_that_is_too_small_is_told_and_a_larger_one_is_not() {
    let mut viewer = three();
    for (width, height) in [(59, 24), (80, 13), (20, 5), (1, 1)] {
        let screen = seen(&mut viewer, width, height);
        assert!(!screen.contains("audit"), "{screen}");
        if width > 20 {
            assert!(screen.contains("needs 60x14"), "{screen}");
        }
    }
    assert!(seen(&mut viewer, 60, 14).contains("audit"));
}

#[test]
fn rows_are_sorted_and_turned() {
    let mut viewer = three();
    let order = |viewer: &Viewer| -> Vec<String> {
        let rows = viewer.level().rows();
        rows.iter()
            .map(|row| row.name.chars().take(1).collect())
            .collect()
    };
    assert_eq!(order(&viewer), ["p", "n", "a"], "the worst first");
    press(&mut viewer, "s");
    assert_eq!(order(&viewer), ["n", "p", "a"], "by lag");
    press(&mut viewer, "r");
    assert_eq!(order(&viewer), ["a", "p", "n"]);
    press(&mut viewer, "sss");
    assert_eq!(order(&viewer), ["a", "n", "p"], "by name");
}

#[test]
fn the_cursor_stays_on_its_row() {
    let mut viewer = three();
    press(&mut viewer, "j");
    let selected = |viewer: &Viewer| {
        let rows = viewer.level().rows();
        rows[viewer.level().cursor(&rows)].name.clone()
    };
    assert_eq!(selected(&viewer), "notification");
    press(&mut viewer, "r");
    assert_eq!(selected(&viewer), "notification");
    press(&mut viewer, "G");
    assert_eq!(selected(&viewer), "payment-service");
    press(&mut viewer, "jjjkg");
    assert_eq!(selected(&viewer), "audit");
    // Gone: the first one has it.
    viewer.show(view(vec![group("other", 1, ("OK", Tone::Good))]));
    assert_eq!(selected(&viewer), "other");
    viewer.show(view(Vec::new()));
    press(&mut viewer, "jkGg");
    assert!(seen(&mut viewer, 80, 24).contains("no consumer groups"));
}

#[test]
fn a_thousand_rows_scroll() {
    let rows = (0..1000).map(|n| group(&format!("group-{n:04}"), n, ("OK", Tone::Good)));
    let mut viewer = Viewer::default();
    viewer.show(view(rows.collect()));
    let screen = seen(&mut viewer, 80, 24);
    assert!(
        screen.contains("group-0999") && !screen.contains("group-0900"),
        "{screen}"
    );
    press(&mut viewer, "G");
    let screen = seen(&mut viewer, 80, 24);
    assert!(
        screen.contains("group-0000") && screen.contains("group-0018"),
        "{screen}"
    );
    viewer.press(Pressed::PageUp);
    viewer.press(Pressed::PageUp);
    let screen = seen(&mut viewer, 80, 24);
    assert!(screen.contains("group-0038"), "{screen}");
    press(&mut viewer, "g");
    assert!(seen(&mut viewer, 80, 24).contains("group-0999"));
}

#[test]
fn a_filter_is_typed_kept_and_ended() {
    let mut viewer = three();
    press(&mut viewer, "/PAYq");
    assert!(
        seen(&mut viewer, 80, 24).contains("filter: PAYq_"),
        "letters are letters"
    );
    viewer.press(Pressed::Backspace);
    viewer.press(Pressed::Enter);
    let screen = seen(&mut viewer, 80, 24);
    assert!(
        screen.contains("payment-service") && !screen.contains("audit"),
        "{screen}"
    );
    assert!(screen.contains("filter: PAY (Esc ends it)"), "{screen}");
    viewer.press(Pressed::Escape);
    assert!(seen(&mut viewer, 80, 24).contains("audit"));
    press(&mut viewer, "/nothing");
    assert!(seen(&mut viewer, 80, 24).contains("none fits the filter"));
}

#[test]
fn a_group_is_opened_and_left() {
    let mut viewer = three();
    viewer.press(Pressed::Enter);
    assert_eq!(viewer.opened(), Some("payment-service"));
    viewer.show_opened(vec![
        Panel {
            title: "Partitions".to_owned(),
            ..groups(vec![group("orders:0", 3, ("OK", Tone::Good))])
        },
        Panel {
            title: "Members".to_owned(),
            opens: false,
            ..groups(Vec::new())
        },
    ]);
    let screen = seen(&mut viewer, 80, 24);
    assert!(
        screen.contains("payment-service   1 Partitions 1  2 Members 0"),
        "{screen}"
    );
    assert!(screen.contains("orders:0"), "{screen}");
    viewer.press(Pressed::Next);
    assert!(!seen(&mut viewer, 80, 24).contains("orders:0"));
    viewer.press(Pressed::Enter);
    assert_eq!(
        viewer.opened(),
        Some("payment-service"),
        "members are not opened"
    );
    viewer.press(Pressed::Escape);
    assert_eq!(viewer.opened(), None);
    viewer.press(Pressed::Next);
    assert!(seen(&mut viewer, 80, 24).contains("everything could be learnt"));
    viewer.press(Pressed::Next);
    press(&mut viewer, "2");
    viewer.press(Pressed::Enter);
    assert_eq!(viewer.opened(), None, "nor are errors");
}

#[test]
fn paused_is_paused_and_an_alarm_is_seen_all_the_same() {
    let mut viewer = three();
    press(&mut viewer, "p");
    let mut next = view(Vec::new());
    next.alarm = Some("no answer since 12:00:00Z".to_owned());
    viewer.show(next.clone());
    let screen = seen(&mut viewer, 80, 24);
    for text in ["PAUSED", "audit", "no answer since 12:00:00Z"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    press(&mut viewer, "p");
    viewer.show(next);
    assert!(!seen(&mut viewer, 80, 24).contains("audit"));
}

#[test]
fn names_cannot_command_the_terminal() {
    let mut viewer = Viewer::default();
    viewer.show(view(vec![group(
        "a\u{1b}[2Jb\u{202e}c\nd",
        1,
        ("OK", Tone::Good),
    )]));
    let screen = seen(&mut viewer, 80, 24);
    assert!(screen.contains("a\\u{1b}[2Jb\\u{202e}c\\nd"), "{screen}");
    viewer.press(Pressed::Enter);
    assert!(!seen(&mut viewer, 80, 24).contains('\u{1b}'));
}

#[test]
fn keys_that_are_not_the_viewers_are_told() {
    let mut viewer = three();
    press(&mut viewer, "?");
    assert!(seen(&mut viewer, 80, 24).contains("fg"));
    press(&mut viewer, "x");
    assert!(!seen(&mut viewer, 80, 24).contains("comes back"));
    assert_eq!(viewer.press(Pressed::Control('z')), Action::Suspend);
    press(&mut viewer, "/");
    assert_eq!(viewer.press(Pressed::Control('c')), Action::Interrupt);
    viewer.press(Pressed::Escape);
    assert_eq!(viewer.press(Pressed::Letter('q')), Action::Quit);
}

#[test]
fn the_first_look_can_be_left_by_either_key() {
    for key in [Pressed::Letter('q'), Pressed::Escape] {
        let mut viewer = Viewer::looking("broker:9092");
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal
            .draw(|frame| draw(frame, &mut viewer, false))
            .unwrap();
        let text = terminal.backend().to_string();
        assert!(
            text.contains(LOOKING) && text.contains("broker:9092"),
            "{text}"
        );
        // Who asked for help first, leaves that first.
        viewer.press(Pressed::Letter('?'));
        assert_eq!(viewer.press(key), Action::Nothing);
        assert_eq!(viewer.press(key), Action::Quit);
    }
    let mut viewer = Viewer::default();
    viewer.show(view(Vec::new()));
    assert_eq!(viewer.press(Pressed::Escape), Action::Nothing);
}

#[test]
fn the_help_tells_what_a_status_means() {
    let mut viewer = Viewer::default();
    viewer.show(view(Vec::new()));
    viewer.press(Pressed::Letter('?'));
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal
        .draw(|frame| draw(frame, &mut viewer, false))
        .unwrap();
    let text = terminal.backend().to_string();
    for (word, meaning) in HELP {
        assert!(
            text.contains(word) && text.contains(meaning),
            "{meaning}: {text}"
        );
    }
}
