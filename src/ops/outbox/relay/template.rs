//! Where an event goes: `outbox.event.{aggregatetype}`, as Debezium's event router has it, or as the user says.

use crate::model::event::words::kebab;
use crate::model::outbox::NewOutboxEvent;
use crate::model::topic::{TopicName, TopicNameError};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A topic's name with places to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    AggregateType,
    Type,
    /// The type in kebab case.
    Event,
}

/// Why a text is no such template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    #[error("a topic has a name")]
    Empty,
    #[error("there is no `{{{0}}}`: {{aggregatetype}}, {{type}} and {{event}} are filled in")]
    Unknown(String),
    #[error("a `{{` or `}}` has no partner")]
    Unbalanced,
    /// Whatever is filled in: nothing is to die of a slip of the pen.
    #[error(transparent)]
    Name(#[from] TopicNameError),
}

impl TopicTemplate {
    /// The topic of an event. Whether that can be a topic's name is the cluster's business.
    pub fn topic(&self, event: &NewOutboxEvent) -> String {
        let mut topic = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => topic.push_str(text),
                Part::AggregateType => topic.push_str(&event.aggregate_type),
                Part::Type => topic.push_str(&event.event_type),
                Part::Event => topic.push_str(&kebab(&event.event_type)),
            }
        }
        topic
    }
}

impl Default for TopicTemplate {
    fn default() -> Self {
        TopicTemplate(vec![
            Part::Text("outbox.event.".to_owned()),
            Part::AggregateType,
        ])
    }
}

impl FromStr for TopicTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            let inside = rest[at..]
                .strip_prefix('{')
                .ok_or(TemplateError::Unbalanced)?;
            let (name, after) = inside.split_once('}').ok_or(TemplateError::Unbalanced)?;
            parts.push(match name {
                "aggregatetype" => Part::AggregateType,
                "type" => Part::Type,
                "event" => Part::Event,
                other => return Err(TemplateError::Unknown(other.to_owned())),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if parts.is_empty() {
            return Err(TemplateError::Empty);
        }
        let template = TopicTemplate(parts);
        let shortest = NewOutboxEvent {
            id: String::new(),
            aggregate_type: "x".to_owned(),
            aggregate_id: String::new(),
            event_type: "x".to_owned(),
            payload: None,
        };
        template.topic(&shortest).parse::<TopicName>()?;
        Ok(template)
    }
}

impl fmt::Display for TopicTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => formatter.write_str(text),
            Part::AggregateType => formatter.write_str("{aggregatetype}"),
            Part::Type => formatter.write_str("{type}"),
            Part::Event => formatter.write_str("{event}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(template: &str, expected: &str) {
        let event = NewOutboxEvent {
            id: "1".to_owned(),
            aggregate_type: "order".to_owned(),
            aggregate_id: "order-7".to_owned(),
            event_type: "OrderCreated".to_owned(),
            payload: None,
        };
        let parsed: TopicTemplate = template.parse().unwrap();
        assert_eq!(parsed.topic(&event), expected);
        assert_eq!(parsed.to_string(), template);
    }

    #[test]
    fn places_are_filled_in() {
        case(&TopicTemplate::default().to_string(), "outbox.event.order");
        case("{event}", "order-created");
        case(
            "shop.{aggregatetype}.{type}.v1",
            "shop.order.OrderCreated.v1",
        );
        case("orders", "orders");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, expected) in [
            ("", TemplateError::Empty),
            ("{key}", TemplateError::Unknown("key".to_owned())),
            ("{", TemplateError::Unbalanced),
            ("a}", TemplateError::Unbalanced),
            ("{type", TemplateError::Unbalanced),
        ] {
            assert_eq!(text.parse::<TopicTemplate>(), Err(expected), "{text}");
        }
        let too_long = "q".repeat(250);
        for text in [
            "..",
            "a b",
            "/etc/{type}",
            "\u{fc}",
            "a\nb",
            too_long.as_str(),
        ] {
            let refused = text.parse::<TopicTemplate>();
            assert!(matches!(refused, Err(TemplateError::Name(_))), "{text}");
        }
    }
}
