//! How far replays of a dead-letter topic came: what their group has committed, and the ledger beside it.

use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter::eda;
use crate::model::ledger::{Block, Progress, key, parse_key, topic_for};
use crate::model::record::{Header, OutgoingRecord, Record};
use crate::model::topic::{NewTopic, Topic, TopicPartition};
use crate::ops::blocking::blocking;
use crate::ops::scan;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The blocks of each partition, by number.
pub(super) type Blocks = BTreeMap<TopicPartition, BTreeMap<i64, Block>>;

/// The ledger's topic as it is to be created. Of one partition, so that whatever is written together is read together.
pub(super) fn new_topic(group: &str) -> NewTopic {
    NewTopic {
        name: topic_for(group),
        partitions: 1,
        replicas: None,
        configs: vec![(POLICY.to_owned(), COMPACT.to_owned())],
    }
}

const POLICY: &str = "cleanup.policy";
const COMPACT: &str = "compact";

/// Which topic of the name a block is of, by its id: one that was deleted and created again begins anew.
const TOPIC_ID: &str = "eda-topic-id";

/// A block of `source` as a record of the ledger; none takes it out.
pub(super) fn entry(
    ledger: &str,
    source: &Topic,
    place: &TopicPartition,
    number: i64,
    block: Option<&Block>,
) -> OutgoingRecord {
    let id = source.id.iter().map(|id| Header::text(TOPIC_ID, id));
    OutgoingRecord {
        topic: ledger.to_owned(),
        partition: Some(0),
        key: Some(key(place, number).into_bytes()),
        value: block.map(Block::to_bytes),
        headers: id.collect(),
        ..OutgoingRecord::default()
    }
}

/// A ledger that is there keeps what is written into it.
///
/// # Errors
/// It does not: it would forget what was put back, and it would be put back again.
pub(super) async fn check(cluster: &Cluster, group: &str) -> Result<()> {
    let ledger = topic_for(group);
    if cluster.topic(&ledger).await?.is_none() {
        return Ok(());
    }
    let answer = cluster
        .topic_configs(std::slice::from_ref(&ledger))
        .await?
        .pop();
    // Who may not ask is not told.
    let configs = answer.and_then(|(_, configs)| configs.ok()).into_iter();
    let policy = configs.flatten().find(|config| config.name == POLICY);
    match policy.and_then(|policy| policy.value) {
        Some(policy) if policy != COMPACT => {
            let text =
                format!("`{ledger}` has {POLICY}={policy}, and would forget what was put back");
            let hint = format!("`eda topic alter {ledger} -c {POLICY}={COMPACT}`");
            Err(Error::failed(text).hint(hint))
        }
        Some(_) | None => Ok(()),
    }
}

/// What earlier replays under this group came to, for each partition of `extents` in its order. Waits for transactions
/// that are being ended, so that nothing is taken for left that has just been put back.
///
/// # Errors
/// Also a ledger that holds what no replay has written: to go by half of it would be to put back twice.
pub(super) async fn progress(
    cluster: &Cluster,
    group: &str,
    extents: &scan::Stretch,
) -> Result<Vec<Progress>> {
    // Asked whether or not the group is listed: what one broker leaves out would all be put back again.
    let mut committed = cluster.committed_stable(group).await?;
    let (mut blocks, mut damaged) = match cluster.topic(&topic_for(group)).await? {
        Some(_) => read(cluster, vec![topic_for(group)]).await?,
        None => Default::default(),
    };
    if let Some(error) = extents
        .keys()
        .find_map(|place| damaged.remove(&place.topic))
    {
        let hint = "a replay under another `--replay-group` keeps a ledger of its own";
        return Err(error.hint(hint));
    }
    let of = |(place, (start, _)): (&TopicPartition, &(i64, i64))| {
        let next = committed.remove(place).flatten().unwrap_or(0);
        Progress::new(next.max(*start), blocks.remove(place).unwrap_or_default())
    };
    Ok(extents.iter().map(of).collect())
}

