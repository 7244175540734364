//! `eda demo`.

mod compare;
mod own_broker;
mod run;

use super::context::Context;
use crate::error::{Result, Status};

#[derive(Debug, clap::Args)]
#[command(about = run::ABOUT, long_about = run::LONG_ABOUT, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(run::Args),
    Compare(compare::Args),
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    match args.command {
        Some(Command::Run(args)) => run::run(context, args).await,
        Some(Command::Compare(args)) => compare::run(context, args).await,
        None => run::run(context, args.run).await,
    }
}
