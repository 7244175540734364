//! The events we know: the order pipeline's, and the registration of users.

use super::{EventType, Fallback, Field, FieldKind};
use crate::model::suggest;

/// The types of events there are.
#[derive(Clone, Debug)]
pub struct Catalog {
    events: &'static [EventType],
}

static BUILT_IN: Catalog = Catalog { events: EVENTS };

impl Catalog {
    /// The types that come with the program.
    pub fn built_in() -> &'static Catalog {
        &BUILT_IN
    }

    /// All types, in the order in which an order goes through them.
    pub fn events(&self) -> &[EventType] {
        self.events
    }

    /// The type of this name (`OrderCreated`) or topic (`order-created`).
    pub fn find(&self, name_or_topic: &str) -> Option<&EventType> {
        let named =
            |event: &&EventType| event.name == name_or_topic || event.topic == name_or_topic;
        self.events.iter().find(named)
    }

    /// The name or topic that was probably meant, spelled the way it was tried: `OrderCraeted`, `order-craeted`.
    pub fn suggest(&self, name_or_topic: &str) -> Option<&str> {
        let as_name = name_or_topic.starts_with(|c: char| c.is_ascii_uppercase());
        let candidates = self
            .events
            .iter()
            .map(|event| if as_name { event.name } else { event.topic });
        suggest::closest(name_or_topic, candidates)
    }
}

const fn field(name: &'static str, kind: FieldKind, description: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        description,
        default: Fallback::None,
    }
}

impl Field {
    const fn or(mut self, default: Fallback) -> Self {
        self.default = default;
        self
    }

    const fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

const ORDER_ID: Field = field(
    "orderId",
    FieldKind::Text,
    "the order, and the record's key",
);
const USER_ID: Field = field("userId", FieldKind::Text, "who ordered");
const AMOUNT: Field = field("amount", FieldKind::Number, "amount of money");
const PAYMENT_ID: Field =
    field("paymentId", FieldKind::Text, "the payment").or(Fallback::Id("payment"));
const METHOD: Field = field(
    "method",
    FieldKind::Text,
    "how it is paid: card, paypal, invoice",
)
.or(Fallback::Text("card"));
const REASON: Field = field("reason", FieldKind::Text, "why, in a few words");

const ORDERED_ITEM: &[Field] = &[
    field("sku", FieldKind::Text, "what is ordered"),
    field("quantity", FieldKind::Integer, "how many"),
    field("price", FieldKind::Number, "price of one"),
];
const ORDERED_ITEMS: Field =
    field("items", FieldKind::List(ORDERED_ITEM), "what is ordered").or(Fallback::EmptyList);

const STOCK_ITEM: &[Field] = &[
    field("sku", FieldKind::Text, "what is in stock"),
    field("quantity", FieldKind::Integer, "how many"),
];
const STOCK_ITEMS: Field =
    field("items", FieldKind::List(STOCK_ITEM), "what is reserved").or(Fallback::EmptyList);

static EVENTS: &[EventType] = &[
    EventType {
        name: "OrderCreated",
        topic: "order-created",
        key_field: "orderId",
        fields: &[
            ORDER_ID,
            USER_ID,
            ORDERED_ITEMS,
            field("total", FieldKind::Number, "what the order costs"),
        ],
    },
    EventType {
        name: "PaymentProcessed",
        topic: "payment-processed",
        key_field: "orderId",
        fields: &[
            PAYMENT_ID,
            ORDER_ID,
            USER_ID,
            AMOUNT,
            METHOD,
            // The inventory reads this event alone: what it shall reserve comes with it.
            ORDERED_ITEMS.optional(),
        ],
    },
    EventType {
        name: "PaymentFailed",
        topic: "payment-failed",
        key_field: "orderId",
        fields: &[PAYMENT_ID, ORDER_ID, USER_ID, AMOUNT, METHOD, REASON],
    },
    EventType {
        name: "PaymentRefunded",
        topic: "payment-refunded",
        key_field: "orderId",
        fields: &[
            field("refundId", FieldKind::Text, "the refund").or(Fallback::Id("refund")),
            field(
                "paymentId",
                FieldKind::Text,
                "the payment that is paid back",
            ),
            ORDER_ID,
            USER_ID,
            AMOUNT,
            REASON,
        ],
    },
    EventType {
        name: "InventoryReserved",
        topic: "inventory-reserved",
        key_field: "orderId",
        fields: &[
            field("reservationId", FieldKind::Text, "the reservation")
                .or(Fallback::Id("reservation")),
            ORDER_ID,
            USER_ID.optional(),
            STOCK_ITEMS,
        ],
    },
    EventType {
        name: "InventoryFailed",
        topic: "inventory-failed",
        key_field: "orderId",
        fields: &[
            ORDER_ID,
            USER_ID.optional(),
            // What the payment service needs to pay back.
            field("paymentId", FieldKind::Text, "the payment to pay back").optional(),
            AMOUNT.optional(),
            STOCK_ITEMS.optional(),
            REASON,
        ],
    },
    EventType {
        name: "OrderShipped",
        topic: "order-shipped",
        key_field: "orderId",
        fields: &[
            field("shipmentId", FieldKind::Text, "the shipment").or(Fallback::Id("shipment")),
            ORDER_ID,
            USER_ID.optional(),
            field("carrier", FieldKind::Text, "who brings it").or(Fallback::Text("DHL")),
            field("trackingNumber", FieldKind::Text, "the carrier's number")
                .or(Fallback::Id("track")),
        ],
    },
    EventType {
        name: "OrderCancelled",
        topic: "order-cancelled",
        key_field: "orderId",
        fields: &[
            ORDER_ID,
            USER_ID.optional(),
            field(
                "refundId",
                FieldKind::Text,
                "the refund, when money was paid back",
            )
            .optional(),
            REASON,
        ],
    },
    EventType {
        name: "NotificationRequested",
        topic: "notification-requested",
        key_field: "orderId",
        fields: &[
            field("notificationId", FieldKind::Text, "the notification")
                .or(Fallback::Id("notification")),
            ORDER_ID,
            field("userId", FieldKind::Text, "who is to be told"),
            field("channel", FieldKind::Text, "how: email, sms, push").or(Fallback::Text("email")),
            field(
                "template",
                FieldKind::Text,
                "what is said: order-confirmed, order-shipped, order-cancelled",
            ),
            field("message", FieldKind::Text, "the text itself").optional(),
        ],
    },
    EventType {
        name: "UserRegistered",
        topic: "user-registered",
        key_field: "userId",
        fields: &[
            field("userId", FieldKind::Text, "the user, and the record's key"),
            field("email", FieldKind::Text, "where to reach the user"),
            field("name", FieldKind::Text, "the user's name").optional(),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_the_pipeline_is_there_and_well_named() {
        let catalog = Catalog::built_in();
        assert_eq!(catalog.events().len(), 10);
        for event in catalog.events() {
            assert!(
                event
                    .field(event.key_field)
                    .is_some_and(|field| field.required),
                "{}",
                event.name
            );
            let mut kebab = String::new();
            for c in event.name.chars() {
                if c.is_ascii_uppercase() && !kebab.is_empty() {
                    kebab.push('-');
                }
                kebab.push(c.to_ascii_lowercase());
            }
            assert_eq!(kebab, event.topic);
            assert_eq!(catalog.find(event.name), Some(event));
            assert_eq!(catalog.find(event.topic), Some(event));
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
}
