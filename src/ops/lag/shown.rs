//! Figures as people read them at a glance.

use crate::model::duration;
use crate::report::Cell;
use std::time::Duration;

/// A length of time in one or two units: `0.8s`, `12s`, `3m20s`, `5h12m`, `9d3h`.
pub(in crate::ops) fn roughly(length: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = length.as_secs();
    let unit = match seconds {
        0..10 => return format!("{:.1}s", length.as_secs_f64()),
        10..HOUR => 1,
        HOUR..DAY => MINUTE,
        _ => HOUR,
    };
    duration::human(Duration::from_secs(seconds / unit * unit))
}

/// Milliseconds, which may not be known.
pub(in crate::ops) fn age(milliseconds: Option<i64>) -> Cell {
    let length = milliseconds.and_then(|age| u64::try_from(age).ok());
    length.map(|age| roughly(Duration::from_millis(age))).into()
}

/// Offsets a second, with as many digits as mean something.
pub(in crate::ops) fn rate(rate: Option<f64>) -> Cell {
    let text = rate.map(|rate| match rate {
        0.0 => "0".to_owned(),
        rate if rate < 10.0 => format!("{rate:.2}"),
        rate if rate < 100.0 => format!("{rate:.1}"),
        rate => format!("{rate:.0}"),
    });
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let cases = [
            (0, "0.0s"),
            (840, "0.8s"),
            (12_700, "12s"),
            (200_000, "3m20s"),
            (18_725_000, "5h12m"),
            (788_461_000, "9d3h"),
        ];
        for (milliseconds, expected) in cases {
            assert_eq!(roughly(Duration::from_millis(milliseconds)), expected);
        }
        assert_eq!(age(None), Cell::Missing);
        assert_eq!(age(Some(12_000)), Cell::from("12s"));
    }

    #[test]
    fn rates() {
        let cases = [(0.0, "0"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1234")];
        for (number, expected) in cases {
            assert_eq!(rate(Some(number)), Cell::from(expected));
        }
        assert_eq!(rate(None), Cell::Missing);
    }
}
