//! The topics of a broker: by name and by id, each with its configuration and partitions.

mod names;
mod recovery;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use super::config::TopicConfig;
use super::log::Memory;
use super::partition::Partition;
use super::storage::Storage;
use super::storage::entry::Entry;
use super::sync::{lock, random_uuid, read, write};

pub(crate) use names::check_name;
use names::folded;

/// Partitions of all topics together: far beyond one machine's use, short of a request that eats its memory.
const PARTITIONS_LIMIT: usize = 100_000;

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// Its id: a topic deleted and made again has another (KIP-516).
    pub(crate) id: Uuid,
    partitions: RwLock<Vec<Arc<Partition>>>,
    config: RwLock<Arc<TopicConfig>>,
}

impl Topic {
    /// The partition with this index.
    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let index = usize::try_from(index).ok()?;
        read(&self.partitions).get(index).cloned()
    }

    /// All partitions, in order.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        read(&self.partitions).clone()
    }

    /// How many partitions it has.
    pub(crate) fn partition_count(&self) -> i32 {
        read(&self.partitions).len() as i32
    }

    /// Its configuration as it is now.
    pub(crate) fn config(&self) -> Arc<TopicConfig> {
        read(&self.config).clone()
    }

    fn entry(&self, partitions: i32, config: &TopicConfig) -> Entry {
        Entry::Topic {
            id: self.id,
            name: self.name.clone(),
            partitions,
            configs: config.overrides().clone(),
        }
    }
}

#[derive(Debug, Default)]
struct Registry {
    by_name: BTreeMap<String, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
}

impl Registry {
    fn partition_count(&self) -> usize {
        let topics = self.by_name.values();
        topics.map(|topic| topic.partition_count() as usize).sum()
    }
}

/// Every topic of the broker.
#[derive(Debug)]
pub(crate) struct Topics {
    registry: RwLock<Registry>,
    // Creating, growing and deleting topics happens one at a time; lookups do not wait for it.
    changing: Mutex<()>,
    memory: Arc<Memory>,
    last_rescue: AtomicI64,
    storage: Option<Arc<Storage>>,
}

/// Why a topic was not made or grown: the code and a sentence for people.
pub(crate) type Refused = (ResponseError, String);

impl Topics {
    /// No topics yet; their logs share `memory`, or are kept in `storage`.
    pub(crate) fn new(memory: Arc<Memory>, storage: Option<Arc<Storage>>) -> Topics {
        Topics {
            registry: RwLock::default(),
            changing: Mutex::default(),
            memory,
            last_rescue: AtomicI64::new(0),
            storage,
        }
    }

    /// Writes a change to the journal, if there is one. Error: KAFKA_STORAGE_ERROR.
    fn note(&self, entry: impl FnOnce() -> Entry) -> Result<(), Refused> {
        let Some(storage) = &self.storage else {
            return Ok(());
        };
        storage
            .journal
            .write(entry)
            .map_err(|unwritten| unwritable(unwritten.error()))
    }

