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

const NEEDS_KIP_848: &str = "needs KIP-848's groups, which the embedded broker has not";
const CLASSIC: &[Kind] = &[Kind::Embedded];

const NEEDS_TRANSACTIONS: &str = "needs transactions, which the embedded broker has not";

const EXCUSES: &[Excuse] = &[
    Excuse {
        test: "the_members_of_a_kip_848_group_are_counted",
        on: CLASSIC,
        reason: NEEDS_KIP_848,
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
        test: "a_kip_848_group_is_shown_alive_with_its_members",
        on: CLASSIC,
        reason: NEEDS_KIP_848,
    },
    Excuse {
        test: "a_live_kip_848_group_is_refused",
        on: CLASSIC,
        reason: NEEDS_KIP_848,
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
    Excuse {
        test: "what_is_committed_is_seen_together_and_not_before",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "a_wrong_line_aborts_all",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "a_record_that_is_too_large_aborts_all",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "a_signal_aborts_all",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "what_a_killed_run_wrote_is_never_seen",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "a_run_over_its_time_is_told_so",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "an_id_that_another_run_takes_over_ends_the_first",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
    },
    Excuse {
        test: "limits_of_the_brokers_are_told",
        on: &[Kind::Embedded],
        reason: NEEDS_TRANSACTIONS,
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
