//! Carrying a replay out: publish, wait for the acknowledgement, commit, in that order.

use super::{ReplayPlan, replay_group};
use crate::consent::Consent;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::{Cluster, Isolation, Producer, ProducerOptions};
use crate::model::dead_letter;
use crate::model::record::{OutgoingRecord, Record};
use crate::model::topic::TopicPartition;
use crate::ops::scan;
use crate::ops::stop::Stop;
use crate::report::{Report, Table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Records published between two commits: what a killed replay sends again at most, per partition.
const BATCH: usize = 500;
/// How many refused or skipped records the outcome names.
const NAMED: usize = 50;

/// What became of the dead letters.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayOutcome {
    topic: String,
    replay_id: String,
    replayed: u64,
    /// Without a known origin, or whose origin is gone: left where they are.
    skipped: u64,
    failed: u64,
    /// Of those replayed, how many lie behind a refused one, so that their progress is not committed.
    uncommitted: u64,
    /// How many went to each topic.
    destinations: BTreeMap<String, u64>,
    problems: Vec<Problem>,
    interrupted: bool,
    #[serde(skip)]
    stopped: Option<Status>,
    /// What went wrong, a sentence each.
    #[serde(skip)]
    told: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Problem {
    record: String,
    error: String,
}

/// Replays the plan's stretch; `watch` is told how many are done.
pub async fn replay(
    cluster: &Cluster,
    plan: ReplayPlan,
    stop: Stop,
    watch: impl Fn(u64) + Send + 'static,
    _consent: Consent,
) -> Result<ReplayOutcome> {
    let cluster = cluster.clone();
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut replay = Replay::new(&cluster, &plan, handle, Box::new(watch))?;
        let read = scan::read(
            &cluster,
            &plan.stretch,
            Isolation::ReadCommitted,
            |record| {
                if let Some(status) = stop.requested() {
                    replay.outcome.stopped = Some(status);
                    return Ok(ControlFlow::Break(()));
                }
                replay.take(record)
            },
        );
        // Also after a Ctrl-C, or when reading failed: what is published is waited for and committed. Not when it was
        // the batch that failed: then nothing of it is sure, and asking again would only forget why.
        let finished = match replay.batch_failed {
            true => Ok(()),
            false => replay.finish_batch().map(|_stop_or_go_on| ()),
        };
        read.and(finished).map_err(|error| replay.explain(error))?;
        replay.outcome.interrupted = replay.outcome.stopped.is_some();
        replay.outcome.told = replay.outcome.sentences();
        Ok(replay.outcome)
    })
    .await
    .map_err(|error| Error::failed("the replaying thread ended early").caused_by(error))?
}

struct Replay<'a> {
    cluster: &'a Cluster,
    plan: &'a ReplayPlan,
    handle: tokio::runtime::Handle,
    producer: Producer,
    watch: Box<dyn Fn(u64) + Send>,
    /// In the order read: where each record of the batch lies, and where it was sent.
    batch: Vec<(TopicPartition, i64, Option<String>)>,
    /// Refusals of the batch, by place in it.
    failures: BTreeMap<u64, Error>,
    /// Not every record of the last batch has an outcome: nothing more may be committed.
    batch_failed: bool,
    outcome: ReplayOutcome,
}

impl<'a> Replay<'a> {
    fn new(
        cluster: &'a Cluster,
        plan: &'a ReplayPlan,
        handle: tokio::runtime::Handle,
        watch: Box<dyn Fn(u64) + Send>,
    ) -> Result<Self> {
        let mut random = [0; 16];
        fastrand::Rng::new().fill(&mut random);
        Ok(Replay {
            cluster,
            plan,
            handle,
            producer: Producer::open(cluster.connection(), ProducerOptions::default())?,
            watch,
            batch: Vec::with_capacity(BATCH),
            failures: BTreeMap::new(),
            batch_failed: false,
            outcome: ReplayOutcome {
                topic: plan.topic().to_owned(),
                replay_id: uuid::Builder::from_random_bytes(random)
                    .into_uuid()
                    .to_string(),
                ..ReplayOutcome::default()
            },
        })
    }

    fn take(&mut self, record: Record) -> Result<ControlFlow<()>> {
        let place = self.batch.len() as u64;
        let destination = match self.revived(&record) {
            Ok(outgoing) => {
                match self.producer.enqueue(&outgoing, place) {
                    Ok(()) => {}
                    // Refused before it was sent, too large for example: a refusal like any other.
                    Err(error) if error.kind() == Kind::Failed => {
                        self.failures.insert(place, error);
                    }
                    Err(error) => {
                        self.batch_failed = true;
                        return Err(error);
                    }
                }
                Some(outgoing.topic)
            }
            Err(reason) => {
                self.outcome.skipped += 1;
                self.problem(record.coordinates(), reason.to_owned());
                None
            }
        };
        self.batch
            .push((record.topic_partition(), record.offset, destination));
        if self.batch.len() < BATCH && self.failures.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        self.finish_batch()
    }

