//! How a record is written out, or read in, by a pattern: `'%k\t%v\n'`, in the words of kcl and rpk.
//!
//! | verb | stands for | form in braces |
//! |---|---|---|
//! | `%t` `%k` `%v` | topic, key, value | `{hex}` `{base64}` `{base64raw}` (without padding) |
//! | `%T` `%K` `%V` | their lengths in bytes | of numbers |
//! | `%p` `%o` | partition, offset | of numbers |
//! | `%d` | timestamp, milliseconds since 1970-01-01 UTC; -1 when the record has none | of numbers, or `{rfc3339}`, `{strftime[%F %T]}` (UTC) |
//! | `%H` | number of headers | of numbers |
//! | `%h{…}` | the braces' pattern for each header: `%k` `%v` `%K` `%V` | |
//! | `%%` `%{` `%}` | the character itself | |
//!
//! Forms of numbers: `{ascii}` (the default; `{number}`), `{hex}`, `{hex64}` `{hex32}` `{hex16}` `{hex8}` `{hex4}`
//! (that many bits), `{big64}` … `{big8}`, `{little64}` … `{little8}`, `{byte}`, `{bool}`. Escapes: `\t` `\n` `\r`
//! `\0` `\\` `\xNN`. A brace that does not follow a verb is itself.
//!
//! Read, a text ends where the literal behind it begins, or where a length before it says (`%K%k`); a partition and
//! a timestamp are kept, a topic and an offset are passed over.
//!
//! Null and empty are both written as nothing: what has to tell them apart is the record as JSON.

mod number;
mod parse;
mod read;
mod reader;
mod write;

pub use parse::TemplateError;
pub use read::{HeaderParts, Parts, ReadError};
pub use reader::Reader;

use number::NumberForm;

/// A pattern of records; see [`self`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

impl Template {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Text(Text, TextForm),
    Number(Number, NumberForm),
    Time(TimeForm),
    Headers(Vec<Piece>),
}

/// Within `%h{…}` the key is the header's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Topic,
    Key,
    Value,
}

impl Text {
    fn verb(self) -> &'static str {
        match self {
            Text::Topic => "%t",
            Text::Key => "%k",
            Text::Value => "%v",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextForm {
    Plain,
    Hex,
    Base64,
    Base64Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Partition,
    Offset,
    Timestamp,
    Length(Text),
    HeaderCount,
}

impl Number {
    fn verb(self) -> &'static str {
        match self {
            Number::Partition => "%p",
            Number::Offset => "%o",
            Number::Timestamp => "%d",
            Number::Length(Text::Topic) => "%T",
            Number::Length(Text::Key) => "%K",
            Number::Length(Text::Value) => "%V",
            Number::HeaderCount => "%H",
        }
    }
}

/// Milliseconds are a [`Number`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum TimeForm {
    Rfc3339,
    Strftime(String),
}

#[cfg(test)]
mod tests;
