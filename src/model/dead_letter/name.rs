//! The names of dead-letter topics.

/// How a dead-letter topic is called unless the user says otherwise.
pub const DEFAULT_TEMPLATE: &str = "{topic}.dlq";

/// The dead-letter topic of `topic` for `group`, by a template such as `{topic}.dlq` or `{topic}.{group}.dlq`.
/// The result may be no valid topic name: a group may be called anything.
pub fn topic_for(template: &str, topic: &str, group: &str) -> String {
    // In one pass: a topic's or group's name that looks like a placeholder is not one.
    let mut name = String::with_capacity(template.len() + topic.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        name.push_str(&rest[..start]);
        rest = &rest[start..];
        let (placeholder, value) = if rest.starts_with("{topic}") {
            ("{topic}", topic)
        } else if rest.starts_with("{group}") {
            ("{group}", group)
        } else {
            ("{", "{")
        };
        name.push_str(value);
        rest = &rest[placeholder.len()..];
    }
    name.push_str(rest);
    name
}

/// How the topics begin that a replay keeps its ledger in; a dead-letter topic's name follows.
const LEDGERS: &str = "eda-replay.";

/// Whether a topic of this name looks like a dead-letter topic of any framework, our parking lots (`<dlq>.parking`)
/// too, but not a replay's ledger:
/// `(?i)(^|[._-])(dlq|dlt|dead[._-]?letter([._-]?(queue|topic))?|error|errors|poison|parking[._-]?lot)([._-]|$)`.
pub fn is_dead_letter_topic(name: &str) -> bool {
    if name.starts_with(LEDGERS) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(['.', '_', '-']).collect();
    let single = |word: &&str| {
        matches!(
            *word,
            "dlq"
                | "dlt"
                | "deadletter"
                | "deadletterqueue"
                | "deadlettertopic"
                | "error"
                | "errors"
                | "poison"
                | "parkinglot"
        )
    };
    let double = |pair: &[&str]| {
        matches!(
            pair,
            ["dead", "letter" | "letterqueue" | "lettertopic"] | ["parking", "lot"]
        )
    };
    words.iter().any(single) || words.windows(2).any(double)
}

/// The topics that one of this name may be the dead-letter topic of, for dead letters that do not name their origin:
/// `orders` for `orders-dlt`, `orders.DLT`, `orders.dlq.parking`, …; `orders` for Spring Cloud Stream's
/// `error.orders.<group>` and Uber's `orders__<group>__dlq`, where other names may fit as well. Empty when the name says
/// nothing. They are names only: [`origin_from_name`] says which one is meant.
pub fn origin_candidates(name: &str) -> Vec<String> {
    let strip = |name: &str, word: &str| {
        let (rest, end) = name.split_at_checked(name.len().checked_sub(word.len() + 1)?)?;
        let separator = end.starts_with(['.', '-', '_']);
        let fits = separator && end[1..].eq_ignore_ascii_case(word) && !rest.is_empty();
        fits.then(|| rest.to_owned())
    };
    let name = strip(name, "parking").unwrap_or_else(|| name.to_owned());
    if let Some(rest) = name.strip_suffix("__dlq") {
        let splits = rest.rmatch_indices("__").map(|(index, _)| &rest[..index]);
        return splits
            .filter(|topic| !topic.is_empty())
            .map(str::to_owned)
            .collect();
    }
    let mut candidates: Vec<String> = ORIGIN_SUFFIXES
        .iter()
        .find_map(|word| strip(&name, word))
        .into_iter()
        .collect();
    if let Some(rest) = name.strip_prefix("error.") {
        // Neither a topic's name nor a group's is without dots.
        let splits = rest.rmatch_indices('.').map(|(index, _)| &rest[..index]);
        candidates.extend(splits.filter(|topic| !topic.is_empty()).map(str::to_owned));
    }
    candidates
}

/// What is added to a topic's name, the longer before its own end.
const ORIGIN_SUFFIXES: [&str; 14] = [
    "dead-letter-queue",
    "dead_letter_queue",
    "dead-letter-topic",
    "dead_letter_topic",
    "dead-letter",
    "dead_letter",
    "deadletter",
    "dlq",
    "dlt",
    "error",
    "errors",
    "poison",
    "parking-lot",
    "parking_lot",
];

