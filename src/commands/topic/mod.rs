//! `eda topic …`

mod alter;
mod create;
mod delete;
mod describe;
mod list;
mod purge;

use super::context::Context;
use crate::error::{Result, Status};

/// Create, look at, change and delete topics
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Create(create::Args),
    List(list::Args),
    Describe(describe::Args),
    Alter(alter::Args),
    Purge(purge::Args),
    Delete(delete::Args),
}

pub async fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::Create(args) => create::run(context, args).await,
        Command::List(args) => list::run(context, args).await,
        Command::Describe(args) => describe::run(context, args).await,
        Command::Alter(args) => alter::run(context, args).await,
        Command::Purge(args) => purge::run(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
    }
}
