//! How conventions write what they say: texts, numbers and times, and which of several headers of a name counts.

use crate::model::record::Record;
use jiff::Timestamp;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Of several headers of the same name, the one that counts.
#[derive(Clone, Copy)]
enum Which {
    First,
    Last,
}

/// Where a convention says something: the first of these headers that says anything.
#[derive(Clone, Copy)]
pub(super) struct Field {
    names: &'static [&'static str],
    which: Which,
}

/// Nowhere: the convention does not say it.
pub(super) const UNSAID: Field = first(&[]);

/// The first header of a name counts.
pub(super) const fn first(names: &'static [&'static str]) -> Field {
    Field {
        names,
        which: Which::First,
    }
}

/// The last header of a name counts.
pub(super) const fn last(names: &'static [&'static str]) -> Field {
    Field {
        names,
        which: Which::Last,
    }
}

impl Field {
    fn find<'a, T>(&self, record: &'a Record, read: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
        let value = |name: &&str| match self.which {
            Which::First => record.first_header(name),
            Which::Last => record.last_header(name),
        };
        self.names
            .iter()
            .find_map(|name| value(name).and_then(&read))
    }

    /// A name: UTF-8 and not empty.
    pub(super) fn text(&self, record: &Record) -> Option<String> {
        self.find(record, text).map(str::to_owned)
    }

    /// Sentences: what is not UTF-8 in them is replaced, so that the rest can be read.
    pub(super) fn prose(&self, record: &Record) -> Option<String> {
        self.find(record, prose)
    }

    pub(super) const fn number(self, read: fn(&[u8]) -> Option<i64>) -> Number {
        Number {
            field: self,
            read,
            more: 0,
        }
    }
}

/// A number, and how it is written.
#[derive(Clone, Copy)]
pub(super) struct Number {
    field: Field,
    read: fn(&[u8]) -> Option<i64>,
    more: i64,
}

impl Number {
    /// The convention's number is so much less than what we mean by it.
    pub(super) const fn plus(self, more: i64) -> Self {
        Number { more, ..self }
    }

    /// Not negative, and as small as its type: Kafka has no negative partition, offset or time, and who writes -1
    /// means that he does not know.
    pub(super) fn get<N: TryFrom<i64>>(&self, record: &Record) -> Option<N> {
        let number = self.field.find(record, self.read)?;
        natural(number.checked_add(self.more)?)
    }
}

/// Not negative, and of that type.
pub(super) fn natural<N: TryFrom<i64>>(number: i64) -> Option<N> {
    (number >= 0).then_some(number)?.try_into().ok()
}

pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty()).then_some(text)
}

pub(super) fn prose(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    // Looking first is many times faster than replacing, and a stack trace is long.
    Some(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// Decimal digits.
pub(super) fn decimal(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// Java's `ByteBuffer.putInt`: four bytes, the highest first.
pub(super) fn int32(bytes: &[u8]) -> Option<i64> {
    Some(i32::from_be_bytes(bytes.try_into().ok()?).into())
}

/// Java's `ByteBuffer.putLong`: eight bytes, the highest first.
pub(super) fn int64(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.try_into().ok()?))
}

/// Java's `BigInteger.toByteArray`: as few bytes as will do, the highest first, the first bit the sign.
pub(super) fn big_integer(bytes: &[u8]) -> Option<i64> {
    let (first, rest) = bytes.split_first().filter(|_| bytes.len() <= 8)?;
    let sign = i64::from(first.cast_signed());
    Some(
        rest.iter()
            .fold(sign, |number, byte| number << 8 | i64::from(*byte)),
    )
}

/// Four bytes, or one (Spring before 2.8).
pub(super) fn int32_or_byte(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [byte] => Some((*byte).into()),
        _ => int32(bytes),
    }
}

/// Whatever it may be: big-endian when it has 4 or 8 bytes that are not all digits, else decimal.
pub(super) fn any_number(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 | 8 if bytes.iter().all(u8::is_ascii_digit) => decimal(bytes),
        4 => int32(bytes),
        8 => int64(bytes),
        _ => decimal(bytes),
    }
}

/// Milliseconds since 1970-01-01 UTC, in digits, or an RFC 3339 time.
pub(super) fn time(bytes: &[u8]) -> Option<i64> {
    decimal(bytes).or_else(|| {
        let time: Timestamp = std::str::from_utf8(bytes).ok()?.trim().parse().ok()?;
        Some(time.as_millisecond())
    })
}

/// [`time`], or [`any_number`] in bytes.
pub(super) fn any_time(bytes: &[u8]) -> Option<i64> {
    any_number(bytes).or_else(|| time(bytes))
}

/// .NET's ticks of 100 nanoseconds since the year 1, in digits, as milliseconds since 1970-01-01 UTC.
pub(super) fn ticks(bytes: &[u8]) -> Option<i64> {
    const TICKS_UNTIL_1970: i64 = 621_355_968_000_000_000;
    Some(decimal(bytes)?.checked_sub(TICKS_UNTIL_1970)? / 10_000)
}

