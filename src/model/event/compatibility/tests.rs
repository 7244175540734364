use super::*;
use serde_json::json;

fn event(properties: Value, required: Value) -> EventType {
    let schema =
        json!({"type": "object", "x-key": "id", "properties": properties, "required": required});
    EventType::from_schema("BillPaid.json", schema).unwrap()
}

fn compared(old: &EventType, new: &EventType) -> (String, Vec<String>) {
    let changes = changes(old, new);
    let said = changes
        .iter()
        .map(|change| format!("{}: {}", change.pointer, change.message));
    (Compatibility::of(&changes).to_string(), said.collect())
}

#[test]
fn each_change_says_whom_it_breaks() {
    let base = json!({"id": {"type": "string"}, "n": {"type": "integer", "minimum": 1}, "of": {"enum": ["a", "b"]},
        "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "string"}}}}});
    let old = event(base.clone(), json!(["id", "n"]));
    let with = |pointer: &str, value: Value| {
        let mut changed = base.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[name] = value;
        event(changed, json!(["id", "n"]))
    };
    let mut removed = base.clone();
    removed.as_object_mut().unwrap().shift_remove("n");
    let cases = [
        (old.clone(), "full", None),
        (
            event(removed, json!(["id"])),
            "backward",
            Some("/n: a required field was removed"),
        ),
        (
            with("/more", json!({"type": "string"})),
            "full",
            Some("/more: an optional field was added"),
        ),
        (
            event(base.clone(), json!(["id", "n", "of"])),
            "forward",
            Some("/of: it is required now"),
        ),
        (
            event(base.clone(), json!(["id"])),
            "backward",
            Some("/n: it is no longer required"),
        ),
        (
            with("/n/type", json!("number")),
            "backward",
            Some("/n: it was a whole number, now it is a number"),
        ),
        (
            with("/n/type", json!("string")),
            "none",
            Some("/n: it was a whole number, now it is text"),
        ),
        (
            with("/n/minimum", json!(2)),
            "forward",
            Some("/n: `minimum` was 1, now it is 2"),
        ),
        (
            with("/of/enum", json!(["a", "b", "c"])),
            "backward",
            Some("/of: \"c\" is allowed now"),
        ),
        (
            with(
                "/list/items/properties/x",
                json!({"type": ["string", "null"]}),
            ),
            "backward",
            Some("/list/0/x: it may be null now"),
        ),
    ];
    for (new, expected, said) in cases {
        let (compatibility, changes) = compared(&old, &new);
        assert_eq!(compatibility, expected, "{changes:?}");
        assert_eq!(changes.first().map(String::as_str), said);
    }
}

#[test]
fn a_required_field_that_is_added_cannot_be_in_what_was_written_before() {
    let old = event(json!({"id": {"type": "string"}}), json!(["id"]));
    let new = event(
        json!({"id": {"type": "string"}, "n": {"type": "integer"}}),
        json!(["id", "n"]),
    );
    assert_eq!(compared(&old, &new).0, "forward");
    assert_eq!(compared(&new, &old).0, "backward");
}
