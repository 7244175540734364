//! Nothing that came from elsewhere reaches a terminal raw.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal may be commanded, or a reader deceived, by this character: C0 and C1 controls, DEL, and
/// the bidirectional overrides of Unicode (CVE-2021-42574), characters without width, and Unicode's own line ends.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text for one line: control characters as `\n`, `\t`, `\u{1b}`; everything else as it is.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            other if is_hostile(other) => {
                let _ = write!(escaped, "\\u{{{:x}}}", other as u32);
            }
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Text of several lines, each as [`line`] has it.
pub fn lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// Finished JSON, the same to who parses it: what is hostile stands within its strings, and there `\u` may stand for it.
pub fn json(text: String) -> String {
    let hostile =
        |character: char| is_hostile(character) && !matches!(character, '\n' | '\t' | '\r');
    if !text.contains(hostile) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match hostile(character) {
            // All of them are in the Basic Multilingual Plane: one escape is enough.
            true => {
                let _ = write!(escaped, "\\u{:04x}", character as u32);
            }
            false => escaped.push(character),
        }
    }
    escaped
}

/// Bytes for one line: as text where they are UTF-8, else with `\xNN` for what is not.
pub fn bytes(raw: &[u8]) -> String {
    let mut escaped = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        escaped.push_str(&line(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_overrides_are_shown_not_obeyed() {
        let cases: [(&[u8], &str); 7] = [
            ("a\u{2028}b".as_bytes(), "a\\u{2028}b"),
            (b"plain", "plain"),
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("\u{202e}gpj".as_bytes(), "\\u{202e}gpj"),
            (b"\xff\xfe ok", "\\xff\\xfe ok"),
        ];
        for (raw, expected) in cases {
            assert_eq!(bytes(raw), expected);
        }
    }

    #[test]
    fn lines_and_json_stay_what_they_are() {
        assert_eq!(lines("a\n\u{1b}[2J\n"), "a\n\\u{1b}[2J\n");
        let value = serde_json::json!({"a": "\u{9b}31m\u{202e}", "b": ["\n", "é"]});
        let text = json(serde_json::to_string_pretty(&value).unwrap());
        assert!(text.contains(r#""a": "\u009b31m\u202e""#), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, value);
    }
}
