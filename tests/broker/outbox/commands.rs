//! Everything but the relay, which needs no broker; a dead event does.

use super::{databases, in_a_file};
use crate::broker::PATIENCE;
use crate::support::databases::postgres;
use crate::support::{broker, eda};
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn init_shows_what_it_would_make_makes_it_once_and_has_then_nothing_to_do() {
    for outbox in
        databases("init_shows_what_it_would_make_makes_it_once_and_has_then_nothing_to_do")
    {
        let init = |more: &[&str]| outbox.eda(&["outbox", "init"]).args(more).run();
        let print = init(&["--print"]).succeeds();
        assert!(print.stdout.contains("CREATE TABLE"), "{}", print.stdout);
        init(&["--dry-run"])
            .succeeds()
            .stdout_has("would make table `outbox`");
        // Nobody was asked, so nothing was made.
        init(&[]).status(2).stderr_has("--yes");
        assert_eq!(init(&["--print"]).succeeds().stdout, print.stdout);
        let made = init(&["--yes", "--json"]).succeeds().json();
        assert_eq!(
            (&made["table"], &made["created"]),
            (&json!("outbox"), &json!(true))
        );
        let again = init(&["--yes"]).succeeds();
        assert_eq!(again.stdout, "");
        again.stderr_has("nothing to do: table `outbox` is there");
        assert_eq!(init(&["--print"]).succeeds().stdout, "");
        outbox.eda(&["outbox", "status"]).run().succeeds();
        let other = outbox.eda(&["outbox", "status", "--table", "other"]).run();
        other.status(1).stderr_has("other");
    }
}

/// The SQL is what a migration runs.
#[test]
fn what_init_prints_makes_an_outbox() {
    for outbox in databases("what_init_prints_makes_an_outbox") {
        let print = outbox.eda(&["outbox", "init", "--print"]).run();
        let sql = print.succeeds().stdout;
        match &outbox.postgres {
            Some(database) => drop(database.sql(&sql)),
            None => {
                let path = outbox.address.strip_prefix("sqlite:").unwrap();
                let file = rusqlite::Connection::open(path).unwrap();
                file.execute_batch(&sql).unwrap();
            }
        }
        let init = outbox.eda(&["outbox", "init"]).run();
        init.succeeds().stderr_has("nothing to do");
    }
}

/// Whatever is asked of it: it is 3, and nothing is made.
#[test]
fn a_file_that_is_not_there_is_unreachable_to_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, path) = (folder.path().join("none"), folder.path().join("outbox.db"));
    let file = path.display().to_string();
    let inside = missing.join("outbox.db").display().to_string();
    let add = "add --yes A --aggregate-type a --aggregate 1 n=1";
    let commands = ["status", "retry --all", "purge --dead", "relay --once", add];
    for command in commands {
        for place in [&file, &inside] {
            let words: Vec<&str> = command.split(' ').collect();
            let eda = eda(&["outbox"]).args(words).args(["--db", place]);
            eda.on(broker()).run().status(3).stderr_has(place);
        }
    }
    let init = eda(&["outbox", "init", "--yes", "--db", &inside]).run();
    init.status(3).stderr_has(&inside);
    assert!(!missing.exists() && !path.exists());
}

#[test]
fn a_database_that_is_not_there_or_lacks_rights_is_unreachable_and_nothing_is_half_made() {
    let gone = ["--db", "postgres://me@127.0.0.1:1/orders"];
    let init = eda(&["outbox", "init", "--yes"]).args(gone).run();
    init.status(3).stderr_has("127.0.0.1:1");
    let test =
        "a_database_that_is_not_there_or_lacks_rights_is_unreachable_and_nothing_is_half_made";
    let Some(database) = postgres(test) else {
        return;
    };
    let init = eda(&["outbox", "init", "--yes"]).env("EDA_OUTBOX", database.limited_url());
    let output = init.run().status(3);
    assert!(!output.stderr.contains("s3cret"), "{}", output.stderr);
    assert!(!output.stderr.contains(r"\n"), "{}", output.stderr);
    output
        .stderr_has("could not make table `outbox`")
        .stderr_has("nothing was changed")
        .stderr_has("permission denied");
    let tables = "SELECT count(*) FROM pg_class WHERE relname LIKE 'outbox%'";
    assert_eq!(database.sql(tables), "0");
}

