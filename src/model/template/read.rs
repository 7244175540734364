//! From bytes to records.

use super::number::NumberForm;
use super::reader::{Delimiter, Extent, Reader, Step};
use super::{Number, Text, TextForm};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::borrow::Cow;
use thiserror::Error;

/// What a record in the input says; the rest is for the caller to say. What is not asked for is null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    pub partition: Option<i64>,
    /// Milliseconds since 1970-01-01 UTC.
    pub timestamp: Option<i64>,
    pub key: Option<Cow<'a, [u8]>>,
    pub value: Option<Cow<'a, [u8]>>,
    pub headers: Vec<HeaderParts<'a>>,
}

/// A header's name and value.
pub type HeaderParts<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Why the input is not as the template says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error("`{delimiter}` is missing after `{verb}`")]
    NoDelimiter {
        delimiter: String,
        verb: &'static str,
    },
    #[error("`{literal}` is missing")]
    NoLiteral { literal: String },
    #[error("`{verb}` is not a number of the template's form")]
    NoNumber { verb: &'static str },
    #[error("`{verb}` is not {form}")]
    NotEncoded {
        verb: &'static str,
        form: &'static str,
    },
    #[error("the record goes on after what the template says")]
    Surplus,
    #[error("the input ends within the record")]
    CutOff,
}

/// Why reading stopped short.
enum Short {
    /// More input may help.
    More,
    Wrong(ReadError),
}

struct Cursor<'a> {
    input: &'a [u8],
    at: usize,
    /// No more input comes.
    complete: bool,
}

/// Lengths and numbers that were read for what comes later.
#[derive(Default)]
struct Sizes {
    topic: usize,
    key: usize,
    value: usize,
    headers: usize,
}

impl Reader {
    /// Whether a record is a line, so that its number is a line's.
    pub fn is_by_line(&self) -> bool {
        self.terminator
            .as_ref()
            .is_some_and(|end| end.bytes == b"\n")
    }

