//! Which values can stand in the line as the JSON they are.

use super::BASE64;
use super::text::{CLASSES, Class, hostile};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::fmt;

/// Deeper values are written as a string: many JSON readers stop at 128 levels, and the line is one itself.
const DEEPEST: u32 = 100;
/// Longer numbers, and exponents of more digits, are beyond what many readers can hold.
const LONGEST_NUMBER: usize = 300;
const LONGEST_EXPONENT: usize = 2;

/// Whether the value may stand in the line as it is, to be read back byte for byte, and be read by everybody.
pub(super) fn can_nest(text: &str) -> bool {
    // Strings and `null` have a meaning of their own in the line.
    let promising = matches!(
        text.as_bytes().first(),
        Some(b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f')
    );
    if !promising {
        return false;
    }
    let mut scan = Scan {
        json: text.as_bytes(),
        at: 0,
        objects: 0,
        depth: 0,
        outer_commas: 0,
    };
    // What has one member may be the base64 form.
    scan.document().is_some() && (scan.outer_commas > 0 || base64_text(text).is_none())
}

/// One pass over the text of a value, which goes on as long as it is JSON that may be nested: valid, in one line,
/// without characters that a terminal could obey, not too deep, no huge numbers, no half of a surrogate pair.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
    /// A bit a level, the innermost last: whether it is an object. [`DEEPEST`] of them fit.
    objects: u128,
    depth: u32,
    /// Commas between the members of the outermost array or object.
    outer_commas: usize,
}

impl Scan<'_> {
    /// The whole text; `None` where it is not as it should be.
    fn document(&mut self) -> Option<()> {
        loop {
            // Where a value begins.
            match self.peek()? {
                b'{' => {
                    self.open(true)?;
                    self.spaces();
                    if self.peek()? == b'}' {
                        self.close()?;
                    } else {
                        self.name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.open(false)?;
                    self.spaces();
                    if self.peek()? == b']' {
                        self.close()?;
                    } else {
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // Behind a value: what is open goes on or ends.
            loop {
                if self.depth == 0 {
                    return (self.at == self.json.len()).then_some(());
                }
                self.spaces();
                let in_object = self.objects & 1 == 1;
                match (self.peek()?, in_object) {
                    (b',', _) => {
                        self.at += 1;
                        self.outer_commas += usize::from(self.depth == 1);
                        self.spaces();
                        if in_object {
                            self.name()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => self.close()?,
                    _ => return None,
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// The other white space would break the line, or is a control character.
    fn spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn open(&mut self, object: bool) -> Option<()> {
        self.at += 1;
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        (self.depth <= DEEPEST).then_some(())
    }

    fn close(&mut self) -> Option<()> {
        self.at += 1;
        self.objects >>= 1;
        self.depth = self.depth.checked_sub(1)?;
        Some(())
    }

    /// A member's name, up to where its value begins.
    fn name(&mut self) -> Option<()> {
        (self.peek()? == b'"').then_some(())?;
        self.string()?;
        self.spaces();
        (self.peek()? == b':').then_some(())?;
        self.at += 1;
        self.spaces();
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.json[self.at..].starts_with(word).then_some(())?;
        self.at += word.len();
        Some(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let start = self.at;
        match (self.peek()?, self.digits()) {
            (_, 0) | (b'0', 2..) => return None,
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            (self.digits() > 0).then_some(())?;
        }
        (self.at - start <= LONGEST_NUMBER).then_some(())?;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            (1..=LONGEST_EXPONENT)
                .contains(&self.digits())
                .then_some(())?;
        }
        Some(())
    }

    /// From its opening quote to behind its closing one.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match CLASSES[usize::from(self.peek()?)] {
                Class::Plain => self.at += 1,
                Class::Quote => {
                    self.at += 1;
                    return Some(());
                }
                Class::Backslash => self.escape()?,
                Class::Control => return None,
                Class::Suspicious if hostile(&self.json[self.at..]).is_some() => return None,
                Class::Suspicious => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.json.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => match self.unit()? {
                0xd800..=0xdbff => (0xdc00..=0xdfff).contains(&self.unit()?).then_some(())?,
                0xdc00..=0xdfff => return None,
                _ => {}
            },
            _ => return None,
        }
        Some(())
    }

    /// The UTF-16 unit that `\uXXXX` here stands for.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.json.get(self.at..self.at + 6)?.strip_prefix(b"\\u")?;
        self.at += 6;
        digits.iter().try_fold(0, |unit, digit| {
            Some(unit << 4 | char::from(*digit).to_digit(16)?)
        })
    }
}

/// What stands in `{"base64":"…"}`; `None` for any other JSON. Writing and reading both ask here, so that there
/// is no document they could disagree about.
pub(super) fn base64_text(json: &str) -> Option<String> {
    struct Form;

    impl<'de> Visitor<'de> for Form {
        type Value = String;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "{{\"{BASE64}\":\"…\"}}")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
            if map.next_key::<String>()?.as_deref() != Some(BASE64) {
                return Err(A::Error::custom("another object"));
            }
            let text = map.next_value()?;
            match map.next_key::<String>()? {
                None => Ok(text),
                Some(_) => Err(A::Error::custom("another object")),
            }
        }
    }

    if !json.starts_with('{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let text = reader.deserialize_map(Form).ok()?;
    reader.end().ok()?;
    Some(text)
}
