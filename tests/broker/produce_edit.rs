//! `eda produce --edit`: an event as a text in the user's editor, on a terminal.

use super::{catalog_topics, create, read, topic};
use crate::support::{broker, eda, terminal};

#[test]
fn an_event_is_edited_until_it_is_right_then_shown_and_sent() {
    if terminal::is_missing("an_event_is_edited_until_it_is_right_then_shown_and_sent") {
        return;
    }
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("editor.sh");
    // First it makes the event wrong, then it goes on with what was left, and makes it right.
    let text = r#"
        if [ "$1" != --wait ]; then exit 9; fi
        if [ -e "$0.draft" ]; then
            text=$(sed 's/"cheap"/12.50/' "$2")
            printf '%s' "$text" > "$2"
        else
            cp "$2" "$0.draft"
            printf '{"orderId": "order-7", "userId": "user 8",\n "items": [], "total": "cheap"}' > "$2"
        fi
    "#;
    std::fs::write(&script, text).unwrap();
    let editor = format!("sh '{}' --wait", script.display());
    let produce = eda(&["produce", "order-created", "orderId=order-6", "--edit"]);
    let produce = produce.on(broker()).env("EDITOR", editor).env("VISUAL", "");
    let mut produce = produce.on_a_terminal();
    produce.answer("`/total` must be a number", "");
    produce.answer("Edit it again?", "y");
    produce.answer("Send it?", "y");
    let output = produce.ends().succeeds();
    let words = "orderId=order-7 'userId=user 8' 'items=[]' total=12.5";
    output.stdout_has(&format!("$ eda produce order-created {words}"));
    let draft = std::fs::read_to_string(folder.path().join("editor.sh.draft")).unwrap();
    assert!(draft.contains(r#""orderId": "order-6""#), "{draft}");
    assert!(draft.contains(r#""userId": "user-"#), "made up: {draft}");
    let records = read("order-created");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["key"], "order-7");
    assert_eq!(records[0]["value"]["userId"], "user 8");
    assert_eq!(records[0]["value"]["total"], 12.5);
}

#[test]
fn an_editor_that_fails_and_a_person_who_declines_send_nothing() {
    if terminal::is_missing("an_editor_that_fails_and_a_person_who_declines_send_nothing") {
        return;
    }
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    let produce = eda(&["produce", "order-created", "--edit"]).on(broker());
    let with = |editor: &str| produce.clone().env("EDITOR", editor).on_a_terminal();
    with("false")
        .ends()
        .status(1)
        .stdout_has("`false` ended with");
    with("no-such-editor")
        .ends()
        .status(2)
        .stdout_has("cannot start `no-such-editor`");
    with("")
        .ends()
        .status(2)
        .stdout_has("set `VISUAL` or `EDITOR`");
    let mut emptied = with("truncate -s 0");
    emptied.answer("Edit it again?", "n");
    emptied
        .ends()
        .status(1)
        .stdout_has("declined, nothing was sent");
    let mut kept = with("true");
    kept.answer("Send it?", "n");
    kept.ends().status(1);
    assert_eq!(read("order-created").len(), 0);
}

#[test]
fn off_a_terminal_and_without_a_type_nothing_is_edited() {
    let topic = topic("orders", 1);
    let edit = eda(&["produce", &topic, "--edit"])
        .on(broker())
        .env("EDITOR", "true");
    edit.run().status(2).stderr_has("`--edit` needs a terminal");
    if terminal::is_missing("off_a_terminal_and_without_a_type_nothing_is_edited") {
        return;
    }
    let output = edit.on_a_terminal().ends().status(2);
    output.stdout_has("has no fields to ask for");
}
