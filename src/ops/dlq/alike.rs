//! What is alike in two messages of the same failure: all but the ids and amounts that are told in it.

/// What stands for an id.
const ID: char = '#';

/// Digits of a number that may mean something of its own, as the status of an HTTP response does.
const TELLING: usize = 3;

/// The message with each word that has a digit in it replaced by `#`, but for short numbers: `card declined for order-7`
/// becomes `card declined for #`, and `HTTP status 503` stays. Written into `room` where something is to be replaced.
pub(super) fn alike<'a>(message: &'a str, room: &'a mut String) -> &'a str {
    if !message.bytes().any(|byte| byte.is_ascii_digit()) {
        return message;
    }
    room.clear();
    let mut rest = message;
    while !rest.is_empty() {
        let length = rest.find(|one| !is_of_word(one)).unwrap_or(rest.len());
        if length == 0 {
            let next = rest.find(is_of_word).unwrap_or(rest.len());
            room.push_str(&rest[..next]);
            rest = &rest[next..];
            continue;
        }
        // A full stop, a colon or a dash at its end is the sentence's.
        let word = rest[..length].trim_end_matches(['.', ':', '-']);
        match is_id(word) {
            true => room.push(ID),
            false => room.push_str(word),
        }
        room.push_str(&rest[word.len()..length]);
        rest = &rest[length..];
    }
    room
}

/// Of what ids, times, amounts and addresses are made.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | ':')
}

fn is_id(word: &str) -> bool {
    let is_telling = word.len() <= TELLING && word.bytes().all(|byte| byte.is_ascii_digit());
    !is_telling && word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_left_out_and_short_numbers_stay() {
        for (message, expected) in [
            ("", ""),
            ("card declined", "card declined"),
            ("card declined for order-7", "card declined for #"),
            ("no such user user_456: order-9.", "no such user #: #."),
            (
                "HTTP status 503 from http://pay:8080/",
                "HTTP status 503 from http://#/",
            ),
            ("f47ac10b-58cc-4372-a567-0e02b2c3d479 gone", "# gone"),
            ("129.99 is over 100", "# is over 100"),
            ("größe 1234 → 7", "größe # → 7"),
            ("at 2026-11-30T17:00:00.123Z: timed out", "at #: timed out"),
        ] {
            assert_eq!(alike(message, &mut String::new()), expected, "{message}");
        }
    }
}
