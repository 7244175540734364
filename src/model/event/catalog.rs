//! The events we know: those that come with the program, and the user's own.

use super::EventType;
use crate::model::suggest;
use std::sync::{Arc, LazyLock};

/// The types of events there are.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    events: Vec<Arc<EventType>>,
    /// How many of them, from the start, are the user's own.
    own: usize,
}

/// In the order in which an order goes through them.
const ORDER_DOMAIN: [(&str, &str); 10] = [
    (
        "OrderCreated.json",
        include_str!("order_domain/OrderCreated.json"),
    ),
    (
        "PaymentProcessed.json",
        include_str!("order_domain/PaymentProcessed.json"),
    ),
    (
        "PaymentFailed.json",
        include_str!("order_domain/PaymentFailed.json"),
    ),
    (
        "PaymentRefunded.json",
        include_str!("order_domain/PaymentRefunded.json"),
    ),
    (
        "InventoryReserved.json",
        include_str!("order_domain/InventoryReserved.json"),
    ),
    (
        "InventoryFailed.json",
        include_str!("order_domain/InventoryFailed.json"),
    ),
    (
        "OrderShipped.json",
        include_str!("order_domain/OrderShipped.json"),
    ),
    (
        "OrderCancelled.json",
        include_str!("order_domain/OrderCancelled.json"),
    ),
    (
        "NotificationRequested.json",
        include_str!("order_domain/NotificationRequested.json"),
    ),
    (
        "UserRegistered.json",
        include_str!("order_domain/UserRegistered.json"),
    ),
];

static BUILT_IN: LazyLock<Catalog> = LazyLock::new(|| {
    // That each of them is read is a test's concern: a program that comes with a broken one is never released.
    let read = ORDER_DOMAIN.iter().filter_map(|(file, text)| {
        let schema = serde_json::from_str(text).ok()?;
        EventType::from_schema(file, schema).ok().map(Arc::new)
    });
    Catalog {
        events: read.collect(),
        own: 0,
    }
});

impl Catalog {
    /// The types that come with the program: the order pipeline's, and the registration of users.
    pub fn built_in() -> &'static Catalog {
        &BUILT_IN
    }

    /// The user's own types, then the built-in ones of other names.
    pub fn with(own: Vec<EventType>) -> Catalog {
        let count = own.len();
        let mut events: Vec<_> = own.into_iter().map(Arc::new).collect();
        for event in &BUILT_IN.events {
            if !events[..count].iter().any(|own| own.name == event.name) {
                events.push(Arc::clone(event));
            }
        }
        Catalog { events, own: count }
    }

    /// All types, the user's own first.
    pub fn events(&self) -> &[Arc<EventType>] {
        &self.events
    }

    /// The user's own types.
    pub fn own(&self) -> &[Arc<EventType>] {
        &self.events[..self.own]
    }

    /// The type of this name (`OrderCreated`) or topic (`order-created`); the first when several go on one topic.
    pub fn find(&self, name_or_topic: &str) -> Option<&Arc<EventType>> {
        let named = self.events.iter().find(|event| event.name == name_or_topic);
        named.or_else(|| {
            self.events
                .iter()
                .find(|event| event.topic == name_or_topic)
        })
    }

    /// The types that may come under this name: those of that name, one a topic, or all that go on the topic of that
    /// name. A topic that carries events of the user's own carries no built-in ones.
    pub fn matching(&self, name_or_topic: &str) -> Vec<Arc<EventType>> {
        let named = self.events.iter();
        let named: Vec<_> = named.filter(|event| event.name == name_or_topic).collect();
        if !named.is_empty() {
            return named.into_iter().cloned().collect();
        }
        let on_topic = |events: &[Arc<EventType>]| -> Vec<_> {
            let events = events.iter().filter(|event| event.topic == name_or_topic);
            events.cloned().collect()
        };
        match on_topic(self.own()) {
            own if own.is_empty() => on_topic(&self.events),
            own => own,
        }
    }

    /// The name or topic that was probably meant, spelled the way it was tried: `OrderCraeted`, `order-craeted`.
    pub fn suggest(&self, name_or_topic: &str) -> Option<&str> {
        let as_name = name_or_topic.starts_with(|c: char| c.is_ascii_uppercase());
        let candidates = self.events.iter().map(|event| match as_name {
            true => event.name.as_str(),
            false => event.topic.as_str(),
        });
        suggest::closest(name_or_topic, candidates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::words;

    #[test]
    fn every_event_of_the_pipeline_is_there_and_well_named() {
        let catalog = Catalog::built_in();
        assert_eq!(catalog.events().len(), ORDER_DOMAIN.len());
        for event in catalog.events() {
            let key = event.key_field.as_deref().and_then(|key| event.field(key));
            assert!(key.is_some_and(|field| field.required), "{}", event.name);
            assert_eq!(words::kebab(&event.name), event.topic);
            assert_eq!(catalog.find(&event.name), Some(event));
            assert_eq!(catalog.find(&event.topic), Some(event));
        }
    }

    #[test]
    fn a_misspelled_type_is_recognised() {
        let catalog = Catalog::built_in();
        let cases = [
            ("order-craeted", Some("order-created")),
            ("OrderCraeted", Some("OrderCreated")),
            ("order-create", Some("order-created")),
            ("invoice-sent", None),
        ];
        for (tried, expected) in cases {
            assert_eq!(catalog.suggest(tried), expected, "{tried}");
        }
        assert_eq!(catalog.find("invoice-sent"), None);
    }

    #[test]
    fn ones_own_types_come_first_and_hide_the_built_in_ones_of_their_name() {
        let own = |topic: &str| {
            let schema = serde_json::json!({"type": "object", "x-topic": topic});
            EventType::from_schema("OrderCreated.json", schema).unwrap()
        };
        let catalog = Catalog::with(vec![own("orders")]);
        assert_eq!(catalog.events().len(), ORDER_DOMAIN.len());
        assert_eq!(catalog.find("OrderCreated").unwrap().topic, "orders");
        assert!(catalog.matching("order-created").is_empty());
        assert_eq!(catalog.matching("orders").len(), 1);
        assert_eq!(catalog.own().len(), 1);
    }
}
