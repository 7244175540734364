use super::place::PlaceArgs;
use crate::commands::arguments;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::outbox::status::{self, StatusRequest};
use std::time::Duration;

/// Show how much waits in an outbox, for how long, and what is dead
///
/// PENDING are neither published nor dead; of them relays have IN-HAND, and RETRYING were refused at least once, at most
/// ATTEMPTS times. PUBLISHED are those that were not purged yet, LAST-MINUTE those of the last sixty seconds. OLDEST is
/// the age of the oldest pending event. WAITING are pending ones whose topic does not exist, as far as a relay has tried
/// them. Of a table that was made for Debezium, rows whose id is NULL are counted apart: they are never published, and do
/// not pass a gate. Dead events are listed with the reason of their last refusal; payloads are never shown.
///
/// With --max-age or --max-dead it is a gate for scripts: exit status 4 when the oldest pending event is older, or more
/// are dead. Where events are pending and the table does not say since when, --max-age does not let pass.
///
/// JSON: {pending, inHand, retrying, dead, published, publishedLastMinute, oldestPendingMs, mostAttempts, withoutId, waiting:
/// [{reason, events}], deadEvents: [{id, aggregateType, aggregateId, type, attempts, reason}], alarms}; at most 100 dead
/// events are listed.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda outbox status
  eda outbox status --max-age 5m --max-dead 0 || echo 'the relay is behind'
  eda outbox status --json | jq .pending")]
pub struct Args {
    /// Exit with status 4 when the oldest pending event is older
    #[arg(long, value_name = "DURATION", value_parser = arguments::duration)]
    max_age: Option<Duration>,

    /// Exit with status 4 when more than N events are dead
    #[arg(long, value_name = "N")]
    max_dead: Option<u64>,

    #[command(flatten)]
    place: PlaceArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let outbox = args.place.open(context).await?;
    let request = StatusRequest {
        max_age: args.max_age,
        max_dead: args.max_dead,
    };
    let report = status::status(outbox.as_ref(), request).await?;
    context.ui.report(&report)
}
