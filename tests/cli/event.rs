//! `eda event`, and the catalog it is about: no broker is asked.

use crate::support::{Eda, eda};
use serde_json::{Value, json};

/// A run with these files in the folder it starts in.
fn with(files: &[(&str, &str)], arguments: &[&str]) -> Eda {
    let run = eda(arguments);
    for (name, text) in files {
        let path = run.home().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    run
}

/// What `eda event new` gives for the name, changed.
fn schema(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut schema = eda(&["event", "new", name]).run().succeeds().json();
    change(&mut schema);
    schema.to_string()
}

#[test]
fn the_built_in_catalog_is_listed_and_passes_the_check() {
    let list = eda(&["event", "list", "--json"]).run().succeeds().json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 10);
    assert_eq!(list[0]["name"], "OrderCreated");
    assert_eq!(list[0]["topic"], "order-created");
    assert_eq!(list[0]["keyField"], "orderId");
    assert_eq!(list[0]["source"], "built-in");
    insta::assert_snapshot!(eda(&["event", "check"]).run().snapshot(), @r"
    status: 0
    --- stdout
    --- stderr
    10 events checked, nothing found
    ");
}

#[test]
fn an_event_is_shown_with_its_fields_and_an_example() {
    let show = eda(&["event", "show", "order-created"]).run().succeeds();
    let show = show.stdout_has("OrderCreated on topic `order-created`, key `orderId`");
    show.stdout_has("items[].sku")
        .stdout_has("example: {\"eventType\":\"OrderCreated\"");
    let show = eda(&["event", "show", "OrderCreated", "--json"])
        .run()
        .succeeds();
    assert_eq!(show.json()["schema"]["x-key"], "orderId");
    assert_eq!(show.json()["example"]["eventType"], "OrderCreated");
    let unknown = eda(&["event", "show", "OrderCraeted"]).run().status(1);
    unknown.stderr_has("did you mean `OrderCreated`?");
}

#[test]
fn ones_own_events_come_first_wherever_they_are_named() {
    let paid = schema("InvoicePaid", |_| ());
    let created = schema("OrderCreated", |schema| schema["x-topic"] = json!("orders"));
    let files = [
        ("events/a.json", paid.as_str()),
        ("other/b.json", created.as_str()),
    ];
    let names = |run: Eda| -> Vec<(String, String)> {
        let list = run.run().succeeds().json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let own = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["source"] == "own");
        own.map(|event| (text(&event["name"]), text(&event["topic"])))
            .collect()
    };
    let list = ["event", "list", "--json"];
    let invoice = [("InvoicePaid".to_owned(), "invoice-paid".to_owned())];
    let order = [("OrderCreated".to_owned(), "orders".to_owned())];
    assert_eq!(names(with(&files, &list)), invoice, "the folder `events`");
    assert_eq!(names(with(&files, &list).env("EDA_EVENTS", "other")), order);
    let flag = with(&files, &list)
        .args(["--events", "events/a.json"])
        .env("EDA_EVENTS", "other");
    assert_eq!(names(flag), invoice, "the flag is above the environment");
    let context = "current = \"a\"\n[contexts.a]\nbrokers = \"localhost:1\"\nevents = \"other\"\n";
    let files = [files[0], files[1], ("config/eda/contexts.toml", context)];
    assert_eq!(names(with(&files, &list)), order, "the contexts file");
}

