use super::super::destinations::Destination;
use super::*;
use crate::model::dead_letter::detect;
use crate::ops::stop::Stop;
use proptest::prelude::*;
use std::time::Duration;

/// A letter of `order-created` with this value.
fn letter(value: Option<&str>) -> Record {
    let headers = [
        ("trace", "00-1"),
        ("eda-replay-count", "1"),
        ("__dlq.errors.topic", "order-created"),
        ("__dlq.errors.kind", "permanent"),
    ];
    Record {
        topic: "order-created.dlq".to_owned(),
        partition: 1,
        offset: 7,
        timestamp: None,
        key: Some(b"order-7".to_vec()),
        value: value.map(|text| text.as_bytes().to_vec()),
        headers: headers
            .iter()
            .map(|(name, value)| Header::text(*name, value))
            .collect(),
    }
}

/// As a letter that goes to partition 2 of where it came from.
fn resolved(record: &Record) -> Resolved {
    let topic = Destination {
        name: "order-created".into(),
        partitions: 3,
        limit: None,
    };
    Resolved {
        letter: detect(record),
        is_wanted: true,
        original: None,
        repaired: None,
        has_other_key: false,
        is_stale: false,
        by_name: None,
        route: Route::To(Arc::new(topic), Some(2)),
    }
}

fn repair(unset: &[&str], set: &[&str], catalog: Option<Catalog>) -> Repair {
    let unset = unset.iter().map(|path| (*path).to_owned()).collect();
    let set = set.iter().map(|word| word.parse().unwrap()).collect();
    Repair {
        how: How::Set(Edits::new(unset, set).unwrap()),
        catalog,
        events: None,
    }
}

fn pass(repair: &Repair, record: &Record, resolved: &mut [Resolved]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let repaired = repair.run(runtime.handle(), std::slice::from_ref(record), resolved);
    repaired.unwrap();
}

fn run(repair: &Repair, record: &Record) -> Resolved {
    let mut all = [resolved(record)];
    pass(repair, record, &mut all);
    let [resolved] = all;
    resolved
}

