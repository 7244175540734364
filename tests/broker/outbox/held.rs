//! One run alone, while another relay has events in hand.

use super::{Outbox, check_numbers, databases, store_of};
use ::eda::model::outbox::OnDead;
use std::time::Duration;

/// As a relay that was killed a moment ago.
fn claimed_by_another(outbox: &Outbox, events: usize, lease: Duration) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let claimed = runtime.block_on(async {
        let store = store_of(outbox).await;
        store.claim("another", events, lease, OnDead::Park).await
    });
    assert_eq!(claimed.unwrap().len(), events);
}

/// It said nothing of them, and ended with 0.
#[test]
fn what_another_relay_has_in_hand_is_taken_over_when_its_lease_runs_out() {
    for outbox in databases("what_another_relay_has_in_hand_is_taken_over") {
        let outbox = outbox.made();
        outbox.add_numbers(0, 30, 7);
        claimed_by_another(&outbox, 7, Duration::from_secs(10));
        let output = outbox.relay(&["--once"]).run().succeeds();
        output.stderr_has("waiting for 7 events that another relay has in hand");
        assert_eq!(check_numbers(&outbox.published(), 30), 0);
    }
}

#[test]
fn what_another_relay_keeps_in_hand_makes_the_exit_status_1() {
    for outbox in databases("what_another_relay_keeps_in_hand") {
        let outbox = outbox.made();
        outbox.add_numbers(0, 30, 7);
        claimed_by_another(&outbox, 7, Duration::from_secs(300));
        let relay = outbox.relay(&["--once", "--lease", "1s", "--json"]);
        let output = relay.run().status(1);
        let report = output.json();
        // Those behind them in their aggregates are left, too.
        assert_eq!(
            (&report["left"], &report["inHand"]),
            (&30.into(), &7.into())
        );
        output.stderr_has("7 events are in the hand of another relay until 20");
        assert_eq!(outbox.status()["pending"], 30);
    }
}
