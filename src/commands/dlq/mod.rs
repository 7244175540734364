//! `eda dlq …`

mod list;
mod purge;
mod replay;
mod selection;
mod show;
mod stats;

use super::context::Context;
use crate::error::{Result, Status};

/// Look at dead letters and put them back
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    List(list::Args),
    Stats(Box<stats::Args>),
    Show(Box<show::Args>),
    Replay(Box<replay::Args>),
    Purge(purge::Args),
}

pub async fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::List(args) => list::run(context, args).await,
        Command::Stats(args) => stats::run(context, *args).await,
        Command::Show(args) => show::run(context, *args).await,
        Command::Replay(args) => replay::run(context, *args).await,
        Command::Purge(args) => purge::run(context, args).await,
    }
}
