//! `eda topic alter`: plan, then change what was named and nothing else.

use super::keys::{self, KeySample};
use super::wait_until_visible;
use crate::consent::Consent;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::Cluster;
use crate::model::suggest;
use crate::model::topic::{ConfigEntry, ConfigSource, NewTopic, Topic};
use crate::ops::missing;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct AlterRequest {
    pub name: String,
    /// As many as there are to be.
    pub partitions: Option<i32>,
    pub set: Vec<(String, String)>,
    /// These go back to the broker's default.
    pub unset: Vec<String>,
}

impl AlterRequest {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> Vec<String> {
        let mut words: Vec<String> = ["eda", "topic", "alter"].map(str::to_owned).to_vec();
        words.push(self.name.clone());
        if let Some(partitions) = self.partitions {
            words.extend(["--partitions".to_owned(), partitions.to_string()]);
        }
        for (name, value) in &self.set {
            words.extend(["--config".to_owned(), format!("{name}={value}")]);
        }
        for name in &self.unset {
            words.extend(["--unset".to_owned(), name.clone()]);
        }
        words
    }
}

/// The name of the row that is no configuration.
const PARTITIONS: &str = "partitions";

/// One thing that would be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    /// A configuration's key, or `partitions`.
    name: String,
    /// Null: not set, or a secret that the broker keeps to itself.
    from: Option<String>,
    /// Where `from` comes from; null for `partitions`.
    source: Option<ConfigSource>,
    /// Null: what is set on the topic is taken away.
    to: Option<String>,
}

/// What would be changed, partitions first, then configurations by name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlterPlan {
    topic: String,
    changes: Vec<Change>,
    /// What growing does to keys that are in the topic; null when it does not grow.
    keys: Option<KeySample>,
    #[serde(skip)]
    partitions: Option<i32>,
}

/// Compares with what is there, and asks the broker whether it would take it. Changes nothing.
pub async fn plan_alter(cluster: &Cluster, request: &AlterRequest) -> Result<AlterPlan> {
    let name = &request.name;
    let Some(topic) = cluster.topic(name).await? else {
        let existing = cluster.topics().await?;
        let names = existing.iter().map(|topic| topic.name.as_str());
        return Err(missing::topic(cluster, name, names).await);
    };
    let mut entries = BTreeMap::new();
    for (_, answer) in cluster.topic_configs(std::slice::from_ref(name)).await? {
        let answer = answer?.into_iter();
        entries.extend(answer.map(|entry| (entry.name.clone(), entry)));
    }
    let named = request.set.iter().map(|(name, _)| name);
    for named in named.chain(&request.unset) {
        if !entries.contains_key(named) {
            return Err(no_such_config(named, entries.keys()));
        }
    }
    let partitions = growth(&topic, request.partitions)?;
    let mut changes = configs(&entries, request);
    let wanted: Vec<(String, Option<String>)> = changes
        .iter()
        .map(|change| (change.name.clone(), change.to.clone()))
        .collect();
    cluster.alter_topic_configs(name, &wanted, true).await?;
    let keys = match partitions {
        Some(total) => {
            cluster.create_partitions(name, total, true).await?;
            Some(keys::sample(cluster, &topic, total).await)
        }
        None => None,
    };
    if let Some(total) = partitions {
        let grown = Change {
            name: PARTITIONS.to_owned(),
            from: Some(topic.partitions.len().to_string()),
            source: None,
            to: Some(total.to_string()),
        };
        changes.insert(0, grown);
    }
    Ok(AlterPlan {
        topic: topic.name,
        changes,
        keys,
        partitions,
    })
}

/// Kafka refuses to set such a key and says nothing when it is to be unset.
fn no_such_config<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let error = Error::failed(format!("topics have no configuration `{name}`"));
    match suggest::closest(name, known.map(String::as_str)) {
        Some(close) => error.hint(format!("did you mean `{close}`?")),
        None => error.hint("`eda topic describe NAME --all-configs` shows them"),
    }
}

/// How many partitions it is to have, when that is more than it has.
fn growth(topic: &Topic, wanted: Option<i32>) -> Result<Option<i32>> {
    let has = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    match wanted {
        Some(wanted) if wanted < has => {
            let error = Error::failed(format!(
                "topic `{}` has {has} partitions, and Kafka never takes any away",
                topic.name
            ));
            Err(error
                .hint("a new topic with fewer, and its records produced anew, is the only way"))
        }
        wanted => Ok(wanted.filter(|wanted| *wanted > has)),
    }
}

/// The configurations that are not as they are to be.
fn configs(entries: &BTreeMap<String, ConfigEntry>, request: &AlterRequest) -> Vec<Change> {
    let change = |name: &String, to: Option<&String>| {
        let entry = entries.get(name);
        Change {
            name: name.clone(),
            from: entry.and_then(|entry| entry.value.clone()),
            source: entry.map(|entry| entry.source),
            to: to.cloned(),
        }
    };
    let is_set = |change: &Change| change.source == Some(ConfigSource::Topic);
    // The same value by default is no reason not to set it: the default may change.
    let set = request
        .set
        .iter()
        .map(|(name, value)| change(name, Some(value)))
        .filter(|change| !is_set(change) || change.from != change.to);
    let unset = request
        .unset
        .iter()
        .map(|name| change(name, None))
        .filter(is_set);
    let mut changes: Vec<Change> = set.chain(unset).collect();
    changes.sort_by(|one, other| one.name.cmp(&other.name));
    changes
}

