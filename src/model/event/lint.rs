//! Whether a type of event is one that others can work with: named after what happened, with its envelope and key.

use super::{ENVELOPE, EventType, words};
use crate::model::topic::TopicName;
use serde_json::Value;

/// What is wrong with a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer into the schema; empty for the type itself.
    pub pointer: String,
    pub message: String,
}

/// What is told to be done, rather than having happened.
const COMMANDS: &[&str] = &[
    "add",
    "approve",
    "assign",
    "book",
    "calculate",
    "cancel",
    "capture",
    "change",
    "charge",
    "check",
    "close",
    "complete",
    "confirm",
    "create",
    "delete",
    "deliver",
    "disable",
    "do",
    "enable",
    "execute",
    "fulfil",
    "fulfill",
    "generate",
    "get",
    "handle",
    "import",
    "insert",
    "issue",
    "make",
    "modify",
    "move",
    "notify",
    "open",
    "pay",
    "perform",
    "pick",
    "place",
    "process",
    "publish",
    "put",
    "refund",
    "register",
    "reject",
    "release",
    "remove",
    "request",
    "reserve",
    "restart",
    "return",
    "run",
    "save",
    "schedule",
    "send",
    "set",
    "ship",
    "start",
    "stop",
    "submit",
    "sync",
    "transfer",
    "trigger",
    "update",
    "upload",
    "validate",
    "verify",
    "withdraw",
    "write",
];

/// Past participles that do not end in `-ed`.
const IRREGULAR: &[&str] = &[
    "became",
    "begun",
    "bought",
    "bound",
    "broken",
    "brought",
    "built",
    "caught",
    "chosen",
    "cut",
    "dealt",
    "done",
    "drawn",
    "driven",
    "fallen",
    "found",
    "frozen",
    "given",
    "gone",
    "grown",
    "held",
    "hidden",
    "hit",
    "kept",
    "known",
    "laid",
    "left",
    "lent",
    "lost",
    "made",
    "met",
    "overridden",
    "paid",
    "put",
    "read",
    "rebuilt",
    "resent",
    "run",
    "seen",
    "sent",
    "set",
    "shown",
    "shut",
    "sold",
    "spent",
    "split",
    "spoken",
    "stolen",
    "swept",
    "taken",
    "thrown",
    "told",
    "undone",
    "unpaid",
    "withdrawn",
    "won",
    "written",
];

/// Nouns that only look like past participles.
const NOUNS: &[&str] = &[
    "bed", "breed", "deed", "embed", "feed", "need", "red", "seed", "shed", "speed", "weed",
];

/// All that is wrong with the type, in the order of its parts.
pub fn findings(event: &EventType) -> Vec<Finding> {
    let mut findings: Vec<Finding> = name(&event.name).into_iter().collect();
    let mut find = |pointer: &str, message: String| {
        findings.push(Finding {
            pointer: pointer.to_owned(),
            message,
        });
    };
    if let Err(error) = event.topic.parse::<TopicName>() {
        find(
            "/x-topic",
            format!("no topic can be called `{}`: {error}", event.topic),
        );
    }
    for required in ENVELOPE {
        match event.field(required) {
            None => find(
                "/properties",
                format!("the envelope's `{required}` is missing"),
            ),
            Some(field) if !field.required => {
                find(
                    "/required",
                    format!("the envelope's `{required}` is not required"),
                );
            }
            Some(_) => {}
        }
    }
    let constant = event
        .field("eventType")
        .and_then(|field| field.schema.get("const"));
    if let Some(constant) = constant.filter(|constant| **constant != event.name.as_str()) {
        let says = constant
            .as_str()
            .map_or_else(|| Value::to_string(constant), str::to_owned);
        let message = format!(
            "`eventType` must be `{says}`, and the event is called `{}`",
            event.name
        );
        find("/properties/eventType/const", message);
    }
    match &event.key_field {
        None => find(
            "",
            "it has no key: `x-key` names the field that keeps one entity's events in order"
                .to_owned(),
        ),
        Some(key) => match event.field(key) {
            None => find("/properties", format!("the key field `{key}` is missing")),
            Some(field) if !field.required => {
                find(
                    "/required",
                    format!("the key field `{key}` is not required"),
                );
            }
            Some(_) => {}
        },
    }
    findings
}

