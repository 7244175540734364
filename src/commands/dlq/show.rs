use crate::commands::candidates;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::dlq;
use clap_complete::engine::ArgValueCandidates;

/// Show dead letters: what died, where it came from, and why
///
/// On a terminal a line each; in a pipe, or with --json, the lossless record with the key `deadLetter` beside it,
/// which `eda produce --records` ignores.
///
/// Understood are those of eda, Spring Kafka, Spring Cloud Stream, Kafka Connect, Kafka Streams, share groups, SmallRye
/// and Quarkus, Karafka Pro, Watermill, Wolverine, Silverback, kafkajs-async-retry, laravel-kafka, Uber, PostHog, Sentry
/// Arroyo, KDLQ, eventferry, Kafka DLQ Manager, and those written at home with headers such as `x-original-topic` or an
/// envelope of JSON. What a dead letter does not say is null, or unknown.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda dlq show order-created.dlq
  eda dlq show order-created.dlq -n 1 --json | jq .deadLetter")]
pub struct Args {
    /// The dead-letter topic
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: String,

    /// Only N of them
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let mut records = context.ui.records();
    let write = move |letter: Option<dlq::Letter<'_>>| match letter {
        Some(letter) => records.write(letter.record.into(), letter.story),
        None => records.flush(),
    };
    let shown = dlq::show(context.cluster()?, &args.topic, args.count, write).await?;
    if shown == 0 {
        context
            .ui
            .status(&format!("no dead letters in `{}`", args.topic));
    }
    Ok(Status::Done)
}
