//! How a JSON text is laid out: its spaces and line breaks, and nothing else. Names, texts and numbers stay as they were
//! written, for to read them and to write them again would round some and respell others.

/// The text without the spaces between its parts. Of what is no JSON the spaces outside of quotes go, too.
pub fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    for part in Parts(json) {
        compact.push_str(part);
    }
    compact
}

/// The text with each member and each item on a line of its own, without a line break at its end.
pub fn pretty(json: &str) -> String {
    let mut pretty = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut parts = Parts(json).peekable();
    let line = |pretty: &mut String, depth: usize| {
        pretty.push('\n');
        pretty.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(part) = parts.next() {
        match part {
            "{" | "[" => {
                pretty.push_str(part);
                if let Some(end) = parts.next_if(|next| matches!(*next, "}" | "]")) {
                    pretty.push_str(end);
                } else {
                    depth += 1;
                    line(&mut pretty, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                line(&mut pretty, depth);
                pretty.push_str(part);
            }
            "," => {
                pretty.push(',');
                line(&mut pretty, depth);
            }
            ":" => pretty.push_str(": "),
            other => pretty.push_str(other),
        }
    }
    pretty
}

/// Whether both are the same JSON but for the layout. Bytes that are no JSON are the same only as they are.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    let json = |bytes| -> Option<String> {
        let json: &serde_json::value::RawValue = serde_json::from_slice(bytes).ok()?;
        Some(compact(json.get()))
    };
    one == other || json(one).is_some_and(|one| Some(one) == json(other))
}

/// The parts of a JSON text: brackets, commas, colons, texts, and words, which numbers are too.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_ascii_start();
        let length = match rest.as_bytes().first()? {
            b'"' => text(rest.as_bytes()),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest
                .find(|c: char| c.is_ascii_whitespace() || "{}[],:\"".contains(c))
                .unwrap_or(rest.len()),
        };
        let (part, rest) = rest.split_at(length);
        self.0 = rest;
        Some(part)
    }
}

/// How long the text in quotes is, with its quotes.
fn text(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            // Whatever is escaped does not end it; a character of several bytes is no quote in any of them.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "{ \"a\" :[ 1.50,\n{ }, [ ] ,\"x: \\\" {}\\\\\"],\t\"größe\":{\"b\": 1e400 , \"c\":null} }\n";

    #[test]
    fn only_the_layout_changes() {
        let short = r#"{"a":[1.50,{},[],"x: \" {}\\"],"größe":{"b":1e400,"c":null}}"#;
        assert_eq!(compact(JSON), short);
        let long = r#"{
  "a": [
    1.50,
    {},
    [],
    "x: \" {}\\"
  ],
  "größe": {
    "b": 1e400,
    "c": null
  }
}"#;
        assert_eq!(pretty(JSON), long);
        assert_eq!(
            (pretty(short).as_str(), compact(long).as_str()),
            (long, short)
        );
    }

    #[test]
    fn what_is_no_json_is_no_trouble() {
        for (text, expected) in [
            ("", ""),
            ("\"a", "\"a"),
            ("\"\\", "\"\\"),
            ("}]", "}]"),
            ("a b", "ab"),
        ] {
            assert_eq!(compact(text), expected);
            pretty(text);
        }
    }

    #[test]
    fn the_same_is_the_same_in_any_layout() {
        assert!(is_same(b"{\"a\": 1}", b"{\"a\":1}\n"));
        assert!(is_same(b"\xff", b"\xff") && is_same(b"a b", b"a b"));
        assert!(!is_same(b"{\"a\":1}", b"{\"a\":1.0}"));
        assert!(!is_same(b"a b", b"ab"), "no JSON");
        assert!(!is_same(b"\"a b\"", b"\"ab\""));
    }
}
