//! Bare `eda`: a menu of the everyday tasks on a terminal, the help elsewhere.

use super::context::Context;
use super::{Cli, command_line, dispatch};
use crate::error::{Error, Result, Status};
use clap::FromArgMatches;

/// What is shown, and the command line it stands for.
const TASKS: &[(&str, &[&str])] = &[
    ("Run the demo order pipeline", &["demo"]),
    ("List the topics", &["topic", "list"]),
    ("Create a topic", &["topic", "create"]),
    ("Produce an event", &["produce"]),
    ("Show consumer lag", &["lag"]),
    ("Watch groups, dead letters and topics", &["top"]),
    ("Watch them on a web page", &["serve"]),
    ("List the consumer groups", &["group", "list"]),
    ("Look at a consumer group", &["group", "describe"]),
    ("Move a group's offsets", &["offsets", "reset"]),
    ("List the dead letters", &["dlq", "list"]),
    ("Replay dead letters", &["dlq", "replay"]),
    ("Look at an outbox", &["outbox", "status"]),
    ("Start the embedded broker", &["broker"]),
];

pub async fn run(context: &Context) -> Result<Status> {
    if !context.ui.can_ask() || !context.ui.stdout_is_terminal() {
        let help = command_line().render_long_help().to_string();
        context.ui.text(help.as_bytes())?;
        return Ok(Status::Done);
    }
    let items: Vec<String> = TASKS.iter().map(|(task, _)| (*task).to_owned()).collect();
    let chosen = context
        .ui
        .choose("What shall it be?", &items, "a COMMAND")?;
    let words = TASKS
        .iter()
        .find(|(task, _)| *task == chosen)
        .map(|(_, words)| std::iter::once("eda").chain(words.iter().copied()))
        .ok_or_else(|| Error::failed("nothing was chosen"))?;
    let words: Vec<String> = words.map(str::to_owned).collect();
    context.show_command(words.clone());
    let matches = command_line().try_get_matches_from(&words);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    match cli.map(|cli| cli.command) {
        Ok(Some(command)) => Box::pin(dispatch(context, command)).await,
        _ => Err(Error::failed(format!(
            "`{}` is not a command",
            words.join(" ")
        ))),
    }
}
