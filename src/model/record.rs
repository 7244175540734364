//! A record, as read from a partition and as handed to a producer.
//!
//! Null and empty are different things in Kafka (a null value is a tombstone), so every key, value and header
//! value is an `Option`.

use super::topic::TopicPartition;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A header of a record. Names may repeat, and the order counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    /// `None` is a null value, which is not the same as an empty one.
    pub value: Option<Vec<u8>>,
}

impl Header {
    /// A header with these bytes as its value.
    pub fn new(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Header {
            name: name.into(),
            value: Some(value.into()),
        }
    }

    /// A header whose value is text.
    pub fn text(name: impl Into<String>, value: &str) -> Self {
        Self::new(name, value.as_bytes())
    }
}

/// Who set a record's timestamp: the producer, or the broker when it appended the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    Create,
    LogAppend,
}

impl TimestampType {
    /// The word for it in a record's JSON.
    pub fn name(self) -> &'static str {
        match self {
            TimestampType::Create => "create",
            TimestampType::LogAppend => "logAppend",
        }
    }
}

/// A record as read from a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970-01-01 UTC; `None` for records older than message format 1.
    pub timestamp: Option<(i64, TimestampType)>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

impl Record {
    /// The value of the first header of this name; `None` when there is none or its value is null.
    pub fn first_header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().find(|header| header.name == name)?;
        header.value.as_deref()
    }

    /// The value of the last header of this name; `None` when there is none or its value is null.
    pub fn last_header(&self, name: &str) -> Option<&[u8]> {
        let header = self.headers.iter().rfind(|header| header.name == name)?;
        header.value.as_deref()
    }

    /// Becomes a copy of another record, in the memory it has already: for a loop over many.
    pub fn refill(&mut self, record: &RecordRef<'_>) {
        record.topic.clone_into(&mut self.topic);
        self.partition = record.partition;
        self.offset = record.offset;
        self.timestamp = record.timestamp;
        copy(record.key, &mut self.key);
        copy(record.value, &mut self.value);
        let mut filled = 0;
        for (name, value) in record.headers.iter() {
            match self.headers.get_mut(filled) {
                Some(header) => {
                    name.clone_into(&mut header.name);
                    copy(value, &mut header.value);
                }
                None => self.headers.push(Header {
                    name: name.to_owned(),
                    value: value.map(<[u8]>::to_vec),
                }),
            }
            filled += 1;
        }
        self.headers.truncate(filled);
    }

    /// The partition it was read from.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), self.partition)
    }

    /// Where it is: `order-created:1:42`.
    pub fn coordinates(&self) -> String {
        format!("{}:{}:{}", self.topic, self.partition, self.offset)
    }

    /// Bytes of key, value and headers: what it weighs, without the framing of its batch.
    pub fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self
            .headers
            .iter()
            .map(|header| header.name.len() + length(&header.value));
        length(&self.key) + length(&self.value) + headers.sum::<usize>()
    }

    /// What tells this event from every other, for deduplication: the value's `eventId`, else that of a structured
    /// CloudEvent (its data's `eventId`, then its `id`), else the header `ce_id` (a binary CloudEvent), else the header
    /// `id` (Debezium's outbox), else the coordinates. An event has the same whichever envelope it came in.
    pub fn event_id(&self) -> String {
        self.event_id_of_value()
            .or_else(|| self.text_header("ce_id"))
            .or_else(|| self.text_header("id"))
            .unwrap_or_else(|| self.coordinates())
    }

    fn text_header(&self, name: &str) -> Option<String> {
        let text = std::str::from_utf8(self.first_header(name)?).ok()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn event_id_of_value(&self) -> Option<String> {
        let value = object(self.value.as_deref()?)?;
        if let Some(id) = event_id_of(value) {
            return Some(id);
        }
        let event: StructuredEvent<'_> = serde_json::from_slice(value).ok()?;
        let data = event.data.map(|data| data.get().as_bytes());
        let id = event.id.map(Cow::into_owned).filter(|id| !id.is_empty());
        data.and_then(object).and_then(event_id_of).or(id)
    }
}

