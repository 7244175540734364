//! What others have written down: the payment provider, and the order service.

use super::*;

#[test]
fn what_the_payment_provider_knows_better_is_reported() {
    let cases = [
        (
            "shipped",
            2,
            "shipped was charged 2 times by the payment provider",
        ),
        ("declined", 1, "declined was charged, and no event says so"),
        (
            "shipped",
            0,
            "shipped was not charged, whatever its events say",
        ),
    ];
    for (order, charges, detail) in cases {
        let mut run = Run::new();
        run.charges.insert(order.to_owned(), charges);
        assert_eq!(run.broken(), [("charged-once", detail.to_owned())]);
    }
}

#[test]
fn an_order_and_its_event_must_both_be_there() {
    let run = |stored: &[&str]| Run {
        stored: Some(stored.iter().map(|order| (*order).to_owned()).collect()),
        ..Run::new()
    };
    let all = ["shipped", "declined", "sold-out", "garbled"];
    assert_eq!(run(&all).broken(), []);
    let unannounced = run(&[&all[..], &["silent"]].concat()).broken();
    let detail = "silent is stored, and its event was never seen";
    assert_eq!(unannounced, [("order-has-event", detail.to_owned())]);
    let detail = "shipped has an event, and is not stored";
    assert_eq!(
        run(&all[1..]).broken(),
        [("event-has-order", detail.to_owned())]
    );
}
