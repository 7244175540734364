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

/// Whether a topic of this name looks like a dead-letter topic of any framework:
/// `(?i)(^|[._-])(dlq|dlt|dead[._-]?letter([._-]?(queue|topic))?|error|errors|poison|parking[._-]?lot)([._-]|$)`.
pub fn is_dead_letter_topic(name: &str) -> bool {
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
            "",
        ];
        for name in alive {
            assert!(!is_dead_letter_topic(name), "{name}");
        }
    }
}