/// A name as it is whichever way people spell it: `X-Original_Topic` is `xoriginaltopic`. Not for long ones.
pub(super) fn plain_name<'a>(name: &str, buffer: &'a mut [u8; 40]) -> Option<&'a str> {
    let mut length = 0;
    let letters = name
        .bytes()
        .filter(|byte| !matches!(byte, b'-' | b'_' | b'.'));
    for byte in letters {
        *buffer.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).ok()
}

/// The exception at the root of a stack trace, and what it said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RootCause<'a> {
    pub class: &'a str,
    pub message: Option<&'a str>,
}

const CAUSE: &str = "\nCaused by: ";
static CAUSES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(CAUSE));

/// Java tells the outermost exception first and each cause after it; that of a suppressed one is indented. The .NET
/// of one exception reads the same. `None` when it is no such trace.
pub(super) fn root_cause(trace: &str) -> Option<RootCause<'_>> {
    // Forwards, although it is the last that counts: only that way it goes in strides.
    let start = CAUSES.find_iter(trace.as_bytes()).last();
    let line = match start {
        Some(start) => &trace[start + CAUSE.len()..],
        None => trace,
    };
    let line = line.lines().next()?;
    let (class, message) = match line.split_once(": ") {
        Some((class, message)) => (class, Some(message.trim()).filter(|text| !text.is_empty())),
        None => (line.trim_end_matches(':'), None),
    };
    let is_class = class.contains('.')
        && class
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'));
    is_class.then_some(RootCause { class, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written_or_not_at_all() {
        type Read = fn(&[u8]) -> Option<i64>;
        let cases: [(Read, &[u8], Option<i64>); 27] = [
            (decimal, b"42", Some(42)),
            (decimal, b" -1\n", Some(-1)),
            (decimal, b"", None),
            (decimal, b"9223372036854775808", None),
            (decimal, &[0xff], None),
            (int32, &[0, 0, 1, 44], Some(300)),
            (int32, &[0xff; 4], Some(-1)),
            (int32, &[1, 44], None),
            (int32, b"", None),
            (int64, &[0, 0, 0, 1, 0, 0, 0, 0], Some(4_294_967_296)),
            (int64, &[0, 0, 0, 1], None),
            (int32_or_byte, &[0xff], Some(255)),
            (int32_or_byte, &[0, 0, 0, 4], Some(4)),
            (int32_or_byte, &[0, 4], None),
            // 1764000000000 in as few bytes as will do.
            (
                big_integer,
                &[0x01, 0x9a, 0xb6, 0x97, 0xe8, 0x00],
                Some(1_764_000_000_000),
            ),
            (big_integer, &[0x7f], Some(127)),
            (big_integer, &[0x00, 0x80], Some(128)),
            (big_integer, &[0xff], Some(-1)),
            (big_integer, &[0x80, 0, 0, 0, 0, 0, 0, 0], Some(i64::MIN)),
            (big_integer, &[0; 9], None),
            (big_integer, b"", None),
            (time, b"1764000000000", Some(1_764_000_000_000)),
            (
                time,
                b"2025-11-24T17:00:00.5+01:00",
                Some(1_764_000_000_500),
            ),
            (time, b"yesterday", None),
            (ticks, b"638996032030000000", Some(1_764_006_403_000)),
            (ticks, b"-9223372036854775808", None),
            (ticks, b"soon", None),
        ];
        for (index, (read, bytes, expected)) in cases.into_iter().enumerate() {
            assert_eq!(read(bytes), expected, "case {index}: {bytes:?}");
        }
    }

    #[test]
    fn the_root_cause_is_the_last_that_is_not_indented() {
        let cause = |class, message| Some(RootCause { class, message });
        let cases = [
            (
                "java.lang.X: a: b\n\tat y\n",
                cause("java.lang.X", Some("a: b")),
            ),
            ("java.lang.X\r\n\tat y", cause("java.lang.X", None)),
            (
                "a.X: m\nCaused by: b.Y: n\nCaused by: c.Z$I: \n\t... 9 more",
                cause("c.Z$I", None),
            ),
            (
                "a.X: m\n\tSuppressed: b.Y\n\tCaused by: c.Z\n",
                cause("a.X", Some("m")),
            ),
            (
                "System.TimeoutException: slow\n   at Y()",
                cause("System.TimeoutException", Some("slow")),
            ),
            ("Error: boom\n    at x.js:1", None),
            ("Traceback (most recent call last):\n  File", None),
            ("   at Acme.Charge()", None),
            ("a.X: m\nCaused by: nothing at all", None),
            ("", None),
        ];
        for (trace, expected) in cases {
            assert_eq!(root_cause(trace), expected, "{trace}");
        }
    }
}
