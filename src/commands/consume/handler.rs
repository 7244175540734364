//! The flags of handlers, and what of them makes no sense together.

use super::super::arguments;
use super::headers;
use crate::error::{Error, Result};
use crate::model::codes::{CodeList, Overrides};
use crate::ops::consume::handler::{
    Environment, Exec, ExecOptions, Handler, Http, HttpOptions, Worker, WorkerOptions,
};
use crate::ops::consume::{Delivery, Notices, Order, RuntimeOptions};
use crate::ops::http::ListenAddress;
use crate::store::Lasting;
use clap::ValueEnum;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// More at once than any machine has processes for.
const MOST: u64 = 10_000;
const IN_FLIGHT: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(30);
/// What is done is soon seen: readers of committed records wait for it.
const TRANSACTION: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Handler")]
#[group(skip)]
pub struct HandlerArgs {
    /// Run a program for each record: value on standard input, metadata in EDA_* variables; no shell, but quotes group
    #[arg(long, value_name = "COMMAND", group = "handler")]
    pub exec: Option<String>,

    /// Keep a program running that is asked a record a line and answers a line, in JSON
    #[arg(long, value_name = "COMMAND", group = "handler")]
    pub worker: Option<String>,

    /// POST each record to this URL
    #[arg(long, value_name = "URL", group = "handler")]
    pub http: Option<String>,

    /// A file of headers for --http, such as `Authorization: Bearer …`, a line each
    #[arg(long, value_name = "FILE", requires = "http")]
    pub http_headers: Option<PathBuf>,

    /// Records at once (--exec, --http), or processes (--worker) [default: 1]
    #[arg(long, value_name = "N", requires = "handler", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    pub concurrency: Option<u64>,

    /// Records that each --worker is asked before it has answered the first [default: 64]
    #[arg(long, value_name = "N", requires = "handler", value_parser = clap::value_parser!(u64).range(1..=MOST))]
    pub in_flight: Option<u64>,

    /// What is handled one after the other: records of one key, or of one partition [default: key]
    #[arg(long, value_enum, value_name = "BY", requires = "handler")]
    pub order: Option<OrderChoice>,

    /// Attempts after the first, for what may pass [default: 3]
    #[arg(long, value_name = "N", requires = "handler")]
    pub max_retries: Option<u32>,

    /// How long to wait before another attempt: at random up to the first, twice that each time, up to the second [default: 200ms..30s]
    #[arg(long, value_name = "FROM..TO", requires = "handler", value_parser = arguments::backoff)]
    pub backoff: Option<(Duration, Duration)>,

    /// How long an attempt may take [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "handler", value_parser = arguments::positive)]
    pub handler_timeout: Option<Duration>,

    /// Exit codes or HTTP statuses that mean "try again", such as 75,500-599 or 4xx
    #[arg(long, value_name = "CODES", requires = "handler")]
    pub retry_on: Option<CodeList>,

    /// Exit codes or HTTP statuses that mean "never": a dead letter at once
    #[arg(long, value_name = "CODES", requires = "handler")]
    pub permanent_on: Option<CodeList>,

    /// Where dead letters go; {topic} and {group} are filled in [default: {topic}.dlq]
    #[arg(long, value_name = "TEMPLATE", requires = "handler")]
    pub dlq_topic: Option<String>,

    /// End with status 1 instead of writing a dead letter; the record is not committed
    #[arg(long, requires = "handler", conflicts_with = "dlq_topic")]
    pub no_dlq: bool,

    /// What is promised, see below [default: at-least-once]
    #[arg(long, value_enum, value_name = "GUARANTEE", requires = "handler")]
    pub delivery: Option<DeliveryChoice>,

    /// Remember the events that were done: none, memory, sqlite:PATH, redis://…, postgres://… [default: none] [env: EDA_DEDUPE]
    #[arg(long, value_name = "ADDRESS", requires = "handler")]
    pub dedupe: Option<String>,

    /// How long an event stays somebody's who does not renew his claim: one that crashed [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "handler", value_parser = arguments::positive)]
    pub dedupe_lease: Option<Duration>,

    /// How long an event that was done is remembered: longer than a dead letter waits for its replay [default: 7d]
    #[arg(long, value_name = "DURATION", requires = "handler", value_parser = arguments::positive)]
    pub dedupe_ttl: Option<Duration>,

    /// How often offsets are committed, also after 1000 records [default: 5s; exactly-once 100ms]
    #[arg(long, value_name = "DURATION", requires = "handler", value_parser = arguments::positive)]
    pub commit_interval: Option<Duration>,

    /// How long records in hand may take when it is to stop, or a partition is given away [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "handler", value_parser = arguments::duration)]
    pub grace: Option<Duration>,

    /// Answer Prometheus on http://HOST:PORT/metrics while it runs; :PORT is on the loopback address
    #[arg(long, value_name = "HOST:PORT", requires = "handler")]
    pub metrics: Option<ListenAddress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderChoice {
    /// Records of one key; those without a key have no order
    Key,
    /// Records of one partition
    Partition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(clippy::enum_variant_names, reason = "the field's terms")]
pub enum DeliveryChoice {
    /// A record may be lost, and is never handled twice
    AtMostOnce,
    /// A record may be handled twice, and is never lost
    AtLeastOnce,
    /// What a --worker produces is seen once
    ExactlyOnce,
}

/// Who handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Exec,
    Worker,
    Http,
}

