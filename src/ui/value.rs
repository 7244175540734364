//! A record's value on a terminal: JSON in one line, coloured by what its parts are.

use super::{escape, style};
use serde::de::IgnoredAny;

/// The value as text for one line; JSON without the space between its parts, and coloured when `styled`.
pub fn shown(value: &[u8], styled: bool) -> String {
    let json = std::str::from_utf8(value)
        .ok()
        .filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    match json {
        Some(json) => compact(json, styled),
        None => escape::bytes(value),
    }
}

fn compact(json: &str, styled: bool) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (part, behind) = rest.split_at(length);
        rest = behind;
        if first.is_ascii_whitespace() {
            continue;
        }
        let text = escape::line(part);
        let is_name = first == '"' && rest.trim_ascii_start().starts_with(':');
        match styled {
            true if is_name => out.push_str(&style::name(&text)),
            true if is_word(first) => out.push_str(&style::literal(&text)),
            _ => out.push_str(&text),
        }
    }
    out
}

/// A number, `true`, `false` or `null`.
fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '+' | '.')
}

/// The length of the string at the start, with its quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, character)| {
        let ends = *character == '"' && !escaped;
        escaped = *character == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_in_one_line_and_anything_else_as_it_is() {
        let cases: [(&[u8], &str); 6] = [
            (
                b"{\n  \"a b\" : [1, -2.5e3,\ttrue],\r\n \"c\\\" :\": null }",
                r#"{"a b":[1,-2.5e3,true],"c\" :":null}"#,
            ),
            ("[\"\u{202e}\u{7f}\"]".as_bytes(), r#"["\u{202e}\u{7f}"]"#),
            (b"not  json\n", "not  json\\n"),
            (b"\xff", "\\xff"),
            (b"\"\\\\\" ", r#""\\""#),
            (b"", ""),
        ];
        for (value, expected) in cases {
            assert_eq!(shown(value, false), expected);
        }
    }

    #[test]
    fn colours_are_all_that_is_added() {
        style::prepare();
        let value = br#"{"total": 12.5, "status": "paid"}"#;
        let styled = shown(value, true);
        assert!(styled.contains(&style::name("\"total\"")), "{styled:?}");
        assert!(styled.contains(&style::literal("12.5")), "{styled:?}");
        assert_eq!(
            console::strip_ansi_codes(&styled),
            r#"{"total":12.5,"status":"paid"}"#
        );
    }
}
