//! What members want, and what each of them shall have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::machine::Machine;
use super::member::Member;
use super::subscription::Image;
use super::{Assignor, Subscriber, Topic};

impl Machine {
    /// The assignor most members ask for.
    pub(crate) fn assignor(&self) -> Assignor {
        let mut votes: BTreeMap<Assignor, usize> = BTreeMap::new();
        for assignor in self.members.values().filter_map(|member| member.assignor) {
            *votes.entry(assignor).or_default() += 1;
        }
        let winner = votes.into_iter().max_by_key(|(_, count)| *count);
        winner.map_or(Assignor::Uniform, |(assignor, _)| assignor)
    }

    /// Looks which topics the members want and whether there are others than before. `changed`: the members want
    /// others.
    pub(super) fn refresh(&mut self, changed: bool, image: &Arc<Image>) {
        let same_topics = Arc::ptr_eq(image, &self.image);
        if !changed && same_topics {
            return;
        }
        let in_use: BTreeSet<&str> = self
            .members
            .values()
            .filter_map(|it| it.pattern.as_deref())
            .collect();
        self.patterns.keep(|pattern| in_use.contains(pattern));
        if !same_topics {
            self.patterns.look_again(image);
            self.image = image.clone();
        }
        let wanted = self.members.values().flat_map(|member| self.wants(member));
        let subscribed = wanted.filter_map(|name| Some((name.clone(), *image.get(name)?)));
        let subscribed: Image = subscribed.collect();
        if changed || subscribed != self.subscribed {
            self.epoch = self.epoch.saturating_add(1);
            self.changed = true;
        }
        self.subscribed = subscribed;
    }

    /// The names of topics a member wants, some of them perhaps twice.
    fn wants<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a String> {
        let matched = self.patterns.matches(member.pattern.as_deref());
        member.topics.iter().chain(matched)
    }

    /// Makes the target for the group's epoch.
    pub(super) fn assign(&mut self) {
        let topics: Vec<Topic> = self
            .subscribed
            .values()
            .map(|(id, partitions)| Topic {
                id: *id,
                partitions: *partitions,
            })
            .collect();
        let indexes: HashMap<&String, usize> = self.subscribed.keys().zip(0..).collect();
        let subscriber = |member| {
            let topics = self.wants(member).filter_map(|name| indexes.get(name));
            let topics: BTreeSet<usize> = topics.copied().collect();
            Subscriber {
                id: &member.id,
                instance: member.instance.as_deref(),
                topics: topics.into_iter().collect(),
                held: self.target.get(&member.id),
            }
        };
        let subscribers: Vec<Subscriber<'_>> = self.members.values().map(subscriber).collect();
        let shares = self.assignor().assign(&subscribers, &topics);
        self.target = self.members.keys().cloned().zip(shares).collect();
        self.target_epoch = self.epoch;
        self.changed = true;
    }
}
