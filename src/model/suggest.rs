//! "Did you mean …?"

/// How alike two words must be, from 0 to 1: what takes `orders` to `order-created`, and not much more.
const CLOSE_ENOUGH: f64 = 0.8;

/// The candidate most like `word`, when one is close enough to be what was meant. Of equals the first wins.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(&word, &candidate.to_lowercase());
        if likeness >= best.map_or(CLOSE_ENOUGH, |(best, _)| best)
            && best.is_none_or(|(best, _)| likeness > best)
        {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The end of an error's sentence: `, did you mean …?`, or nothing.
pub(crate) fn clause(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!(", did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_close_is_suggested() {
        let topics = [
            "order-cancelled",
            "order-created",
            "payment-processed",
            "user-registered",
        ];
        let cases = [
            ("order-craeted", Some("order-created")),
            ("Order-Created", Some("order-created")),
            ("orders", Some("order-created")),
            ("payments-processed", Some("payment-processed")),
            ("invoice", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(closest(word, topics), expected, "{word}");
        }
    }
}
