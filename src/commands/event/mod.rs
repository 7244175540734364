//! `eda event …`

mod check;
mod list;
mod new;
mod show;

use super::context::Context;
use crate::error::{Result, Status};

/// Look at, start and check types of events
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    List(list::Args),
    Show(show::Args),
    New(new::Args),
    Check(check::Args),
}

pub fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::List(args) => list::run(context, args),
        Command::Show(args) => show::run(context, args),
        Command::New(args) => new::run(context, args),
        Command::Check(args) => check::run(context, args),
    }
}
