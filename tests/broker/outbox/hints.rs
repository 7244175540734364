//! What is said of an outbox: commands that can be pasted, and what is wrong in one line.

use super::{databases, in_a_file, store_of};
use crate::broker::PATIENCE;
use crate::support::databases::postgres;
use crate::support::{eda, wait_until};
use ::eda::model::outbox::{OnDead, Settled};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_command_that_is_named_means_the_outbox_it_was_said_of() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("an outbox.db").display());
    let place = ["--db", &address, "--table", "sent"];
    let named = format!("--db '{address}' --table sent");
    let status = eda(&["outbox", "status"]).args(place).run();
    status
        .status(3)
        .stderr_has(&format!("`eda outbox init {named}` makes it"));
    eda(&["outbox", "init", "--yes"])
        .args(place)
        .run()
        .succeeds();
    let retry = eda(&["outbox", "retry", "x"]).args(place).run();
    retry
        .status(1)
        .stderr_has(&format!("`eda outbox status {named}` lists"));
    let other = eda(&["outbox", "status", "--db", &address]).run();
    other
        .status(1)
        .stderr_has(&format!("`eda outbox init --db '{address}'` makes it"));
    // What comes from the environment is there for the next command, too, and may hold a password.
    let status = eda(&["outbox", "status"]).env("EDA_OUTBOX", &address).run();
    status.status(1).stderr_has("`eda outbox init` makes it");
}

#[test]
fn a_table_in_a_schema_that_is_not_there_cannot_be_made() {
    let Some(database) = postgres("a_table_in_a_schema_that_is_not_there_cannot_be_made") else {
        return;
    };
    let outbox = super::on_postgres(database);
    let words = ["outbox", "init", "--yes", "--table", "no where.outbox"];
    let output = outbox.eda(&words).run().status(1);
    assert!(!output.stderr.contains(r"\n"), "{}", output.stderr);
    output
        .stderr_has("could not make table `no where.outbox`")
        .stderr_has("nothing was changed")
        .stderr_has("there is no schema `no where`")
        .stderr_has("`CREATE SCHEMA \"no where\"` makes it")
        .stderr_has("hint: have the schema made first");
    outbox.sql("CREATE SCHEMA \"no where\"");
    outbox.eda(&words).run().succeeds();
}

#[test]
fn a_database_in_memory_is_no_place_for_an_outbox() {
    for address in [
        "sqlite::memory:",
        ":memory:",
        "sqlite://:memory:",
        "sqlite:file::memory:?cache=shared",
        "file:shop?mode=memory",
    ] {
        let output = eda(&["outbox", "init", "--yes", "--db", address]).run();
        output
            .status(2)
            .stderr_has("a database in memory is gone with its process")
            .stderr_has("hint: name a file: `sqlite:outbox.db`");
    }
}

/// Of more dead events than are shown.
#[test]
fn each_reason_of_dead_events_is_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for outbox in databases("each_reason_of_dead_events_is_shown") {
        outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
        outbox.add_numbers(0, 30, 30);
        runtime.block_on(async {
            let store = store_of(&outbox).await;
            let hour = Duration::from_secs(3600);
            let claimed = store.claim("another", 30, hour, OnDead::Park).await;
            let dead = claimed.unwrap().into_iter().enumerate().map(|(n, event)| {
                let reason = if n < 25 { "too large" } else { "not allowed" };
                let reason = reason.to_owned();
                (event.position, Settled::Dead { reason })
            });
            let dead: Vec<_> = dead.collect();
            assert_eq!(store.settle("another", &dead).await.unwrap(), 30);
        });
        let output = outbox.eda(&["outbox", "status"]).run().succeeds();
        output
            .stdout_has("and 10 more are dead")
            .stdout_has("5 of them: not allowed")
            .stdout_has("`eda outbox retry --all --db ");
    }
}

#[test]
fn a_relay_with_nothing_to_do_says_once_that_it_waits() {
    let outbox = in_a_file().made();
    let said = "waiting for events";
    let relay = outbox.relay(&[]).spawn();
    wait_until("it waits", PATIENCE, || relay.stderr().contains(said));
    for round in 0..2 {
        outbox.add_numbers(round * 10, 10, 3);
        wait_until("the events", PATIENCE, || {
            outbox.marked() == (round + 1) * 10
        });
    }
    relay.interrupt();
    let output = relay.wait(PATIENCE).status(130);
    assert_eq!(output.stderr.matches(said).count(), 1, "{}", output.stderr);
    let quiet = outbox.relay(&["-q"]).spawn();
    outbox.add(&[("order-7", json!({"n": 20}))]);
    wait_until("the event", PATIENCE, || outbox.marked() == 21);
    quiet.interrupt();
    assert_eq!(quiet.wait(PATIENCE).status(130).stderr, "");
}