/// By the topic it is about: what was written into a ledger that no replay writes.
pub(super) type Damaged = BTreeMap<String, Error>;

/// Everything that is in these ledgers, which exist, and is of topics as they are now.
pub(super) async fn read(cluster: &Cluster, ledgers: Vec<String>) -> Result<(Blocks, Damaged)> {
    let mut places = Vec::new();
    for ledger in ledgers {
        // Nearly always one partition; whoever made it with more has them all read.
        let topic = cluster.topic(&ledger).await?;
        places.extend(topic.iter().flat_map(super::places));
    }
    // To the very end: what a transaction that is still open holds back is waited for.
    let stretch = scan::extents(cluster, &places, Isolation::ReadUncommitted).await?;
    let reader = cluster.clone();
    let read = move || -> Result<(Entries, Damaged)> {
        let (mut blocks, mut damaged) = (Entries::new(), Damaged::new());
        scan::read(&reader, &stretch, Isolation::ReadCommitted, |record| {
            let Some((place, number)) = record.key.as_deref().and_then(parse_key) else {
                return Ok(ControlFlow::Continue(()));
            };
            // A replay writes what is not a letter. Whatever else it may look like: this was one.
            if record.first_header(eda::REPLAY_COUNT).is_some() {
                return Ok(ControlFlow::Continue(()));
            }
            let id = id_of(&record);
            let topic = place.topic.clone();
            let of_place = blocks.entry(place).or_default();
            match record.value.as_deref().map(Block::from_bytes) {
                None => of_place.remove(&number),
                Some(Some(block)) => of_place.insert(number, (block, id)),
                Some(None) => {
                    let text = format!("`{}` is no record of a ledger", record.coordinates());
                    damaged.insert(topic, Error::failed(text));
                    None
                }
            };
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((blocks, damaged))
    };
    let (entries, damaged) = blocking("reading", read).await?;
    Ok((current(cluster, entries).await?, damaged))
}

/// The blocks with the id of the topic that each is of, where it is known.
type Entries = BTreeMap<TopicPartition, BTreeMap<i64, (Block, Option<String>)>>;

fn id_of(entry: &Record) -> Option<String> {
    let header = entry
        .headers
        .iter()
        .find(|header| header.name == TOPIC_ID)?;
    String::from_utf8(header.value.clone()?).ok()
}

/// Without what is of a topic that is no more: its letters are gone, and others are at their offsets.
async fn current(cluster: &Cluster, entries: Entries) -> Result<Blocks> {
    let mut ids: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut blocks = Blocks::new();
    for (place, of_place) in entries {
        let id = match ids.get(&place.topic) {
            Some(id) => id.clone(),
            None => {
                let id = cluster
                    .topic(&place.topic)
                    .await?
                    .and_then(|topic| topic.id);
                ids.insert(place.topic.clone(), id.clone());
                id
            }
        };
        let is_current = |of: &Option<String>| of.is_none() || id.is_none() || *of == id;
        let current = of_place.into_iter().filter(|(_, (_, of))| is_current(of));
        let current = current.map(|(number, (block, _))| (number, block));
        blocks.insert(place, current.collect());
    }
    Ok(blocks)
}

/// How many offsets of these partitions are not over.
pub(super) fn count_left(extents: &scan::Stretch, progress: &[Progress]) -> i64 {
    let left = |((start, end), progress): (&(i64, i64), &Progress)| {
        (end - start).max(0) - progress.count(*start, *end)
    };
    extents.values().zip(progress).map(left).sum()
}

/// The ledgers among these topics that belong to the groups replays choose themselves.
pub(super) fn existing<'a>(
    sources: impl Iterator<Item = &'a str>,
    topics: &BTreeSet<&str>,
) -> Vec<String> {
    sources
        .map(|source| topic_for(&super::replay_group(source)))
        .filter(|ledger| topics.contains(ledger.as_str()))
        .collect()
}
