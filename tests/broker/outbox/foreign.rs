//! Rows of a table that was made for Debezium which are no events.

use super::{Outbox, databases};
use crate::broker::{PATIENCE, create};
use crate::support::{broker, wait_until};
use serde_json::json;

const WRONG: &str = "2 rows have no id (NULL), and cannot be published";

/// It may be NULL there.
fn with_rows(outbox: &Outbox) {
    outbox.sql(
        "CREATE TABLE outbox (id varchar(64), aggregatetype varchar(255), aggregateid varchar(255),
         type varchar(255), payload text)",
    );
    outbox.eda(&["outbox", "init", "--yes"]).run().succeeds();
    create(broker(), &outbox.topic(), 1);
    let entity = &outbox.entity;
    outbox.sql(&format!(
        "INSERT INTO outbox VALUES (NULL, '{entity}', '7', 'Made', '{{\"n\": 1}}'),
            ('a', '{entity}', '7', 'Made', '{{\"n\": 0}}'), (NULL, '{entity}', '8', 'Made', '{{\"n\": 2}}')"
    ));
}

/// They were pending for ever, in the hand of nobody.
#[test]
fn a_row_without_an_id_is_said_to_be_what_it_is() {
    for outbox in databases("a_row_without_an_id_is_said_to_be_what_it_is") {
        with_rows(&outbox);
        let once = outbox.relay(&["--once"]).run().status(1);
        assert!(!once.stderr.contains("pending"), "{}", once.stderr);
        once.stderr_has(WRONG);
        assert_eq!(super::check_numbers(&outbox.published(), 1), 0);
        let status = outbox.status();
        let counts = ["pending", "published", "withoutId"].map(|name| &status[name]);
        assert_eq!(counts, [&json!(0), &json!(1), &json!(2)]);
        let gate = outbox.eda(&["outbox", "status", "--max-age", "1h"]).run();
        gate.status(4).stdout_has(WRONG);
        let relay = outbox.relay(&[]).spawn();
        wait_until("it says so", PATIENCE, || relay.stderr().contains(WRONG));
        relay.interrupt();
        relay.wait(PATIENCE).status(130);
    }
}
