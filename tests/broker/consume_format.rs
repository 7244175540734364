//! `eda consume` in shapes: templates, and what a terminal is shown.

use super::{send, send_numbers, topic, topic_for_ever};
use crate::support::{broker, eda, terminal};
use serde_json::json;

#[test]
fn a_template_says_how_each_record_is_written() {
    let topic = topic_for_ever("orders", 1);
    send(
        &topic,
        &[
            json!({"timestamp": 1_767_225_600_000_i64, "key": "order-7", "value": {"n": 1}, "headers": [["a", "1"], ["b", null]]}),
            json!({"timestamp": 1_767_225_600_001_i64, "key": null, "value": {"base64": "AP8="}}),
        ],
    );
    let consume = |template: &str| {
        let consume = eda(&["consume", &topic, "-o", ":end", "-f", template]);
        consume.on(broker()).run().succeeds().stdout
    };
    assert_eq!(
        consume("%k\\t%v{hex}\\n"),
        "order-7\t7b226e223a317d\n\t00ff\n"
    );
    assert_eq!(
        consume("%t %p %o %d %K %V %H[%h{%k=%v;}] "),
        format!("{topic} 0 0 1767225600000 7 7 2[a=1;b=;] {topic} 0 1 1767225600001 0 2 0[] "),
        "nothing stands between records but what the template has"
    );
    let many = super::topic("numbers", 2);
    send_numbers(&many, 2, 3000);
    let output = eda(&["consume", &many, "-o", ":end", "-f", "%k\\n"])
        .on(broker())
        .run()
        .succeeds();
    let mut keys: Vec<u32> = output
        .stdout
        .lines()
        .map(|key| key.parse().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..3000).collect::<Vec<_>>());
}

#[test]
fn on_a_terminal_a_record_is_one_line_for_people() {
    if terminal::is_missing("on_a_terminal_a_record_is_one_line_for_people") {
        return;
    }
    let topic = topic_for_ever("orders", 1);
    let record = json!({
        "timestamp": 1_767_225_600_000_i64, "key": "order-7", "value": "{\n  \"total\": 12.50\n}", "headers": [["a", null]],
    });
    send(&topic, &[record]);
    let consume = eda(&["consume", &topic, "-o", ":end"]).on(broker());
    let output = consume.on_a_terminal().ends().succeeds();
    let expected = "2026-01-01T00:00:00Z order-7 {\"total\":12.50} a=null\n";
    assert_eq!(output.stdout, format!("{topic}:0:0 {expected}"));
}

/// Colours, a cleared screen, a title set, an 8-bit control, a direction overridden, a line begun anew.
const HOSTILE: &str = "\u{1b}[31mred\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}gpj\r\n\u{2066}";
const SHOWN: &str = r"\u{1b}[31mred\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}gpj\r\n\u{2066}";

#[test]
fn nothing_in_a_record_commands_a_terminal() {
    if terminal::is_missing("nothing_in_a_record_commands_a_terminal") {
        return;
    }
    let topic = topic("orders", 1);
    send(
        &topic,
        &[json!({"key": HOSTILE, "value": HOSTILE, "headers": [[HOSTILE, HOSTILE]]})],
    );
    let template = ["-f", "%k|%v|%h{%k=%v}\\n"];
    for arguments in [&[][..], &template, &["--output", "plain"]] {
        let consume = eda(&["consume", &topic, "-o", ":end"]).args(arguments);
        // The transcript is without what a terminal obeys: what is to be seen must be there as text.
        let output = consume.on(broker()).on_a_terminal().ends().succeeds();
        let fields = if arguments.contains(&"plain") { 2 } else { 4 };
        assert_eq!(
            output.stdout.matches(SHOWN).count(),
            fields,
            "{arguments:?} {}",
            output.stdout
        );
        let hostile = |c: char| {
            (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{2069}').contains(&c)
        };
        assert!(!output.stdout.contains(hostile), "{:?}", output.stdout);
    }
    // In a pipe the bytes are the record's.
    let piped = eda(&["consume", &topic, "-o", ":end", "-f", "%v"])
        .on(broker())
        .run()
        .succeeds();
    assert_eq!(piped.stdout, HOSTILE);
}
