//! From what was typed to a template.

use super::number::{FORMS, NumberForm};
use super::{Number, Piece, Template, Text, TextForm, TimeForm};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use std::str::FromStr;
use thiserror::Error;

/// Why a text is no template, and where: characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("position {position}: {reason}")]
pub struct TemplateError {
    pub position: usize,
    pub reason: String,
}

const VERBS: &str = "%t %k %v %T %K %V %p %o %d %H %h{…} %%";
const HEADER_VERBS: &str = "%k %v %K %V %%";

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parser = Parser {
            characters: text.chars().collect(),
            at: 0,
        };
        let pieces = parser.pieces(false)?;
        Ok(Template {
            text: text.to_owned(),
            pieces,
        })
    }
}

struct Parser {
    characters: Vec<char>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<char> {
        let next = self.characters.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    /// An error about the character at this index.
    fn wrong(&self, at: usize, reason: impl Into<String>) -> TemplateError {
        TemplateError {
            position: at + 1,
            reason: reason.into(),
        }
    }

    /// Up to the end, or, within `%h{…}`, up to its closing brace.
    fn pieces(&mut self, in_header: bool) -> Result<Vec<Piece>, TemplateError> {
        let opened = self.at;
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        loop {
            let at = self.at;
            let Some(character) = self.next() else {
                if in_header {
                    return Err(self.wrong(opened - 1, "`{` is never closed"));
                }
                break;
            };
            match character {
                '}' if in_header => break,
                '\\' => literal.push(self.escape(at)?),
                '%' => match self.verb(at, in_header)? {
                    Piece::Literal(bytes) => literal.extend(bytes),
                    piece => {
                        flush(&mut literal, &mut pieces);
                        pieces.push(piece);
                    }
                },
                other => literal.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        flush(&mut literal, &mut pieces);
        Ok(pieces)
    }

    fn escape(&mut self, at: usize) -> Result<u8, TemplateError> {
        Ok(match self.next() {
            Some('t') => b'\t',
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let mut digit = || self.next()?.to_digit(16);
                let byte = digit().zip(digit()).map(|(high, low)| high << 4 | low);
                let byte = byte.and_then(|byte| u8::try_from(byte).ok());
                byte.ok_or_else(|| self.wrong(at, "`\\x` takes two hexadecimal digits"))?
            }
            Some(other) => {
                let reason =
                    format!("`\\{other}` is not known; known are \\t \\n \\r \\0 \\\\ \\xNN");
                return Err(self.wrong(at, reason));
            }
            None => return Err(self.wrong(at, "a lone `\\` at the end; `\\\\` is a backslash")),
        })
    }

    fn verb(&mut self, at: usize, in_header: bool) -> Result<Piece, TemplateError> {
        let Some(verb) = self.next() else {
            return Err(self.wrong(at, "a lone `%` at the end; `%%` is a per cent sign"));
        };
        let text = |verb| match verb {
            't' | 'T' => Text::Topic,
            'k' | 'K' => Text::Key,
            _ => Text::Value,
        };
        match verb {
            '%' | '{' | '}' => Ok(Piece::Literal(vec![u8::try_from(verb).unwrap_or(b'%')])),
            'k' | 'v' => self.text(text(verb)),
            'K' | 'V' => self.number(Number::Length(text(verb))),
            't' if !in_header => self.text(text(verb)),
            'T' if !in_header => self.number(Number::Length(text(verb))),
            'p' if !in_header => self.number(Number::Partition),
            'o' if !in_header => self.number(Number::Offset),
            'H' if !in_header => self.number(Number::HeaderCount),
            'd' if !in_header => self.time(),
            'h' if !in_header => {
                if self.next() != Some('{') {
                    let reason = "`%h` takes a pattern in braces, such as `%h{%k=%v }`";
                    return Err(self.wrong(at, reason));
                }
                Ok(Piece::Headers(self.pieces(true)?))
            }
            other => {
                let (place, known) = match in_header {
                    true => (" within `%h{…}`", HEADER_VERBS),
                    false => ("", VERBS),
                };
                let reason = format!("`%{other}` is not known{place}; known are {known}");
                Err(self.wrong(at, reason))
            }
        }
    }

    /// What stands in braces after a verb, and where.
    fn form(&mut self) -> Result<Option<(usize, String)>, TemplateError> {
        if self.characters.get(self.at) != Some(&'{') {
            return Ok(None);
        }
        let start = self.at + 1;
        let length = self.characters[start..].iter().position(|&c| c == '}');
        let Some(length) = length else {
            return Err(self.wrong(self.at, "`{` is never closed; `%{` is a brace after a verb"));
        };
        self.at = start + length + 1;
        Ok(Some((
            start,
            self.characters[start..start + length].iter().collect(),
        )))
    }

    fn text(&mut self, text: Text) -> Result<Piece, TemplateError> {
        let form = match self.form()? {
            None => TextForm::Plain,
            Some((at, name)) => match name.as_str() {
                "hex" => TextForm::Hex,
                "base64" => TextForm::Base64,
                "base64raw" => TextForm::Base64Raw,
                other => {
                    let reason = format!(
                        "`{other}` is not a form of `{}`; known are hex, base64, base64raw",
                        text.verb()
                    );
                    return Err(self.wrong(at, reason));
                }
            },
        };
        Ok(Piece::Text(text, form))
    }

    fn number(&mut self, number: Number) -> Result<Piece, TemplateError> {
        let form = match self.form()? {
            None => NumberForm::Decimal,
            Some((at, name)) => self.number_form(at, &name, number, "")?,
        };
        Ok(Piece::Number(number, form))
    }

    fn number_form(
        &self,
        at: usize,
        name: &str,
        number: Number,
        others: &str,
    ) -> Result<NumberForm, TemplateError> {
        let found = FORMS.iter().find(|(known, _)| *known == name);
        found.map(|(_, form)| *form).ok_or_else(|| {
            let known: Vec<&str> = FORMS.iter().map(|(known, _)| *known).collect();
            let reason = format!(
                "`{name}` is not a form of `{}`; known are {others}{}",
                number.verb(),
                known.join(", ")
            );
            self.wrong(at, reason)
        })
    }

    fn time(&mut self) -> Result<Piece, TemplateError> {
        let Some((at, name)) = self.form()? else {
            return Ok(Piece::Number(Number::Timestamp, NumberForm::Decimal));
        };
        if name == "rfc3339" {
            return Ok(Piece::Time(TimeForm::Rfc3339));
        }
        let form = name.strip_prefix("strftime[");
        if let Some(form) = form.and_then(|rest| rest.strip_suffix(']')) {
            let sample = BrokenDownTime::from(Timestamp::UNIX_EPOCH);
            return match sample.to_string(form) {
                Ok(_) => Ok(Piece::Time(TimeForm::Strftime(form.to_owned()))),
                Err(error) => Err(self.wrong(at, format!("`{form}` is no form of time: {error}"))),
            };
        }
        let others = "rfc3339, strftime[%F %T], ";
        let form = self.number_form(at, &name, Number::Timestamp, others)?;
        Ok(Piece::Number(Number::Timestamp, form))
    }
}

fn flush(literal: &mut Vec<u8>, pieces: &mut Vec<Piece>) {
    if !literal.is_empty() {
        pieces.push(Piece::Literal(std::mem::take(literal)));
    }
}
