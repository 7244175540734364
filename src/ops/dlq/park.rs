//! The parking topic: dead letters that are not to be put back any more, or cannot be, as they were; and those that
//! somebody has put there.

use super::count_partitions;
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::record::{Header, OutgoingRecord, Record};
use crate::model::topic::{NewTopic, Topic};
use crate::ops::largest_batch::room_for;
use crate::ops::topic::wait_until_visible;

/// Why the letter is parked.
const REASON: &str = "eda-parked-reason";
/// When, in milliseconds since 1970-01-01 UTC.
const AT: &str = "eda-parked-at";
/// Its own timestamp, in milliseconds since 1970-01-01 UTC: when it died, where nothing else says it.
const TIMESTAMP: &str = "eda-parked-timestamp";
/// Where it lay: `order-created.dlq/1/7`.
const SOURCE: &str = "eda-parked-source";

const SUFFIX: &str = ".parking";

/// What a parked letter has more than it had.
const ROOM: u32 = 64 * 1024;

/// The parking topic of a dead-letter topic.
pub(super) fn topic_for(source: &str) -> String {
    format!("{source}{SUFFIX}")
}

/// Whether this is one.
pub(super) fn is_parking(topic: &str) -> bool {
    topic.ends_with(SUFFIX)
}

/// Whether a header tells of parking, and nothing of the letter.
pub(super) fn is_note(header: &Header) -> bool {
    [REASON, AT, TIMESTAMP, SOURCE].contains(&header.name.as_str())
}

/// When the letter was written, before it was parked if it was.
pub(super) fn timestamp(record: &Record) -> Option<i64> {
    let noted = record.last_header(TIMESTAMP);
    let noted = noted.and_then(|noted| std::str::from_utf8(noted).ok()?.parse().ok());
    noted.or(record.timestamp.map(|(milliseconds, _)| milliseconds))
}

/// The letter byte for byte, with the reason beside it. To the partition of its own number, where there is one.
pub(super) fn parked(
    record: &Record,
    topic: &str,
    partitions: i32,
    reason: &str,
    now_ms: i64,
) -> OutgoingRecord {
    let earlier = record.headers.iter().filter(|header| !is_note(header));
    let mut headers: Vec<Header> = earlier.cloned().collect();
    let source = format!("{}/{}/{}", record.topic, record.partition, record.offset);
    headers.push(Header::text(REASON, reason));
    headers.push(Header::text(AT, &now_ms.to_string()));
    headers.push(Header::text(SOURCE, &source));
    let own = timestamp(record);
    headers.extend(own.map(|own| Header::text(TIMESTAMP, &own.to_string())));
    OutgoingRecord {
        topic: topic.to_owned(),
        partition: (0..partitions)
            .contains(&record.partition)
            .then_some(record.partition),
        timestamp: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

/// The parking topic of `source` as it is to be created: as many partitions, and room for whatever fits in there.
pub(super) async fn new_topic(cluster: &Cluster, source: &Topic) -> Result<NewTopic> {
    let mut configs = vec![("retention.ms".to_owned(), "-1".to_owned())];
    configs.extend(room_for(cluster, &source.name, ROOM).await?);
    Ok(NewTopic {
        name: topic_for(&source.name),
        partitions: i32::try_from(source.partitions.len()).unwrap_or(1),
        replicas: None,
        configs,
    })
}

/// Creates a topic that a replay needs, unless somebody else has just done so. How many partitions it has.
pub(super) async fn ensure(cluster: &Cluster, new: &NewTopic) -> Result<i32> {
    if let Some(partitions) = count_partitions(cluster, &new.name).await? {
        return Ok(partitions);
    }
    match cluster.create_topic(new, false).await {
        Ok(()) => {
            // The producer would be told that it does not exist.
            wait_until_visible(cluster, new).await?;
            Ok(new.partitions)
        }
        Err(error) => match count_partitions(cluster, &new.name).await? {
            Some(partitions) => Ok(partitions),
            None => Err(not_created(&new.name, error)),
        },
    }
}

fn not_created(topic: &str, error: Error) -> Error {
    error.context(format!("topic `{topic}` is needed, and cannot be created"))
}
