//! Where an event goes: by its name in the catalog, or straight to a topic.

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::event::{Catalog, EventType};
use crate::model::suggest;
use crate::ops::missing;

/// A place records can be sent to; the topic was there when it was looked up.
#[derive(Clone, Debug)]
pub struct Destination {
    topic: String,
    event: Option<&'static EventType>,
}

impl Destination {
    /// Finds `name` in the catalog (`OrderCreated` or `order-created`), else among the cluster's topics.
    /// `untyped` skips the catalog's rules, not its name for the topic.
    pub async fn find(cluster: &Cluster, name: &str, untyped: bool) -> Result<Destination> {
        let event = Catalog::built_in().find(name);
        let topic = event.map_or(name, |event| event.topic);
        if cluster.topic(topic).await?.is_some() {
            let event = if untyped { None } else { event };
            return Ok(Destination {
                topic: topic.to_owned(),
                event,
            });
        }
        let existing = cluster.topics().await?;
        let topics = existing.iter().map(|topic| topic.name.as_str());
        if event.is_some() {
            let brokers = &cluster.connection().brokers;
            let error = Error::failed(format!("topic `{topic}` does not exist on {brokers}"));
            return Err(error.hint(format!("`eda topic create {topic}` makes it")));
        }
        let events = Catalog::built_in().events().iter().map(|event| event.topic);
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

    /// The event type whose rules hold, if any.
    pub fn event(&self) -> Option<&'static EventType> {
        self.event
    }
}