#[test]
fn a_command_a_noun_and_a_missing_envelope_are_found() {
    let create = schema("CreateOrder", |_| ());
    let order = schema("Order", |schema| {
        schema["properties"]
            .as_object_mut()
            .unwrap()
            .shift_remove("eventId");
    });
    let files = [
        ("events/a.json", create.as_str()),
        ("events/b.json", order.as_str()),
    ];
    insta::assert_snapshot!(with(&files, &["event", "check", "events"]).run().snapshot(), @r"
    status: 1
    --- stdout
    EVENT        WHERE        WHAT                                                                               BREAKS
    CreateOrder  -            `CreateOrder` is a command: an event says what happened, such as `OrderCreated`    -
    Order        -            `Order` is a bare noun: an event says what happened to it, such as `OrderCreated`  -
    Order        /properties  the envelope's `eventId` is missing                                                -
    --- stderr
    ");
    let report = with(&files, &["event", "check", "events", "--json"])
        .run()
        .status(1)
        .json();
    assert_eq!(report["passed"], false);
    assert_eq!(report["events"][0]["name"], "CreateOrder");
}

#[test]
fn a_changed_schema_is_compared_with_the_older_one() {
    let old = schema("InvoicePaid", |schema| {
        schema["required"]
            .as_array_mut()
            .unwrap()
            .push(json!("amount"));
    });
    let removed = schema("InvoicePaid", |schema| {
        schema["properties"]
            .as_object_mut()
            .unwrap()
            .shift_remove("amount");
    });
    let added = schema("InvoicePaid", |schema| {
        schema["properties"]["note"] = json!({"type": "string"});
        schema["required"]
            .as_array_mut()
            .unwrap()
            .push(json!("amount"));
    });
    let files = [
        ("old.json", old.as_str()),
        ("removed.json", removed.as_str()),
        ("added.json", added.as_str()),
    ];
    let check = |new: &str, more: &[&str]| {
        with(&files, &["event", "check"])
            .arg(new)
            .args(["--against", "old.json"])
            .args(more)
            .run()
    };
    insta::assert_snapshot!(check("removed.json", &[]).snapshot(), @r"
    status: 1
    --- stdout
    EVENT        WHERE    WHAT                          BREAKS
    InvoicePaid  /amount  a required field was removed  forward
    InvoicePaid: backward compatible only: the new one reads what the old one wrote
    --- stderr
    ");
    check("removed.json", &["--compatibility", "backward"]).succeeds();
    check("removed.json", &["--compatibility", "forward"]).status(1);
    let added = check("added.json", &["--json"]).succeeds().json();
    assert_eq!(added["events"][0]["compatibility"], "full");
    assert_eq!(added["events"][0]["changes"][0]["pointer"], "/note");
}

#[test]
fn a_file_that_is_no_schema_is_named_with_the_place_in_it() {
    let bad = r#"{"type": "object", "properties": {"total": {"type": "numbr"}}}"#;
    let files = [("events/Bad.json", bad)];
    let output = with(&files, &["event", "list"]).run().status(2);
    output
        .stderr_has("`events/Bad.json`")
        .stderr_has("/properties/total/type");
    let produce = with(
        &files,
        &[
            "produce",
            "order-created",
            "--brokers",
            "localhost:1",
            "-n",
            "1",
        ],
    );
    produce.run().status(2).stderr_has("/properties/total/type");
    let files = [("events/notes.json", r#"{"hello": 1}"#)];
    with(&files, &["event", "check"])
        .run()
        .status(2)
        .stderr_has("no JSON Schema");
    let files = [("api.yaml", "asyncapi: 2.6.0\nchannels: {}\n")];
    let output = with(&files, &["event", "list", "--events", "api.yaml"])
        .run()
        .status(2);
    output.stderr_has("version 3 is needed");
    let output = eda(&["event", "list", "--events", "nowhere"])
        .run()
        .status(2);
    output.stderr_has("`nowhere`");
}

#[test]
fn what_one_starts_with_passes_and_a_bad_name_is_told() {
    let paid = schema("invoice-paid", |_| ());
    with(
        &[("events/InvoicePaid.json", &paid)],
        &["event", "check", "events"],
    )
    .run()
    .succeeds();
    let warned = eda(&["event", "new", "PayInvoice"]).run().succeeds();
    warned.stderr_has("such as `InvoicePaid`");
    eda(&["event", "new", "../x"]).run().status(2);
}