impl AlterPlan {
    /// Everything is as it is to be.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

fn value(value: Option<&String>, none: &str) -> Cell {
    value.map_or(Cell::from(none), |value| Cell::from(value.as_str()))
}

impl Report for AlterPlan {
    fn table(&self) -> Table {
        let empty = format!("topic `{}` is as it is to be, nothing to do", self.topic);
        let mut table = Table::new(&["CHANGE", "FROM", "SOURCE", "TO"], empty);
        if self.is_empty() {
            return table;
        }
        table = table.titled(format!("would change {}", self.topic));
        for change in &self.changes {
            table.row([
                change.name.as_str().into(),
                change.from.as_deref().into(),
                change.source.map(ConfigSource::name).into(),
                value(change.to.as_ref(), "(default)"),
            ]);
        }
        if let Some(keys) = &self.keys {
            table.note(
                "keys move to other partitions: what comes after the change is not in order with what came before",
                Tone::Warn,
            );
            table.more.push(keys.table());
        }
        table
    }
}

/// What became of each change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlterOutcome {
    topic: String,
    changes: Vec<Changed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    #[serde(flatten)]
    change: Change,
    /// Null: nobody answered in time, so that it is not known.
    applied: Option<bool>,
    error: Option<String>,
}

/// Grows the topic and waits until the new partitions have leaders; changes the configurations, all or none of them.
/// One of the two that fails does not keep the other.
pub async fn alter(cluster: &Cluster, plan: AlterPlan, _consent: Consent) -> Result<AlterOutcome> {
    let grown = match plan.partitions {
        Some(total) => grow(cluster, &plan.topic, total).await,
        None => Ok(()),
    };
    let configs: Vec<(String, Option<String>)> = plan
        .changes
        .iter()
        .filter(|change| change.name != PARTITIONS)
        .map(|change| (change.name.clone(), change.to.clone()))
        .collect();
    let altered = cluster
        .alter_topic_configs(&plan.topic, &configs, false)
        .await;
    let changed = |change: Change| {
        let outcome = match change.name.as_str() {
            PARTITIONS => &grown,
            _ => &altered,
        };
        Changed {
            applied: match outcome {
                Ok(()) => Some(true),
                Err(error) if error.kind() == Kind::Unreachable => None,
                Err(_) => Some(false),
            },
            error: outcome.as_ref().err().map(Error::one_line),
            change,
        }
    };
    Ok(AlterOutcome {
        topic: plan.topic,
        changes: plan.changes.into_iter().map(changed).collect(),
    })
}

async fn grow(cluster: &Cluster, topic: &str, total: i32) -> Result<()> {
    cluster.create_partitions(topic, total, false).await?;
    let grown = NewTopic {
        name: topic.to_owned(),
        partitions: total,
        replicas: None,
        configs: Vec::new(),
    };
    wait_until_visible(cluster, &grown).await.map(drop)
}

impl Report for AlterOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["CHANGE", "FROM", "TO", "RESULT"], "nothing was changed");
        for Changed { change, error, .. } in &self.changes {
            table.row([
                change.name.as_str().into(),
                change.from.as_deref().into(),
                value(change.to.as_ref(), "(default)"),
                match error {
                    None => Cell::from("changed"),
                    Some(error) => Cell::from(error.as_str()).tone(Tone::Bad),
                },
            ]);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        let any = |applied| self.changes.iter().any(|change| change.applied == applied);
        Ok(match (any(Some(false)), any(None)) {
            (true, _) => Status::Failed,
            (false, true) => Status::Unreachable,
            (false, false) => Status::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::topic::Partition;

    fn entry(name: &str, value: &str, source: ConfigSource) -> (String, ConfigEntry) {
        let entry = ConfigEntry {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            source,
            sensitive: false,
            read_only: false,
        };
        (name.to_owned(), entry)
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let entries = BTreeMap::from([
            entry("retention.ms", "1000", ConfigSource::Topic),
            entry("cleanup.policy", "delete", ConfigSource::Default),
            entry("segment.ms", "5", ConfigSource::Topic),
        ]);
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = AlterRequest {
            name: "orders".to_owned(),
            partitions: None,
            set: vec![set("retention.ms", "1000"), set("cleanup.policy", "delete")],
            unset: vec!["segment.ms".to_owned(), "max.message.bytes".to_owned()],
        };
        let names = |changes: Vec<Change>| -> Vec<String> {
            changes.into_iter().map(|change| change.name).collect()
        };
        assert_eq!(
            names(configs(&entries, &request)),
            ["cleanup.policy", "segment.ms"]
        );
    }

    #[test]
    fn partitions_only_grow() {
        let partition = |id| Partition {
            id,
            leader: Some(1),
            replicas: vec![1],
            in_sync: vec![1],
        };
        let topic = Topic {
            id: None,
            name: "orders".to_owned(),
            internal: false,
            partitions: (0..3).map(partition).collect(),
        };
        assert_eq!(growth(&topic, Some(6)).unwrap(), Some(6));
        assert_eq!(growth(&topic, Some(3)).unwrap(), None);
        assert_eq!(growth(&topic, None).unwrap(), None);
        let error = growth(&topic, Some(2)).unwrap_err();
        assert!(error.message().contains("has 3 partitions"), "{error}");
    }
}
