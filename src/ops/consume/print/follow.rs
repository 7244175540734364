//! The loop that reads and hands on, in a group or not.

use super::super::idle::{Idle, unassigned};
use super::super::presence::{Change, Presence};
use super::super::topics::{hidden, names};
use super::taken::Taken;
use super::{PrintRequest, Printed, Reading, Sink};
use crate::error::{Error, Kind, Result};
use crate::kafka::{
    BatchReader, Cluster, Consumer, ConsumerOptions, NextOffset, Polled, Rebalance, Seen, Standing,
};
use crate::model::topic::TopicPartition;
use crate::ops::stop::Stop;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long leaving may take when nobody answers.
const FAREWELL: Duration = Duration::from_secs(1);
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
const COMMIT_RECORDS: u64 = 1000;
/// How long a poll waits when nothing comes: the longest a Ctrl-C goes unseen.
const POLL: Duration = Duration::from_millis(100);

/// What the group's listener and the loop share.
struct Member {
    taken: Mutex<Taken>,
    /// Whether the group has given us partitions yet, be they none.
    joined: AtomicBool,
    /// Whether partitions were given since this was last looked at, and ever.
    gained: AtomicBool,
    ever_held: AtomicBool,
}

impl Member {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rebalance for Member {
    fn assigned(&self, partitions: &[TopicPartition]) {
        tracing::info!("assigned {}", list(partitions));
        self.joined.store(true, Ordering::Release);
        if !partitions.is_empty() {
            self.gained.store(true, Ordering::Release);
            self.ever_held.store(true, Ordering::Release);
        }
    }

