//! What was seen last: the same for a page, a terminal and whoever asks for JSON.

use super::flow::HISTORY;
use super::handlers::{Exposition, Handler};
use super::letters::DeadLetterTopic;
use crate::kafka::Cluster;
use crate::model::group::GroupListing;
use crate::ops::lag::{GroupRow, Outage, WatchedRow};
use crate::report::{Cell, Tone};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// After so many intervals without news, and [`GRACE`], it is said that there are none.
const MISSED: u32 = 5;
const GRACE: Duration = Duration::from_secs(5);
/// More sentences than that are counted.
const SENTENCES: usize = 50;

/// A group, how it is doing, and how its lag went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    #[serde(flatten)]
    pub row: GroupRow,
    /// How bad it is: 0 good, 1 unknown, 2 a warning, 3 bad.
    pub severity: u8,
    /// When it will have caught up, as people read it; null: unknown, or it has.
    pub eta: Option<String>,
    /// The lag of the last samples, the latest last; null where it was not known.
    pub history: Vec<Option<i64>>,
}

/// How fast a topic is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicFlow {
    pub topic: String,
    pub partitions: usize,
    /// Offsets between the first record and the next one; `None` where a partition did not tell.
    pub records: Option<i64>,
    /// Offsets written a second, over the last ten samples.
    pub written_per_second: Option<f64>,
    /// Offsets written a second from one sample to the next, the latest last.
    pub history: Vec<Option<i64>>,
}

/// The pages of handlers by instance, those that were read.
pub(in crate::ops) type Said = Vec<(String, Option<Exposition>)>;

/// All there is to show at one moment. Lists are sorted by name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// When this was put together.
    #[serde(serialize_with = "time")]
    pub time: Timestamp,
    /// How the cluster is called.
    pub brokers: String,
    pub every_ms: u64,
    /// When the cluster was seen longer ago than that, it is said that there is no news.
    pub stale_after_ms: u64,
    /// When the cluster was seen last: groups, topics and dead letters are those of then.
    #[serde(serialize_with = "time")]
    pub seen: Timestamp,
    /// Why it has not been seen since, and since when.
    pub error: Option<Outage>,
    #[serde(serialize_with = "shared")]
    pub groups: Arc<Vec<Group>>,
    #[serde(serialize_with = "shared")]
    pub topics: Arc<Vec<TopicFlow>>,
    #[serde(serialize_with = "shared")]
    pub dead_letters: Arc<Vec<DeadLetterTopic>>,
    #[serde(serialize_with = "shared")]
    pub handlers: Arc<Vec<Handler>>,
    /// What else could not be learnt, a sentence each.
    pub failures: Vec<String>,
    /// By group, topic and partition.
    #[serde(skip)]
    rows: Arc<Vec<WatchedRow>>,
    #[serde(skip)]
    said: Arc<Said>,
    #[serde(skip)]
    event: OnceLock<Bytes>,
}

/// What stands before and behind a state that is an event.
const EVENT: (&[u8], &[u8]) = (b"data: ", b"\n\n");

impl State {
    pub(super) fn new(
        time: Timestamp,
        seen: &Seen,
        handlers: &Arc<Vec<Handler>>,
        said: &Arc<Said>,
        unlearnt: &[String],
    ) -> State {
        let of_handlers = handlers.iter().filter_map(|handler| {
            let error = handler.error.as_ref()?;
            Some(format!("handler `{}`: {error}", handler.instance))
        });
        let of_cluster = seen.failures.iter().chain(unlearnt).cloned();
        let mut failures: Vec<String> = of_cluster.chain(of_handlers).collect();
        let more = failures.len().saturating_sub(SENTENCES);
        failures.truncate(SENTENCES);
        if more > 0 {
            failures.push(format!("and {more} more"));
        }
        State {
            time,
            brokers: seen.brokers.clone(),
            every_ms: milliseconds(seen.every),
            stale_after_ms: milliseconds(seen.every.saturating_mul(MISSED).saturating_add(GRACE)),
            seen: seen.at,
            error: seen.error.clone(),
            groups: Arc::clone(&seen.groups),
            topics: Arc::clone(&seen.topics),
            dead_letters: Arc::clone(&seen.letters),
            handlers: Arc::clone(handlers),
            failures,
            rows: Arc::clone(&seen.rows),
            said: Arc::clone(said),
            event: OnceLock::new(),
        }
    }

    /// The partitions of a group, by topic and number.
    pub fn partitions(&self, group: &str) -> &[WatchedRow] {
        of_group(&self.rows, group)
    }

    /// What each handler said in the last look, for who scrapes.
    pub(in crate::ops) fn said(&self) -> &Said {
        &self.said
    }

