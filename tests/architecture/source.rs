//! A source without what the rules are not about: comments, what strings hold, and tests.

/// Blanks out comments, the insides of strings, and characters; line breaks stay, so that line numbers hold.
pub fn bare(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut bare = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        let is_word = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
        let length = match rest {
            ['/', '/', ..] => rest.iter().take_while(|letter| **letter != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['r', '"' | '#', ..] if !is_word => {
                raw_string(&rest[1..]).map_or(0, |length| length + 1)
            }
            ['b' | 'c', 'r', '"' | '#', ..] if !is_word => {
                raw_string(&rest[2..]).map_or(0, |length| length + 2)
            }
            ['"', ..] => string(rest),
            ['\'', ..] => character(rest),
            _ => 0,
        };
        if length == 0 {
            bare.push(letters[at]);
            at += 1;
            continue;
        }
        bare.extend(
            rest[..length]
                .iter()
                .map(|letter| if *letter == '\n' { '\n' } else { ' ' }),
        );
        at += length;
    }
    bare
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|letter| **letter == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None; // A raw identifier, r#type.
    }
    let mut at = hashes + 1;
    while at < rest.len() {
        let closing = rest[at + 1..]
            .iter()
            .take(hashes)
            .filter(|letter| **letter == '#')
            .count();
        at += 1;
        if rest[at - 1] == '"' && closing == hashes {
            return Some(at + hashes);
        }
    }
    Some(rest.len())
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, after @ ..] => {
            3 + after
                .iter()
                .position(|letter| *letter == '\'')
                .map_or(0, |closing| closing + 1)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// Blanks out what is only compiled for tests: `#[cfg(test)]` and the item after it.
pub fn without_tests(bare: &str) -> String {
    let mut text = bare.to_owned();
    while let Some(start) = text.find("#[cfg(test)]") {
        let end = start + item(&text[start..]);
        let blank: String = text[start..end]
            .chars()
            .map(|letter| if letter == '\n' { '\n' } else { ' ' })
            .collect();
        text.replace_range(start..end, &blank);
    }
    text
}

/// Up to the semicolon or the closing brace that ends the item.
fn item(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A word or a mark of a source, and the line it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// Words, `::`, and single marks.
pub fn tokens(bare: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = bare;
    while let Some(letter) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = if is_word(letter) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            letter.len_utf8()
        };
        if letter == '\n' {
            line += 1;
        } else if !letter.is_whitespace() {
            tokens.push(Token {
                text: &rest[..length],
                line,
            });
        }
        rest = &rest[length..];
    }
    tokens
}

#[test]
fn comments_and_strings_are_blank() {
    let cases = [
        ("a // clap::x\nb", "a b"),
        ("a /* x /* y */\n z */ b", "a b"),
        (r#"f("clap \" x") y"#, "f( ) y"),
        (r###"f(r#"a " b"#, r"c") y"###, "f( , ) y"),
        ("match 'x' { '\\'' => f::<'a>() }", "match { => f::<'a>() }"),
        ("r#type b\"x\" y", "r#type b y"),
        ("\"\\\\\" y '\"' z", "y z"),
    ];
    for (text, expected) in cases {
        let bare = bare(text);
        let words: Vec<&str> = bare.split_whitespace().collect();
        assert_eq!(words.join(" "), expected, "{text}");
        assert_eq!(bare.lines().count(), text.lines().count(), "{text}");
    }
}

#[test]
fn what_is_only_for_tests_is_blank() {
    let text = "use a;\n#[cfg(test)]\nmod tests;\nfn f() {}\n#[cfg(test)]\nmod more {\n fn g() { [x; 2]; }\n}\nfn h() {}";
    let left = without_tests(text);
    let words: Vec<&str> = left.split_whitespace().collect();
    assert_eq!(words, ["use", "a;", "fn", "f()", "{}", "fn", "h()", "{}"]);
    assert_eq!(left.lines().count(), text.lines().count());
}
