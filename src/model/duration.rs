//! Lengths of time as people write them: `200ms`, `5s`, `10m`, `1h30m`, `7d`, `2w`.

use std::time::Duration;
use thiserror::Error;

/// The units, the longest first, in nanoseconds.
const UNITS: [(&str, u128); 7] = [
    ("w", 7 * 24 * 3600 * 1_000_000_000),
    ("d", 24 * 3600 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    #[error(
        "`{0}` is not a duration: write a number and a unit, such as `200ms`, `5s`, `10m`, `1h30m` or `7d`"
    )]
    Shape(String),
    #[error("`{0}` has no unit: write `{0}ms`, `{0}s`, `{0}m`, `{0}h` or `{0}d`")]
    Unit(String),
    #[error(
        "`{text}` has an unknown unit `{unit}`: the units are `ms`, `s`, `m`, `h`, `d` and `w`"
    )]
    UnknownUnit { text: String, unit: String },
    #[error("`{0}` is too long a time")]
    TooLong(String),
}

/// Reads `200ms`, `5s`, `1.5h`, `1h30m`, `7d`, `2w`. A bare number is refused, for nobody knows its unit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let shape = || DurationError::Shape(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    let mut nanoseconds: u128 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return Err(shape());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if number.is_empty() {
            return Err(shape());
        }
        if unit.is_empty() {
            return Err(DurationError::Unit(text.to_owned()));
        }
        let known = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, size) = known.ok_or_else(|| DurationError::UnknownUnit {
            text: text.to_owned(),
            unit: unit.to_owned(),
        })?;
        let part = scaled(number, *size)
            .ok_or_else(shape)?
            .ok_or_else(too_long)?;
        nanoseconds = nanoseconds.checked_add(part).ok_or_else(too_long)?;
        rest = tail;
    }
    let seconds = u64::try_from(nanoseconds / 1_000_000_000).map_err(|_| too_long())?;
    Ok(Duration::new(seconds, (nanoseconds % 1_000_000_000) as u32))
}

/// `number` (digits, perhaps with a fraction) times `size`. `None`: not a number. `Some(None)`: too great.
fn scaled(number: &str, size: u128) -> Option<Option<u128>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // Nine digits of the longest unit are below a millisecond: nobody misses more.
    let fraction = &fraction[..fraction.len().min(9)];
    let part = fraction.parse::<u128>().ok()? * size / 10_u128.pow(fraction.len() as u32);
    let whole = whole
        .parse::<u128>()
        .ok()
        .and_then(|whole| whole.checked_mul(size));
    Some(whole.and_then(|whole| whole.checked_add(part)))
}

/// The same in few characters: `7d`, `1h30m`, `1.5s`, `250ms`, `80us`. Exact to the microsecond, so that
/// [`parse`] reads it back.
pub fn human(length: Duration) -> String {
    let nanoseconds = length.as_nanos() / 1000 * 1000;
    match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000_000 => return with_fraction(nanoseconds, 1_000, "us"),
        1_000_000..1_000_000_000 => return with_fraction(nanoseconds, 1_000_000, "ms"),
        _ => {}
    }
    let mut text = String::new();
    let mut rest = nanoseconds;
    // Weeks are read but not written: Kafka's own defaults are seven days, and everybody calls them `7d`.
    for (unit, size) in &UNITS[1..4] {
        if rest >= *size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if rest > 0 {
        text.push_str(&with_fraction(rest, 1_000_000_000, "s"));
    }
    text
}

fn with_fraction(nanoseconds: u128, size: u128, unit: &str) -> String {
    let (whole, fraction) = (nanoseconds / size, nanoseconds % size);
    if fraction == 0 {
        return format!("{whole}{unit}");
    }
    let width = size.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}{unit}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::cases;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("200ms", 200),
            ("5s", 5_000),
            ("0s", 0),
            ("1.5s", 1_500),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
            ("1d2h3m4s5ms", 93_784_005),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_none_is_refused_with_a_reason() {
        let cases = [
            (
                "",
                "`` is not a duration: write a number and a unit, such as `200ms`, `5s`, `10m`, `1h30m` or `7d`",
            ),
            (
                "5",
                "`5` has no unit: write `5ms`, `5s`, `5m`, `5h` or `5d`",
            ),
            (
                "5x",
                "`5x` has an unknown unit `x`: the units are `ms`, `s`, `m`, `h`, `d` and `w`",
            ),
            ("99999999999999w", "`99999999999999w` is too long a time"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
        for text in [
            "s",
            "-5s",
            "1.s",
            ".5s",
            "1.2.3s",
            "5 s",
            "1h30",
            "५s",
            &"9".repeat(60),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_short() {
        let cases = [
            (0, "0s"),
            (80, "80us"),
            (250_000, "250ms"),
            (12_340, "12.34ms"),
            (1_500_000, "1.5s"),
            (60_000_000, "1m"),
            (5_400_000_000, "1h30m"),
            (604_800_000_000, "7d"),
            (90_250_000, "1m30.25s"),
        ];
        for (microseconds, expected) in cases {
            assert_eq!(human(Duration::from_micros(microseconds)), expected);
        }
    }

    proptest! {
        #![proptest_config(cases(1000))]

        #[test]
        fn what_is_shown_is_read_back(microseconds: u64) {
            let length = Duration::from_micros(microseconds);
            prop_assert_eq!(parse(&human(length)), Ok(length));
        }

        #[test]
        fn nothing_typed_panics(text in ".*|[0-9.]{0,40}[a-z]{0,2}[0-9]{0,40}") {
            let _ = parse(&text);
        }
    }
}
