//! What the shell proposes on TAB: names as the cluster has them, or nothing, quickly and silently.

use super::{PATIENCE, topic};
use crate::support::{Output, broker, eda, wait_until};

/// Asks as the script of `eda completions bash` does, for the third word after `eda topic describe`.
fn completed(brokers: &str) -> Output {
    eda(&["--", "eda", "topic", "describe", ""])
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "3")
        .env("EDA_BROKERS", brokers)
        .run()
        .succeeds()
}

/// It panicked on every TAB: its timer was made outside the runtime.
#[test]
fn topics_are_completed_as_the_cluster_has_them() {
    let name = topic("orders", 1);
    // 300 ms may be too short for a cluster on a busy machine; then it says nothing, and the next TAB asks again.
    wait_until("the topic is proposed", PATIENCE, || {
        completed(broker().address()).stdout.contains(&name)
    });
}

#[test]
fn a_cluster_that_is_not_there_is_not_mentioned() {
    let output = completed("127.0.0.1:1");
    assert!(output.stdout.contains("--all-configs"), "{}", output.stdout);
    assert_eq!(output.stderr, "");
}
