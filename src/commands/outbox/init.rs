use super::place::PlaceArgs;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Result, Status};
use crate::ops::outbox::init;

/// Make the table of an outbox
///
/// Debezium's columns (id, aggregatetype, aggregateid, type, payload), which the application writes, and what a relay
/// needs, which has defaults. A table that Debezium's event router reads already is completed. What is there already is
/// left alone, and with nothing to do the exit status is 0. All of it is made in one transaction, or nothing. Shows the
/// SQL and asks before it runs it.
///
/// Of a table that was made for Debezium these are never published: rows that the application deletes before a relay has
/// seen them (Debezium reads the log, where they still are), rows whose id is NULL, and of rows with the same id all but
/// one.
///
/// The application inserts its events in the transaction of what they are about; `eda outbox relay` publishes them.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda outbox init                                         in the file outbox.db, here
  eda outbox init --db sqlite:/var/lib/shop/orders.db --yes
  eda outbox init --db postgres://shop@db.example.com/orders --dry-run
  eda outbox init --db postgres://shop@db.example.com/orders --print > V7__outbox.sql
  EDA_OUTBOX=postgres://shop:secret@db.example.com/orders eda outbox init --table sales.outbox --yes")]
pub struct Args {
    /// Print the SQL that is missing, for a migration, and do nothing
    #[arg(long, visible_alias = "sql", conflicts_with_all = ["dry_run", "yes"])]
    print: bool,

    #[command(flatten)]
    place: PlaceArgs,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let place = args.place.place(context)?;
    let (address, table) = (place.address.to_string(), place.table.to_string());
    let outbox = place.open(context).await?;
    let plan = init::plan(outbox.as_ref(), &address, &table).await?;
    if args.print && !plan.is_empty() {
        context.ui.text(plan.sql().as_bytes())?;
        return Ok(Status::Done);
    }
    if plan.is_empty() || args.safety.dry_run {
        return context.ui.report(&plan);
    }
    let question = "Make it?";
    let consent = context.ui.consent(&plan, question, args.safety.yes)?;
    let outcome = init::init(outbox.as_ref(), plan, consent).await?;
    context.ui.report(&outcome)
}
