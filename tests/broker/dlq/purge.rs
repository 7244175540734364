//! `eda dlq purge`: what replays are done with, or everything.

use super::{replayed, send_letters, settled, still_waiting, topics};
use crate::broker::{numbers, read};
use crate::support::{Eda, broker, eda};
use serde_json::json;

fn purge(letters: &str, arguments: &[&str]) -> Eda {
    let purge = eda(&["dlq", "purge", letters, "--json"]);
    purge.args(arguments).on(broker())
}

#[test]
fn only_what_was_replayed_is_deleted() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 9);
    let nothing = eda(&["dlq", "purge", &letters, "--yes"])
        .on(broker())
        .run()
        .succeeds();
    nothing.stderr_has("no replay is done with the first of 9 dead letters");
    // Of each partition the first two are over, but in partition 1 only the second is.
    replayed(&letters, &["--where", "n<6", "--where", "n!=1"]);
    let plan = purge(&letters, &["--dry-run"]).run().succeeds().json();
    assert_eq!(
        (
            &plan["records"],
            &plan["unreplayed"],
            &plan["keptUnreplayed"]
        ),
        (&4.into(), &0.into(), &4.into())
    );
    assert_eq!(read(&letters).len(), 9, "a dry run deletes nothing");
    purge(&letters, &[]).run().status(2).stderr_has("--yes");
    let outcome = purge(&letters, &["--yes"]).run().succeeds().json();
    assert_eq!(
        (&outcome["records"], &outcome["deleted"]),
        (&4.into(), &json!(true))
    );
    let starts: Vec<_> = outcome["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["newStart"].as_i64().unwrap())
        .collect();
    assert_eq!(starts, [2, 0, 2]);
    assert_eq!(numbers(&read(&letters)), [1, 4, 6, 7, 8]);
    still_waiting(&letters, 4);
    // What was kept can be put back, and nothing twice.
    assert_eq!(replayed(&letters, &[])["replayed"], 4);
    assert_eq!(numbers(&settled(&topic, 9)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    purge(&letters, &["--yes"]).run().succeeds();
    assert_eq!(read(&letters).len(), 0);
}

#[test]
fn all_are_deleted_when_asked_for_and_what_is_lost_is_said() {
    let (topic, letters) = topics();
    send_letters(&letters, &topic, 6);
    replayed(&letters, &["--where", "n<2"]);
    let table = eda(&["dlq", "purge", &letters, "--all", "--dry-run"]);
    table
        .on(broker())
        .run()
        .succeeds()
        .stdout_has("4 unreplayed dead letters would be lost");
    let outcome = purge(&letters, &["--all", "--yes"]).run().succeeds().json();
    assert_eq!(
        (&outcome["records"], &outcome["unreplayed"]),
        (&6.into(), &4.into())
    );
    assert_eq!(read(&letters).len(), 0);
    still_waiting(&letters, 0);
    let again = purge(&letters, &["--all", "--yes"]).run().succeeds().json();
    assert_eq!(again["records"], 0);
}
