//! A broker that was fenced, because it was too busy to report or cut off from its controller: it answers every request,
//! and names no broker. That is an outage as any other, whatever is asked, and told as one.

use crate::support::eda;
use crate::support::fenced::FencedBroker;
use insta::assert_snapshot;

#[test]
fn a_fenced_broker_is_told_as_an_outage() {
    let commands: [&[&str]; 3] = [
        &["topic", "list"],
        &["topic", "describe", "orders"],
        &["dlq", "list"],
    ];
    for command in commands {
        let broker = FencedBroker::start();
        let output = eda(command)
            .args(["--brokers", &broker.address(), "--timeout", "4s"])
            .run();
        assert!(broker.asked_in_vain() > 0, "{command:?} was told too much");
        output.status(3);
    }
    let broker = FencedBroker::start();
    let address = broker.address();
    let output = eda(&["topic", "list", "--brokers", &address, "--timeout", "4s"]).run();
    assert_snapshot!(output.stderr.replace(&address, "[address]"), @"
    error: could not list topics: `[address]` answers, and names no broker of the cluster

    hint: its controller has fenced it: it is starting, too busy, or cut off; try again in a moment
    ");
}
