//! `eda consume` without a handler: records handed to a sink, in a group or not.
//!
//! With a group, an offset is committed only after the sink has flushed the record, so what is committed was
//! printed: at least once, and after a crash a record may be printed again but none is passed over.

mod idle;

use crate::error::{Error, Result, Status};
use crate::kafka::{Cluster, Consumer, ConsumerOptions, Isolation, Polled, Rebalance};
use crate::model::offset::{Position, Range};
use crate::model::record::Record;
use crate::model::topic::TopicPartition;
use crate::ops::stop::Stop;
use crate::ops::{missing, positions, scan};
use idle::Idle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
const COMMIT_RECORDS: u64 = 1000;
/// How long a poll waits when nothing comes: the longest a Ctrl-C goes unseen.
const POLL: Duration = Duration::from_millis(100);

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct PrintRequest {
    pub topics: Vec<String>,
    pub group: Option<String>,
    /// Without a group: where to begin and to end. With one: where to begin where nothing is committed.
    pub range: Option<Range>,
    pub count: Option<u64>,
    /// Empty: all. Not with a group.
    pub partitions: Vec<i32>,
    /// End when nothing came for this long.
    pub idle: Option<Duration>,
    pub read_uncommitted: bool,
}

/// Takes the records. Called from one thread at a time.
pub trait Sink: Send {
    fn record(&mut self, record: &Record) -> Result<()>;
    /// Everything taken so far must be out when this returns; an error when nobody takes it any more.
    fn flush(&mut self) -> Result<()>;
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printed {
    pub records: u64,
    pub stopped: Option<Status>,
}

/// Reads until the count, the end of the range, idleness, or a request to stop.
pub async fn print(
    cluster: &Cluster,
    request: PrintRequest,
    sink: Box<dyn Sink>,
    stop: Stop,
) -> Result<Printed> {
    let existing = cluster.topics().await?;
    for name in &request.topics {
        if !existing.iter().any(|topic| topic.name == *name) {
            let names = existing.iter().map(|topic| topic.name.as_str());
            return Err(missing::topic(cluster, name, names));
        }
    }
    let reading = match &request.group {
        Some(group) => Reading::Group {
            from_beginning: from_beginning(&request, group)?,
        },
        None => {
            let mut partitions = BTreeSet::new();
            for topic in existing
                .iter()
                .filter(|topic| request.topics.contains(&topic.name))
            {
                let wanted =
                    |id: &i32| request.partitions.is_empty() || request.partitions.contains(id);
                let ids = topic
                    .partitions
                    .iter()
                    .map(|partition| partition.id)
                    .filter(wanted);
                partitions.extend(ids.map(|id| TopicPartition::new(&topic.name, id)));
            }
            if let Some(id) = request.partitions.iter().find(|id| {
                !partitions
                    .iter()
                    .any(|partition| partition.partition == **id)
            }) {
                let topics = request.topics.join("`, `");
                return Err(Error::failed(format!("`{topics}` has no partition {id}"))
                    .hint("`eda topic describe` shows the partitions"));
            }
            let partitions: Vec<_> = partitions.into_iter().collect();
            Reading::Alone(stretch(cluster, &request, &partitions).await?)
        }
    };
    let cluster = cluster.clone();
    tokio::task::spawn_blocking(move || run(&cluster, &request, reading, sink, &stop))
        .await
        .map_err(|error| Error::failed("the consuming thread ended early").caused_by(error))?
}

enum Reading {
    Group {
        from_beginning: bool,
    },
    /// From, and up to but not including.
    Alone(BTreeMap<TopicPartition, (i64, Option<i64>)>),
}

fn from_beginning(request: &PrintRequest, group: &str) -> Result<bool> {
    if !request.partitions.is_empty() {
        return Err(Error::usage("`--partition` does not go with `--group`")
            .hint("a group's partitions are given out among its members"));
    }
    match &request.range {
        None => Ok(true),
        Some(Range {
            start: Position::Stored | Position::Beginning,
            end: None,
        }) => Ok(true),
        Some(Range {
            start: Position::End,
            end: None,
        }) => Ok(false),
        Some(_) => Err(
            Error::usage(format!("group `{group}` begins where it left off")).hint(
                "with `--group`, `-o` is `beginning` or `end`: where to begin without a commit",
            ),
        ),
    }
}

/// Turns positions into offsets, with as many look-ups as there are kinds of position.
async fn stretch(
    cluster: &Cluster,
    request: &PrintRequest,
    partitions: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, (i64, Option<i64>)>> {
    let isolation = match request.read_uncommitted {
        true => Isolation::ReadUncommitted,
        false => Isolation::ReadCommitted,
    };
    let extents = scan::extents(cluster, partitions, isolation).await?;
    let range = request.range.clone().unwrap_or(Range {
        start: Position::Beginning,
        end: None,
    });
    let starts = positions::resolve(cluster, &range.start, &extents, isolation).await?;
    let ends = match &range.end {
        Some(end) => Some(positions::resolve(cluster, end, &extents, isolation).await?),
        None => None,
    };
    let stretch = starts.into_iter().map(|(partition, start)| {
        let end = ends.as_ref().and_then(|ends| ends.get(&partition).copied());
        (partition, (start, end))
    });
    Ok(stretch.collect())
}

/// What the group's listener and the loop share: the sink, and the next offsets of what it has taken.
struct Shared {
    sink: Box<dyn Sink>,
    next: BTreeMap<TopicPartition, i64>,
}

struct Member {
    shared: Mutex<Shared>,
    /// Whether the group has given us partitions yet, be they none.
    joined: AtomicBool,
}

impl Member {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rebalance for Member {
    fn assigned(&self, partitions: &[TopicPartition]) {
        tracing::info!("assigned {}", list(partitions));
        self.joined.store(true, Ordering::Release);
    }

    fn revoked(&self, partitions: &[TopicPartition], lost: bool) -> Vec<(TopicPartition, i64)> {
        tracing::info!("revoked {}", list(partitions));
        let mut shared = self.lock();
        // An output that is gone took nothing: then nothing may be committed either.
        let flushed = shared.sink.flush().is_ok();
        let given = partitions
            .iter()
            .filter_map(|place| shared.next.remove_entry(place));
        let given: Vec<_> = given.collect();
        if flushed && !lost { given } else { Vec::new() }
    }
}

fn list(partitions: &[TopicPartition]) -> String {
    partitions
        .iter()
        .map(TopicPartition::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn run(
    cluster: &Cluster,
    request: &PrintRequest,
    reading: Reading,
    sink: Box<dyn Sink>,
    stop: &Stop,
) -> Result<Printed> {
    let member = Arc::new(Member {
        shared: Mutex::new(Shared {
            sink,
            next: BTreeMap::new(),
        }),
        joined: AtomicBool::new(request.group.is_none()),
    });
    let mut printed = Printed {
        records: 0,
        stopped: None,
    };
    let mut ends = match &reading {
        Reading::Alone(stretch) => bounded(stretch),
        Reading::Group { .. } => None,
    };
    if request.count == Some(0) || ends.as_ref().is_some_and(BTreeMap::is_empty) {
        return Ok(printed);
    }
    let options = ConsumerOptions {
        group: request.group.clone(),
        from_beginning: !matches!(
            reading,
            Reading::Group {
                from_beginning: false
            }
        ),
        read_uncommitted: request.read_uncommitted,
        end_of_partition: ends.is_some(),
        overrides: Vec::new(),
    };
    let listener: Arc<dyn Rebalance> = member.clone();
    let consumer = Consumer::open(cluster.connection(), options, listener)?;
    match &reading {
        Reading::Group { .. } => consumer.subscribe(&request.topics)?,
        Reading::Alone(stretch) => {
            let positions: Vec<_> = stretch
                .iter()
                .filter(|(place, _)| ends.as_ref().is_none_or(|ends| ends.contains_key(*place)))
                .map(|(place, (start, _))| (place.clone(), *start))
                .collect();
            consumer.assign(&positions)?;
        }
    }
    let timeout = cluster.connection().timeout;
    let idle = request.idle.map(|idle| Idle::new(idle, timeout));
    let done = &mut printed;
    let ended = follow(&consumer, request, &member, &mut ends, done, stop, idle);
    // What was printed is committed on the way out too, by the listener; an error before it still wins.
    let closed = finish(consumer, &member, timeout);
    ended.and(closed)?;
    Ok(printed)
}

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

fn follow(
    consumer: &Consumer,
    request: &PrintRequest,
    member: &Member,
    ends: &mut Option<BTreeMap<TopicPartition, i64>>,
    printed: &mut Printed,
    stop: &Stop,
    mut idle: Option<Idle>,
) -> Result<()> {
    let in_group = request.group.is_some();
    let mut last_commit = Instant::now();
    let mut uncommitted = 0u64;
    loop {
        if let Some(status) = stop.requested() {
            printed.stopped = Some(status);
            return Ok(());
        }
        // Nothing at hand: what is buffered goes out before we wait for more.
        let mut polled = consumer.poll(Duration::ZERO)?;
        if polled.is_none() {
            // Every time: it is also how a reader that went away is noticed while nothing comes.
            member.lock().sink.flush()?;
            polled = consumer.poll(POLL)?;
        }
        match polled {
            Some(Polled::Record(record)) => {
                // Not made for each record of a plain read, which needs none.
                let place = (in_group || ends.is_some()).then(|| record.topic_partition());
                let next = record.offset + 1;
                let wanted = match (&*ends, &place) {
                    (Some(ends), Some(place)) => {
                        ends.get(place).is_some_and(|end| record.offset < *end)
                    }
                    _ => true,
                };
                if wanted {
                    let mut shared = member.lock();
                    shared.sink.record(&record)?;
                    if in_group && let Some(place) = &place {
                        match shared.next.get_mut(place) {
                            Some(known) => *known = next,
                            None => {
                                shared.next.insert(place.clone(), next);
                            }
                        }
                        uncommitted += 1;
                    }
                    drop(shared);
                    printed.records += 1;
                }
                if let Some(place) = &place {
                    reached(ends, place, next);
                }
                if let Some(idle) = &mut idle {
                    idle.record(Instant::now());
                }
            }
            Some(Polled::EndOfPartition(place, offset)) => reached(ends, &place, offset),
            None => {
                let joined = member.joined.load(Ordering::Acquire);
                if let Some(idle) = &mut idle
                    && idle.is_over(joined, Instant::now())
                {
                    return Ok(());
                }
            }
        }
        if request.count.is_some_and(|count| printed.records >= count)
            || ends.as_ref().is_some_and(BTreeMap::is_empty)
        {
            return Ok(());
        }
        if uncommitted >= COMMIT_RECORDS
            || (uncommitted > 0 && last_commit.elapsed() >= COMMIT_INTERVAL)
        {
            commit(consumer, member)?;
            uncommitted = 0;
            last_commit = Instant::now();
        }
    }
}

fn reached(ends: &mut Option<BTreeMap<TopicPartition, i64>>, place: &TopicPartition, offset: i64) {
    if let Some(ends) = ends
        && ends.get(place).is_some_and(|end| offset >= *end)
    {
        ends.remove(place);
    }
}

/// Out first, then committed.
fn commit(consumer: &Consumer, member: &Member) -> Result<()> {
    let mut shared = member.lock();
    shared.sink.flush()?;
    let next: Vec<_> = shared
        .next
        .iter()
        .map(|(place, next)| (place.clone(), *next))
        .collect();
    drop(shared);
    consumer.commit_in_background(&next)
}

fn finish(consumer: Consumer, member: &Member, timeout: Duration) -> Result<()> {
    let flushed = member.lock().sink.flush();
    let closed = consumer.close(timeout);
    flushed.and(closed)
}
