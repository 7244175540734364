//! The words a name is made of.

/// `OrderCreated` is `Order`, `Created`; `HTTPCallFailed` is `HTTP`, `Call`, `Failed`.
pub(super) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map(|before| letters[before]);
        let next_is_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let starts = letter.is_uppercase()
            && before.is_none_or(|before| !before.is_uppercase() || next_is_small);
        match words.last_mut() {
            Some(word) if !starts => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `OrderCreated` is `order-created`.
pub fn kebab(name: &str) -> String {
    words(name).join("-").to_lowercase()
}

/// `order-created`, and `order created`, is `OrderCreated`.
pub fn pascal(name: &str) -> String {
    let capital = |word: &String| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    words(name).iter().map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_from_one_form_to_the_other() {
        let cases = [
            ("OrderCreated", "order-created", "OrderCreated"),
            ("order-created", "order-created", "OrderCreated"),
            ("order created", "order-created", "OrderCreated"),
            ("order.created_v2", "order-created-v2", "OrderCreatedV2"),
            ("HTTPCallFailed", "http-call-failed", "HTTPCallFailed"),
            ("", "", ""),
        ];
        for (name, as_kebab, as_pascal) in cases {
            assert_eq!(
                (kebab(name).as_str(), pascal(name).as_str()),
                (as_kebab, as_pascal),
                "{name}"
            );
        }
    }
}
