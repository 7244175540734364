use super::super::destinations::Destination;
use super::*;
use crate::model::dead_letter::detect;

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

fn run(repair: &Repair, record: &Record) -> Resolved {
    let mut all = [resolved(record)];
    repair.run(std::slice::from_ref(record), &mut all).unwrap();
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
    set.run(std::slice::from_ref(&record), &mut all).unwrap();
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
}