impl HandlerArgs {
    /// Whether anybody is to handle.
    pub fn is_given(&self) -> bool {
        self.kind().is_some()
    }

    pub fn kind(&self) -> Option<Kind> {
        let given = [
            self.exec.is_some().then_some(Kind::Exec),
            self.worker.is_some().then_some(Kind::Worker),
            self.http.is_some().then_some(Kind::Http),
        ];
        given.into_iter().flatten().next()
    }

    /// The handler as the user wrote it, for people.
    pub fn shown(&self) -> &str {
        let given = [&self.exec, &self.worker, &self.http];
        given
            .into_iter()
            .flatten()
            .next()
            .map_or("", String::as_str)
    }

    pub fn delivery(&self) -> Delivery {
        match self.delivery {
            None | Some(DeliveryChoice::AtLeastOnce) => Delivery::AtLeastOnce,
            Some(DeliveryChoice::AtMostOnce) => Delivery::AtMostOnce,
            Some(DeliveryChoice::ExactlyOnce) => Delivery::ExactlyOnce,
        }
    }

    /// How long the memory lasts.
    pub fn lasting(&self) -> Lasting {
        let usual = Lasting::default();
        Lasting {
            lease: self.dedupe_lease.unwrap_or(usual.lease),
            memory: self.dedupe_ttl.unwrap_or(usual.memory),
        }
    }

    /// The handler.
    ///
    /// # Errors
    /// Usage: a program that is not there, a URL that is none, a code that is to be both.
    pub fn handler(
        &self,
        group: &str,
        environment: Environment,
        notices: Arc<dyn Notices>,
    ) -> Result<Arc<dyn Handler>> {
        let timeout = self.handler_timeout.unwrap_or(TIMEOUT);
        let (retry_on, permanent_on) = (self.retry_on.clone(), self.permanent_on.clone());
        let verdicts = Overrides::new(
            retry_on.unwrap_or_default(),
            permanent_on.unwrap_or_default(),
        );
        let verdicts = verdicts.map_err(|error| {
            Error::usage("`--retry-on` contradicts `--permanent-on`").caused_by(error)
        })?;
        let group = group.to_owned();
        if let Some(command) = &self.worker {
            return Ok(Arc::new(Worker::new(WorkerOptions {
                argv: arguments::words("--worker", command)?,
                environment,
                processes: self.at_once(),
                in_flight: self.ahead(),
                timeout,
                notices,
            })?));
        }
        if let Some(url) = &self.http {
            return Ok(Arc::new(Http::new(HttpOptions {
                url: url.clone(),
                headers: match &self.http_headers {
                    Some(path) => headers::read(path)?,
                    None => Vec::new(),
                },
                authorities: None,
                group,
                timeout,
                verdicts,
                notices,
            })?));
        }
        let command = self.exec.as_deref().unwrap_or_default();
        Ok(Arc::new(Exec::new(ExecOptions {
            argv: arguments::words("--exec", command)?,
            environment,
            group,
            timeout,
            verdicts,
            notices,
        })?))
    }

    fn at_once(&self) -> usize {
        number(self.concurrency, 1)
    }

    /// At most once none is sent ahead: nobody knows what a worker that died had done of them.
    fn ahead(&self) -> usize {
        match self.delivery() {
            Delivery::AtMostOnce => 1,
            Delivery::AtLeastOnce | Delivery::ExactlyOnce => number(self.in_flight, IN_FLIGHT),
        }
    }

    /// What the flags say of the member.
    pub fn apply(&self, options: &mut RuntimeOptions) {
        options.delivery = self.delivery();
        options.concurrency = match self.kind() {
            Some(Kind::Worker) => self.at_once().saturating_mul(self.ahead()),
            _ => self.at_once(),
        };
        options.order = match self.order {
            None | Some(OrderChoice::Key) => Order::Key,
            Some(OrderChoice::Partition) => Order::Partition,
        };
        if let Some(retries) = self.max_retries {
            options.max_retries = retries;
        }
        if let Some((base, cap)) = self.backoff {
            (options.backoff_base, options.backoff_cap) = (base, cap);
        }
        if let Some(template) = &self.dlq_topic {
            options.dlq = Some(template.clone());
        }
        if self.no_dlq {
            options.dlq = None;
        }
        if options.delivery == Delivery::ExactlyOnce {
            options.commit_interval = TRANSACTION;
        }
        if let Some(interval) = self.commit_interval {
            options.commit_interval = interval;
        }
        if let Some(grace) = self.grace {
            options.grace = grace;
        }
    }
}

fn number(given: Option<u64>, usual: usize) -> usize {
    given.map_or(usual, |number| {
        usize::try_from(number).unwrap_or(usize::MAX)
    })
}
