//! `eda outbox …`

mod add;
mod init;
mod place;
mod purge;
mod relay;
mod retry;
mod status;

use super::context::Context;
use crate::error::{Error, Result, Status};

/// How it ended, after it was `shown`: what ended it early comes before an error of showing it.
fn end(error: Option<Error>, shown: Result<Status>) -> Result<Status> {
    match error {
        Some(error) => Err(error),
        None => shown,
    }
}

/// Publish events that an application has written into its own database
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Init(init::Args),
    Add(Box<add::Args>),
    Relay(Box<relay::Args>),
    Status(status::Args),
    Retry(retry::Args),
    Purge(purge::Args),
}

pub async fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::Init(args) => init::run(context, args).await,
        Command::Add(args) => add::run(context, *args).await,
        Command::Relay(args) => relay::run(context, *args).await,
        Command::Status(args) => status::run(context, args).await,
        Command::Retry(args) => retry::run(context, args).await,
        Command::Purge(args) => purge::run(context, args).await,
    }
}
