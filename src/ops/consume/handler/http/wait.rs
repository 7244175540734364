//! How long a server asks to be left alone.

use std::time::{Duration, SystemTime};

/// Nobody is left alone for longer, whatever he asks: a partition would stand still.
const LONGEST: Duration = Duration::from_secs(300);

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date, which is compared with `now`. `None` when it is neither.
pub(super) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true if text.is_empty() => return None,
        // More digits than fit are a long time.
        true => text.parse().map_or(LONGEST, Duration::from_secs),
        false => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_none_is_for_ever() {
        let now = httpdate::parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT").unwrap();
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ("0", seconds(0)),
            (" 120 ", seconds(120)),
            ("3600", Some(LONGEST)),
            ("99999999999999999999999", Some(LONGEST)),
            ("Fri, 02 Jan 2026 03:04:35 GMT", seconds(30)),
            ("Friday, 02-Jan-26 03:05:05 GMT", seconds(60)),
            ("Fri Jan  2 03:04:06 2026", seconds(1)),
            ("Thu, 01 Jan 2026 03:04:05 GMT", seconds(0)),
            ("Sun, 02 Jan 2028 03:04:05 GMT", Some(LONGEST)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, wait) in cases {
            assert_eq!(retry_after(text, now), wait, "{text}");
        }
    }
}
