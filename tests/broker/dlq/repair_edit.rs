//! A dead letter that is edited on its way back, on a terminal.

use super::{header, letter, topics, waiting};
use crate::broker::{read, send};
use crate::support::{broker, eda, terminal};
use serde_json::json;

#[test]
fn one_is_edited_until_it_is_right_then_shown_and_put_back() {
    if terminal::is_missing("one_is_edited_until_it_is_right_then_shown_and_put_back") {
        return;
    }
    let (topic, letters) = topics();
    let mut all = [
        letter(&topic, 0, "no currency"),
        letter(&topic, 3, "no currency"),
    ];
    all[1]["value"] = json!("{\"total\": 1.50, \"note\":\"a\\u001b[31mb\"}");
    send(&letters, &all);
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("editor.sh");
    // First it makes no JSON of it, then it goes on with what was left, and makes it right.
    let text = r#"
        if [ -e "$0.draft" ]; then
            text=$(sed -e 's/oops/"currency": "EUR",/' -e 's/"00-3"/"mended"/' "$1")
            printf '%s' "$text" > "$1"
        else
            ls -l "$1" > "$0.mode"
            cp "$1" "$0.draft"
            sed 's/"total"/oops "total"/' "$0.draft" > "$1"
        fi
    "#;
    std::fs::write(&script, text).unwrap();
    let editor = format!("sh '{}'", script.display());
    let flags = ["dlq", "replay", &letters, "--key", "order-3", "--edit"];
    let replay = eda(&flags)
        .on(broker())
        .env("EDITOR", editor)
        .env("VISUAL", "");
    let mut replay = replay.on_a_terminal();
    replay.answer("not valid JSON", "");
    replay.answer("Edit it again?", "y");
    replay.answer("Put them back?", "y");
    let output = replay.ends().succeeds();
    output
        .stdout_has("+     \"currency\": \"EUR\",\n")
        .stdout_has("-       \"00-3\"\n+       \"mended\"\n")
        .stdout_has("1 are repaired by --edit");
    let file = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(
        file("editor.sh.mode").starts_with("-rw-------"),
        "nobody else's"
    );
    let draft = file("editor.sh.draft");
    assert!(draft.contains("    \"total\": 1.50,\n"), "{draft}");
    assert!(
        draft.contains(&format!("  \"topic\": \"{topic}\",\n")),
        "{draft}"
    );
    assert!(!draft.contains("__dlq"), "{draft}");
    let records = read(&topic);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["key"], "order-3");
    assert_eq!(
        records[0]["value"],
        json!({"currency": "EUR", "total": 1.5, "note": "a\u{1b}[31mb"})
    );
    assert_eq!(header(&records[0], "trace"), Some("mended"));
    assert_eq!(header(&records[0], "eda-replay-repaired"), Some("edit"));
    assert_eq!(waiting(&letters), 1);
}

#[test]
fn nothing_is_put_back_of_what_was_not_to_be_edited() {
    if terminal::is_missing("nothing_is_put_back_of_what_was_not_to_be_edited") {
        return;
    }
    let (topic, letters) = topics();
    send(&letters, &[letter(&topic, 0, "a"), letter(&topic, 3, "b")]);
    let with = |editor: &str, flags: &[&str]| {
        let replay = eda(&["dlq", "replay", &letters, "--edit"]).args(flags);
        let replay = replay.on(broker()).env("EDITOR", editor).env("VISUAL", "");
        replay.on_a_terminal()
    };
    with("true", &[])
        .ends()
        .status(2)
        .stdout_has("`--edit` is for one dead letter, and 2 are chosen")
        .stdout_has("-n 1");
    let refused = with("false", &["-n", "1"]).ends().status(1);
    refused.stdout_has("`false` ended with");
    with("", &["-n", "1"])
        .ends()
        .status(2)
        .stdout_has("set `VISUAL` or `EDITOR`");
    let mut emptied = with("truncate -s 0", &["-n", "1"]);
    emptied.answer("Edit it again?", "n");
    let declined = emptied.ends().status(1);
    declined.stdout_has("declined, nothing was put back");
    let none = with("false", &["--key", "nobody"]).ends().succeeds();
    none.stdout_has("none of the 2 dead letters");
    let gone = eda(&["dlq", "replay", &letters, "--edit", "--to-group-retry"]);
    let gone = gone
        .on(broker())
        .env("EDITOR", "false")
        .on_a_terminal()
        .ends();
    gone.status(1)
        .stdout_has("of 2 dead letters that are chosen none can be put back");
    assert_eq!((read(&topic).len(), waiting(&letters)), (0, 2));

    // As it is, and so unmarked.
    let mut kept = with("true", &["-n", "1"]);
    kept.answer("nothing was changed", "");
    kept.answer("Put them back?", "y");
    kept.ends().succeeds();
    assert_eq!(header(&read(&topic)[0], "eda-replay-repaired"), None);
}

#[test]
fn off_a_terminal_nothing_is_edited() {
    let edit = ["dlq", "replay", "any.dlq", "--edit"];
    let edit = eda(&edit)
        .on(broker())
        .env("EDITOR", "true")
        .run()
        .status(2);
    edit.stderr_has("`--edit` needs a terminal")
        .stderr_has("--set PATH=VALUE");
}
