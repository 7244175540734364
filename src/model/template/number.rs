//! Numbers as text and as bytes.

use std::io::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberForm {
    Decimal,
    /// As few digits as it takes.
    Hex,
    /// So many digits, the lowest ones.
    FixedHex(u8),
    /// So many bytes, the lowest ones.
    Big(u8),
    Little(u8),
    Bool,
}

/// Every form's name; the first of a form is the one shown.
pub(super) const FORMS: [(&str, NumberForm); 18] = [
    ("ascii", NumberForm::Decimal),
    ("number", NumberForm::Decimal),
    ("hex", NumberForm::Hex),
    ("hex64", NumberForm::FixedHex(16)),
    ("hex32", NumberForm::FixedHex(8)),
    ("hex16", NumberForm::FixedHex(4)),
    ("hex8", NumberForm::FixedHex(2)),
    ("hex4", NumberForm::FixedHex(1)),
    ("big64", NumberForm::Big(8)),
    ("big32", NumberForm::Big(4)),
    ("big16", NumberForm::Big(2)),
    ("big8", NumberForm::Big(1)),
    ("little64", NumberForm::Little(8)),
    ("little32", NumberForm::Little(4)),
    ("little16", NumberForm::Little(2)),
    ("little8", NumberForm::Little(1)),
    ("byte", NumberForm::Big(1)),
    ("bool", NumberForm::Bool),
];

impl NumberForm {
    /// Whether its bytes may be any bytes, a line break too.
    pub(super) fn is_binary(self) -> bool {
        matches!(self, NumberForm::Big(_) | NumberForm::Little(_))
    }

    pub(super) fn write(self, number: i64, out: &mut Vec<u8>) {
        // A Vec takes every byte.
        let _ = match self {
            NumberForm::Decimal => return decimal(number, out),
            NumberForm::Hex => write!(out, "{number:x}"),
            NumberForm::FixedHex(digits) => {
                let bits = 4 * u32::from(digits);
                let lowest = number.cast_unsigned() & (u64::MAX >> (64 - bits));
                write!(out, "{lowest:0width$x}", width = usize::from(digits))
            }
            NumberForm::Big(bytes) => {
                out.write_all(&number.to_be_bytes()[8 - usize::from(bytes)..])
            }
            NumberForm::Little(bytes) => out.write_all(&number.to_le_bytes()[..usize::from(bytes)]),
            NumberForm::Bool => write!(out, "{}", number != 0),
        };
    }

    /// How many bytes at the start of `input` are the number; `None` when it is not known before more is there.
    pub(super) fn extent(self, input: &[u8], complete: bool) -> Option<usize> {
        let fixed = |bytes: u8| {
            let bytes = usize::from(bytes);
            (input.len() >= bytes).then_some(bytes)
        };
        let run = |is_digit: fn(&u8) -> bool| {
            let digits = input.iter().position(|byte| !is_digit(byte));
            digits.or(complete.then_some(input.len()))
        };
        match self {
            NumberForm::Decimal => {
                let sign = usize::from(input.first() == Some(&b'-'));
                let digits = input[sign..].iter().position(|byte| !byte.is_ascii_digit());
                digits
                    .map(|digits| sign + digits)
                    .or(complete.then_some(input.len()))
            }
            NumberForm::Hex => run(u8::is_ascii_hexdigit),
            NumberForm::FixedHex(digits) => fixed(digits),
            NumberForm::Big(bytes) | NumberForm::Little(bytes) => fixed(bytes),
            NumberForm::Bool => run(u8::is_ascii_alphabetic),
        }
    }

    /// The number that these bytes are, all of them.
    pub(super) fn read(self, bytes: &[u8]) -> Option<i64> {
        let text = || std::str::from_utf8(bytes).ok();
        let number = match self {
            NumberForm::Decimal => return text()?.parse().ok(),
            NumberForm::Hex | NumberForm::FixedHex(_) => {
                // from_str_radix takes a sign too.
                let digits = bytes.iter().all(u8::is_ascii_hexdigit);
                u64::from_str_radix(text().filter(|_| digits)?, 16).ok()?
            }
            NumberForm::Big(_) => bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
            NumberForm::Little(_) => {
                let reversed = bytes.iter().rev();
                reversed.fold(0, |sum, &byte| sum << 8 | u64::from(byte))
            }
            NumberForm::Bool => match bytes {
                b"true" => 1,
                b"false" => 0,
                _ => return None,
            },
        };
        // Sixty-four bits are all of an i64, its sign too.
        Some(number.cast_signed())
    }
}

/// Without `fmt`, which takes a third of the time of a record of nothing but numbers.
fn decimal(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}
