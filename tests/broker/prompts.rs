//! What is asked on a terminal, and that nothing is asked without one.

use super::dlq::letter;
use super::{catalog_topics, create, read, send, topic, topics};
use crate::support::{broker, eda, fresh, terminal};

/// Return, as a terminal's key sends it.
const CTRL_C: &str = "\u{3}";
const ENTER: &str = "\r";

/// The command line as it is printed: with the brokers that were named, so that it does the same again.
fn finished(command_line: &str) -> String {
    format!("{command_line} --brokers {}\n", broker().address())
}

#[test]
fn creating_a_topic_asks_for_what_is_missing_and_shows_the_finished_command_line() {
    if terminal::is_missing(
        "creating_a_topic_asks_for_what_is_missing_and_shows_the_finished_command_line",
    ) {
        return;
    }
    let name = fresh("orders");
    let mut create = eda(&["topic", "create"]).on(broker()).on_a_terminal();
    create.answer("Topic", &format!("{name}{ENTER}"));
    create.answer("Partitions (3)", &format!("6{ENTER}"));
    create.answer("Retention (7d)", ENTER);
    create.answer("Create it?", "y");
    let output = create.ends().succeeds();
    let command_line = format!("$ eda topic create {name} --partitions 6 --retention 7d");
    output.stdout_has(&finished(&command_line));
    let topic = eda(&["topic", "list", &name, "--json"]).on(broker()).run();
    assert_eq!(topic.succeeds().json()[0]["partitions"], 6);
}

#[test]
fn a_name_that_cannot_be_is_asked_for_again_and_a_declined_topic_is_not_created() {
    if terminal::is_missing(
        "a_name_that_cannot_be_is_asked_for_again_and_a_declined_topic_is_not_created",
    ) {
        return;
    }
    let name = fresh("orders");
    let arguments = ["topic", "create", "--partitions", "1", "--retention", "1d"];
    let mut create = eda(&arguments).on(broker()).on_a_terminal();
    create.answer("Topic", &format!("not a name{ENTER}"));
    create.answer("`not a name`", "");
    create.answer("Topic", &format!("{name}{ENTER}"));
    create.answer("Create it?", "n");
    create
        .ends()
        .status(1)
        .stdout_has("declined, nothing was changed");
    assert!(!topics().contains(&name));
}

#[test]
fn a_complete_command_line_is_asked_nothing() {
    if terminal::is_missing("a_complete_command_line_is_asked_nothing") {
        return;
    }
    let name = fresh("orders");
    let create = eda(&["topic", "create", &name])
        .on(broker())
        .on_a_terminal();
    let output = create.ends().succeeds();
    assert!(!output.stdout.contains('?'), "{}", output.stdout);
}

#[test]
fn the_topic_to_alter_is_chosen_and_the_command_line_shown() {
    if terminal::is_missing("the_topic_to_alter_is_chosen_and_the_command_line_shown") {
        return;
    }
    let name = topic("orders", 1);
    let arguments = [
        "topic",
        "alter",
        "--retention",
        "1d",
        "--unset",
        "segment.ms",
    ];
    let mut alter = eda(&arguments).on(broker()).on_a_terminal();
    alter.answer("Topic", &format!("{name}{ENTER}"));
    alter.answer("Change it?", "y");
    let output = alter.ends().succeeds();
    let words = "--config retention.ms=86400000 --unset segment.ms";
    output.stdout_has(&finished(&format!("$ eda topic alter {name} {words}")));
}

#[test]
fn ctrl_c_at_a_question_changes_nothing_and_leaves_the_terminal_in_order() {
    if terminal::is_missing("ctrl_c_at_a_question_changes_nothing_and_leaves_the_terminal_in_order")
    {
        return;
    }
    let name = topic("orders", 1);
    let mut delete = eda(&["topic", "delete", &name])
        .on(broker())
        .on_a_terminal();
    delete.answer("Delete", CTRL_C);
    let output = delete.ends_in_order().status(130);
    output.stdout_has("error: interrupted");
    let mut create = eda(&["topic", "create"]).on(broker()).on_a_terminal();
    create.answer("Topic", CTRL_C);
    create.ends_in_order().status(130);
    let mut choose = eda(&["topic", "describe"]).on(broker()).on_a_terminal();
    choose.answer("Topic", CTRL_C);
    choose.ends_in_order().status(130);
    assert!(topics().contains(&name));
}

