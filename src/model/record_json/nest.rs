//! Which values can stand in the line as the JSON they are.

use super::{BASE64, is_hostile};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Deeper values are written as a string: many JSON readers stop at 128 levels, and the line is one itself.
const DEEPEST: usize = 100;
/// Longer numbers, and greater exponents, are beyond what many readers can hold.
const LONGEST_NUMBER: usize = 300;

/// Whether the value may stand in the line as it is, to be read back byte for byte, and be read by everybody.
pub(super) fn can_nest(text: &str) -> bool {
    // Strings and `null` have a meaning of their own in the line.
    let promising = matches!(
        text.as_bytes().first(),
        Some(b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f')
    );
    promising
        && !text.ends_with(' ')
        && !has_control(text)
        && serde_json::from_str::<&RawValue>(text).is_ok()
        && is_easy(text.as_bytes())
        && base64_text(text).is_none()
}

/// Whether a character is in it that must not be in the line as it is.
fn has_control(text: &str) -> bool {
    // The hostile ones begin with one of three bytes in UTF-8: most texts need no look at their characters.
    let suspicious = |byte: u8| byte < b' ' || matches!(byte, 0x7f | 0xc2 | 0xe2);
    text.bytes().any(suspicious) && text.chars().any(|c| c < ' ' || is_hostile(c))
}

/// Whether valid JSON is also within what strict readers accept: not too deep, no huge numbers, no half of a
/// surrogate pair.
fn is_easy(json: &[u8]) -> bool {
    let (mut depth, mut digits) = (0_usize, 0_usize);
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => match end_of_string(json, at + 1) {
                Some(end) => at = end,
                None => return false,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let exponent = matches!(byte, b'e' | b'E') && digits > 0;
        digits = if byte.is_ascii_digit() || matches!(byte, b'.') {
            digits + 1
        } else {
            0
        };
        if exponent {
            let sign = matches!(json.get(at + 1), Some(b'+' | b'-'));
            let rest = &json[at + 1 + usize::from(sign)..];
            if rest.iter().take_while(|byte| byte.is_ascii_digit()).count() > 2 {
                return false;
            }
        }
        if depth > DEEPEST || digits > LONGEST_NUMBER {
            return false;
        }
        at += 1;
    }
    true
}

/// Where the string ends that begins at `start`, at its closing quote; `None` when half a surrogate pair is in it.
fn end_of_string(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        match json.get(at)? {
            b'"' => return Some(at),
            b'\\' if json.get(at + 1) == Some(&b'u') => {
                at += 6;
                match escaped_unit(json, at - 6)? {
                    0xd800..=0xdbff if matches!(escaped_unit(json, at), Some(0xdc00..=0xdfff)) => {
                        at += 6
                    }
                    0xd800..=0xdfff => return None,
                    _ => {}
                }
            }
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The UTF-16 unit that `\uXXXX` at this place stands for.
fn escaped_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What stands in `{"base64":"…"}`; `None` for any other JSON. Writing and reading both ask here, so that there
/// is no document they could disagree about.
pub(super) fn base64_text(json: &str) -> Option<String> {
    struct Form;

    impl<'de> Visitor<'de> for Form {
        type Value = String;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "{{\"{BASE64}\":\"…\"}}")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
            if map.next_key::<String>()?.as_deref() != Some(BASE64) {
                return Err(A::Error::custom("another object"));
            }
            let text = map.next_value()?;
            match map.next_key::<String>()? {
                None => Ok(text),
                Some(_) => Err(A::Error::custom("another object")),
            }
        }
    }

    if !json.starts_with('{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let text = reader.deserialize_map(Form).ok()?;
    reader.end().ok()?;
    Some(text)
}
