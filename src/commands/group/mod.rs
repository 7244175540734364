//! `eda group …`

mod delete;
mod describe;
mod list;

use super::context::Context;
use crate::error::{Result, Status};

/// List, look at and delete consumer groups
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    List(list::Args),
    Describe(describe::Args),
    Delete(delete::Args),
}

pub async fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::List(args) => list::run(context, args).await,
        Command::Describe(args) => describe::run(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
    }
}
