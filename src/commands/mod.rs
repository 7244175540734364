//! What a person types. A file is a leaf command, and its path is the command: `topic/create.rs` is
//! `eda topic create`. A command parses, calls `ops`, and hands the report to `ui`; nothing else.

mod arguments;
mod broker;
mod candidates;
mod choose;
mod completions;
mod consume;
mod context;
mod demo;
mod dlq;
mod event;
mod expect;
mod global;
mod going_on;
mod group;
mod lag;
mod man;
mod menu;
mod offsets;
mod outbox;
mod produce;
mod serve;
mod signals;
mod top;
mod topic;

use crate::error::{Error, Result, Status};
use crate::ui::Ui;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use context::Context;
use global::GlobalArgs;
use std::ffi::OsString;
use std::io::Write;

/// Operate event-driven architectures on Kafka
#[derive(Debug, Parser)]
#[command(
    name = "eda",
    version,
    max_term_width = 100,
    subcommand_required = false,
    before_long_help = EXAMPLES,
    after_help = "`eda COMMAND --help` begins with examples."
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  eda demo                                              the order pipeline, end to end, on an embedded broker
  eda broker                                            a Kafka for development on 127.0.0.1:9092
  eda topic create order-created --partitions 6 --retention 7d
  eda produce order-created orderId=order-123 userId=user-456 total=12.50
  eda consume order-created --group payment-service -n 10
  eda consume order-created --group payment-service --exec ./charge
  eda lag --group payment-service --max 0
  eda offsets reset payment-service --to @-1h --dry-run
  eda dlq replay order-created.dlq --dry-run";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Topic(topic::Command),
    #[command(subcommand)]
    Event(event::Command),
    Produce(produce::Args),
    Consume(Box<consume::Args>),
    Expect(expect::Args),
    Lag(lag::Args),
    Top(top::Args),
    Serve(serve::Args),
    #[command(subcommand)]
    Group(group::Command),
    #[command(subcommand)]
    Offsets(offsets::Command),
    #[command(subcommand)]
    Dlq(dlq::Command),
    #[command(subcommand)]
    Outbox(outbox::Command),
    Demo(demo::Args),
    Broker(broker::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(man::Args),
}

async fn dispatch(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::Topic(command) => topic::run(context, command).await,
        Command::Event(command) => event::run(context, command),
        Command::Produce(args) => produce::run(context, args).await,
        Command::Consume(args) => consume::run(context, *args).await,
        Command::Expect(args) => expect::run(context, args).await,
        Command::Lag(args) => lag::run(context, args).await,
        Command::Top(args) => top::run(context, args).await,
        Command::Serve(args) => serve::run(context, args).await,
        Command::Group(command) => group::run(context, command).await,
        Command::Offsets(command) => offsets::run(context, command).await,
        Command::Dlq(command) => dlq::run(context, command).await,
        Command::Outbox(command) => outbox::run(context, command).await,
        Command::Demo(args) => demo::run(context, args).await,
        Command::Broker(args) => broker::run(context, args).await,
        Command::Completions(args) => completions::run(context, args),
        Command::Man(args) => man::run(context, args),
    }
}

/// The whole command line as clap knows it: for parsing, completion scripts and man pages.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Parses the arguments (the program's name first), runs the command, and gives the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Status {
    ask_for_a_report_on_panic();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&arguments, &error),
    };
    let ui = Ui::new(cli.global.manner());
    cli.global.start_logging();
    match start(ui, cli) {
        Ok(status) => status,
        Err((ui, error)) => {
            ui.error(&error);
            error.kind().status()
        }
    }
}

/// A panic is a bug of ours (exit status 101), and nobody learns of it unless it is reported.
fn ask_for_a_report_on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // On a screen that is taken nobody would read it.
        crate::ui::asking::leave_in_order();
        usual(panic);
        Ui::new(crate::ui::Manner::default()).warn(
            "this is a bug in eda; please report it with the lines above and the command that led to it",
        );
    }));
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command_line().try_get_matches_from(arguments)?)
}

fn start(ui: Ui, cli: Cli) -> Result<Status, (Ui, Error)> {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return Err((
                ui,
                Error::failed("cannot start the runtime").caused_by(error),
            ));
        }
    };
    let context = Context::new(ui, &cli.global)?;
    let result = runtime.block_on(async {
        if context.ui.can_ask() {
            signals::watch();
        }
        match cli.command {
            Some(command) => dispatch(&context, command).await,
            None => menu::run(&context).await,
        }
    });
    // A thread that is stuck in a request to a dead broker must not keep a finished command alive.
    runtime.shutdown_background();
    result.map_err(|error| (context.into_ui(), error))
}

/// Help and version are answers (0); the rest is usage (2), as JSON where JSON was asked for.
fn usage(arguments: &[OsString], error: &clap::Error) -> Status {
    if error.use_stderr() && wants_json(arguments) {
        let manner = crate::ui::Manner {
            format: crate::ui::Format::Json,
            ..Default::default()
        };
        let error = Error::usage(sentence(&error.to_string()));
        Ui::new(manner).error(&error.hint("`--help` shows the flags"));
        return Status::Usage;
    }
    let ui = Ui::new(crate::ui::Manner::default());
    if error.use_stderr() {
        // clap would repeat the arguments as they are.
        ui.misuse(&error.to_string());
        return Status::Usage;
    }
    // Help and version: clap itself prints, for it knows the colours.
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    match printed.map_err(Error::output) {
        Ok(()) => Status::Done,
        // A closed pipe is nobody's fault.
        Err(error) => {
            ui.error(&error);
            error.kind().status()
        }
    }
}

/// Nothing was parsed, so the words are all there is to go by.
fn wants_json(arguments: &[OsString]) -> bool {
    let flag = |word: &OsString| word == "--json" || word == "--output=json";
    let pair = |words: &[OsString]| words[0] == "--output" && words[1] == "json";
    arguments.iter().any(flag) || arguments.windows(2).any(pair)
}

/// What clap says before it shows the usage, on one line.
fn sentence(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().take_while(|line| !line.is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn verify_cli() {
        super::command_line().debug_assert();
    }

    #[test]
    fn a_usage_error_is_one_sentence_with_the_names_in_it() {
        let error = super::command_line().try_get_matches_from(["eda", "consume"]);
        let text = error.unwrap_err().to_string();
        let expected = "the following required arguments were not provided: <TOPIC>...";
        assert_eq!(super::sentence(&text), expected);
    }
}
