//! How a template is read, found out once.
//!
//! A text ends where the literal after it begins, or has the length that a number before it gave. Where the last
//! literal occurs nowhere else and nothing is binary, as in `%k\t%v\n`, it ends the record: another literal that is
//! not found before it is missing in this very record, rather than found in a later one.

use super::number::NumberForm;
use super::{Number, Piece, Template, Text, TextForm, parse::TemplateError};
use memchr::memmem::Finder;

/// Reads records; made by [`Template::reader`].
#[derive(Clone, Debug)]
pub struct Reader {
    /// The template, as it was typed.
    text: String,
    pub(super) steps: Vec<Step>,
    /// What ends a record, where it cannot be anything else; the steps are without it then.
    pub(super) terminator: Option<Delimiter>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Literal(Delimiter),
    Number(Number, NumberForm),
    Text(Text, TextForm, Extent),
    Headers(Vec<Step>),
}

#[derive(Clone, Debug)]
pub(super) enum Extent {
    /// Takes the delimiter, too.
    Until(Delimiter),
    /// As a number before it says.
    Sized,
    Rest,
}

#[derive(Clone, Debug)]
pub(super) struct Delimiter {
    pub(super) bytes: Vec<u8>,
    finder: Box<Finder<'static>>,
}

impl Delimiter {
    fn new(bytes: &[u8]) -> Self {
        Delimiter {
            bytes: bytes.to_vec(),
            finder: Box::new(Finder::new(bytes).into_owned()),
        }
    }

    pub(super) fn find(&self, input: &[u8]) -> Option<usize> {
        match self.bytes.as_slice() {
            [byte] => memchr::memchr(*byte, input),
            _ => self.finder.find(input),
        }
    }

    pub(super) fn shown(&self) -> String {
        self.bytes.escape_ascii().to_string()
    }
}

impl Template {
    /// The template as one of input.
    ///
    /// # Errors
    /// It cannot tell where a text ends, holds neither key nor value, or a verb that cannot be read.
    pub fn reader(&self) -> Result<Reader, TemplateError> {
        let refused = |reason: String| TemplateError {
            position: 1,
            reason: format!("`{self}` cannot be read: {reason}"),
        };
        let mut pieces = self.pieces.as_slice();
        let terminator = match pieces {
            [rest @ .., Piece::Literal(last)] if ends_records(rest, last) => {
                pieces = rest;
                Some(Delimiter::new(last))
            }
            _ => None,
        };
        let has = |text| {
            let is_it = |piece: &Piece| matches!(piece, Piece::Text(found, _) if *found == text);
            self.pieces.iter().any(is_it)
        };
        if !has(Text::Key) && !has(Text::Value) {
            return Err(refused("it holds neither `%k` nor `%v`".to_owned()));
        }
        let steps = steps(pieces, false).map_err(refused)?;
        Ok(Reader {
            text: self.text.clone(),
            steps,
            terminator,
        })
    }
}

impl std::fmt::Display for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Whether `last` can be told from everything before it.
fn ends_records(pieces: &[Piece], last: &[u8]) -> bool {
    let sized = |text| {
        let is_length =
            |piece: &Piece| matches!(piece, Piece::Number(Number::Length(of), _) if *of == text);
        pieces.iter().any(is_length)
    };
    pieces.iter().all(|piece| match piece {
        Piece::Literal(bytes) => memchr::memmem::find(bytes, last).is_none(),
        Piece::Number(_, form) => !form.is_binary(),
        Piece::Text(text, _) => !sized(*text),
        Piece::Headers(inner) => ends_records(inner, last),
        Piece::Time(_) => true,
    })
}

fn steps(pieces: &[Piece], in_header: bool) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut seen: Vec<&'static str> = Vec::new();
    let mut rest = pieces;
    while let [piece, after @ ..] = rest {
        rest = after;
        let verb = match piece {
            Piece::Literal(_) => None,
            Piece::Text(text, _) => Some(text.verb()),
            Piece::Number(number, _) => Some(number.verb()),
            Piece::Headers(_) => Some("%h"),
            Piece::Time(_) => Some(Number::Timestamp.verb()),
        };
        if let Some(verb) = verb {
            if seen.contains(&verb) {
                return Err(format!("it holds `{verb}` twice"));
            }
            seen.push(verb);
        }
        steps.push(match piece {
            Piece::Time(_) => return Err("`%d` is read in milliseconds".to_owned()),
            Piece::Literal(bytes) => Step::Literal(Delimiter::new(bytes)),
            Piece::Number(number, form) => Step::Number(*number, *form),
            Piece::Text(text, form) => {
                let extent = match after {
                    _ if seen.contains(&Number::Length(*text).verb()) => Extent::Sized,
                    [Piece::Literal(bytes), further @ ..] => {
                        rest = further;
                        Extent::Until(Delimiter::new(bytes))
                    }
                    [] if !in_header => Extent::Rest,
                    _ => {
                        let verb = text.verb();
                        return Err(format!("nothing says where `{verb}` ends"));
                    }
                };
                Step::Text(*text, *form, extent)
            }
            Piece::Headers(inner) => {
                if !seen.contains(&Number::HeaderCount.verb()) {
                    return Err("`%h{…}` needs the number of headers, `%H`, before it".to_owned());
                }
                Step::Headers(self::steps(inner, true)?)
            }
        });
    }
    Ok(steps)
}
