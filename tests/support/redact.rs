//! What changes from run to run, replaced in what a run wrote.

use super::wait;

/// Replaces the broker's address, the endings of [`super::fresh`] names, UUIDs, RFC 3339 times and measured
/// durations. What replaces a fresh ending is as long as it was, so that columns still line up.
pub fn redact(text: &str, broker: Option<&str>) -> String {
    let mut text = text.to_owned();
    if let Some(address) = broker {
        text = text.replace(address, "[broker]");
    }
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut before = None;
    while let Some(letter) = rest.chars().next() {
        // A word is only recognised at its beginning: `xx2026-…` is no time.
        let begins = before.is_none_or(|before: char| !before.is_ascii_alphanumeric());
        let found = if letter == '-' {
            fresh_ending(rest)
        } else if begins {
            [uuid, time, milliseconds, duration]
                .iter()
                .find_map(|find| find(rest))
        } else {
            None
        };
        let (length, replacement) = found.unwrap_or((letter.len_utf8(), ""));
        match replacement {
            "" => redacted.push_str(&rest[..length]),
            replacement => redacted.push_str(replacement),
        }
        before = rest[..length].chars().next_back();
        rest = &rest[length..];
    }
    redacted
}

type Found = Option<(usize, &'static str)>;

/// Matches a shape: `9` a digit, `x` a hexadecimal digit, everything else itself.
fn shape(text: &str, shape: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= shape.len()
        && shape.bytes().zip(bytes).all(|(wanted, byte)| match wanted {
            b'9' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_hexdigit(),
            _ => wanted == *byte,
        })
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn fresh_ending(text: &str) -> Found {
    let rest = text.strip_prefix('-')?.strip_prefix(wait::run())?;
    (digits(rest) >= 3).then_some((1 + wait::run().len() + 3, "-xxxxxxxx"))
}

fn uuid(text: &str) -> Found {
    let is_uuid = shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    is_uuid.then_some((36, "[uuid]"))
}

/// `2026-11-23T22:38:42Z`, with or without a fraction, or with an offset.
fn time(text: &str) -> Found {
    if !shape(text, "9999-99-99T99:99:99") {
        return None;
    }
    let mut length = "9999-99-99T99:99:99".len();
    if text[length..].starts_with('.') {
        length += 1 + digits(&text[length + 1..]);
    }
    let zone = &text[length..];
    if zone.starts_with('Z') {
        length += 1;
    } else if shape(zone, "+99:99") || shape(zone, "-99:99") {
        length += 6;
    }
    Some((length, "[time]"))
}

/// Milliseconds since 1970 of this decade and the next, as records carry them.
fn milliseconds(text: &str) -> Found {
    let is_now = digits(text) == 13
        && (text.starts_with("17") || text.starts_with("18") || text.starts_with("19"));
    is_now.then_some((13, "[ms]"))
}

/// Measured: `12ms`, `350µs`, `1.25s`, `12.5 ms`. A whole number of seconds is a setting, and stays.
fn duration(text: &str) -> Found {
    let whole = digits(text);
    if whole == 0 {
        return None;
    }
    let fraction = match text[whole..].strip_prefix('.') {
        Some(rest) if digits(rest) > 0 => 1 + digits(rest),
        _ => 0,
    };
    let number = whole + fraction;
    let unit = text[number..].strip_prefix(' ').unwrap_or(&text[number..]);
    let space = text.len() - number - unit.len();
    let units: &[&str] = if fraction > 0 {
        &["ms", "µs", "us", "s"]
    } else {
        &["ms", "µs", "us"]
    };
    let unit = units.iter().find(|name| {
        unit.strip_prefix(**name)
            .is_some_and(|after| !after.starts_with(|letter: char| letter.is_alphanumeric()))
    })?;
    Some((number + space + unit.len(), "[duration]"))
}

#[test]
fn what_is_volatile_is_replaced_and_nothing_else() {
    let topic = super::fresh("orders");
    let cases = [
        ("at 2026-11-23T22:38:42.123Z.", "at [time]."),
        ("\"2026-11-23T22:38:42+01:00\"", "\"[time]\""),
        ("id 0192f0c1-7a5b-4c3d-9e8f-001122334455", "id [uuid]"),
        (
            "took 1.25s, p95 12ms, 3.5 ms",
            "took [duration], p95 [duration], [duration]",
        ),
        (
            "--retention 7d, --timeout 10s, retention.ms 604800000",
            "--retention 7d, --timeout 10s, retention.ms 604800000",
        ),
        ("timestamp 1764000000000", "timestamp [ms]"),
        ("on 127.0.0.1:4711", "on [broker]"),
        ("v1.2.3 sha256", "v1.2.3 sha256"),
    ];
    for (text, expected) in cases {
        assert_eq!(redact(text, Some("127.0.0.1:4711")), expected);
    }
    let text = format!("`{topic}` `{topic}.dlq`");
    assert_eq!(
        redact(&text, None),
        "`orders-xxxxxxxx` `orders-xxxxxxxx.dlq`"
    );
}
