use super::selection::SelectionArgs;
use crate::commands::candidates;
use crate::commands::context::Context;
use crate::error::{Result, Status};
use crate::ops::dlq::{self, ShowRequest};
use clap_complete::engine::ArgValueCandidates;

/// Show dead letters: what died, where it came from, and why
///
/// On a terminal a line each, and of its stack trace the first line and that of the root cause; in a pipe, or with
/// --json, the lossless record with the key `deadLetter` beside it, which `eda produce --records` ignores.
///
/// Understood are those of eda, Spring Kafka, Spring Cloud Stream, Kafka Connect, Kafka Streams, share groups, SmallRye
/// and Quarkus, Karafka Pro, Watermill, Wolverine, Silverback, kafkajs-async-retry, laravel-kafka, Uber, PostHog, Sentry
/// Arroyo, KDLQ, eventferry, Kafka DLQ Manager, and those written at home with headers such as `x-original-topic` or an
/// envelope of JSON. What a dead letter does not say is null, or unknown.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda dlq show order-created.dlq
  eda dlq show order-created.dlq --reason timeout --since -1d
  eda dlq show order-created.dlq --unreplayed --group payment-service --where 'total>100'
  eda dlq show order-created.dlq -n 1 --json | jq .deadLetter")]
pub struct Args {
    /// The dead-letter topic
    #[arg(value_name = "TOPIC", add = ArgValueCandidates::new(candidates::dead_letter_topics))]
    topic: String,

    /// Only N of them
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Only those that `eda dlq replay` is not done with
    #[arg(long)]
    unreplayed: bool,

    #[command(flatten)]
    selection: SelectionArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let request = ShowRequest {
        topic: args.topic,
        selection: args.selection.into(),
        count: args.count,
        unreplayed: args.unreplayed,
    };
    let mut records = context.ui.records();
    let write = move |letter: Option<dlq::Letter<'_>>| match letter {
        Some(letter) => records.write(letter.record.into(), letter.story),
        None => records.flush(),
    };
    let seen = dlq::show(context.cluster()?, &request, write).await?;
    if seen.shown == 0 {
        let what = match (seen.passed, request.unreplayed) {
            (0, false) => "no dead letters in".to_owned(),
            (0, true) => "no dead letters wait in".to_owned(),
            (passed, _) => format!("none of {passed} dead letters are meant in"),
        };
        context.ui.status(&format!("{what} `{}`", request.topic));
    }
    Ok(Status::Done)
}
