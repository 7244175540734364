//! Writing dead letters: the topic on first use, then the record, acknowledged.

use super::count_partitions;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Producer, ProducerOptions};
use crate::model::dead_letter::{Failure, eda, topic_for};
use crate::model::record::{OutgoingRecord, Record};
use crate::model::topic::{NewTopic, TopicName};
use crate::ops::largest_batch::room_for;
use crate::ops::topic::wait_until_visible;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often, and how far apart, a topic is looked for that could not be created.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// More bytes than the headers have that tell why a record died.
const STORY: u32 = 32 * 1024;

/// What becomes of a record that failed and has no dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Fate {
    /// Its offset is not committed: it comes again.
    Uncommitted,
    /// Its offset was committed before it was handled: it is lost.
    Lost,
}

impl Fate {
    /// In a sentence, after what went wrong.
    pub(in crate::ops) fn sentence(self) -> &'static str {
        match self {
            Fate::Uncommitted => "the record was not committed",
            Fate::Lost => {
                "the record was committed before it was handled, and is lost to the group"
            }
        }
    }
}

/// Where a group's dead letters go.
pub(in crate::ops) struct DeadLetters {
    cluster: Cluster,
    group: String,
    /// Such as `{topic}.dlq`; `None` when the user wants none.
    template: Option<String>,
    /// What became of a record that has no dead letter.
    fate: Fate,
    /// Opened for the first dead letter: most members never need it.
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    producer: Option<Producer>,
    /// How many partitions the dead-letter topics have that we know to exist.
    partitions: HashMap<String, i32>,
}

impl DeadLetters {
    pub(in crate::ops) fn new(
        cluster: Cluster,
        group: String,
        template: Option<String>,
        fate: Fate,
    ) -> Self {
        DeadLetters {
            cluster,
            group,
            template,
            fate,
            open: Mutex::default(),
        }
    }

    /// Where a dead letter of this record goes; `None` when there are to be none.
    pub(in crate::ops) fn topic(&self, record: &Record) -> Option<String> {
        let template = self.template.as_deref()?;
        Some(topic_for(template, &record.topic, &self.group))
    }

    /// Writes the dead letter and waits until it is acknowledged.
    ///
    /// It goes to the partition of the source's number; by its key when the dead-letter topic has fewer.
    ///
    /// # Errors
    /// When it is not certain that it was written, or there is no dead-letter topic. The record must then not be
    /// committed.
    pub(in crate::ops) async fn bury(
        &self,
        record: &Record,
        failure: &Failure,
        attempts: Option<u32>,
    ) -> Result<()> {
        let letter = self.letter(record, failure, attempts).await?;
        let written = self.write(&letter).await;
        written.map_err(|error| self.unwritten(record, &letter.topic, error))
    }

    /// The dead letter, not written yet. Its topic exists.
    ///
    /// # Errors
    /// As [`DeadLetters::bury`].
    pub(in crate::ops) async fn letter(
        &self,
        record: &Record,
        failure: &Failure,
        attempts: Option<u32>,
    ) -> Result<OutgoingRecord> {
        let Some(topic) = self.topic(record) else {
            return Err(Error::failed(format!(
                "record `{}` failed, and there is no dead-letter topic: {failure}",
                record.coordinates()
            ))
            .hint(format!(
                "{}; repair the handler, or name a dead-letter topic",
                self.fate.sentence()
            )));
        };
        let partitions = self.ensure(&topic, &record.topic).await;
        let partitions = partitions.map_err(|error| self.unwritten(record, &topic, error))?;
        let partition = (record.partition < partitions).then_some(record.partition);
        Ok(eda::bury(
            record,
            failure,
            &self.group,
            attempts,
            &topic,
            partition,
            jiff::Timestamp::now().as_millisecond(),
        ))
    }

    fn unwritten(&self, record: &Record, topic: &str, error: Error) -> Error {
        error.context(format!(
            "the dead letter of `{}` could not be written to `{topic}`; {}",
            record.coordinates(),
            self.fate.sentence()
        ))
    }

    async fn write(&self, letter: &OutgoingRecord) -> Result<()> {
        self.producer().await?.send(letter)?.await?;
        Ok(())
    }

    /// How many partitions the topic has, which exists afterwards.
    async fn ensure(&self, topic: &str, source: &str) -> Result<i32> {
        let mut open = self.open.lock().await;
        if let Some(partitions) = open.partitions.get(topic) {
            return Ok(*partitions);
        }
        let partitions = self.create(topic, source).await?;
        open.partitions.insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    async fn producer(&self) -> Result<Producer> {
        let mut open = self.open.lock().await;
        Ok(match &open.producer {
            Some(producer) => producer.clone(),
            None => {
                // One record at a time is written and waited for, so waiting for company is only slow.
                let options = ProducerOptions {
                    linger: Some(Duration::ZERO),
                    alone: true,
                    ..ProducerOptions::default()
                };
                let producer = Producer::open(self.cluster.connection(), options)?;
                open.producer = Some(producer.clone());
                producer
            }
        })
    }

    /// Creates the topic with as many partitions as the source has, unless it is there.
    async fn create(&self, topic: &str, source: &str) -> Result<i32> {
        if let Some(partitions) = count_partitions(&self.cluster, topic).await? {
            return Ok(partitions);
        }
        let name: TopicName = topic
            .parse()
            .map_err(|error| Error::usage("the dead-letter topic cannot exist").caused_by(error))?;
        let partitions = count_partitions(&self.cluster, source).await?.unwrap_or(1);
        // Nothing when the source's limit cannot be learnt.
        let configs = room_for(&self.cluster, source, STORY).await.ok().flatten();
        let new = NewTopic {
            name: name.into_string(),
            partitions,
            replicas: None,
            configs: configs.into_iter().collect(),
        };
        let Err(error) = self.cluster.create_topic(&new, false).await else {
            // The producer would be told that it does not exist, and the dead letter be refused.
            wait_until_visible(&self.cluster, &new).await?;
            return Ok(partitions);
        };
        // Another member may have been quicker, and not every broker may know it yet.
        for _ in 0..LOOKS {
            if let Some(partitions) = count_partitions(&self.cluster, topic).await? {
                return Ok(partitions);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Err(error)
    }
}