#[test]
fn what_is_changed_is_marked_and_the_rest_left_alone() {
    let record = letter(Some(r#"{"total": 1.50}"#));
    let changed = run(&repair(&[], &["currency=EUR"], None), &record);
    let original = changed.original.unwrap();
    assert_eq!(
        String::from_utf8(original.value.unwrap()).unwrap(),
        r#"{"total": 1.50,"currency":"EUR"}"#
    );
    let names: Vec<&str> = original
        .headers
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    // What an earlier replay noted is still wanted for the next note.
    assert_eq!(names, ["trace", "eda-replay-count"]);
    assert_eq!(changed.repaired, Some("set"));
    assert!(matches!(changed.route, Route::To(_, Some(2))));

    let same = run(
        &repair(
            &["gone"],
            &["total=1.50"],
            Some(Catalog::built_in().clone()),
        ),
        &record,
    );
    assert_eq!(
        (same.original, same.repaired),
        (None, None),
        "and not checked"
    );
    let nothing = run(&Repair::default(), &record);
    assert_eq!((nothing.original, nothing.repaired), (None, None));
}

#[test]
fn what_cannot_be_repaired_or_would_be_wrong_stays() {
    let stays = |value: Option<&str>, repair: &Repair| match run(repair, &letter(value)).route {
        Route::Stays(stay) => stay.to_string(),
        other => panic!("{other:?}"),
    };
    let set = repair(&[], &["total.net=1"], None);
    let no_object = "it cannot be repaired: its value is no JSON object";
    assert_eq!(stays(None, &set), no_object);
    assert_eq!(stays(Some("[]"), &set), no_object);
    assert_eq!(
        stays(Some(r#"{"total":1}"#), &set),
        "it cannot be repaired: `total.net` cannot be read: what has `net` is no object"
    );
    let checked = repair(&[], &["total=1"], Some(Catalog::built_in().clone()));
    assert_eq!(
        stays(Some("{}"), &checked),
        "repaired, it is no valid OrderCreated: `OrderCreated` needs `/eventType`: type of event (`--no-validate` puts it back \
         all the same)"
    );
}

#[test]
fn only_what_has_somewhere_to_go_is_repaired() {
    let record = letter(Some("{}"));
    let mut all = [resolved(&record)];
    all[0].route = Route::Park("too often".to_owned());
    let set = repair(&[], &["a=1"], None);
    pass(&set, &record, &mut all);
    assert!(all[0].original.is_none() && matches!(all[0].route, Route::Park(_)));
}

#[test]
fn the_flags_ask_for_the_same() {
    let set = repair(&["a.b"], &["c=x y", "d=1"], None);
    assert_eq!(
        set.words(),
        [
            "--unset",
            "a.b",
            "--set",
            "c=x y",
            "--set",
            "d=1",
            "--no-validate"
        ]
    );
    let checked = Repair {
        events: Some("own".to_owned()),
        ..repair(&[], &["c=1"], Some(Catalog::default()))
    };
    assert_eq!(checked.words(), ["--set", "c=1", "--events", "own"]);
    assert!(Repair::default().words().is_empty());
    let exec = |timeout| {
        let options = FilterOptions {
            command: "sh -c 'a b'".to_owned(),
            argv: vec!["sh".to_owned()],
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            timeout,
            stop: Stop::new(),
        };
        Repair {
            how: How::Exec(Filter::new(options).unwrap()),
            ..Repair::default()
        }
    };
    assert_eq!(
        exec(Filter::TIMEOUT).words(),
        ["--exec", "sh -c 'a b'", "--no-validate"]
    );
    let hurried = exec(Duration::from_millis(1500)).words();
    assert_eq!(hurried[2..4], ["--exec-timeout", "1.5s"]);
}

#[test]
fn only_the_one_that_was_edited_is_put_back() {
    let record = letter(Some("{}"));
    let chosen = Chosen::new(&record, patient(0, &record, &resolved(&record)).unwrap());
    let other = chosen.text().replace("order-7", "order-8");
    let edited = chosen.edited(&other, None).unwrap().unwrap();
    let repair = Repair {
        how: How::Edit(edited),
        ..Repair::default()
    };
    let changed = run(&repair, &record);
    assert_eq!(
        changed.original.unwrap().key.as_deref(),
        Some(&b"order-8"[..])
    );
    // Another key has another partition.
    assert!(matches!(changed.route, Route::To(_, None)));
    let next = Record {
        offset: 8,
        ..record
    };
    let Route::Stays(stay) = run(&repair, &next).route else {
        panic!("nobody has seen it");
    };
    assert_eq!(
        stay.to_string(),
        "it cannot be repaired: another one was edited"
    );
    assert_eq!(repair.words(), ["--edit", "--no-validate"]);
}

#[test]
fn an_edited_text_that_is_no_right_record_says_why() {
    let record = letter(Some("{}"));
    let chosen = Chosen::new(&record, patient(0, &record, &resolved(&record)).unwrap());
    let why = |text: &str| chosen.edited(text, Some(Catalog::built_in())).unwrap_err();
    let broken = chosen.text().replace("\"headers\": [", "\"headers\": ");
    assert!(
        why(&broken).starts_with("not valid JSON: "),
        "{}",
        why(&broken)
    );
    assert!(why(&broken).contains(" at line "), "{}", why(&broken));
    assert!(why("[]").starts_with("not a JSON object"));
    assert!(why("{}").contains("`\"value\":null` is a tombstone"));
    assert!(why(r#"{"value":{},"vlaue":1}"#).starts_with("not a record: unknown field"));
    assert!(why(r#"{"value":{"base64":"?"}}"#).contains("base64"));
    let wrong = why(r#"{"value":{"total":1}}"#);
    assert!(
        wrong.starts_with("it is no valid OrderCreated: "),
        "{wrong}"
    );
}

fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    let json = "(\\{ \"a\" : (1\\.50|\"x\\\\n\"|\\[ \\]) \\}|\"t\"|null| 1|\\{\"base64\":\"\"\\})";
    prop_oneof![
        Just(None),
        json.prop_map(|text| Some(text.into_bytes())),
        any::<Vec<u8>>().prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A person who changes nothing but the layout has changed nothing, and whoever changes one part keeps the others.
    #[test]
    fn a_text_to_edit_says_all_of_the_record(
        key in bytes(), value in bytes(), headers in prop::collection::vec((".{0,8}", bytes()), 0..4),
    ) {
        let mut record = letter(None);
        let own = headers.into_iter().map(|(name, value)| Header { name, value });
        let own: Vec<Header> = own.filter(|one| !one.name.starts_with("__dlq")).collect();
        record.headers.extend(own);
        (record.key, record.value) = (key.clone(), value.clone());
        let chosen = Chosen::new(&record, patient(0, &record, &resolved(&record)).unwrap());
        let same = chosen.edited(&format!(" {}", chosen.text()), None);
        prop_assert!(matches!(same, Ok(None)), "{same:?} {}", chosen.text());
        let other = chosen.text().replacen("\"00-1\"", "\"00-2\"", 1);
        let edited = chosen.edited(&other, None).unwrap().unwrap();
        let answers = edited.answers(std::slice::from_ref(&record), std::slice::from_ref(&chosen.patient));
        let answer = answers[0].as_ref().unwrap();
        prop_assert_eq!((&answer.key, &answer.value), (&key, &value));
        prop_assert_eq!(&answer.headers[0], &Header::text("trace", "00-2"));
        prop_assert_eq!(&answer.headers[1..], &chosen.patient.original.headers[1..]);
    }
}
