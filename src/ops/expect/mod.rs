//! `eda expect`: sends events and waits until others come of them.
//!
//! Where each topic ends is noted, and reading begins there, before anything is sent, so nothing that comes is missed.
//! Data flows: request → [`prepare`] (names looked up) → [`expect`]: the ends, then what is sent and acknowledged, whose
//! keys are read back → [`watch`] on a thread of its own → outcome. What lay in the topics when the time was over counts,
//! however long it takes to read it.

mod board;
mod condition;
mod outcome;
mod watch;

pub use condition::expectation;
pub use outcome::{ExpectOutcome, junit_of_error, suite};

use board::{Board, Wish};
use watch::Watch;

use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter;
use crate::model::event::{Assignment, Catalog};
use crate::model::expectation::Expectation;
use crate::model::filter::Filter;
use crate::model::ledger::is_ledger;
use crate::model::topic::{Topic, TopicPartition};
use crate::ops::blocking::blocking;
use crate::ops::produce::{self, Destination, Input, ProducePlan, ProduceRequest};
use crate::ops::scan;
use crate::ops::stop::Stop;
use crate::report::Report;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// An event that is sent.
#[derive(Clone, Debug, Default)]
pub struct Sending {
    /// An event of the catalog, or a topic.
    pub name: String,
    /// Fields; of an event of the catalog the others are made up.
    pub assignments: Vec<Assignment>,
    /// The event as JSON instead, over as many lines as it likes.
    pub payload: Option<Vec<u8>>,
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct ExpectRequest {
    pub sends: Vec<Sending>,
    pub expected: Vec<Expectation>,
    pub forbidden: Vec<Expectation>,
    pub within: Duration,
    /// Of the events that are sent, and of those that count. None: of those that count it is that of what was sent.
    pub key: Option<String>,
    /// Whatever their key, events count.
    pub any_key: bool,
}

/// Everything looked up, and nothing sent yet.
pub struct Prepared {
    sends: Vec<(Destination, ProduceRequest, Input)>,
    plans: Vec<ProducePlan>,
    expected: Vec<Wish>,
    forbidden: Vec<Wish>,
    topics: BTreeSet<String>,
    places: Vec<TopicPartition>,
    existing: Vec<Topic>,
    doubts: Vec<String>,
    request: ExpectRequest,
}

/// Looks up what is named.
///
/// # Errors
/// A topic that does not exist, a field that an event does not have, an event that cannot be built, or one without a key whose events could be told by it.
pub async fn prepare(
    cluster: &Cluster,
    catalog: &Catalog,
    request: ExpectRequest,
) -> Result<Prepared> {
    let mut prepared = Prepared {
        sends: Vec::new(),
        plans: Vec::new(),
        expected: Vec::new(),
        forbidden: Vec::new(),
        topics: BTreeSet::new(),
        places: Vec::new(),
        existing: Vec::new(),
        doubts: Vec::new(),
        request,
    };
    let request = &prepared.request;
    for expectation in request.expected.iter().chain(&request.forbidden) {
        prepared
            .doubts
            .extend(condition::check(catalog, expectation)?);
    }
    for sending in prepared.request.sends.clone() {
        let destination = Destination::find(cluster, catalog, &sending.name, false).await?;
        let is_typed = !destination.events().is_empty();
        if !is_typed && prepared.request.key.is_none() && !prepared.request.any_key {
            let text = format!("what is sent to `{}` has no key", destination.topic());
            return Err(Error::usage(text).hint(
                "`--key KEY` gives it one by which what comes of it is known; `--any-key` counts whatever comes",
            ));
        }
        let input = match sending.payload {
            Some(payload) => Input::Payloads(Box::new(Cursor::new(payload))),
            None if is_typed => Input::Generated(1),
            None => Input::Fields,
        };
        let produce = ProduceRequest {
            name: sending.name,
            assignments: sending.assignments,
            key: prepared.request.key.clone(),
            ..ProduceRequest::default()
        };
        prepared
            .plans
            .push(produce::plan(&destination, &produce, &input)?);
        prepared.topics.insert(destination.topic().to_owned());
        prepared.sends.push((destination, produce, input));
    }
    for expectation in &prepared.request.expected {
        let wish = wish(cluster, catalog, expectation).await?;
        prepared.topics.insert(wish.topic.clone());
        prepared.expected.push(wish);
    }
    for expectation in &prepared.request.forbidden {
        let wish = wish(cluster, catalog, expectation).await?;
        prepared.topics.insert(wish.topic.clone());
        prepared.forbidden.push(wish);
    }
    prepared.existing = cluster.topics().await?;
    let is_meant = |topic: &&Topic| {
        prepared.topics.contains(&topic.name) || is_theirs(&topic.name, &prepared.topics)
    };
    let places = prepared.existing.iter().filter(is_meant).flat_map(places);
    prepared.places = places.collect();
    Ok(prepared)
}

async fn wish(cluster: &Cluster, catalog: &Catalog, expectation: &Expectation) -> Result<Wish> {
    let name = &expectation.name;
    let destination = Destination::find(cluster, catalog, name, true).await?;
    // By the topic's name anything on it is meant, by the event's that one alone.
    let events = catalog.matching(name).into_iter();
    let events = events.filter(|event| event.topic != *name);
    Ok(Wish {
        text: expectation.to_string(),
        topic: destination.topic().to_owned(),
        events: Filter {
            events: events.map(|event| event.name.clone()).collect(),
            ..Filter::default()
        },
        comparisons: expectation.comparisons.clone(),
    })
}

/// Whether this is where the dead letters of one of these topics are, going by its name.
fn is_theirs(name: &str, topics: &BTreeSet<String>) -> bool {
    dead_letter::is_dead_letter_topic(name)
        && !is_ledger(name)
        && dead_letter::origin_candidates(name)
            .iter()
            .any(|origin| topics.contains(origin))
}

fn places(topic: &Topic) -> impl Iterator<Item = TopicPartition> {
    let ids = topic.partitions.iter().map(|partition| partition.id);
    ids.map(|id| TopicPartition::new(&topic.name, id))
}

impl Prepared {
    /// What would be sent, in its order.
    pub fn plans(&self) -> &[ProducePlan] {
        &self.plans
    }