/// A CloudEvent in the structured mode, as far as it says which event it is.
#[derive(Deserialize)]
struct StructuredEvent<'a> {
    /// Anything may have an `id`; this tells a CloudEvent from it.
    #[serde(rename = "specversion")]
    _version: IgnoredAny,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The JSON, if an object is what it begins with: serde would take an array's first element for the first field.
fn object(json: &[u8]) -> Option<&[u8]> {
    (json.trim_ascii_start().first() == Some(&b'{')).then_some(json)
}

/// An object's `eventId`; everything else is skipped without being built.
fn event_id_of(object: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Identified {
        #[serde(rename = "eventId")]
        event_id: String,
    }
    let found: Identified = serde_json::from_slice(object).ok()?;
    (!found.event_id.is_empty()).then_some(found.event_id)
}

/// A record in somebody else's memory: one of [`Record`], or a message that the client library still owns.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// As in [`Record`].
    pub timestamp: Option<(i64, TimestampType)>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

impl RecordRef<'_> {
    /// A copy of one's own.
    pub fn to_record(&self) -> Record {
        let mut record = Record {
            topic: String::new(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        };
        record.refill(self);
        record
    }
}

/// Copies bytes into memory that is there already.
fn copy(from: Option<&[u8]>, to: &mut Option<Vec<u8>>) {
    match (from, to) {
        (Some(from), Some(to)) => from.clone_into(to),
        (from, to) => *to = from.map(<[u8]>::to_vec),
    }
}

/// A header in somebody else's memory. A name that is not UTF-8 is made so, which takes memory of its own.
pub type HeaderRef<'a> = (Cow<'a, str>, Option<&'a [u8]>);

/// The headers of a [`RecordRef`] or an [`OutgoingRef`].
#[derive(Clone, Copy, Debug)]
pub enum Headers<'a> {
    Owned(&'a [Header]),
    Borrowed(&'a [HeaderRef<'a>]),
}

impl Default for Headers<'_> {
    fn default() -> Self {
        Headers::Owned(&[])
    }
}

impl<'a> Headers<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Headers::Owned(headers) => headers.len(),
            Headers::Borrowed(headers) => headers.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Names and values, in their order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> {
        let (owned, borrowed): (&[Header], &[HeaderRef<'a>]) = match self {
            Headers::Owned(headers) => (headers, &[]),
            Headers::Borrowed(headers) => (&[], headers),
        };
        let owned = owned
            .iter()
            .map(|header| (header.name.as_str(), header.value.as_deref()));
        owned.chain(borrowed.iter().map(|(name, value)| (&**name, *value)))
    }
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        RecordRef {
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: Headers::Owned(&record.headers),
        }
    }
}

/// A record on its way to a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutgoingRecord {
    pub topic: String,
    /// `None`: by the key's hash, or anywhere when there is no key.
    pub partition: Option<i32>,
    /// Milliseconds since 1970-01-01 UTC; `None`: the time of sending.
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<Header>,
}

impl From<Record> for OutgoingRecord {
    /// The same record again, to the same partition and with the same timestamp.
    fn from(record: Record) -> Self {
        OutgoingRecord {
            topic: record.topic,
            partition: Some(record.partition),
            timestamp: record.timestamp.map(|(milliseconds, _)| milliseconds),
            key: record.key,
            value: record.value,
            headers: record.headers,
        }
    }
}

/// A record on its way, in somebody else's memory, to a topic that is named elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutgoingRef<'a> {
    /// As in [`OutgoingRecord`], all of them.
    pub partition: Option<i32>,
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

impl OutgoingRef<'_> {
    /// Bytes of key and value: what the client library holds against its limit.
    pub fn size(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)
    }
}

impl<'a> From<&'a OutgoingRecord> for OutgoingRef<'a> {
    fn from(record: &'a OutgoingRecord) -> Self {
        OutgoingRef {
            partition: record.partition,
            timestamp: record.timestamp,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: Headers::Owned(&record.headers),
        }
    }
}

#[cfg(test)]
mod tests;
