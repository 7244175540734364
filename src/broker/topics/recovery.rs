//! The topics that a data directory holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use uuid::Uuid;

use super::super::Finding;
use super::super::config::TopicConfig;
use super::super::partition::Partition;
use super::super::storage::directory::damaged;
use super::super::storage::image::TopicImage;
use super::super::storage::scan::Damage;
use super::super::sync::write;
use super::{Topic, Topics};
use crate::error::{Error, Result};

impl Topics {
    /// Opens every topic that the data directory holds.
    pub(crate) fn recover(&self, now: i64) -> Result<Vec<Finding>> {
        let Some(storage) = &self.storage else {
            return Ok(Vec::new());
        };
        let image = storage.journal.with_image(|image| image.topics.clone());
        let image = image.unwrap_or_default();
        let mut findings = storage.tidy(&image)?;
        let places: Vec<(&Uuid, &TopicImage, i32)> = image
            .iter()
            .flat_map(|(id, topic)| (0..topic.partitions).map(move |index| (id, topic, index)))
            .collect();
        let open = |(id, topic, index): &(&Uuid, &TopicImage, i32)| {
            let folder = storage.folder(&topic.name, **id, *index);
            let folder = folder.map_err(Damage::of(&storage.topic(&topic.name)))?;
            let start = topic.starts.get(index).copied().unwrap_or(0);
            Partition::recover(self.memory.clone(), folder, start, now)
        };
        let mut opened = side_by_side(&places, open).map_err(damaged)?.into_iter();
        let mut registry = write(&self.registry);
        for (id, topic) in &image {
            let config = TopicConfig::new(topic.configs.clone())
                .map_err(|reason| Error::failed(format!("topic `{}`: {reason}", topic.name)))?;
            let mut partitions = Vec::with_capacity(topic.partitions as usize);
            for (partition, bytes) in opened.by_ref().take(topic.partitions as usize) {
                if bytes > 0 {
                    let place = format!("{}/{}", topic.name, partitions.len());
                    findings.push(Finding::Torn { place, bytes });
                }
                partitions.push(Arc::new(partition));
            }
            let topic = Arc::new(Topic {
                name: topic.name.clone(),
                id: *id,
                partitions: RwLock::new(partitions),
                config: RwLock::new(Arc::new(config)),
            });
            registry.by_name.insert(topic.name.clone(), topic.clone());
            registry.by_id.insert(topic.id, topic);
        }
        Ok(findings)
    }
}

/// Does the same to all, on as many threads as there are processors; the results are in the order of `items`.
fn side_by_side<T: Sync, R: Send, E: Send>(
    items: &[T],
    act: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            done.push((index, act(item)?));
        }
        Ok(done)
    };
    let mut results = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut results: Vec<(usize, R)> = work()?;
        for other in others {
            match other.join() {
                Ok(done) => results.extend(done?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(results)
    })?;
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