    fn revoked(
        &self,
        partitions: &[TopicPartition],
        lost: bool,
        _standing: Standing<'_>,
    ) -> Vec<NextOffset> {
        tracing::info!("revoked {}", list(partitions));
        let mut taken = self.lock();
        // Whether it could is what `give` goes by.
        let _ = taken.flush();
        let given = taken.give(partitions);
        match lost {
            true => Vec::new(),
            false => given.into_iter().map(NextOffset::from).collect(),
        }
    }
}

fn list(partitions: &[TopicPartition]) -> String {
    partitions
        .iter()
        .map(TopicPartition::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where records come from.
enum Source {
    Group(Consumer),
    Alone(BatchReader, Vec<TopicPartition>),
}

impl Source {
    fn open(
        cluster: &Cluster,
        request: &PrintRequest,
        reading: &Reading,
        ends: Option<&BTreeMap<TopicPartition, i64>>,
        member: Arc<Member>,
    ) -> Result<Self> {
        let from_beginning = !matches!(
            reading,
            Reading::Group {
                from_beginning: false
            }
        );
        let options = ConsumerOptions {
            group: request.group.clone(),
            from_beginning,
            read_uncommitted: request.read_uncommitted,
            end_of_partition: ends.is_some(),
            overrides: match reading {
                Reading::Group { .. } => hidden(&request.topics).into_iter().collect(),
                Reading::Alone(_) => Vec::new(),
            },
            apart: None,
        };
        let consumer = Consumer::open(cluster.connection(), options, member)?;
        match reading {
            Reading::Group { .. } => {
                consumer.subscribe(&request.topics)?;
                Ok(Source::Group(consumer))
            }
            Reading::Alone(stretch) => {
                let positions: Vec<_> = stretch
                    .iter()
                    .filter(|(place, _)| ends.is_none_or(|ends| ends.contains_key(*place)))
                    .map(|(place, (start, _))| (place.clone(), *start))
                    .collect();
                let places = positions.iter().map(|(place, _)| place.clone()).collect();
                let reader = consumer.assign_in_batches(&positions)?;
                Ok(Source::Alone(reader, places))
            }
        }
    }

    /// Takes what is at hand, or else what comes within `timeout`; answers how much it was.
    fn read(&mut self, timeout: Duration, member: &Member) -> Result<usize> {
        match self {
            Source::Group(consumer) => {
                // Not locked while polling, which is when the listener is told of a rebalance.
                let seen = match consumer.poll(timeout)? {
                    None => return Ok(0),
                    Some(Polled::Record(record)) => {
                        return member
                            .lock()
                            .take(Seen::Record((&record).into()))
                            .map(|_| 1);
                    }
                    Some(Polled::EndOfPartition(place, offset)) => {
                        Seen::EndOfPartition(place, offset)
                    }
                };
                member.lock().take(seen).map(|_| 1)
            }
            // Without a group there is no rebalance.
            Source::Alone(reader, _) => {
                let mut taken = member.lock();
                reader.read(timeout, &mut |seen| taken.take(seen))
            }
        }
    }

    fn close(self, timeout: Duration) -> Result<()> {
        match self {
            Source::Group(consumer) => consumer.close(timeout),
            Source::Alone(reader, _) => reader.close(timeout),
        }
    }

    /// Where records could come from now.
    fn places(&self) -> Result<Vec<TopicPartition>> {
        match self {
            Source::Group(consumer) => consumer.assignment(),
            Source::Alone(_, places) => Ok(places.clone()),
        }
    }
}

pub(super) fn run(
    cluster: &Cluster,
    request: &PrintRequest,
    reading: &Reading,
    sink: Box<dyn Sink>,
    stop: &Stop,
) -> Result<Printed> {
    let ends = match reading {
        Reading::Alone(stretch) => bounded(stretch),
        Reading::Group { .. } => None,
    };
    let member = Arc::new(Member {
        taken: Mutex::new(Taken::new(
            sink,
            request.filter.clone(),
            request.count,
            ends.as_ref(),
        )),
        joined: AtomicBool::new(request.group.is_none()),
        gained: AtomicBool::new(false),
        ever_held: AtomicBool::new(request.group.is_none()),
    });
    let mut printed = Printed {
        records: 0,
        read: 0,
        not_json: 0,
        stopped: None,
    };
    if member.lock().is_complete() {
        return Ok(printed);
    }
    let mut source = Source::open(
        cluster,
        request,
        reading,
        ends.as_ref(),
        Arc::clone(&member),
    )?;
    let timeout = cluster.connection().timeout;
    let idle = request.idle.map(|idle| Idle::new(idle, timeout));
    let brokers = &cluster.connection().brokers;
    let is_finite = request.idle.is_some() || request.count.is_some() || ends.is_some();
    let named = match request.group {
        None => names(&request.topics).cloned().collect(),
        Some(_) => Vec::new(),
    };
    let presence = Presence::new(cluster, is_finite, named);
    let ended = follow(&mut source, &member, brokers, stop, idle, presence);
    let ended = ended.map_err(|error| explained(error, brokers, &member));
    let patience = match &ended {
        // Nobody is there to be told: what was not committed is printed again.
        Err(error) if error.kind() == Kind::Unreachable => timeout.min(FAREWELL),
        _ => timeout,
    };
    // What was printed is committed on the way out too, by the listener; an error before it still wins.
    let flushed = member.lock().flush();
    let closed = source.close(patience);
    printed.stopped = ended?;
    flushed.and(closed)?;
    let taken = member.lock();
    (printed.records, printed.read, printed.not_json) = (taken.records, taken.read, taken.not_json);
    Ok(printed)
}

/// Where reading ends in the partitions that have something to read; `None` when it does not end.
fn bounded(
    stretch: &BTreeMap<TopicPartition, (i64, Option<i64>)>,
) -> Option<BTreeMap<TopicPartition, i64>> {
    stretch.values().any(|(_, end)| end.is_some()).then(|| {
        stretch
            .iter()
            .filter_map(|(place, (start, end))| {
                end.filter(|end| start < end)
                    .map(|end| (place.clone(), end))
            })
            .collect()
    })
}

/// Until the last record that is wanted, idleness, or a request to stop, whose status it answers.
fn follow(
    source: &mut Source,
    member: &Member,
    brokers: &str,
    stop: &Stop,
    mut idle: Option<Idle>,
    mut presence: Presence,
) -> Result<Option<crate::error::Status>> {
    let mut last_commit = Instant::now();
    let mut uncommitted = 0;
    loop {
        if let Some(status) = stop.requested() {
            return Ok(Some(status));
        }
        // Nothing at hand: what is buffered goes out before we wait for more.
        let mut found = source.read(Duration::ZERO, member)?;
        if found == 0 {
            // Every time: it is also how a reader that went away is noticed while nothing comes.
            member.lock().flush()?;
            found = source.read(POLL, member)?;
        }
        if member.lock().is_complete() {
            return Ok(None);
        }
        let mut is_over = false;
        if let Some(idle) = &mut idle {
            let now = Instant::now();
            // What was given just now has had no time to be idle.
            if member.gained.swap(false, Ordering::AcqRel) || found > 0 {
                idle.record(now);
            }
            is_over = idle.is_over(member.joined.load(Ordering::Acquire), now);
        }
        let change = match found {
            0 => presence.quiet(Instant::now(), is_over, || source.places())?,
            _ => presence.record(),
        };
        if let Some(change) = change {
            member.lock().warn(&said(&change, brokers));
        }
        // Nothing came, and it was not for want of an answer.
        if is_over && presence.is_confirmed() {
            return match member.ever_held.load(Ordering::Acquire) {
                true => Ok(None),
                false => Err(unassigned()),
            };
        }
        if let Source::Group(consumer) = source {
            uncommitted += found as u64;
            if uncommitted >= COMMIT_RECORDS
                || (uncommitted > 0 && last_commit.elapsed() >= COMMIT_INTERVAL)
            {
                commit(consumer, member)?;
                uncommitted = 0;
                last_commit = Instant::now();
            }
        }
    }
}

/// Out first, then committed.
fn commit(consumer: &Consumer, member: &Member) -> Result<()> {
    let mut taken = member.lock();
    taken.flush()?;
    let next: Vec<_> = taken.next().into_iter().map(NextOffset::from).collect();
    drop(taken);
    consumer.commit_in_background(&next)
}

fn said(change: &Change, brokers: &str) -> String {
    match change {
        Change::Lost => format!("`{brokers}` does not answer: waiting until it does"),
        Change::Back => format!("`{brokers}` answers again"),
    }
}

/// An end for want of an answer says how far it came.
fn explained(error: Error, brokers: &str, member: &Member) -> Error {
    let records = member.lock().records;
    match error.kind() {
        Kind::Unreachable if records > 0 => error.context(format!(
            "`{brokers}` stopped answering after {records} records"
        )),
        _ => error,
    }
}
