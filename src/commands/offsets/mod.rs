//! `eda offsets …`

mod delete;
mod export;
mod import;
mod limits;
mod reset;
mod show;
mod skip;

use super::context::Context;
use super::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::offsets::{self, MovePlan};

/// Show and move the offsets that groups have committed
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Show(show::Args),
    Reset(reset::Args),
    Skip(skip::Args),
    Export(export::Args),
    Import(import::Args),
    Delete(delete::Args),
}

pub async fn run(context: &Context, command: Command) -> Result<Status> {
    match command {
        Command::Show(args) => show::run(context, args).await,
        Command::Reset(args) => reset::run(context, args).await,
        Command::Skip(args) => skip::run(context, args).await,
        Command::Export(args) => export::run(context, args).await,
        Command::Import(args) => import::run(context, args).await,
        Command::Delete(args) => delete::run(context, args).await,
    }
}

/// Shows the plan, asks, and moves the offsets: the same for all that move them.
async fn carry_out(context: &Context, plan: MovePlan, safety: &SafetyArgs) -> Result<Status> {
    if safety.dry_run {
        return context.ui.report(&plan);
    }
    if let Some(refusal) = plan.refusal() {
        return Err(refusal);
    }
    if plan.is_empty() || plan.is_held_up() {
        return context.ui.report(&plan);
    }
    let consent = context.ui.consent(&plan, "Move them?", safety.yes)?;
    let stop = context.stop_on_signals();
    let outcome = offsets::apply(context.cluster()?, plan, &stop, consent).await?;
    context.ui.report(&outcome)
}
