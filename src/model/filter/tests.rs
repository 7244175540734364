use super::*;
use crate::model::record::{Header, Record};

fn record(key: &str, value: Option<&[u8]>) -> Record {
    Record {
        topic: "order-created".to_owned(),
        partition: 0,
        offset: 0,
        timestamp: None,
        key: Some(key.as_bytes().to_vec()),
        value: value.map(<[u8]>::to_vec),
        headers: vec![
            Header::text("trace", "abc"),
            Header::text("ce_type", "OrderShipped"),
        ],
    }
}

fn wants(filter: &Filter, record: &Record) -> Wanted {
    filter.wants(&record.into())
}

#[test]
fn an_expression_is_looked_for_where_it_says() {
    let record = record("order-7", Some(b"\xfflamp"));
    let cases = [
        ("lamp", true),
        ("^order-7$", true),
        ("^trace$", true),
        ("abc", true),
        ("chair", false),
        ("(?i)LAMP", true),
        (r"(?-u)\xff", true),
        ("key:lamp", false),
        ("key:order-\\d+", true),
        ("value:order", false),
        ("value:lamp", true),
        ("header:abc", true),
        ("header:trace", false),
        ("header[trace]:abc", true),
        ("header[ce_type]:abc", false),
        ("[k]ey:lamp", false),
    ];
    for (text, expected) in cases {
        let filter = Filter {
            greps: vec![text.parse().unwrap()],
            ..Filter::default()
        };
        let wanted = wants(&filter, &record) == Wanted::Yes;
        assert_eq!(wanted, expected, "{text}");
    }
    let error = "key:(".parse::<Grep>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`(` is not a regular expression: unclosed group"
    );
}

#[test]
fn a_field_is_compared_as_what_it_is() {
    let value = br#"{"total":120.5,"big":9007199254740993,"status":"paid","n":"7","ok":true,"none":null,"items":[{"sku":"lamp"}],"at":"2026-01-02T03:04:05Z"}"#;
    let record = record("k", Some(value));
    let cases = [
        ("total>100", true),
        ("total > 120.5", false),
        ("total>=120.5", true),
        ("total<1e3", true),
        ("total=120.50", true),
        ("total=abc", false),
        ("total!=abc", true),
        ("big=9007199254740992", false),
        ("big==9007199254740993", true),
        ("status=paid", true),
        ("status=\"paid\"", true),
        ("status!=paid", false),
        ("n=7", true),
        ("ok=true", true),
        ("ok!=true", false),
        ("ok=\"true\"", false),
        ("none=null", true),
        ("items[0].sku=lamp", true),
        ("items[0].sku!=lamp", false),
        ("items[1].sku!=lamp", false),
        ("nowhere!=1", false),
        ("items=1", false),
        ("at>2026-01-01", true),
        ("at<2026-01-02", false),
    ];
    for (text, expected) in cases {
        let filter = Filter {
            comparisons: vec![text.parse().unwrap()],
            ..Filter::default()
        };
        let expected = if expected { Wanted::Yes } else { Wanted::No };
        assert_eq!(wants(&filter, &record), expected, "{text}");
    }
    for text in ["total", ">100", "a..b=1", "a[x]=1", "total!100"] {
        assert!(text.parse::<Comparison>().is_err(), "{text}");
    }
}

#[test]
fn what_other_languages_write_is_told_how_it_is_written_here() {
    let cases = [
        (
            "n=>5",
            "`n=>5` is not a comparison: there is no `=>`, but `>=`",
        ),
        (
            "n =< 5",
            "`n =< 5` is not a comparison: there is no `=<`, but `<=`",
        ),
        (
            "n<>5",
            "`n<>5` is not a comparison: there is no `<>`, but `!=`",
        ),
        (
            "n===5",
            "`n===5` is not a comparison: there is no `===`, but `=`",
        ),
        (
            "n=~x",
            "`n=~x` is not a comparison: there is no `=~`, but = != < <= > and >=",
        ),
        (
            "n>5 and n<7",
            "`n>5 and n<7` is more than one comparison: give `n>5` and `n<7` as one `--where` each, all of which must \
             hold; text that is meant to be like that is \"quoted\"",
        ),
        (
            "$.n=5",
            "`$.n=5` is not a comparison: paths begin in the value, such as `n`, without `$`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            text.parse::<Comparison>().unwrap_err().to_string(),
            expected
        );
    }
    for text in [
        "n=\">5\"",
        "n=a and b",
        "n=\"a and b=c\"",
        "token=abc==",
        "n=a=b",
        "n=a,b",
    ] {
        assert!(text.parse::<Comparison>().is_ok(), "{text}");
    }
}

#[test]
fn what_is_not_json_has_no_fields_and_is_told_apart() {
    let filter = |grep: &str| Filter {
        greps: vec![grep.parse().unwrap()],
        comparisons: vec!["total>1".parse().unwrap()],
        events: Vec::new(),
    };
    let text = record("order-7", Some(b"not json"));
    assert_eq!(wants(&filter("not"), &text), Wanted::NotJson);
    assert_eq!(wants(&filter("other"), &text), Wanted::No);
    assert_eq!(
        wants(&filter("order"), &record("order-7", None)),
        Wanted::No
    );
    assert!(!filter("a").is_empty() && Filter::default().is_empty());
    assert_eq!(wants(&Filter::default(), &text), Wanted::Yes);
}

#[test]
fn an_event_is_known_by_its_type_in_the_value_or_the_header() {
    let filter = |name: &str| Filter {
        events: vec!["Other".to_owned(), name.to_owned()],
        ..Filter::default()
    };
    let typed = record("k", Some(br#"{"a":[1],"eventType":"Order\u0043reated"}"#));
    assert_eq!(wants(&filter("OrderCreated"), &typed), Wanted::Yes);
    assert_eq!(wants(&filter("OrderShipped"), &typed), Wanted::Yes);
    assert_eq!(wants(&filter("OrderPaid"), &typed), Wanted::No);
    let cloud_event = br#"{"specversion":"1.0","type":"OrderPaid","data":{"eventType":"Order"}}"#;
    let structured = record("k", Some(cloud_event));
    assert_eq!(wants(&filter("OrderPaid"), &structured), Wanted::Yes);
    let other = record("k", Some(br#"{"type":"OrderPaid"}"#));
    assert_eq!(wants(&filter("OrderPaid"), &other), Wanted::No);
}