    /// The topic of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        read(&self.registry).by_name.get(name).cloned()
    }

    /// The topic of this id.
    pub(crate) fn get_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        read(&self.registry).by_id.get(&id).cloned()
    }

    /// Finds a topic as a request names it: by id where it gives one, else by name. Errors: UNKNOWN_TOPIC_ID,
    /// UNKNOWN_TOPIC_OR_PARTITION.
    pub(crate) fn find(&self, name: &str, id: Uuid) -> Result<Arc<Topic>, ResponseError> {
        if id.is_nil() {
            self.get(name).ok_or(ResponseError::UnknownTopicOrPartition)
        } else {
            self.get_by_id(id).ok_or(ResponseError::UnknownTopicId)
        }
    }

    /// All topics, sorted by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        read(&self.registry).by_name.values().cloned().collect()
    }

    /// Makes a topic, or with `validate_only` says whether it could be made. Errors: INVALID_TOPIC_EXCEPTION,
    /// TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS, POLICY_VIOLATION, KAFKA_STORAGE_ERROR.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: i32,
        config: TopicConfig,
        validate_only: bool,
    ) -> Result<Arc<Topic>, Refused> {
        check_name(name).map_err(|reason| (ResponseError::InvalidTopicException, reason))?;
        let _changing = lock(&self.changing);
        {
            let registry = read(&self.registry);
            if registry.by_name.contains_key(name) {
                let reason = format!("Topic '{name}' already exists.");
                return Err((ResponseError::TopicAlreadyExists, reason));
            }
            let collides =
                |other: &&String| other.len() == name.len() && folded(other) == folded(name);
            if let Some(other) = registry.by_name.keys().find(collides) {
                let reason = format!("Topic '{name}' collides with existing topic: {other}");
                return Err((ResponseError::InvalidTopicException, reason));
            }
            if partitions < 1 {
                let reason = "Number of partitions must be larger than 0.".to_owned();
                return Err((ResponseError::InvalidPartitions, reason));
            }
            check_room(&registry, partitions as usize)?;
        }
        let topic = Arc::new(Topic {
            name: name.to_owned(),
            id: random_uuid(),
            partitions: RwLock::default(),
            config: RwLock::new(Arc::new(config)),
        });
        if !validate_only {
            if let Some(storage) = &self.storage {
                let made = storage.create_topic(name);
                made.map_err(|error| unwritable(&error))?;
            }
            // What fails from here on leaves a folder of which the journal does not know; it goes with the name.
            let made = self.grow_to(&topic, partitions, &topic.config());
            if let (Err(_), Some(storage)) = (&made, &self.storage)
                && storage.set_aside(name, topic.id).is_ok()
            {
                storage.delete(topic.id);
            }
            made?;
            let mut registry = write(&self.registry);
            registry.by_name.insert(topic.name.clone(), topic.clone());
            registry.by_id.insert(topic.id, topic.clone());
        }
        Ok(topic)
    }

    /// Gives a topic `count` partitions in all, or with `validate_only` says whether it could have them. Errors:
    /// INVALID_PARTITIONS, POLICY_VIOLATION, KAFKA_STORAGE_ERROR.
    pub(crate) fn add_partitions(
        &self,
        topic: &Topic,
        count: i32,
        validate_only: bool,
    ) -> Result<(), Refused> {
        let _changing = lock(&self.changing);
        self.check_exists(topic)?;
        let current = topic.partition_count();
        if count <= current {
            let reason = match count == current {
                true => format!("Topic already has {current} partition(s)."),
                false => format!(
                    "The topic {} currently has {current} partition(s); {count} would not be an increase.",
                    topic.name
                ),
            };
            return Err((ResponseError::InvalidPartitions, reason));
        }
        check_room(&read(&self.registry), (count - current) as usize)?;
        if !validate_only {
            self.grow_to(topic, count, &topic.config())?;
        }
        Ok(())
    }

    fn grow_to(&self, topic: &Topic, count: i32, config: &TopicConfig) -> Result<(), Refused> {
        let mut new = Vec::new();
        for index in topic.partition_count()..count {
            let folder = match &self.storage {
                Some(storage) => {
                    let folder = storage.folder(&topic.name, topic.id, index);
                    Some(folder.map_err(|error| unwritable(&error))?)
                }
                None => None,
            };
            new.push(Arc::new(Partition::new(self.memory.clone(), folder)));
        }
        self.note(|| topic.entry(count, config))?;
        write(&topic.partitions).extend(new);
        Ok(())
    }

    /// Whether nobody has deleted it meanwhile. Error: UNKNOWN_TOPIC_OR_PARTITION.
    fn check_exists(&self, topic: &Topic) -> Result<(), Refused> {
        if self.get_by_id(topic.id).is_some() {
            return Ok(());
        }
        let reason = format!("The topic '{}' does not exist.", topic.name);
        Err((ResponseError::UnknownTopicOrPartition, reason))
    }

    /// Replaces a topic's configuration. Errors: KAFKA_STORAGE_ERROR; UNKNOWN_TOPIC_OR_PARTITION when it is deleted
    /// meanwhile.
    pub(crate) fn set_config(&self, topic: &Topic, config: TopicConfig) -> Result<(), Refused> {
        let _changing = lock(&self.changing);
        self.check_exists(topic)?;
        self.note(|| topic.entry(topic.partition_count(), &config))?;
        *write(&topic.config) = Arc::new(config);
        Ok(())
    }

    /// Deletes a topic; its records are freed when the last fetch under way lets go of them. `forget` is told before its
    /// name is free for another. Errors: KAFKA_STORAGE_ERROR;
    /// UNKNOWN_TOPIC_OR_PARTITION when somebody else has deleted it.
    pub(crate) fn delete(&self, topic: &Topic, forget: impl FnOnce(&str)) -> Result<(), Refused> {
        let _changing = lock(&self.changing);
        self.check_exists(topic)?;
        if let Some(storage) = &self.storage {
            let aside = storage.set_aside(&topic.name, topic.id);
            aside.map_err(|error| unwritable(&error))?;
            let noted = self.note(|| Entry::TopicDeleted { id: topic.id });
            if noted.is_err() {
                let back = storage.put_back(&topic.name, topic.id);
                back.map_err(|error| unwritable(&error))?;
            }
            noted?;
        }
        {
            let mut registry = write(&self.registry);
            registry.by_name.remove(&topic.name);
            registry.by_id.remove(&topic.id);
        }
        forget(&topic.name);
        for partition in topic.partitions() {
            partition.close();
        }
        if let Some(storage) = &self.storage {
            storage.delete(topic.id);
        }
        Ok(())
    }

    /// Applies retention to every partition.
    pub(crate) fn retain(&self, now: i64) {
        for topic in self.all() {
            let config = topic.config();
            for partition in topic.partitions() {
                partition.retain(&config.policy, now);
            }
        }
    }

    /// Compacts every partition that needs it; blocks.
    pub(crate) fn clean(&self, now: i64) {
        for topic in self.all() {
            let config = topic.config();
            if config.policy.compaction.is_some() {
                for partition in topic.partitions() {
                    partition.clean(&config.policy, now);
                }
            }
        }
    }

    /// Retention out of turn, because memory is full; at most every 100 ms, so that refused producers stay cheap.
    pub(crate) fn rescue(&self, now: i64) {
        let last = self.last_rescue.load(Ordering::Relaxed);
        let won = now - last >= 100
            && self
                .last_rescue
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            self.retain(now);
        }
    }
}