    /// What may be a mistake in what is expected, a sentence each.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }
}

/// Sends, with a consent for each, and waits.
///
/// # Errors
/// What was to be sent is refused, or the topics cannot be read up to the end of the time.
pub async fn expect(
    cluster: &Cluster,
    prepared: Prepared,
    stop: Stop,
    consents: Vec<Consent>,
) -> Result<ExpectOutcome> {
    let request = &prepared.request;
    // What is written and not yet committed lies before the end, and is none of ours.
    let isolation = Isolation::ReadUncommitted;
    let extents = scan::extents(cluster, &prepared.places, isolation).await?;
    let positions: Vec<(TopicPartition, i64)> = extents
        .into_iter()
        .map(|(place, (_, end))| (place, end))
        .collect();
    let watch = Watch::open(cluster, positions).await?;
    let mut sent = BTreeSet::new();
    for ((destination, produce, input), consent) in prepared.sends.into_iter().zip(consents) {
        let topic = destination.topic().to_owned();
        let outcome = produce::produce(
            cluster,
            destination,
            produce,
            input,
            stop.clone(),
            |_| {},
            consent,
        )
        .await?;
        let refused = outcome.failures().first().cloned();
        let first = outcome.first_written();
        // One that comes with an outcome.
        outcome.end(Ok(Status::Done))?;
        if let Some(status) = stop.requested() {
            return Err(Error::stopped(status));
        }
        match (first, refused) {
            (Some(first), None) => sent.insert(first),
            (_, refused) => {
                let why = refused.unwrap_or_else(|| "nothing was sent".to_owned());
                return Err(Error::failed(format!("`{topic}`: {why}")));
            }
        };
    }
    let begun = Instant::now();
    let keys = match &request.key {
        _ if request.any_key => None,
        Some(key) => Some(BTreeSet::from([key.clone().into_bytes()])),
        None if sent.is_empty() => None,
        None => Some(keys_of(cluster, &sent).await?),
    };
    let shown = keys.as_ref().map(|keys| {
        let text = |key: &Vec<u8>| String::from_utf8_lossy(key).into_owned();
        keys.iter().map(text).collect()
    });
    let within = request.within;
    let board = Board::new(prepared.expected, prepared.forbidden, keys, sent);
    let mut watched = watch.run(board, begun, within, stop).await?;
    if !watched.board.is_decided() && watched.stopped.is_none() {
        // A dead-letter topic is made with its first letter.
        let known: BTreeSet<&str> = prepared
            .existing
            .iter()
            .map(|topic| topic.name.as_str())
            .collect();
        let now = cluster.topics().await?;
        let is_new = |topic: &&Topic| {
            !known.contains(topic.name.as_str()) && is_theirs(&topic.name, &prepared.topics)
        };
        let new: Vec<TopicPartition> = now.iter().filter(is_new).flat_map(places).collect();
        watched.board = look_into(cluster, new, watched.board, begun).await?;
    }
    let (expected, forbidden, timeline, untold) = watched.board.into_parts();
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let outcome = ExpectOutcome {
        within_ms: milliseconds(within),
        took_ms: milliseconds(watched.took),
        keys: shown,
        expected,
        forbidden,
        timeline,
        untold,
        stopped: watched.stopped,
        ..ExpectOutcome::default()
    };
    Ok(outcome.finish())
}

/// The keys of the records that were sent, as they are in their topics.
async fn keys_of(
    cluster: &Cluster,
    sent: &BTreeSet<(TopicPartition, i64)>,
) -> Result<BTreeSet<Vec<u8>>> {
    let (cluster, sent) = (cluster.clone(), sent.clone());
    let read = move || {
        let mut keys = BTreeSet::new();
        for (place, offset) in sent {
            let one = scan::Stretch::from([(place, (offset, offset + 1))]);
            scan::read(&cluster, &one, Isolation::ReadUncommitted, |record| {
                keys.extend(record.key);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(keys)
    };
    blocking("reading", read).await
}

/// Shows the board what is in these partitions.
async fn look_into(
    cluster: &Cluster,
    places: Vec<TopicPartition>,
    mut board: Board,
    begun: Instant,
) -> Result<Board> {
    if places.is_empty() {
        return Ok(board);
    }
    let stretch = scan::extents(cluster, &places, Isolation::ReadCommitted).await?;
    let cluster = cluster.clone();
    let read = move || {
        scan::read(&cluster, &stretch, Isolation::ReadCommitted, |record| {
            board.see(&(&record).into(), begun.elapsed());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(board)
    };
    blocking("reading", read).await
}