#[test]
fn producing_lets_an_event_be_chosen_and_asks_for_its_fields() {
    if terminal::is_missing("producing_lets_an_event_be_chosen_and_asks_for_its_fields") {
        return;
    }
    let _topics = catalog_topics();
    create(broker(), "order-created", 1);
    for (send_it, status, records) in [("n", 1, 0), ("y", 0, 1)] {
        let mut produce = eda(&["produce"]).on(broker()).on_a_terminal();
        produce.answer("Event", &format!("order-created{ENTER}"));
        produce.answer("orderId (", &format!("order-7{ENTER}"));
        produce.answer("userId (", &format!("user-8{ENTER}"));
        produce.answer("items (", ENTER);
        produce.answer("total (", &format!("12.50{ENTER}"));
        produce.answer("Send it?", send_it);
        let output = produce.ends().status(status);
        let words = "orderId=order-7 userId=user-8 'items=[]' total=12.50";
        output.stdout_has(&finished(&format!("$ eda produce order-created {words}")));
        assert_eq!(read("order-created").len(), records);
    }
    let event = &read("order-created")[0];
    assert_eq!(event["key"], "order-7");
    assert_eq!(event["value"]["userId"], "user-8");
    assert_eq!(event["value"]["total"], 12.5);
}

#[test]
fn dead_letters_are_put_back_only_with_a_yes() {
    if terminal::is_missing("dead_letters_are_put_back_only_with_a_yes") {
        return;
    }
    let topic = topic("orders", 1);
    let letters = format!("{topic}.dlq");
    create(broker(), &letters, 1);
    send(&letters, &[letter(&topic, 0, "card declined")]);

    // Return alone is the answer nobody regrets.
    for no in ["n", ENTER] {
        let mut replay = eda(&["dlq", "replay", &letters])
            .on(broker())
            .on_a_terminal();
        replay.answer("card declined", "");
        replay.answer("Put them back?", no);
        let declined = replay.ends().status(1);
        declined.stdout_has("declined, nothing was changed");
        assert_eq!(read(&topic).len(), 0);
    }

    let mut replay = eda(&["dlq", "replay"]).on(broker()).on_a_terminal();
    replay.answer("Dead-letter topic", &format!("{letters}{ENTER}"));
    replay.answer(&finished(&format!("$ eda dlq replay {letters}")), "");
    replay.answer("Put them back?", "y");
    replay.ends().succeeds();
    assert_eq!(read(&topic).len(), 1);
}

#[test]
fn no_input_asks_nothing_on_a_terminal_either() {
    if terminal::is_missing("no_input_asks_nothing_on_a_terminal_either") {
        return;
    }
    for (arguments, named) in [
        (&["topic", "create"][..], "NAME"),
        (&["produce"], "EVENT"),
        (&["dlq", "replay"], "TOPIC"),
    ] {
        let run = eda(arguments)
            .arg("--no-input")
            .on(broker())
            .on_a_terminal();
        run.ends().status(2).stdout_has(named);
    }
}

#[test]
fn bare_eda_is_a_menu() {
    if terminal::is_missing("bare_eda_is_a_menu") {
        return;
    }
    let name = topic("orders", 1);
    let bare = eda::<&str>(&[]).env("EDA_BROKERS", broker().address());
    let mut menu = bare.on_a_terminal();
    menu.answer("What shall it be?", &format!("List the topics{ENTER}"));
    let output = menu.ends().succeeds();
    output.stdout_has("$ eda topic list\n").stdout_has(&name);
}
