use super::*;
use crate::model::tests::cases;
use proptest::prelude::*;
use serde_json::json;
use std::collections::HashSet;

/// 2026-01-02T03:04:05.006Z
const NOW: i64 = 1_767_323_045_006;

fn filling() -> Filling {
    Filling {
        now_ms: NOW,
        random: fastrand::Rng::with_seed(7),
    }
}

fn event(name: &str) -> &'static EventType {
    Catalog::built_in().find(name).unwrap()
}

fn build(name: &str, assignments: &[&str]) -> Result<Map<String, Value>, EventError> {
    let assignments: Vec<Assignment> = assignments
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    event(name).build(&assignments, &mut filling())
}

#[test]
fn the_documents_example_is_built_in_the_documented_order() {
    let built = build(
        "order-created",
        &["total=12.50", "userId=user-456", "orderId=order-123"],
    )
    .unwrap();
    let id = built["eventId"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    assert_eq!(
        Value::Object(built.clone()).to_string(),
        format!(
            r#"{{"eventType":"OrderCreated","eventId":"{id}","timestamp":"2026-01-02T03:04:05.006Z","orderId":"order-123","userId":"user-456","items":[],"total":12.5}}"#
        )
    );
    assert_eq!(
        event("OrderCreated").key(&built),
        Some(b"order-123".to_vec())
    );
    assert_eq!(event("OrderCreated").key(&Map::new()), None);
}

#[test]
fn paths_reach_into_lists() {
    let base = ["orderId=o", "userId=u", "total=1"];
    let items = |more: &[&str]| {
        build("OrderCreated", &[&base, more].concat()).map(|built| built["items"].clone())
    };
    assert_eq!(
        items(&[
            "items[0].sku=a",
            "items[0].quantity=2",
            "items[0].price=0.50",
            "items[1]={\"sku\":\"b\",\"quantity\":1,\"price\":1}"
        ]),
        Ok(
            json!([{"sku": "a", "quantity": 2, "price": 0.5}, {"sku": "b", "quantity": 1, "price": 1}])
        )
    );
    assert_eq!(
        items(&[
            "items=[{\"sku\":\"b\",\"quantity\":1,\"price\":1}]",
            "items[0].sku=c"
        ]),
        Ok(json!([{"sku": "c", "quantity": 1, "price": 1}]))
    );
    let cases = [
        (
            "items[1].sku=a",
            "`items[1].sku` cannot be read: give the list's item 0 first",
        ),
        (
            "items[0].sku=a",
            "`OrderCreated` needs `items[0].quantity`: how many",
        ),
        (
            "items[0].skuu=a",
            "`OrderCreated` has no field `items[0].skuu`, did you mean `sku`?",
        ),
        (
            "items[0].quantity=2.5",
            "`items[0].quantity` must be a whole number, not `2.5`",
        ),
        (
            "items.sku=a",
            "`items.sku` cannot be read: `items` is a list: write `items[0].`…",
        ),
        (
            "items[]=a",
            "`items[]` cannot be read: write names with `.` between them and `[N]` for the item N of a list, such as `items[0].sku`",
        ),
        ("items=a", "`items` must be a JSON list, not `a`"),
        ("items=[1]", "`items[0]` must be an object, not 1"),
        (
            "items=[{\"sku\":\"b\",\"quantity\":1,\"price\":1,\"colour\":1}]",
            "`OrderCreated` has no field `items[0].colour`",
        ),
        (
            "orderId.x=a",
            "`orderId.x` cannot be read: `orderId` is text and has no fields",
        ),
        (
            "orderId[0]=a",
            "`orderId[0]` cannot be read: `orderId` is no list",
        ),
    ];
    for (assignment, expected) in cases {
        assert_eq!(
            items(&[assignment]).unwrap_err().to_string(),
            expected,
            "{assignment}"
        );
    }
}

#[test]
fn slips_are_refused_with_what_was_expected() {
    let cases: [(&[&str], &str); 8] = [
        (
            &["userId=u", "total=1"],
            "`OrderCreated` needs `orderId`: the order, and the record's key",
        ),
        (
            &["ordrId=o"],
            "`OrderCreated` has no field `ordrId`, did you mean `orderId`?",
        ),
        (&["colour=red"], "`OrderCreated` has no field `colour`"),
        (&["total=much"], "`total` must be a number, not `much`"),
        (&["total=1e999"], "`total` must be a number, not `1e999`"),
        (
            &["orderId=o", "userId=u", "total=1", "eventId=7"],
            "`eventId` must be a UUID, not `7`",
        ),
        (
            &["orderId=o", "userId=u", "total=1", "eventType=OrderShipped"],
            "`eventType` must be `OrderCreated`, not `OrderShipped`",
        ),
        (
            &["orderId=o", "userId=u", "total=1", "timestamp=now"],
            "`timestamp` must be a time such as `2026-01-02T03:04:05Z`, not `now`",
        ),
    ];
    for (assignments, expected) in cases {
        assert_eq!(
            build("OrderCreated", assignments).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn a_document_is_completed_and_changed() {
    let event = event("order-created");
    let Value::Object(mut map) = json!({"total": 1, "coupon": "X", "userId": "u", "orderId": "o"})
    else {
        unreachable!()
    };
    let missing = event.missing(&map, &mut filling());
    let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["eventType", "eventId", "timestamp", "items"]);
    map.extend(missing);
    let mut assign = |text: &str| {
        event
            .assign(&mut map, &[text.parse().unwrap()])
            .map_err(|error| error.to_string())
    };
    assert_eq!(assign("total=2"), Ok(()));
    assert_eq!(
        assign("coupon=Y"),
        Err("`OrderCreated` has no field `coupon`".to_owned())
    );
    assert_eq!(
        assign("eventId=7"),
        Err("`eventId` must be a UUID, not `7`".to_owned())
    );
    assert_eq!(
        assign("items[0].sku=a"),
        Err("`OrderCreated` needs `items[0].quantity`: how many".to_owned())
    );
    assert_eq!(map["total"], json!(2));
    assert_eq!(event.missing(&map, &mut filling()), []);
}

#[test]
fn text_stays_text_and_the_later_value_wins() {
    let built = build(
        "payment-failed",
        &[
            "orderId=1",
            "orderId=007",
            "userId=u",
            "amount=5",
            "reason=null",
        ],
    )
    .unwrap();
    assert_eq!(
        (&built["orderId"], &built["reason"], &built["method"]),
        (&json!("007"), &json!("null"), &json!("card"))
    );
    assert!(built["paymentId"].as_str().unwrap().starts_with("payment-"));
}

#[test]
fn every_type_makes_events_that_are_valid_and_different() {
    let mut filling = filling();
    let mut seen = HashSet::new();
    for event in Catalog::built_in().events() {
        for _ in 0..200 {
            let made = event.generate(&mut filling);
            assert_eq!(check::built(event, &made), Ok(()), "{made:?}");
            assert!(seen.insert(made["eventId"].clone()));
            assert!(
                event.key_field.as_deref() != Some("orderId")
                    || seen.insert(made["orderId"].clone())
            );
            if let (Some(total), Some(items)) = (made.get("total"), made.get("items")) {
                let number = |value: &Value| value.as_f64().unwrap();
                let sum: f64 = items
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| number(&item["quantity"]) * number(&item["price"]))
                    .sum();
                assert!((sum - number(total)).abs() < 0.001, "{made:?}");
            }
        }
    }
}

#[test]
fn what_a_prompt_proposes_is_a_valid_answer() {
    for event in Catalog::built_in().events() {
        let mut filling = filling();
        let answers: Vec<Assignment> = event
            .own_fields()
            .filter_map(|field| {
                Some(Assignment::new(
                    field.name.as_str(),
                    event.default_for(field, &mut filling)?,
                ))
            })
            .collect();
        assert!(answers.len() >= event.own_fields().filter(|field| field.required).count());
        let built = event.build(&answers, &mut filling).unwrap();
        assert_eq!(event.validate(&Value::Object(built)), Ok(()));
    }
    let event = event("order-created");
    let items = event.field("items").unwrap();
    assert_eq!(
        event.default_for(items, &mut filling()).as_deref(),
        Some("[]")
    );
}

#[test]
fn documents_are_checked_field_by_field() {
    let valid = Value::Object(event("order-created").generate(&mut filling()));
    let change = |pointer: &str, value: Value| {
        let mut document = valid.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        event("order-created").validate(&document)
    };
    let cases = [
        ("", json!([]), "`the event` must be an object, not a list"),
        (
            "",
            json!({}),
            "`OrderCreated` needs `/eventType`: type of event",
        ),
        ("/orderId", json!(7), "`/orderId` must be text, not 7"),
        (
            "/total",
            json!("12"),
            "`/total` must be a number, not the text `12`",
        ),
        ("/items", json!(null), "`/items` must be a list, not null"),
        (
            "/items/0/quantity",
            json!(1.5),
            "`/items/0/quantity` must be a whole number, not 1.5",
        ),
        (
            "/items/0",
            json!({}),
            "`OrderCreated` needs `/items/0/sku`: what is ordered",
        ),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(change(pointer, value).unwrap_err().to_string(), expected);
    }
    let mut grown = valid.clone();
    grown["coupon"] = json!("WELCOME");
    assert_eq!(event("order-created").validate(&grown), Ok(()));
    let cancelled = json!({
        "eventType": "OrderCancelled", "eventId": valid["eventId"], "timestamp": valid["timestamp"],
        "orderId": "o", "userId": null, "reason": "r"
    });
    assert_eq!(event("order-cancelled").validate(&cancelled), Ok(()));
}

#[test]
fn the_same_seed_makes_the_same_event_and_ids_sort_by_time() {
    let make = || event("order-created").generate(&mut filling());
    assert_eq!(make(), make());
    let mut later = filling();
    later.now_ms += 1;
    assert!(filling().event_id() < later.event_id());
    for now_ms in [i64::MIN, -1, i64::MAX] {
        let mut filling = Filling {
            now_ms,
            random: fastrand::Rng::with_seed(1),
        };
        let made = event("order-created").generate(&mut filling);
        assert_eq!(
            event("order-created").validate(&Value::Object(made)),
            Ok(())
        );
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn nothing_typed_panics(path in "(items|orderId|total|[a-z.\\[\\]0-9]{0,4}){1,4}", value in "[\\[\\]{}\":a-z0-9.]{0,9}|.*") {
        let _ = event("order-created").build(&[Assignment::new(path, value)], &mut filling());
    }
}
