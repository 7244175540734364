use super::*;
use crate::model::tests::cases;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// `-a` takes a out, `a=1` sets it.
fn edits(words: &[&str]) -> Result<Edits, EventError> {
    let unset = words.iter().filter_map(|word| word.strip_prefix('-'));
    let set = words.iter().filter(|word| !word.starts_with('-'));
    let set = set.map(|word| word.parse().unwrap()).collect();
    Edits::new(unset.map(str::to_owned).collect(), set)
}

fn edited(json: &str, words: &[&str]) -> String {
    let edits = edits(words).unwrap();
    match edits.apply(json.as_bytes()) {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn what_is_not_touched_stays_as_it_is() {
    let json = "{ \"z\":1.50,\n\t\"id\" : 12345678901234567890123, \"n\":{\"a\":[1, 2 ,3e0]},\"z2\":\"\\u00e9\" }\n";
    let cases: [(&[&str], &str, &str); 7] = [
        (&["z=2.00"], "1.50", "2.00"),
        (&["n.a[1]=x"], " 2 ", " \"x\" "),
        (&["n.a[3]={\"b\": 1}"], "3e0]", "3e0,{\"b\": 1}]"),
        (&["n.b.c=1"], "3e0]}", "3e0],\"b\":{\"c\":1}}"),
        (&["new=true"], "\" }", "\",\"new\":true }"),
        (&["-n.a[1]"], ", 2 ", " "),
        (&["-id"], ",\n\t\"id\" : 12345678901234567890123", ""),
    ];
    for (words, old, new) in cases {
        assert_eq!(json.matches(old).count(), 1, "{old}");
        assert_eq!(edited(json, words), json.replace(old, new), "{words:?}");
    }
}

#[test]
fn fields_are_made_set_and_taken_out() {
    let cases: [(&str, &[&str], &str); 19] = [
        ("{}", &["a=1"], r#"{"a":1}"#),
        (" { } ", &["a=1"], r#" {"a":1 } "#),
        ("{}", &["a.b[0].c=x y"], r#"{"a":{"b":[{"c":"x y"}]}}"#),
        (r#"{"a":null}"#, &["a.b=1"], r#"{"a":{"b":1}}"#),
        (r#"{"a":null}"#, &["a[0]=1"], r#"{"a":[1]}"#),
        (r#"{"a":[]}"#, &["a[0]=1", "a[1]=2"], r#"{"a":[1,2]}"#),
        (r#"{"a":1}"#, &["a=\"7\""], r#"{"a":"7"}"#),
        (r#"{"a":1}"#, &["a=007"], r#"{"a":"007"}"#),
        (r#"{"a":1}"#, &["a="], r#"{"a":""}"#),
        (r#"{"a":1}"#, &["a=it \"is\""], r#"{"a":"it \"is\""}"#),
        (r#"{"a":1,"a":2}"#, &["a=3"], r#"{"a":1,"a":3}"#),
        (r#"{"a":1,"b":2,"a":3}"#, &["-a"], r#"{"b":2}"#),
        (r#"{ "a" : 1 , "b":2}"#, &["-a"], r#"{ "b":2}"#),
        (r#"{"a":1}"#, &["-a"], "{}"),
        (
            r#"{"a":[0,1,2,3]}"#,
            &["-a[0]", "-a[2]", "-a[2]"],
            r#"{"a":[1,3]}"#,
        ),
        (r#"{"a":[{"b":1}]}"#, &["-a[0].b"], r#"{"a":[{}]}"#),
        (r#"{"a":1}"#, &["-b", "-a.b", "-a[0]"], r#"{"a":1}"#),
        // Those that are taken out go first.
        (r#"{"a":"x"}"#, &["a.b=1", "-a"], r#"{"a":{"b":1}}"#),
        (r#"{"\u0061":1}"#, &["a=2"], r#"{"\u0061":2}"#),
    ];
    for (json, words, expected) in cases {
        assert_eq!(edited(json, words), expected, "{json} {words:?}");
    }
}

#[test]
fn what_cannot_be_edited_says_why() {
    let no_object = "error: its value is no JSON object";
    for json in [
        "",
        "[]",
        "1",
        "\"{}\"",
        "{",
        "{\"a\":1} x",
        "{\"a\":}",
        "null",
    ] {
        assert_eq!(edited(json, &["a=1"]), no_object, "{json}");
    }
    let apply = edits(&["-a"]).unwrap().apply(b"{\"a\":\"\xff\"}");
    assert_eq!(apply, Err(EditError::NotAnObject));
    let cases = [
        (
            r#"{"a":1}"#,
            "a.b=2",
            "`a.b` cannot be read: what has `b` is no object",
        ),
        (
            r#"{"a":{}}"#,
            "a[0]=2",
            "`a[0]` cannot be read: what has `[0]` is no list",
        ),
        (
            r#"{"a":[1]}"#,
            "a[2]=2",
            "`a[2]` cannot be read: give the list's item 1 first",
        ),
        (
            "{}",
            "a[1]=2",
            "`a[1]` cannot be read: give the list's item 0 first",
        ),
    ];
    for (json, word, expected) in cases {
        assert_eq!(edited(json, &[word]), format!("error: {expected}"));
    }
    let refused = |words: &[&str]| edits(words).unwrap_err().to_string();
    assert!(refused(&["-a..b"]).starts_with("`a..b` cannot be read"));
    assert!(refused(&["a[=1"]).starts_with("`a[` cannot be read"));
    assert!(refused(&["a=1", "a=2"]).contains("would undo"));
}

/// Objects and lists of all shapes.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[a-c\"\\\\,{}\\[\\]: ]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[ab]", inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(cases(1000))]

    /// Whoever reads the text afterwards finds what whoever works on the read object has.
    #[test]
    fn the_text_and_the_object_are_edited_alike(
        a in documents(), b in documents(), value in documents(), pretty: bool,
        path in "[abc](\\[[0-2]\\]|\\.[abc]){0,3}",
    ) {
        let object: Map<String, Value> = [("a".to_owned(), a), ("b".to_owned(), b)].into_iter().collect();
        let json = match pretty {
            true => serde_json::to_string_pretty(&object).unwrap(),
            false => serde_json::to_string(&object).unwrap(),
        };
        let assignment = Assignment::new(path.clone(), value.to_string());
        let steps = path::steps(&path).unwrap();
        let mut expected = object;
        let put = path::put(&mut expected, &path, &steps, value);
        let edits = Edits::new(Vec::new(), vec![assignment]).unwrap();
        match (edits.apply(json.as_bytes()), put) {
            (Ok(text), Ok(())) => {
                prop_assert_eq!(serde_json::from_str::<Map<String, Value>>(&text).unwrap(), expected.clone());
                // Taken out again, and nothing else.
                let gone = Edits::new(vec![path.clone()], Vec::new()).unwrap().apply(text.as_bytes()).unwrap();
                let gone: Value = serde_json::from_str(&gone).unwrap();
                let mut whole = Value::Object(expected);
                let mut parent = &mut whole;
                for step in &steps[..steps.len() - 1] {
                    parent = match step {
                        Step::Name(name) => &mut parent[*name],
                        Step::Index(index) => &mut parent[*index],
                    };
                }
                match (steps.last().unwrap(), parent) {
                    (Step::Name(name), Value::Object(members)) => {
                        members.shift_remove(*name);
                    }
                    (Step::Index(index), Value::Array(items)) => {
                        items.remove(*index);
                    }
                    (step, parent) => panic!("{step:?} of {parent}"),
                }
                prop_assert_eq!(gone, whole);
            }
            (Err(EditError::Path(found)), Err(expected)) => prop_assert_eq!(found, expected),
            (found, expected) => prop_assert!(false, "{:?} {:?}", found, expected),
        }
    }
}