/// What is wrong with an event's name: it says what happened, in the past tense.
pub fn name(name: &str) -> Option<Finding> {
    let parts = words::words(name);
    let lower: Vec<String> = parts.iter().map(|word| word.to_lowercase()).collect();
    let is_past = |word: &String| {
        let word = word.as_str();
        (word.len() > 3 && word.ends_with("ed") && !NOUNS.contains(&word))
            || IRREGULAR.contains(&word)
    };
    let first = lower.first().map_or("", String::as_str);
    let finding = |message: String| {
        Some(Finding {
            pointer: String::new(),
            message,
        })
    };
    // `ReadModelRebuilt` and `SetCompleted` end with what happened; `PutOrder` does not.
    if lower.iter().skip(1).any(is_past)
        || lower
            .first()
            .is_some_and(|word| is_past(word) && !COMMANDS.contains(&word.as_str()))
    {
        return None;
    }
    if COMMANDS.contains(&first) {
        let rest = parts.get(1..).unwrap_or_default().concat();
        let suggestion = match rest.is_empty() {
            true => format!("Order{}", past(first)),
            false => format!("{rest}{}", past(first)),
        };
        return finding(format!(
            "`{name}` is a command: an event says what happened, such as `{suggestion}`"
        ));
    }
    if parts.len() > 1 {
        return finding(format!(
            "`{name}` is not in the past tense: an event says what happened, such as `{}Created`",
            parts[0]
        ));
    }
    finding(format!(
        "`{name}` is a bare noun: an event says what happened to it, such as `{name}Created`"
    ))
}

/// `create` is `Created`.
fn past(verb: &str) -> String {
    let ending = match verb {
        "send" => return "Sent".to_owned(),
        "pay" => return "Paid".to_owned(),
        "make" => return "Made".to_owned(),
        "do" => return "Done".to_owned(),
        "write" => return "Written".to_owned(),
        "withdraw" => return "Withdrawn".to_owned(),
        "get" | "put" | "set" | "run" => return "Changed".to_owned(),
        verb if verb.ends_with('e') => format!("{verb}d"),
        verb if verb.ends_with("fy") => format!("{}ied", &verb[..verb.len() - 1]),
        "ship" | "stop" | "submit" | "transfer" | "cancel" => {
            format!("{verb}{}ed", &verb[verb.len() - 1..])
        }
        verb => format!("{verb}ed"),
    };
    words::pascal(&ending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Catalog;
    use serde_json::json;

    #[test]
    fn names_say_what_happened() {
        let right = [
            "OrderCreated",
            "PaymentFailed",
            "OrderCreatedV2",
            "InvoiceSent",
            "BillPaid",
            "ReadModelRebuilt",
            "Registered",
            "OrderFailedPermanently",
        ];
        for right in right {
            assert_eq!(name(right), None, "{right}");
        }
        let wrong = [
            (
                "CreateOrder",
                "`CreateOrder` is a command: an event says what happened, such as `OrderCreated`",
            ),
            (
                "SendInvoice",
                "`SendInvoice` is a command: an event says what happened, such as `InvoiceSent`",
            ),
            (
                "NotifyUser",
                "`NotifyUser` is a command: an event says what happened, such as `UserNotified`",
            ),
            (
                "ShipOrder",
                "`ShipOrder` is a command: an event says what happened, such as `OrderShipped`",
            ),
            (
                "Create",
                "`Create` is a command: an event says what happened, such as `OrderCreated`",
            ),
            (
                "Order",
                "`Order` is a bare noun: an event says what happened to it, such as `OrderCreated`",
            ),
            (
                "Feed",
                "`Feed` is a bare noun: an event says what happened to it, such as `FeedCreated`",
            ),
            (
                "OrderEvent",
                "`OrderEvent` is not in the past tense: an event says what happened, such as `OrderCreated`",
            ),
        ];
        for (wrong, message) in wrong {
            assert_eq!(name(wrong).unwrap().message, message);
        }
    }

    #[test]
    fn the_built_in_events_pass() {
        for event in Catalog::built_in().events() {
            assert_eq!(findings(event), [], "{}", event.name);
        }
    }

    #[test]
    fn the_envelope_and_the_key_are_looked_for() {
        let schema = json!({"type": "object", "x-key": "billId", "properties": {
            "eventType": {"const": "BillSent"}, "eventId": {"type": "string"}, "billId": {"type": "string"}},
            "required": ["eventType"]});
        let event = EventType::from_schema("BillPaid.json", schema).unwrap();
        let found: Vec<String> = findings(&event)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.pointer, finding.message))
            .collect();
        assert_eq!(
            found,
            [
                "/required: the envelope's `eventId` is not required",
                "/properties: the envelope's `timestamp` is missing",
                "/properties/eventType/const: `eventType` must be `BillSent`, and the event is called `BillPaid`",
                "/required: the key field `billId` is not required",
            ]
        );
    }
}
