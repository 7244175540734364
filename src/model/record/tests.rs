use super::*;

fn record(value: Option<&str>, headers: Vec<Header>) -> Record {
    Record {
        topic: "order-created".to_owned(),
        partition: 1,
        offset: 42,
        timestamp: None,
        key: Some(b"order-7".to_vec()),
        value: value.map(|text| text.as_bytes().to_vec()),
        headers,
    }
}

#[test]
fn the_event_id_is_looked_for_in_the_documented_order() {
    let both = || vec![Header::text("id", "of-id"), Header::text("ce_id", "of-ce")];
    let cases = [
        (
            Some(r#"{"a":[1],"eventId":"of-value"}"#),
            both(),
            "of-value",
        ),
        (Some(r#"{"eventId":""}"#), both(), "of-ce"),
        (Some(r#"{"eventId":7}"#), both(), "of-ce"),
        (Some(r#"["of-array"]"#), both(), "of-ce"),
        (Some("not json"), vec![Header::text("id", "of-id")], "of-id"),
        (
            None,
            vec![Header::new("id", vec![0xff])],
            "order-created:1:42",
        ),
        (None, vec![], "order-created:1:42"),
    ];
    for (value, headers, expected) in cases {
        assert_eq!(record(value, headers).event_id(), expected, "{value:?}");
    }
}

#[test]
fn a_structured_cloud_event_has_the_id_that_it_would_have_in_any_other_envelope() {
    let cases = [
        (
            r#"{"specversion":"1.0","id":"of-ce","data":{"eventId":"of-data","n":[1]}}"#,
            "of-data",
        ),
        (
            r#" { "data": {"n":1}, "id": "of-ce", "specversion": "1.0"}"#,
            "of-ce",
        ),
        (r#"{"specversion":"1.0","id":"of-ce"}"#, "of-ce"),
        (
            r#"{"specversion":"1.0","id":"of-ce","data":["array"]}"#,
            "of-ce",
        ),
        (r#"{"specversion":"1.0","id":"\u00e4","data":null}"#, "ä"),
        (
            r#"{"specversion":"1.0","id":"","data":{"eventId":""}}"#,
            "of-header",
        ),
        // No CloudEvent: the row's id is not the event's.
        (r#"{"id":"of-row","data":{"eventId":"inner"}}"#, "of-header"),
    ];
    for (value, expected) in cases {
        let headers = vec![Header::text("id", "of-header")];
        assert_eq!(record(Some(value), headers).event_id(), expected, "{value}");
    }
}

#[test]
fn a_refilled_record_keeps_nothing_of_the_one_before() {
    let null = Header {
        name: "n".to_owned(),
        value: None,
    };
    let long = record(Some("a long value"), vec![Header::text("a", "1"), null]);
    let mut short = record(None, vec![Header::new("b", vec![])]);
    short.key = Some(Vec::new());
    let mut refilled = long.clone();
    refilled.refill(&(&short).into());
    assert_eq!(refilled, short);
    refilled.refill(&(&long).into());
    assert_eq!(refilled, long);
}

#[test]
fn first_and_last_header_see_repeated_names_and_nulls() {
    let null = Header {
        name: "a".to_owned(),
        value: None,
    };
    let record = record(
        None,
        vec![Header::text("a", "1"), Header::text("a", "2"), null],
    );
    assert_eq!(record.first_header("a"), Some(b"1".as_slice()));
    assert_eq!(record.last_header("a"), None);
    assert_eq!(record.first_header("b"), None);
    assert_eq!(record.size(), 7 + 2 + 2 + 1);
}
