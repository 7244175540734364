//! What each service answers an event with: pure functions, one a service.
//!
//! ```text
//! OrderCreated → PaymentProcessed → InventoryReserved → OrderShipped
//!             ↘ PaymentFailed → OrderCancelled
//!                PaymentProcessed → InventoryFailed → PaymentRefunded → OrderCancelled
//! ```

use super::chance::{Dice, entity_id};
use super::event::Event;
use serde_json::{Value, json};

/// The event that the service answers this one with.
pub(super) fn react(service: &str, event: &Event, dice: &Dice, now_ms: i64) -> Option<Event> {
    match service {
        "order" => order(event, now_ms),
        "payment" => payment(event, dice, now_ms),
        "inventory" => inventory(event, dice, now_ms),
        "shipping" => shipping(event, now_ms),
        "notification" => notification(event, now_ms),
        // They only count.
        _ => None,
    }
}

/// The types of event that lead to one of this type; none for the first.
pub(super) fn causes(event_type: &str) -> &'static [&'static str] {
    match event_type {
        "PaymentProcessed" | "PaymentFailed" => &["OrderCreated"],
        "InventoryReserved" | "InventoryFailed" => &["PaymentProcessed"],
        "PaymentRefunded" => &["InventoryFailed"],
        "OrderShipped" => &["InventoryReserved"],
        "OrderCancelled" => &["PaymentFailed", "PaymentRefunded"],
        "NotificationRequested" => &["OrderCreated", "OrderShipped", "OrderCancelled"],
        _ => &[],
    }
}

fn payment(event: &Event, dice: &Dice, now_ms: i64) -> Option<Event> {
    match event.kind.name.as_str() {
        "OrderCreated" => {
            let payment = entity_id("payment", event.id()).into();
            let (amount, method) = (event.value("total"), "card".into());
            match dice.payment_fails(event.order()) {
                true => event.follow(
                    "PaymentFailed",
                    now_ms,
                    [
                        ("paymentId", payment),
                        ("amount", amount),
                        ("method", method),
                        ("reason", "card declined".into()),
                    ],
                ),
                false => event.follow(
                    "PaymentProcessed",
                    now_ms,
                    [
                        ("paymentId", payment),
                        ("amount", amount),
                        ("method", method),
                        ("items", event.value("items")),
                    ],
                ),
            }
        }
        "InventoryFailed" => event.follow(
            "PaymentRefunded",
            now_ms,
            [
                ("refundId", entity_id("refund", event.id()).into()),
                ("paymentId", event.value("paymentId")),
                ("amount", event.value("amount")),
                ("reason", event.value("reason")),
            ],
        ),
        _ => None,
    }
}

fn inventory(event: &Event, dice: &Dice, now_ms: i64) -> Option<Event> {
    if event.kind.name != "PaymentProcessed" {
        return None;
    }
    let items = ("items", stock(&event.value("items")));
    match dice.inventory_fails(event.order()) {
        true => event.follow(
            "InventoryFailed",
            now_ms,
            [
                ("paymentId", event.value("paymentId")),
                ("amount", event.value("amount")),
                items,
                ("reason", "out of stock".into()),
            ],
        ),
        false => {
            let reservation = entity_id("reservation", event.id()).into();
            event.follow(
                "InventoryReserved",
                now_ms,
                [("reservationId", reservation), items],
            )
        }
    }
}

fn shipping(event: &Event, now_ms: i64) -> Option<Event> {
    if event.kind.name != "InventoryReserved" {
        return None;
    }
    event.follow(
        "OrderShipped",
        now_ms,
        [
            ("shipmentId", entity_id("shipment", event.id()).into()),
            ("carrier", "DHL".into()),
            ("trackingNumber", entity_id("track", event.id()).into()),
        ],
    )
}

fn order(event: &Event, now_ms: i64) -> Option<Event> {
    let reason = ("reason", event.value("reason"));
    match event.kind.name.as_str() {
        "PaymentFailed" => event.follow("OrderCancelled", now_ms, [reason]),
        "PaymentRefunded" => {
            let refund = ("refundId", event.value("refundId"));
            event.follow("OrderCancelled", now_ms, [refund, reason])
        }
        _ => None,
    }
}