    /// The first record of `input`, and how many bytes it takes there; `None` when more input is needed, or, with
    /// all input `complete`, when there is none left. The last record may lack the template's last literal.
    ///
    /// # Errors
    /// The record is not as the template says.
    pub fn read<'a>(
        &self,
        input: &'a [u8],
        complete: bool,
    ) -> Result<Option<(Parts<'a>, usize)>, ReadError> {
        if input.is_empty() {
            return Ok(None);
        }
        let (input, taken, complete) = match &self.terminator {
            None => (input, 0, complete),
            Some(terminator) => match terminator.find(input) {
                Some(end) => (&input[..end], end + terminator.bytes.len(), true),
                None if complete => (input, input.len(), true),
                None => return Ok(None),
            },
        };
        let mut cursor = Cursor {
            input,
            at: 0,
            complete,
        };
        let mut parts = Parts::default();
        match cursor.run(&self.steps, false, &mut parts, &mut Sizes::default()) {
            Ok(()) if self.terminator.is_none() => Ok(Some((parts, cursor.at))),
            Ok(()) if cursor.at == input.len() => Ok(Some((parts, taken))),
            Ok(()) => Err(ReadError::Surplus),
            Err(Short::More) => Ok(None),
            Err(Short::Wrong(error)) => Err(error),
        }
    }
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.input[self.at..]
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    /// Nothing was found where it had to be: an error only when no more input comes.
    fn missing(&self, error: ReadError) -> Short {
        match self.complete {
            true => Short::Wrong(error),
            false => Short::More,
        }
    }

    fn run(
        &mut self,
        steps: &[Step],
        in_header: bool,
        parts: &mut Parts<'a>,
        sizes: &mut Sizes,
    ) -> Result<(), Short> {
        for (index, step) in steps.iter().enumerate() {
            // Of the record, whose last literal the input may leave out.
            let is_last = !in_header && index + 1 == steps.len();
            match step {
                Step::Literal(literal) => self.literal(literal, is_last)?,
                Step::Number(number, form) => {
                    let value = self.number(*number, *form)?;
                    self.keep(*number, value, parts, sizes)?;
                }
                Step::Text(text, form, extent) => {
                    let size = match text {
                        Text::Topic => sizes.topic,
                        Text::Key => sizes.key,
                        Text::Value => sizes.value,
                    };
                    let bytes = self.text(*text, extent, size, is_last)?;
                    let bytes = Some(decoded(bytes, *text, *form).map_err(Short::Wrong)?);
                    match text {
                        Text::Topic => {}
                        Text::Key => parts.key = bytes,
                        Text::Value => parts.value = bytes,
                    }
                }
                Step::Headers(steps) => {
                    for _ in 0..sizes.headers {
                        let mut header = Parts::default();
                        self.run(steps, true, &mut header, &mut Sizes::default())?;
                        let name = header.key.unwrap_or_default();
                        parts.headers.push((name, header.value.unwrap_or_default()));
                    }
                }
            }
        }
        Ok(())
    }

    fn literal(&mut self, literal: &Delimiter, is_last: bool) -> Result<(), Short> {
        let (rest, expected) = (self.rest(), literal.bytes.as_slice());
        if rest.starts_with(expected) {
            self.at += expected.len();
            return Ok(());
        }
        if expected.starts_with(rest) && !(self.complete && is_last && rest.is_empty()) {
            return Err(self.missing(ReadError::CutOff));
        }
        if rest.is_empty() {
            return Ok(());
        }
        Err(Short::Wrong(ReadError::NoLiteral {
            literal: literal.shown(),
        }))
    }

    fn number(&mut self, number: Number, form: NumberForm) -> Result<i64, Short> {
        let extent = form.extent(self.rest(), self.complete);
        let extent = extent.ok_or_else(|| self.missing(ReadError::CutOff))?;
        let verb = number.verb();
        form.read(self.take(extent))
            .ok_or(Short::Wrong(ReadError::NoNumber { verb }))
    }

    fn keep(
        &self,
        number: Number,
        value: i64,
        parts: &mut Parts<'a>,
        sizes: &mut Sizes,
    ) -> Result<(), Short> {
        let verb = number.verb();
        let size =
            || usize::try_from(value).map_err(|_| Short::Wrong(ReadError::NoNumber { verb }));
        match number {
            Number::Partition => parts.partition = Some(value),
            Number::Offset => {}
            Number::Timestamp => parts.timestamp = Some(value),
            Number::Length(Text::Topic) => sizes.topic = size()?,
            Number::Length(Text::Key) => sizes.key = size()?,
            Number::Length(Text::Value) => sizes.value = size()?,
            Number::HeaderCount => sizes.headers = size()?,
        }
        Ok(())
    }

    fn text(
        &mut self,
        text: Text,
        extent: &Extent,
        size: usize,
        is_last: bool,
    ) -> Result<&'a [u8], Short> {
        let rest = self.rest();
        match extent {
            Extent::Sized if rest.len() >= size => Ok(self.take(size)),
            Extent::Sized => Err(self.missing(ReadError::CutOff)),
            Extent::Rest if self.complete => Ok(self.take(rest.len())),
            Extent::Rest => Err(Short::More),
            Extent::Until(delimiter) => match delimiter.find(rest) {
                Some(end) => {
                    let taken = self.take(end);
                    self.at += delimiter.bytes.len();
                    Ok(taken)
                }
                None if self.complete && is_last => Ok(self.take(rest.len())),
                None => Err(self.missing(ReadError::NoDelimiter {
                    delimiter: delimiter.shown(),
                    verb: text.verb(),
                })),
            },
        }
    }
}

fn decoded(bytes: &[u8], text: Text, form: TextForm) -> Result<Cow<'_, [u8]>, ReadError> {
    let verb = text.verb();
    let (decoded, form) = match form {
        TextForm::Plain => return Ok(Cow::Borrowed(bytes)),
        TextForm::Hex => (unhex(bytes), "hexadecimal"),
        TextForm::Base64 => (STANDARD.decode(bytes).ok(), "base64"),
        TextForm::Base64Raw => (STANDARD_NO_PAD.decode(bytes).ok(), "base64 without padding"),
    };
    decoded
        .map(Cow::Owned)
        .ok_or(ReadError::NotEncoded { verb, form })
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    text.chunks(2).map(pair).collect()
}
