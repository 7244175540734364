//! What a broker cannot pass for a reason of its own: a table, and no silent skip.
//!
//! A test that is in it begins with `if excused("its_name") { return; }`. The reason goes to the real standard
//! error, past the harness's capture, with a running count.

use super::broker::Kind;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Excuse {
    test: &'static str,
    on: &'static [Kind],
    reason: &'static str,
}

const NEEDS_JARS: &str = "needs Apache's jars, which EDA_TEST_BROKER=apache has";
const NO_JARS: &[Kind] = &[Kind::Embedded, Kind::Container, Kind::Given];

const NOT_PROMPT: &str = "assigns after a second, if it was not told otherwise when it started";
const NOT_OURS: &[Kind] = &[Kind::Container, Kind::Given];

const EXCUSES: &[Excuse] = &[
    Excuse {
        test: "members_are_told_the_same_by_every_broker",
        on: NOT_OURS,
        reason: NOT_PROMPT,
    },
    Excuse {
        test: "static_members_and_bad_requests_are_told_the_same_by_every_broker",
        on: NOT_OURS,
        reason: NOT_PROMPT,
    },
    Excuse {
        test: "the_lag_of_two_hundred_groups_is_what_apaches_tool_says",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "keys_land_where_java_puts_them",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "apaches_tool_and_eda_read_each_others_csv",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "a_missing_permission_names_the_resource_and_the_operation",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "what_may_not_be_seen_is_not_called_missing",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "topics_that_may_not_be_read_do_not_keep_dead_letters_from_being_listed",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "what_kafka_streams_gives_up_on_is_understood_and_put_back",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "what_kafka_connect_gives_up_on_is_understood_and_put_back",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "what_is_kafkas_own_is_not_deleted",
        on: &[Kind::Embedded],
        reason: "it keeps offsets without a topic of its own",
    },
    Excuse {
        test: "one_partition_that_cannot_be_written_does_not_keep_the_others",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "java_tools_see_what_eda_made",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "javas_transactions_on_apache",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "javas_transactions_on_the_embedded_broker",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "javas_consumer_protocol_on_apache",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "javas_consumer_protocol_on_the_embedded_broker",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "javas_client_speaks_tls_and_sasl",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "javas_client_is_let_in",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "java_tools_work_on_the_embedded_broker",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "a_share_group_is_no_dead_consumers_group",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
    Excuse {
        test: "markers_of_transactions_are_no_lag_to_a_gate",
        on: NO_JARS,
        reason: NEEDS_JARS,
    },
];

/// Whether the broker of this run cannot pass the test, which then says so and returns.
#[track_caller]
pub fn excused(test: &str) -> bool {
    let mut excuses = EXCUSES
        .iter()
        .filter(|excuse| excuse.test == test)
        .peekable();
    assert!(
        excuses.peek().is_some(),
        "`{test}` is not in the table of excuses"
    );
    match excuses.find(|excuse| excuse.on.contains(&Kind::chosen())) {
        Some(found) => {
            excuse(test, found.reason);
            true
        }
        None => false,
    }
}

/// Says that a test was not carried out, and why.
pub fn excuse(test: &str, reason: &str) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let broker = Kind::chosen();
    let line =
        format!("not carried out on {broker:?} ({count} so far): `{test}`, because it {reason}\n");
    // Not eprintln!, which the harness keeps to itself when a test passes.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[test]
fn every_excuse_is_asked_for() {
    let sources = crate::architecture::sources("tests");
    for excuse in EXCUSES {
        let asked = format!("excused(\"{}\")", excuse.test);
        let declared = format!("fn {}()", excuse.test);
        let is_asked = |text: &String| text.contains(&asked) && text.contains(&declared);
        assert!(sources.values().any(is_asked), "no test asks `{asked}`");
    }
}