fn notification(event: &Event, now_ms: i64) -> Option<Event> {
    let template = match event.kind.name.as_str() {
        "OrderCreated" => "order-confirmed",
        "OrderShipped" => "order-shipped",
        "OrderCancelled" => "order-cancelled",
        _ => return None,
    };
    event.follow(
        "NotificationRequested",
        now_ms,
        [
            (
                "notificationId",
                entity_id("notification", event.id()).into(),
            ),
            ("channel", "email".into()),
            ("template", template.into()),
        ],
    )
}

/// The ordered items without their prices, which are not the warehouse's business.
fn stock(items: &Value) -> Value {
    let item = |item: &Value| json!({"sku": item["sku"], "quantity": item["quantity"]});
    items.as_array().into_iter().flatten().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chance::Rates;
    use crate::demo::topology::SERVICES;

    /// Lets every service answer every event it reads until nobody has an answer.
    fn play(payment_failures: f64, inventory_failures: f64) -> Vec<Event> {
        let rates = Rates {
            payment_failures,
            inventory_failures,
            ..Rates::default()
        };
        let dice = Dice { seed: 7, rates };
        let mut events = vec![Event::first("order-1", &dice, 1).unwrap()];
        let mut next = 0;
        while let Some(event) = events.get(next).cloned() {
            let readers = SERVICES
                .iter()
                .filter(|service| service.reads.contains(&event.kind.topic.as_str()));
            events.extend(readers.filter_map(|service| react(service.name, &event, &dice, 2)));
            next += 1;
        }
        events
    }

    fn kinds(events: &[Event]) -> Vec<&str> {
        let kinds = events.iter().map(|event| event.kind.name.as_str());
        kinds
            .filter(|kind| *kind != "NotificationRequested")
            .collect()
    }

    #[test]
    fn an_order_is_shipped_or_cancelled_with_its_money_back() {
        let shipped = [
            "OrderCreated",
            "PaymentProcessed",
            "InventoryReserved",
            "OrderShipped",
        ];
        assert_eq!(kinds(&play(0.0, 0.0)), shipped);
        assert_eq!(
            kinds(&play(1.0, 0.0)),
            ["OrderCreated", "PaymentFailed", "OrderCancelled"]
        );
        let refunded = [
            "OrderCreated",
            "PaymentProcessed",
            "InventoryFailed",
            "PaymentRefunded",
            "OrderCancelled",
        ];
        assert_eq!(kinds(&play(0.0, 1.0)), refunded);
    }

    #[test]
    fn every_event_is_valid_and_follows_from_one_that_may_lead_to_it() {
        for events in [play(0.0, 0.0), play(1.0, 0.0), play(0.0, 1.0)] {
            for event in &events {
                event
                    .kind
                    .validate(&Value::Object(event.body.clone()))
                    .unwrap();
                assert_eq!(event.order(), "order-1");
                let cause = events
                    .iter()
                    .find(|cause| Some(cause.id()) == event.cause());
                match cause {
                    Some(cause) => {
                        assert!(causes(&event.kind.name).contains(&cause.kind.name.as_str()))
                    }
                    None => assert_eq!(event.kind.name, "OrderCreated"),
                }
            }
            let told = events.len() - kinds(&events).len();
            assert_eq!(told, 2, "confirmed, and shipped or cancelled");
        }
    }

    #[test]
    fn the_money_paid_is_the_money_paid_back() {
        let events = play(0.0, 1.0);
        let of = |kind: &str| events.iter().find(|event| event.kind.name == kind).unwrap();
        let (paid, refunded) = (of("PaymentProcessed"), of("PaymentRefunded"));
        assert_eq!(paid.value("amount"), of("OrderCreated").value("total"));
        assert_eq!(paid.value("amount"), refunded.value("amount"));
        assert_eq!(paid.value("paymentId"), refunded.value("paymentId"));
    }
}
