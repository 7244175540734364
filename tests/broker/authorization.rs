//! What a user may not do, on an Apache Kafka with an authorizer: each refusal names the resource and the operation.

use super::{create, topic_on};
use crate::support::kafka_tools::tool;
use crate::support::{Broker, apache, eda, excused, fresh};
use std::sync::OnceLock;

/// Everybody may do everything with what has no ACL. One broker for these tests, beside the run's own.
fn strict() -> &'static Broker {
    static BROKER: OnceLock<Result<Broker, String>> = OnceLock::new();
    let started = BROKER.get_or_init(|| {
        apache::start_with(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
             allow.everyone.if.no.acl.found=true\n",
        )
    });
    match started {
        Ok(broker) => broker,
        Err(reason) => panic!("Apache Kafka with an authorizer did not start: {reason}"),
    }
}

/// From now on only these operations are allowed on the resource.
fn only(resource: [&str; 2], operations: &[&str]) {
    allow("User:ANONYMOUS", resource, operations);
}

/// Whoever has no ACL on a resource that has some is refused.
fn allow(principal: &str, resource: [&str; 2], operations: &[&str]) {
    let mut arguments = vec!["--add", "--allow-principal", principal];
    for operation in operations {
        arguments.extend(["--operation", operation]);
    }
    arguments.extend(resource);
    tool(
        "org.apache.kafka.tools.AclCommand",
        strict(),
        &arguments,
        "",
    );
}

/// Refused as a whole on standard error, or in a row on standard output.
#[track_caller]
fn refused(arguments: &[&str], doing: &str, needs: &str) {
    let output = eda(arguments).arg("--yes").on(strict()).run().status(1);
    for expected in [
        format!("not allowed to {doing}"),
        format!("needs an ACL that allows {needs}"),
    ] {
        assert!(
            output.stdout.contains(&expected) || output.stderr.contains(&expected),
            "no `{expected}` in {output:?}"
        );
    }
}

/// A group with a commit in the topic.
fn group_in(topic: &str) -> String {
    let group = fresh("payment-service");
    let reset = ["offsets", "reset", &group, "--to", "end", "--create"];
    eda(&reset)
        .args(["-t", topic, "--yes"])
        .on(strict())
        .run()
        .succeeds();
    group
}

#[test]
fn a_missing_permission_names_the_resource_and_the_operation() {
    if excused("a_missing_permission_names_the_resource_and_the_operation") {
        return;
    }
    let topic = topic_on(strict(), "orders", 2);
    eda(&["produce", &topic, "n=1", "--partition", "0"])
        .on(strict())
        .run()
        .succeeds();
    let group = group_in(&topic);
    only(["--topic", &topic], &["Describe", "DescribeConfigs"]);
    only(["--group", &group], &["Describe"]);
    refused(
        &["topic", "alter", &topic, "--retention", "1d"],
        &format!("change the configuration of topic `{topic}`"),
        &format!("`AlterConfigs` on topic `{topic}`"),
    );
    refused(
        &["topic", "alter", &topic, "-p", "4"],
        &format!("give topic `{topic}` 4 partitions"),
        &format!("`Alter` on topic `{topic}`"),
    );
    refused(
        &["topic", "purge", &topic],
        &format!("delete records of `{topic}:0`"),
        &format!("`Delete` on topic `{topic}`"),
    );
    refused(
        &["group", "delete", &group],
        &format!("delete group `{group}`"),
        &format!("`Delete` on group `{group}`"),
    );
    refused(
        &["offsets", "delete", &group],
        &format!("delete offsets of group `{group}`"),
        &format!("`Delete` on group `{group}`"),
    );
    refused(
        &["offsets", "reset", &group, "--to", "0"],
        &format!("commit offsets for group `{group}`"),
        &format!("`Read` on group `{group}`"),
    );
}

