//! `eda dlq …`

mod audit;
mod editing;
mod list;
mod order;
mod park;
mod purge;
mod repair;
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
    Park(Box<park::Args>),
    Purge(purge::Args),
}

pub async fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::List(args) => list::run(context, args).await,
        Command::Stats(args) => stats::run(context, *args).await,
        Command::Show(args) => show::run(context, *args).await,
        Command::Replay(args) => replay::run(context, *args).await,
        Command::Park(args) => park::run(context, *args).await,
        Command::Purge(args) => purge::run(context, args).await,
    }
}
