//! What the entries of a journal come to: everything the broker knows but for its records.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::super::group::offsets::Offsets;
use super::super::group::saved::SavedGroup;
use super::super::transaction::state::Transaction;
use super::entry::Entry;

/// A topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicImage {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) configs: BTreeMap<String, String>,
    /// Where logs start, by partition, for those that lost records.
    pub(crate) starts: BTreeMap<i32, i64>,
}

/// A group.
#[derive(Debug, Default)]
pub(crate) struct GroupImage {
    pub(crate) group: Option<SavedGroup>,
    pub(crate) offsets: Offsets,
}

/// The sum of a journal.
#[derive(Debug, Default)]
pub(crate) struct Image {
    pub(crate) topics: BTreeMap<Uuid, TopicImage>,
    /// Of these.
    names: HashSet<String>,
    pub(crate) groups: BTreeMap<String, GroupImage>,
    pub(crate) next_producer_id: i64,
    pub(crate) transactions: BTreeMap<String, Transaction>,
}

impl Image {
    /// Makes the change that an entry says.
    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Topic {
                id,
                name,
                partitions,
                configs,
            } => {
                self.names.insert(name.clone());
                let topic = self.topics.entry(id).or_default();
                topic.name = name;
                topic.partitions = partitions;
                topic.configs = configs;
            }
            Entry::TopicDeleted { id } => {
                if let Some(topic) = self.topics.remove(&id) {
                    self.names.remove(&topic.name);
                    for group in self.groups.values_mut() {
                        group.offsets.forget_topic(&topic.name);
                    }
                }
            }
            Entry::LogStart {
                topic,
                partition,
                offset,
            } => {
                if let Some(topic) = self.topics.get_mut(&topic) {
                    topic.starts.insert(partition, offset);
                }
            }
            Entry::Group { id, group } => self.groups.entry(id).or_default().group = Some(group),
            Entry::GroupDeleted { id } => {
                self.groups.remove(&id);
            }
            Entry::Offsets { group, offsets } => {
                let group = self.groups.entry(group).or_default();
                for (topic, partition, committed) in offsets {
                    // It was deleted while somebody committed.
                    if self.names.contains(&topic) {
                        group.offsets.set(&topic, partition, committed);
                    }
                }
            }
            Entry::StagedOffsets {
                group,
                producer_id,
                offsets,
            } => {
                let group = self.groups.entry(group).or_default();
                for (topic, partition, committed) in offsets {
                    if self.names.contains(&topic) {
                        let offsets = &mut group.offsets;
                        offsets.stage(producer_id, &topic, partition, committed);
                    }
                }
            }
            Entry::OffsetsDeleted { group, offsets } => {
                if let Some(group) = self.groups.get_mut(&group) {
                    for (topic, partition) in offsets {
                        group.offsets.remove(&topic, partition);
                    }
                }
            }
            Entry::ProducerIds { next } => self.next_producer_id = next,
            Entry::Transaction { id, state } => {
                if let Some(committed) = state.phase.decision() {
                    for group in &state.groups {
                        if let Some(group) = self.groups.get_mut(group) {
                            group.offsets.settle(state.producer.id, committed);
                        }
                    }
                }
                self.transactions.insert(id, state);
            }
            Entry::TransactionForgotten { id } => {
                self.transactions.remove(&id);
            }
        }
    }

    /// Entries that come to this image, and nothing more.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let topics = self.topics.iter().flat_map(|(id, topic)| {
            let made = Entry::Topic {
                id: *id,
                name: topic.name.clone(),
                partitions: topic.partitions,
                configs: topic.configs.clone(),
            };
            let starts = topic
                .starts
                .iter()
                .map(|(partition, offset)| Entry::LogStart {
                    topic: *id,
                    partition: *partition,
                    offset: *offset,
                });
            std::iter::once(made).chain(starts)
        });
        // Before the transactions: one that is about to end has settled its offsets, and settles none twice.
        let groups = self.groups.iter().flat_map(|(id, group)| {
            let saved = group.group.iter().map(|saved| Entry::Group {
                id: id.clone(),
                group: saved.clone(),
            });
            let committed = group.offsets.topics().map(|(topic, partitions)| {
                let offsets = partitions
                    .iter()
                    .map(|(partition, committed)| (topic.clone(), *partition, committed.clone()));
                Entry::Offsets {
                    group: id.clone(),
                    offsets: offsets.collect(),
                }
            });
            let staged =
                group
                    .offsets
                    .staged()
                    .map(|(producer_id, offsets)| Entry::StagedOffsets {
                        group: id.clone(),
                        producer_id,
                        offsets,
                    });
            saved.chain(committed).chain(staged)
        });
        let transactions = self
            .transactions
            .iter()
            .map(|(id, state)| Entry::Transaction {
                id: id.clone(),
                state: state.clone(),
            });
        let next = self.next_producer_id;
        topics
            .chain(groups)
            .chain(transactions)
            .chain(std::iter::once(Entry::ProducerIds { next }))
    }
}