/// What one may not describe, Kafka leaves out of its lists. It is there all the same.
#[test]
fn what_may_not_be_seen_is_not_called_missing() {
    if excused("what_may_not_be_seen_is_not_called_missing") {
        return;
    }
    let topic = topic_on(strict(), "orders", 1);
    let group = group_in(&topic);
    let hidden = fresh("hidden");
    create(strict(), &hidden, 1);
    allow("User:another", ["--group", &group], &["Read"]);
    allow("User:another", ["--topic", &hidden], &["Read"]);
    for arguments in [
        ["lag", "-g", &group].as_slice(),
        &["group", "describe", &group],
        &["offsets", "show", &group],
    ] {
        let output = eda(arguments).on(strict()).run().status(1);
        output.stderr_has(&format!(
            "needs an ACL that allows `Describe` on group `{group}`"
        ));
    }
    for verb in ["describe", "delete"] {
        let output = eda(&["topic", verb, &hidden]).on(strict()).run().status(1);
        output.stderr_has(&format!(
            "needs an ACL that allows `Describe` on topic `{hidden}`"
        ));
    }
}

#[test]
fn one_partition_that_cannot_be_written_does_not_keep_the_others() {
    if excused("one_partition_that_cannot_be_written_does_not_keep_the_others") {
        return;
    }
    let (open, closed) = (fresh("open"), fresh("closed"));
    create(strict(), &open, 1);
    create(strict(), &closed, 1);
    let group = fresh("payment-service");
    let file = format!("{open},0,0\n{closed},0,0\n");
    // Whoever may not read a topic may not commit in it.
    only(["--topic", &closed], &["Describe"]);
    let outcome = eda(&[
        "offsets", "import", "-", "--group", &group, "--yes", "--json",
    ])
    .stdin(file)
    .on(strict())
    .run()
    .status(1);
    let rows = outcome.json();
    let row = |topic: &str| {
        let rows = rows.as_array().unwrap().iter();
        rows.clone().find(|row| row["topic"] == topic).unwrap()
    };
    assert_eq!(row(&open)["applied"], true, "{rows}");
    assert_eq!(row(&closed)["applied"], false, "{rows}");
    let error = row(&closed)["error"].as_str().unwrap();
    assert!(
        error.contains(&format!(
            "not allowed to commit offsets for group `{group}`"
        )),
        "{error}"
    );
    let shown = eda(&["offsets", "show", &group, "--json"])
        .on(strict())
        .run();
    assert_eq!(shown.succeeds().json().as_array().unwrap().len(), 1);
}

/// Most topics of a cluster are somebody else's: that they may not be read is said, and fails nothing.
#[test]
fn topics_that_may_not_be_read_do_not_keep_dead_letters_from_being_listed() {
    if excused("topics_that_may_not_be_read_do_not_keep_dead_letters_from_being_listed") {
        return;
    }
    let secret = topic_on(strict(), "secret", 1);
    let letters = format!("{}.dlq", topic_on(strict(), "orders", 1));
    create(strict(), &letters, 1);
    for topic in [&secret, &letters] {
        let produce = eda(&["produce", topic, "n=1"]).on(strict());
        produce.run().succeeds();
    }
    only(["--topic", &secret], &["Describe"]);
    let list = eda(&["dlq", "list", "--json"]).on(strict());
    let listed = list.run().succeeds();
    let rows = listed.json();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["topic"] == letters);
    assert!(row.unwrap()["newest"].is_i64(), "{rows}");
    for (doing, needs) in [
        (
            "warning: cannot read the configuration of",
            "`DescribeConfigs`",
        ),
        ("warning: cannot look into", "ACL"),
    ] {
        let sentence = listed.stderr.lines().find(|line| line.contains(doing));
        let sentence = sentence.unwrap_or_else(|| panic!("{}", listed.stderr));
        assert!(
            sentence.contains(&secret) && sentence.contains(needs),
            "{sentence}"
        );
    }
}
