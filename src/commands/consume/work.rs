//! `eda consume` with a handler.

use super::super::context::Context;
use super::super::going_on::{Rate, STOPPING};
use super::Args;
use super::refused::refuse_properties;
use crate::error::{Error, Result, Status};
use crate::model::duration::human;
use crate::ops::consume::work::{Sample, WorkRequest, work};
use crate::ops::consume::{Notices, RuntimeOptions, print};
use crate::ops::http::Server;
use crate::settings;
use crate::store;
use crate::ui::working::Working;
use std::sync::Arc;

/// What happens besides records goes above the line that says how it is doing.
#[derive(Debug)]
struct ToWorking(Arc<Working>);

impl Notices for ToWorking {
    fn warn(&self, text: &str) {
        self.0.warn(text);
    }

    fn handler_said(&self, line: &[u8]) {
        self.0.handler_said(line);
    }
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let handling = &args.handler;
    let Some(group) = args.group.clone() else {
        return Err(Error::usage(
            "a handler needs a group: `--group` says whose offsets are committed",
        )
        .hint("add `--group NAME`; members of one group share the partitions"));
    };
    refuse(&args)?;
    refuse_properties(&context.settings.properties)?;
    let address = handling.check(context.settings.dedupe.as_deref())?;
    let working = Arc::new(context.ui.working());
    let notices: Arc<dyn Notices> = Arc::new(ToWorking(Arc::clone(&working)));
    let handler = handling.handler(&group, settings::environment(), Arc::clone(&notices))?;
    let stop = context.stop_on_signals();
    let cluster = context.cluster()?;
    let metrics = match &handling.metrics {
        Some(address) => Some(Server::bind(address).await?),
        None => None,
    };
    let dedupe = store::open(
        &address,
        &group,
        handling.lasting(),
        context.settings.timeout,
    );
    let mut options = RuntimeOptions {
        filter: args.filter(),
        count: args.count,
        idle: args.idle,
        from_beginning: print::begins_at_beginning(args.offset.as_ref(), &group)?,
        dedupe: dedupe.await?,
        notices,
        ..RuntimeOptions::new(group.as_str(), args.topics.clone())
    };
    handling.apply(&mut options);
    let mut beginning = Some(announcement(context, &args, &options, metrics.as_ref()));
    let request = WorkRequest {
        options,
        metrics,
        slots: settings::runtime_folder(),
        watched: working.is_watched(),
    };
    let mut rate = Rate::default();
    let mut said = false;
    let show = |sample: &Sample| {
        // Now that nothing was found to be wrong.
        if let Some(text) = beginning.take() {
            working.status(&text);
        }
        if working.is_watched() {
            working.show(line(sample, rate.of(sample.figures.processed)));
        } else if sample.stopping && !std::mem::replace(&mut said, true) {
            working.status(STOPPING);
        }
    };
    let outcome = work(cluster, request, handler, &stop, show).await;
    working.finish();
    let work = outcome?;
    // Whoever never was a member has nothing to sum up.
    if work.joined || work.ended.is_ok() {
        context.ui.report(&work)?;
    }
    Ok(work.ended?.unwrap_or(Status::Done))
}

/// What a handler has no use for.
fn refuse(args: &Args) -> Result<()> {
    let refused = [
        (
            args.format.is_some(),
            "`-f` writes records, and with a handler none is written",
        ),
        (
            !args.partitions.is_empty(),
            "`--partition` does not go with a handler: its group's partitions are given out among the members",
        ),
        (
            args.read_uncommitted,
            "`--read-uncommitted` does not go with a handler: what a transaction took back would have been handled",
        ),
    ];
    match refused.into_iter().find(|(given, _)| *given) {
        Some((_, text)) => Err(Error::usage(text)),
        None => Ok(()),
    }
}

/// One line when it begins.
fn announcement(
    context: &Context,
    args: &Args,
    options: &RuntimeOptions,
    metrics: Option<&Server>,
) -> String {
    let mut text = format!(
        "group `{}` handles `{}` with `{}`, {}",
        options.group,
        args.topics.join("`, `"),
        args.handler.shown(),
        options.delivery.name()
    );
    if let Some(server) = metrics {
        let address = server.address();
        text.push_str(&format!("; metrics on http://{address}/metrics"));
        if !address.ip().is_loopback() {
            context.ui.warn(&format!(
                "listening on {address}: anyone who can reach it can read the names of the topics and the group"
            ));
        }
    }
    text
}

/// How it is doing, on one line.
fn line(sample: &Sample, rate: f64) -> String {
    let figures = &sample.figures;
    if !sample.joined {
        return "joining the group".to_owned();
    }
    let mut text = format!("{} processed, {rate:.0}/s", figures.processed);
    for (count, what) in [
        (figures.retried, "retried"),
        (figures.dead_lettered, "dead-lettered"),
        (figures.duplicates, "duplicates"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push_str(&format!(", {} in hand", sample.in_hand));
    if let Some(lag) = sample.lag {
        text.push_str(&format!(", lag {lag}"));
    }
    if let Some((p50, p99)) = figures.p50().zip(figures.p99()) {
        text.push_str(&format!(", p50 {} p99 {}", human(p50), human(p99)));
    }
    if sample.stopping {
        text.push_str(&format!("; {STOPPING}"));
    }
    text
}