/// The topic that one of this name is the dead-letter topic of: the one candidate that exists. `None` when none does,
/// and when several do: a destination is not guessed.
pub fn origin_from_name(name: &str, exists: impl Fn(&str) -> bool) -> Option<String> {
    let mut existing = origin_candidates(name)
        .into_iter()
        .filter(|topic| exists(topic));
    let only = existing.next()?;
    existing.next().is_none().then_some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in_once() {
        let cases = [
            ("{topic}.dlq", "order-created.dlq"),
            ("{topic}.{group}.dlq", "order-created.payment-service.dlq"),
            ("parking", "parking"),
            ("{other}-{topic", "{other}-{topic"),
        ];
        for (template, expected) in cases {
            assert_eq!(
                topic_for(template, "order-created", "payment-service"),
                expected
            );
        }
        assert_eq!(
            topic_for("{topic}-{group}", "{group}", "{topic}"),
            "{group}-{topic}"
        );
    }

    #[test]
    fn names_of_all_frameworks_are_recognised() {
        let dead = [
            "order-created.dlq",
            "order-created-dlt",
            "order-created.DLT",
            "error.order-created.payment",
            "dlq.payments",
            "dead-letter-topic-orders",
            "dead_letter_queue",
            "deadletter",
            "orders.DeadLetterQueue",
            "orders__payments__dlq",
            "wolverine-dead-letter-queue",
            "orders-errors",
            "orders.parking-lot",
            "parkinglot",
            "poison",
            "orders.dead-letterqueue",
            "orders.dlq.parking",
        ];
        for name in dead {
            assert!(is_dead_letter_topic(name), "{name}");
        }
        let alive = [
            "order-created",
            "terror",
            "errored-orders",
            "dlqs",
            "deadline-letter",
            "dead--letter",
            "parking",
            "xdlq",
            "eda-replay.orders.dlq",
            "",
        ];
        for name in alive {
            assert!(!is_dead_letter_topic(name), "{name}");
        }
    }

    #[test]
    fn the_origin_is_what_the_dead_letter_topic_was_called_after() {
        let cases: [(&str, &[&str]); 18] = [
            ("orders-dlt", &["orders"]),
            ("orders.DLT", &["orders"]),
            ("orders.v1.dlq", &["orders.v1"]),
            ("orders_DLQ", &["orders"]),
            ("orders-error", &["orders"]),
            ("orders-errors", &["orders"]),
            ("orders.dead-letter-queue", &["orders"]),
            ("orders.dlq.parking", &["orders"]),
            ("orders-dlt-dlt", &["orders-dlt"]),
            ("error.orders.billing", &["orders"]),
            ("error.orders.v1.billing", &["orders.v1", "orders"]),
            ("orders__billing__dlq", &["orders"]),
            ("a__b__c__dlq", &["a__b", "a"]),
            ("dead-letter-topic-orders", &[]),
            ("wolverine-dead-letter-queue", &["wolverine"]),
            ("-dlq", &[]),
            ("ä-dlq", &["ä"]),
            ("", &[]),
        ];
        for (name, expected) in cases {
            assert_eq!(origin_candidates(name), expected, "{name}");
        }
    }

    #[test]
    fn an_origin_by_name_must_exist_and_be_the_only_one() {
        let existing = |topics: &'static [&'static str]| move |name: &str| topics.contains(&name);
        let cases: [(&str, &'static [&'static str], Option<&str>); 5] = [
            ("orders-dlt", &["orders", "payments"], Some("orders")),
            ("orders-dlt", &["orders-v1"], None),
            ("error.orders.v1.billing", &["orders.v1"], Some("orders.v1")),
            // Which of the two it was cannot be known.
            ("error.orders.v1.billing", &["orders.v1", "orders"], None),
            ("failures", &["failures"], None),
        ];
        for (name, topics, expected) in cases {
            let found = origin_from_name(name, existing(topics));
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }
}
