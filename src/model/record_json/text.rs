//! Text in the line: quoted, with everything escaped that JSON or a terminal does not take as it is.

/// What the scanners of the line do at a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing: it is text.
    Plain,
    Quote,
    Backslash,
    /// A control character, DEL too.
    Control,
    /// May begin one of the hostile characters beyond ASCII.
    Suspicious,
}

/// By byte: most of a text is passed over with one look a byte.
pub(super) static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Plain; 256];
    let mut control = 0;
    while control < b' ' as usize {
        classes[control] = Class::Control;
        control += 1;
    }
    classes[0x7f] = Class::Control;
    classes[b'"' as usize] = Class::Quote;
    classes[b'\\' as usize] = Class::Backslash;
    classes[0xc2] = Class::Suspicious;
    classes[0xe2] = Class::Suspicious;
    classes
}

/// The hostile character beyond ASCII (see [`is_hostile`](super::is_hostile)) at the start of these bytes, which
/// are UTF-8, and how many bytes it has.
pub(super) fn hostile(bytes: &[u8]) -> Option<(u32, usize)> {
    match *bytes {
        [0xc2, second @ 0x80..=0x9f, ..] => Some((second.into(), 2)),
        [0xe2, 0x80, third @ 0xaa..=0xae, ..] => Some((0x2000 + u32::from(third) - 0x80, 3)),
        [0xe2, 0x81, third @ 0xa6..=0xa9, ..] => Some((0x2040 + u32::from(third) - 0x80, 3)),
        _ => None,
    }
}

/// Appends the text as a JSON string.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

/// Appends what stands between the quotes of a JSON string.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // Up to `done` everything is written.
    let (mut done, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let class = CLASSES[usize::from(byte)];
        let (code, length) = match class {
            Class::Plain => {
                at += 1;
                continue;
            }
            Class::Suspicious => match hostile(&bytes[at..]) {
                Some(found) => found,
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => (byte.into(), 1),
        };
        out.extend_from_slice(&bytes[done..at]);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            // All of them are in the Basic Multilingual Plane: one escape is enough.
            _ => {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = usize::try_from(code >> shift & 0xf).unwrap_or_default();
                    out.push(b"0123456789abcdef"[digit]);
                }
            }
        }
        at += length;
        done = at;
    }
    out.extend_from_slice(&bytes[done..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record_json::is_hostile;

    #[test]
    fn every_character_is_as_serde_json_has_it_unless_it_is_hostile() {
        for character in char::MIN..=char::MAX {
            let text = format!("a{character}b");
            let mut quoted = Vec::new();
            quote(&text, &mut quoted);
            let expected = match is_hostile(character) {
                true => format!("\"a\\u{:04x}b\"", u32::from(character)),
                false => serde_json::to_string(&text).unwrap(),
            };
            assert_eq!(String::from_utf8(quoted).unwrap(), expected);
        }
    }
}