    fn revived(&self, record: &Record) -> Result<OutgoingRecord, &'static str> {
        let letter = dead_letter::detect(record)
            .ok_or("it has no dead-letter headers that are understood")?;
        let topic = letter
            .origin
            .topic
            .as_ref()
            .ok_or("the origin topic is not known")?;
        let partitions = self
            .plan
            .origins
            .get(topic)
            .ok_or("the origin topic does not exist")?;
        if dead_letter::original(record, &letter).is_none() {
            return Err("the record that died is not in it");
        }
        // The partition it came from, where there still is one; else its key decides.
        let exists = |id: &i32| usize::try_from(*id).is_ok_and(|id| id < *partitions);
        let partition = letter.origin.partition.filter(exists);
        let now = jiff::Timestamp::now().as_millisecond();
        Ok(dead_letter::eda::revive(
            record,
            &letter,
            partition,
            &self.outcome.replay_id,
            now,
        ))
    }

    fn problem(&mut self, record: String, error: String) {
        if self.outcome.problems.len() < NAMED {
            self.outcome.problems.push(Problem { record, error });
        }
    }

    /// Waits for the batch's acknowledgements and commits up to the first record of each partition that was
    /// refused. A refusal ends the replay: going on would leave it behind.
    fn finish_batch(&mut self) -> Result<ControlFlow<()>> {
        let flushed = self.producer.flush(self.cluster.connection().timeout);
        self.failures.extend(self.producer.take_failures());
        if let Err(error) = flushed {
            // Not every record has an outcome: nothing of this batch is sure, so nothing is committed.
            self.batch_failed = true;
            return Err(error);
        }
        let failures = std::mem::take(&mut self.failures);
        let mut next: BTreeMap<TopicPartition, (i64, bool)> = BTreeMap::new();
        let batch = std::mem::take(&mut self.batch);
        for (index, (place, offset, destination)) in batch.into_iter().enumerate() {
            let (position, blocked) = next.entry(place.clone()).or_insert((offset, false));
            if let Some(error) = failures.get(&(index as u64)) {
                *blocked = true;
                self.outcome.failed += 1;
                self.problem(format!("{place}:{offset}"), error.one_line());
            } else if let Some(topic) = destination {
                self.outcome.replayed += 1;
                self.outcome.uncommitted += u64::from(*blocked);
                *self.outcome.destinations.entry(topic).or_default() += 1;
            }
            if !*blocked {
                *position = offset + 1;
            }
        }
        let offsets: Vec<_> = next
            .into_iter()
            .map(|(place, (next, _))| (place, next))
            .collect();
        if !offsets.is_empty() {
            let group = replay_group(self.plan.topic());
            let committing = self.cluster.commit_for_group(&group, &offsets);
            for (place, result) in self.handle.block_on(committing)? {
                result.map_err(|error| {
                    error.context(format!(
                        "replayed, but the progress at {place} is not committed"
                    ))
                })?;
            }
        }
        (self.watch)(self.outcome.replayed + self.outcome.skipped);
        Ok(match self.outcome.failed {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        })
    }

    /// An error that ends the replay, with what was done before it.
    fn explain(&self, error: Error) -> Error {
        let done = self.outcome.replayed;
        error.adding(&format!(
            "{done} were put back and committed before it, the same command goes on from there"
        ))
    }
}

impl ReplayOutcome {
    fn sentences(&self) -> Vec<String> {
        let problem = |problem: &Problem| format!("{}: {}", problem.record, problem.error);
        let mut sentences: Vec<String> = self.problems.iter().map(problem).collect();
        let untold = (self.skipped + self.failed).saturating_sub(self.problems.len() as u64);
        if untold > 0 {
            sentences.push(format!("and {untold} more"));
        }
        if self.failed > 0 {
            sentences.push("stopped: going on would leave the refused records behind".to_owned());
        }
        if self.uncommitted > 0 {
            sentences.push(format!(
                "{} put back behind them will be sent again by the next replay",
                self.uncommitted
            ));
        }
        if self.interrupted {
            sentences.push("interrupted: the same command goes on from here".to_owned());
        }
        sentences
    }
}

impl Report for ReplayOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["DESTINATION", "REPLAYED"], "nothing was put back");
        for (topic, count) in &self.destinations {
            table.row([topic.as_str().into(), (*count).into()]);
        }
        table
    }

    fn failures(&self) -> &[String] {
        &self.told
    }

    fn effect(&self) -> Option<String> {
        match self.replayed {
            0 => None,
            1 => Some("1 dead letter was put back all the same".to_owned()),
            count => Some(format!("{count} dead letters were put back all the same")),
        }
    }

    fn status(&self) -> Result<Status> {
        Ok(match (self.failed + self.skipped, self.stopped) {
            (_, Some(status)) => status,
            (0, None) => Status::Done,
            (_, None) => Status::Failed,
        })
    }
}