    /// As one JSON document.
    pub(in crate::ops) fn json(&self) -> Bytes {
        let event = self.event();
        event.slice(EVENT.0.len()..event.len() - EVENT.1.len())
    }

    /// As a server-sent event, written once however many want it. JSON holds no line ends.
    pub(in crate::ops) fn event(&self) -> Bytes {
        let write = || {
            let json = serde_json::to_vec(self).unwrap_or_default();
            [EVENT.0, &json, EVENT.1].concat().into()
        };
        self.event.get_or_init(write).clone()
    }
}

/// How bad a status is, from good through unknown to bad.
pub(super) fn severity(status: &Cell) -> u8 {
    match status {
        Cell::Text(_, Tone::Bad) => 3,
        Cell::Text(_, Tone::Warn) => 2,
        Cell::Text(_, Tone::Good) => 0,
        _ => 1,
    }
}

/// What a cell says.
pub(in crate::ops) fn shown(cell: Cell) -> Option<String> {
    match cell {
        Cell::Text(text, _) => Some(text),
        Cell::Number(..) | Cell::Missing => None,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Those of sorted rows that are of the group.
pub(super) fn of_group<'a>(rows: &'a [WatchedRow], group: &str) -> &'a [WatchedRow] {
    let name = |row: &WatchedRow| row.lag.partition.group.as_str().cmp(group);
    let start = rows.partition_point(|row| name(row).is_lt());
    let end = rows.partition_point(|row| name(row).is_le());
    &rows[start..end]
}

/// What the cluster showed, and when.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) brokers: String,
    pub(super) every: Duration,
    pub(super) at: Timestamp,
    pub(super) error: Option<Outage>,
    pub(super) groups: Arc<Vec<Group>>,
    pub(super) rows: Arc<Vec<WatchedRow>>,
    pub(super) topics: Arc<Vec<TopicFlow>>,
    pub(super) letters: Arc<Vec<DeadLetterTopic>>,
    pub(super) failures: Vec<String>,
}

impl Seen {
    /// Before the first look.
    pub(super) fn nothing(cluster: &Cluster, every: Duration) -> Seen {
        Seen {
            brokers: cluster.connection().brokers.clone(),
            every,
            at: Timestamp::now(),
            error: None,
            groups: Arc::default(),
            rows: Arc::default(),
            topics: Arc::default(),
            letters: Arc::default(),
            failures: Vec::new(),
        }
    }

    /// The same when nothing was seen since.
    pub(super) fn during(&self, error: Option<Outage>) -> Seen {
        Seen {
            error,
            failures: Vec::new(),
            ..self.clone()
        }
    }
}

/// How the lag of each group went.
#[derive(Debug, Default)]
pub(super) struct Histories(BTreeMap<String, VecDeque<Option<i64>>>);

impl Histories {
    /// Adds a look. Groups without offsets are in the `listings` alone.
    pub(super) fn see(&mut self, rows: Vec<GroupRow>, listings: &[GroupListing]) -> Vec<Group> {
        let mut rows: BTreeMap<String, GroupRow> = rows
            .into_iter()
            .map(|row| (row.group.clone(), row))
            .collect();
        for listing in listings {
            rows.entry(listing.id.clone())
                .or_insert_with(|| without_offsets(listing));
        }
        let mut before = std::mem::take(&mut self.0);
        let mut groups = Vec::with_capacity(rows.len());
        for (name, row) in rows {
            let mut history = before.remove(&name).unwrap_or_default();
            push(&mut history, row.effective_lag);
            groups.push(Group {
                severity: severity(&row.status_cell()),
                eta: shown(row.eta_cell()),
                row,
                history: history.iter().copied().collect(),
            });
            self.0.insert(name, history);
        }
        groups
    }

    /// Nothing could be seen.
    pub(super) fn gap(&mut self) {
        self.0.values_mut().for_each(|history| push(history, None));
    }
}

/// Adds the latest, and forgets the oldest where there are enough.
pub(super) fn push(history: &mut VecDeque<Option<i64>>, value: Option<i64>) {
    if history.len() == HISTORY {
        history.pop_front();
    }
    history.push_back(value);
}

fn without_offsets(listing: &GroupListing) -> GroupRow {
    GroupRow {
        group: listing.id.clone(),
        state: Some(listing.state),
        members: listing.members,
        partitions: 0,
        lag: None,
        effective_lag: None,
        unknown: 0,
        lost: 0,
        time_lag_ms: None,
        consumed_per_second: None,
        produced_per_second: None,
        eta_ms: None,
        catching_up: None,
        status: None,
        course: String::new(),
    }
}

fn shared<T: Serialize, S: Serializer>(shared: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    T::serialize(shared, serializer)
}

/// RFC 3339, to the millisecond.
pub(super) fn time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}
