//! Where an event goes: by its name in the catalog, or straight to a topic.

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::event::{Catalog, EventType};
use crate::model::suggest;
use crate::ops::missing;
use std::sync::Arc;

/// A place records can be sent to; the topic was there when it was looked up.
#[derive(Clone, Debug)]
pub struct Destination {
    topic: String,
    partitions: i32,
    /// None: anything may be sent. Several go on one topic where the catalog says so.
    events: Vec<Arc<EventType>>,
}

impl Destination {
    /// Finds `name` in the catalog (`OrderCreated` or `order-created`), else among the cluster's topics.
    /// `untyped` skips the catalog's rules, not its name for the topic.
    pub async fn find(
        cluster: &Cluster,
        catalog: &Catalog,
        name: &str,
        untyped: bool,
    ) -> Result<Destination> {
        let mut events = catalog.matching(name);
        // Of one name, but of several topics.
        if let Some(other) = events.iter().find(|event| event.topic != events[0].topic) {
            let text = format!(
                "`{name}` goes on `{}` and on `{}`",
                events[0].topic, other.topic
            );
            return Err(Error::usage(text).hint("name the topic"));
        }
        let topic = events
            .first()
            .map_or(name, |event| event.topic.as_str())
            .to_owned();
        let is_event = !events.is_empty();
        if let Some(found) = cluster.topic(&topic).await? {
            if untyped {
                events.clear();
            }
            return Ok(Destination {
                topic,
                partitions: i32::try_from(found.partitions.len()).unwrap_or(i32::MAX),
                events,
            });
        }
        let existing = cluster.topics().await?;
        let topics = existing.iter().map(|topic| topic.name.as_str());
        if is_event {
            let brokers = &cluster.connection().brokers;
            let error = Error::failed(format!("topic `{topic}` does not exist on {brokers}"));
            let own = catalog.own().iter().any(|event| event.topic == topic);
            return Err(error.hint(match own {
                true => {
                    "`eda topic create --from-events` makes it, and the other topics of the catalog"
                        .to_owned()
                }
                false => format!("`eda topic create {topic}` makes it"),
            }));
        }
        let events = catalog.events().iter().map(|event| event.topic.as_str());
        match suggest::closest(name, topics.clone().chain(events)) {
            Some(close) => {
                let error = Error::failed(format!("`{name}` is neither an event nor a topic"));
                Err(error.hint(format!("did you mean `{close}`?")))
            }
            None => Err(missing::topic(cluster, name, topics).await),
        }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// The event types whose rules hold: one, or all that go on the topic; none when anything may be sent.
    pub fn events(&self) -> &[Arc<EventType>] {
        &self.events
    }

    /// The type whose rules hold for an event that says it is of `event_type`; `None` when anything may be sent.
    ///
    /// # Errors
    /// Of several types on the topic it is none: the sentence that says so.
    pub fn choose(&self, event_type: Option<&str>) -> Result<Option<Arc<EventType>>, String> {
        if let [] | [_] = self.events.as_slice() {
            return Ok(self.events.first().cloned());
        }
        let mut events = self.events.iter();
        if let Some(event) = events.find(|event| Some(event.name.as_str()) == event_type) {
            return Ok(Some(Arc::clone(event)));
        }
        let names = self.events.iter().map(|event| format!("`{}`", event.name));
        let names = names.collect::<Vec<_>>().join(", ");
        Err(match event_type {
            Some(other) => format!("`{}` carries {names}, not `{other}`", self.topic),
            None => format!(
                "`{}` carries {names}: `eventType` must say which",
                self.topic
            ),
        })
    }
}
