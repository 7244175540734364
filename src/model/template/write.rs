//! From a record to bytes.

use super::{Number, Piece, Template, Text, TextForm, TimeForm};
use crate::model::record::RecordRef;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use std::io::Write;

impl Template {
    /// Appends the record to `out`. Allocates nothing but what `out` has to grow by.
    pub fn write(&self, record: &RecordRef<'_>, out: &mut Vec<u8>) {
        self.write_with(&|bytes, out| out.extend_from_slice(bytes), record, out);
    }

    /// The same with the bytes of topics, keys, values and headers as `show` has them, where they are not encoded.
    pub fn write_with(
        &self,
        show: &impl Fn(&[u8], &mut Vec<u8>),
        record: &RecordRef<'_>,
        out: &mut Vec<u8>,
    ) {
        write(&self.pieces, show, record, out);
    }
}

fn write(
    pieces: &[Piece],
    show: &impl Fn(&[u8], &mut Vec<u8>),
    record: &RecordRef<'_>,
    out: &mut Vec<u8>,
) {
    for piece in pieces {
        match piece {
            Piece::Literal(bytes) => out.extend_from_slice(bytes),
            Piece::Text(text, form) => {
                form.write(of(*text, record).unwrap_or_default(), show, out);
            }
            Piece::Number(number, form) => form.write(count(*number, record), out),
            Piece::Time(form) => {
                if let Some((milliseconds, _)) = record.timestamp {
                    form.write(milliseconds, out);
                }
            }
            Piece::Headers(pieces) => {
                for (name, value) in record.headers.iter() {
                    let header = RecordRef {
                        key: Some(name.as_bytes()),
                        value,
                        ..*record
                    };
                    write(pieces, show, &header, out);
                }
            }
        }
    }
}

fn of<'a>(text: Text, record: &RecordRef<'a>) -> Option<&'a [u8]> {
    match text {
        Text::Topic => Some(record.topic.as_bytes()),
        Text::Key => record.key,
        Text::Value => record.value,
    }
}

fn count(number: Number, record: &RecordRef<'_>) -> i64 {
    let length = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    match number {
        Number::Partition => record.partition.into(),
        Number::Offset => record.offset,
        Number::Timestamp => record
            .timestamp
            .map_or(-1, |(milliseconds, _)| milliseconds),
        Number::Length(text) => length(of(text, record).map_or(0, <[u8]>::len)),
        Number::HeaderCount => length(record.headers.iter().count()),
    }
}

impl TextForm {
    fn write(self, bytes: &[u8], show: &impl Fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        match self {
            TextForm::Plain => show(bytes, out),
            TextForm::Hex => out.extend(
                bytes
                    .iter()
                    .flat_map(|&byte| [byte >> 4, byte & 15])
                    .map(|digit| DIGITS[usize::from(digit)]),
            ),
            TextForm::Base64 => encode(&STANDARD, bytes, out),
            TextForm::Base64Raw => encode(&STANDARD_NO_PAD, bytes, out),
        }
    }
}

fn encode(engine: &impl Engine, bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // There is room for the longest form.
    let written = engine.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

impl TimeForm {
    /// Nothing for a time beyond the year 9999.
    fn write(&self, milliseconds: i64, out: &mut Vec<u8>) {
        let Ok(time) = Timestamp::from_millisecond(milliseconds) else {
            return;
        };
        let start = out.len();
        let written = match self {
            TimeForm::Rfc3339 => write!(out, "{time:.3}").is_ok(),
            TimeForm::Strftime(form) => BrokenDownTime::from(time).format(form, &mut *out).is_ok(),
        };
        if !written {
            out.truncate(start);
        }
    }
}
