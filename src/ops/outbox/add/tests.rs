use super::*;
use crate::error::Kind;

fn planned(request: AddRequest) -> Result<NewOutboxEvent> {
    plan(Catalog::built_in(), request).map(|plan| plan.event)
}

fn request(event_type: &str, fields: &[&str]) -> AddRequest {
    AddRequest {
        event_type: event_type.to_owned(),
        assignments: fields.iter().map(|text| text.parse().unwrap()).collect(),
        ..AddRequest::default()
    }
}

const ORDER: [&str; 3] = ["orderId=order-7", "userId=u", "total=12"];

#[test]
fn an_event_of_the_catalog_names_its_aggregate() {
    for name in ["order-created", "OrderCreated"] {
        let event = planned(request(name, &ORDER)).unwrap();
        assert_eq!(
            (event.aggregate_type.as_str(), event.aggregate_id.as_str()),
            ("order", "order-7")
        );
        assert_eq!(event.event_type, "OrderCreated");
        let payload: Value = serde_json::from_slice(&event.payload.unwrap()).unwrap();
        assert_eq!(payload["eventId"], event.id);
    }
}

#[test]
fn what_is_given_goes_before_what_is_known() {
    let id = "0198c6a0-1234-7abc-8def-0123456789ab";
    let event = planned(AddRequest {
        id: Some(id.to_owned()),
        aggregate_type: Some("basket".to_owned()),
        aggregate_id: Some("b-1".to_owned()),
        ..request("order-created", &ORDER)
    });
    let event = event.unwrap();
    assert_eq!(
        (event.id.as_str(), event.aggregate_type.as_str()),
        (id, "basket")
    );
    let payload: Value = serde_json::from_slice(&event.payload.unwrap()).unwrap();
    assert_eq!(payload["eventId"], id);
}

#[test]
fn a_payload_of_the_catalog_is_completed_and_keeps_what_it_says() {
    let line = r#"{"orderId":"order-7","userId":"u","items":[],"total":12.50}"#;
    let event = planned(AddRequest {
        payload: Some(line.as_bytes().to_vec()),
        ..request("order-created", &[])
    });
    let payload = String::from_utf8(event.unwrap().payload.unwrap()).unwrap();
    assert!(payload.ends_with(&line[1..]), "{payload}");
    assert!(payload.contains("eventId"), "{payload}");
}

#[test]
fn any_other_type_needs_its_aggregate() {
    let error = planned(request("InvoiceSent", &["total=1"])).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.message().contains("--aggregate"), "{error}");
    let event = planned(AddRequest {
        aggregate_type: Some("invoice".to_owned()),
        aggregate_id: Some("7".to_owned()),
        ..request("InvoiceSent", &["total=1"])
    });
    let event = event.unwrap();
    assert_eq!(event.payload.unwrap(), br#"{"total":1}"#);
    assert_eq!(event.event_type, "InvoiceSent");
}

#[test]
fn a_misspelled_event_is_recognised() {
    let error = planned(request("order-craeted", &ORDER)).unwrap_err();
    assert_eq!(error.hint_text(), Some("did you mean `order-created`?"));
}
