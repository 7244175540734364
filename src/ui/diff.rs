//! What changed in a text, line by line.

use super::{Ui, escape, style};
use crate::report::Tone;
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// Lines around a change that are shown with it.
const AROUND: usize = 3;

/// Longer it is not looked for the smallest difference.
const PATIENCE: Duration = Duration::from_millis(500);

impl Ui {
    /// Shows what changed, on stderr: lines that are gone with `-`, new ones with `+`.
    pub fn show_changes(&self, before: &str, after: &str) {
        for (line, tone) in changes(before, after) {
            self.say(&style::tone(&escape::line(&line), tone));
        }
    }
}

fn changes(before: &str, after: &str) -> Vec<(String, Tone)> {
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_lines(before, after);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            lines.push(("…".to_owned(), Tone::Plain));
        }
        for change in group.iter().flat_map(|part| diff.iter_changes(part)) {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ("-", Tone::Bad),
                ChangeTag::Insert => ("+", Tone::Good),
                ChangeTag::Equal => (" ", Tone::Plain),
            };
            let text = change.value().trim_end_matches('\n');
            lines.push((format!("{sign} {text}"), tone));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let text = |changed: &[usize]| -> String {
            let line = |n: usize| match changed.contains(&n) {
                true => format!("new {n}\n"),
                false => format!("{n}\n"),
            };
            (0..20).map(line).collect()
        };
        let lines = changes(&text(&[]), &text(&[1, 15]));
        let shown: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(
            shown.join("|"),
            "  0|- 1|+ new 1|  2|  3|  4|…|  12|  13|  14|- 15|+ new 15|  16|  17|  18"
        );
        assert!(changes("a\n", "a\n").is_empty());
        assert_eq!(changes("a\n", "").len(), 1);
    }
}