/// The answer to what the disk does not take.
fn unwritable(error: &std::io::Error) -> Refused {
    let reason = format!("The data directory cannot be written: {error}");
    (ResponseError::KafkaStorageError, reason)
}

fn check_room(registry: &Registry, more: usize) -> Result<(), Refused> {
    if registry.partition_count() + more > PARTITIONS_LIMIT {
        let reason = format!("This broker holds at most {PARTITIONS_LIMIT} partitions.");
        return Err((ResponseError::PolicyViolation, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Topics {
        Topics::new(Arc::new(Memory::new(u64::MAX)), None)
    }

    fn create(topics: &Topics, name: &str, partitions: i32) -> Option<ResponseError> {
        let made = topics.create(name, partitions, TopicConfig::default(), false);
        made.err().map(|(code, _)| code)
    }

    #[test]
    fn names_follow_kafkas_rules() {
        let topics = topics();
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert_eq!(
                create(&topics, bad, 1),
                Some(ResponseError::InvalidTopicException),
                "{bad}"
            );
        }
        assert_eq!(create(&topics, "a.b", 1), None);
        assert_eq!(
            create(&topics, "a_b", 1),
            Some(ResponseError::InvalidTopicException)
        );
        assert_eq!(
            create(&topics, "a.b", 1),
            Some(ResponseError::TopicAlreadyExists)
        );
        assert_eq!(
            create(&topics, "b", 0),
            Some(ResponseError::InvalidPartitions)
        );
        assert_eq!(
            create(&topics, "b", i32::MAX),
            Some(ResponseError::PolicyViolation)
        );
    }

    #[test]
    fn a_topic_made_again_has_another_id() {
        let topics = topics();
        create(&topics, "a", 2);
        let first = topics.get("a").unwrap();
        topics.delete(&first, |_| {}).unwrap();
        assert_eq!(
            topics.find("", first.id).unwrap_err(),
            ResponseError::UnknownTopicId
        );
        create(&topics, "a", 2);
        assert_ne!(topics.get("a").unwrap().id, first.id);
    }
}