#[test]
fn a_password_is_refused_as_an_argument() {
    let address = "postgres://me:hunter2@127.0.0.1:1/orders";
    let output = eda(&["outbox", "status", "--db", address]).run();
    assert_snapshot!(output.snapshot(), @r"
    status: 2
    --- stdout
    --- stderr
    error: a password in `--db` can be read by every user of this machine

    hint: set EDA_OUTBOX to the address instead
    ");
    let output = eda(&["outbox", "status"]).env("EDA_OUTBOX", address).run();
    let output = output.status(3);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    let output = eda(&["outbox", "status"])
        .env("EDA_OUTBOX", "redis://:hunter2@a")
        .run();
    let output = output.status(2);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn an_event_of_the_catalog_is_completed_checked_and_knows_its_aggregate() {
    let outbox = in_a_file();
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
    let fields = [
        "order-created",
        "orderId=order-7",
        "userId=u",
        "total=12.50",
    ];
    let add = outbox.eda(&["outbox", "add"]).args(fields);
    let added = add.clone().arg("--json").run().succeeds().json();
    assert_eq!(added["added"], 1);
    let event = &added["events"][0];
    assert_eq!(
        (
            &event["type"],
            &event["aggregateType"],
            &event["aggregateId"]
        ),
        (&json!("OrderCreated"), &json!("order"), &json!("order-7"))
    );
    let plan = add.args(["--dry-run", "--json"]).run().succeeds().json();
    assert!(
        plan["payload"]
            .as_str()
            .unwrap()
            .contains("\"orderId\":\"order-7\"")
    );
    assert_eq!(outbox.status()["pending"], 1);
    let wrong = outbox
        .eda(&["outbox", "add", "order-created", "total=x"])
        .run();
    wrong.status(2).stderr_has("not a valid OrderCreated");
    let unknown = outbox
        .eda(&["outbox", "add", "InvoiceSent", "total=1"])
        .run();
    assert_snapshot!(unknown.snapshot(), @r"
    status: 2
    --- stdout
    --- stderr
    error: `InvoiceSent` is no event of the catalog, so `--aggregate` is needed

    hint: `eda event list` shows the events there are
    ");
    assert_eq!(outbox.status()["pending"], 1);
}

#[test]
fn an_id_is_there_once_and_a_wrong_row_ends_the_input() {
    for outbox in databases("an_id_is_there_once_and_a_wrong_row_ends_the_input") {
        outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
        let id = "0198c6a0-1234-7abc-8def-0123456789ab";
        let add = outbox.eda(&["outbox", "add", "Read", "-", "--id", id]);
        let add = add
            .args(["--aggregate-type", "page", "--aggregate", "7"])
            .stdin("{}");
        add.run().succeeds().stdout_has(id);
        add.run().status(1).stderr_has(id);
        let row = r#"{"aggregatetype":"page","aggregateid":"7","type":"Read","payload":null}"#;
        let add = outbox.eda(&["outbox", "add", "--records"]);
        let output = add.stdin(format!("{row}\n\n{row}\n{{}}\n")).run();
        output
            .status(1)
            .stderr_has("line 4 is not a row of an outbox");
        assert_eq!(outbox.status()["pending"], 1, "a transaction is whole");
        let many = format!("{row}\n").repeat(2001) + "x";
        let output = outbox
            .eda(&["outbox", "add", "--records"])
            .stdin(many)
            .run();
        output.status(1).stderr_has("2000 rows before were added");
        assert_eq!(outbox.status()["pending"], 2001);
    }
}

#[test]
fn status_is_a_gate_on_the_age_of_what_waits() {
    for outbox in databases("status_is_a_gate_on_the_age_of_what_waits") {
        outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
        let gate = |most: &str| {
            let gate = outbox.eda(&["outbox", "status", "--max-age", most]);
            gate.run()
        };
        gate("0s").succeeds();
        outbox.add(&[("order-7", json!({}))]);
        gate("1h").succeeds();
        let alarmed = crate::support::wait_for(PATIENCE, || {
            let gate = gate("1ms");
            (gate.status != 0).then_some(gate)
        });
        let alarmed = alarmed.unwrap().status(4);
        alarmed.stdout_has("the oldest pending event is");
    }
}

#[test]
fn there_is_nothing_to_retry_or_purge_in_a_new_outbox() {
    let outbox = in_a_file();
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
    let retry = outbox.eda(&["outbox", "retry", "--all", "--yes"]).run();
    retry.succeeds().stderr_has("no event is dead");
    let retry = outbox.eda(&["outbox", "retry", "x"]).run();
    retry.status(1).stderr_has("`x` is not dead");
    let purge = outbox
        .eda(&["outbox", "purge", "--published", "--dead"])
        .run();
    purge.succeeds().stderr_has("nothing to delete");
    outbox.eda(&["outbox", "purge"]).run().status(2);
}
