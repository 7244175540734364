//! `eda topic create`: plan, then create and wait until it can be used.

use crate::consent::Consent;
use crate::error::{Error, Kind, Result};
use crate::kafka::Cluster;
use crate::model::topic::{ConfigSource, NewTopic, Retention, Topic, TopicName};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Enough to share the work of a small service, and cheap to have.
pub const DEFAULT_PARTITIONS: i32 = 3;
/// Seven days, in milliseconds: set on the topic, so that it does not depend on the broker.
const DEFAULT_RETENTION_MS: i64 = 604_800_000;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    pub name: TopicName,
    pub partitions: i32,
    /// None: the broker's default.
    pub replicas: Option<i16>,
    /// None: seven days, unless `configs` say otherwise.
    pub retention: Option<Retention>,
    pub configs: Vec<(String, String)>,
    pub if_not_exists: bool,
}

impl CreateRequest {
    /// The command line that asks for the same.
    pub fn command_line(&self) -> Vec<String> {
        let mut words: Vec<String> = ["eda", "topic", "create"].map(str::to_owned).to_vec();
        words.push(self.name.to_string());
        words.extend(["--partitions".to_owned(), self.partitions.to_string()]);
        if let Some(replicas) = self.replicas {
            words.extend(["--replicas".to_owned(), replicas.to_string()]);
        }
        if let Some(retention) = &self.retention {
            words.extend(["--retention".to_owned(), retention.to_string()]);
        }
        for (name, value) in &self.configs {
            words.extend(["--config".to_owned(), format!("{name}={value}")]);
        }
        words
    }

    /// The topic that is asked for, with all that is set on it.
    pub fn new_topic(&self) -> NewTopic {
        let mut configs = self.configs.clone();
        if let Some(retention) = &self.retention {
            configs.push((
                "retention.ms".to_owned(),
                retention.milliseconds().to_string(),
            ));
        } else if !configs.iter().any(|(name, _)| name == "retention.ms") {
            configs.push(("retention.ms".to_owned(), DEFAULT_RETENTION_MS.to_string()));
        }
        configs.sort();
        NewTopic {
            name: self.name.to_string(),
            partitions: self.partitions,
            replicas: self.replicas,
            configs,
        }
    }
}

/// What would be created, or why nothing need be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatePlan {
    name: String,
    partitions: i32,
    replicas: Option<i16>,
    configs: serde_json::Map<String, serde_json::Value>,
    /// The topic is there already and `--if-not-exists` was given.
    exists: bool,
    /// Where the topic that is there differs from the one asked for.
    differences: Vec<String>,
    #[serde(skip)]
    topic: NewTopic,
}

impl CreatePlan {
    /// The topic's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Nothing to do: it exists, and that was allowed for.
    pub fn is_empty(&self) -> bool {
        self.exists
    }
}

/// Asks the cluster (which checks names, configurations and replicas itself) without creating anything.
pub async fn plan_create(cluster: &Cluster, request: &CreateRequest) -> Result<CreatePlan> {
    let topic = request.new_topic();
    let existing = cluster.topic(&topic.name).await?;
    let differences = match &existing {
        Some(_) if !request.if_not_exists => {
            let error = Error::failed(format!("topic `{}` exists already", topic.name));
            return Err(error.hint(format!(
                "`--if-not-exists` accepts that, `eda topic describe {}` shows it",
                topic.name
            )));
        }
        Some(existing) => differences(cluster, existing, &topic).await?,
        None => {
            cluster.create_topic(&topic, true).await?;
            Vec::new()
        }
    };
    let configs = topic
        .configs
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    Ok(CreatePlan {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replicas: topic.replicas,
        configs: configs.collect(),
        exists: existing.is_some(),
        differences,
        topic,
    })
}

async fn differences(
    cluster: &Cluster,
    existing: &Topic,
    wanted: &NewTopic,
) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let partitions = existing.partitions.len();
    if i32::try_from(partitions) != Ok(wanted.partitions) {
        differences.push(format!(
            "it has {partitions} partitions, not {}",
            wanted.partitions
        ));
    }
    let replicas = existing
        .partitions
        .first()
        .map_or(0, |partition| partition.replicas.len());
    if let Some(factor) = wanted.replicas
        && usize::try_from(factor) != Ok(replicas)
    {
        differences.push(format!("it has {replicas} replicas, not {factor}"));
    }
    for (_, entries) in cluster
        .topic_configs(std::slice::from_ref(&wanted.name))
        .await?
    {
        let entries = entries?;
        for (name, value) in &wanted.configs {
            let entry = entries.iter().find(|entry| entry.name == *name);
            let current = entry.and_then(|entry| entry.value.as_deref());
            if current != Some(value) {
                let source = match entry.map(|entry| entry.source) {
                    Some(ConfigSource::Topic) => "",
                    _ => " by default",
                };
                let current = current.unwrap_or("nothing");
                differences.push(format!("its {name} is {current}{source}, not {value}"));
            }
        }
    }
    Ok(differences)
}

impl Report for CreatePlan {
    fn table(&self) -> Table {
        let mut table = rows(&self.topic);
        if self.exists {
            table.rows.clear();
            table.empty = format!("topic `{}` exists already, nothing to do", self.name);
            for difference in &self.differences {
                table.note(format!("{}: {difference}", self.name), Tone::Warn);
            }
        } else {
            table = table.titled("would create");
        }
        table
    }
}

/// What was created.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOutcome {
    name: String,
    partitions: i32,
    /// As the cluster chose it, when it was not given.
    replicas: usize,
    configs: serde_json::Map<String, serde_json::Value>,
    created: bool,
    #[serde(skip)]
    topic: NewTopic,
}

/// Creates the topic and waits, no longer than the time-out, until every partition has a leader.
pub async fn create(
    cluster: &Cluster,
    plan: CreatePlan,
    _consent: Consent,
) -> Result<CreateOutcome> {
    make(cluster, plan).await
}

/// What [`create`] does once there is consent, which may be for several topics at once.
pub(super) async fn make(cluster: &Cluster, plan: CreatePlan) -> Result<CreateOutcome> {
    cluster.create_topic(&plan.topic, false).await?;
    let made = wait_until_visible(cluster, &plan.topic).await?;
    let replicas = made
        .partitions
        .first()
        .map_or(0, |partition| partition.replicas.len());
    let mut topic = plan.topic;
    topic.replicas = i16::try_from(replicas).ok();
    Ok(CreateOutcome {
        name: plan.name,
        partitions: plan.partitions,
        replicas,
        configs: plan.configs,
        created: true,
        topic,
    })
}

/// Creation is answered by the controller; the brokers hear of it a little later, and a producer that is quicker
/// would be told that the topic does not exist.
pub(crate) async fn wait_until_visible(cluster: &Cluster, wanted: &NewTopic) -> Result<Topic> {
    let deadline = Instant::now() + cluster.connection().timeout;
    let mut pause = Duration::from_millis(5);
    loop {
        match cluster.topic(&wanted.name).await {
            Ok(Some(topic))
                if topic.partitions.len() as i32 >= wanted.partitions
                    && topic
                        .partitions
                        .iter()
                        .all(|partition| partition.leader.is_some()) =>
            {
                return Ok(topic);
            }
            Ok(_) => {}
            Err(error) if error.kind() == Kind::Unreachable => return Err(error),
            Err(error) => tracing::debug!("not visible yet: {}", error.one_line()),
        }
        if Instant::now() >= deadline {
            let text = format!("topic `{}` was created but has no leaders yet", wanted.name);
            return Err(Error::unreachable(text).hint("`eda topic describe` shows when it has"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

pub(super) const HEADERS: [&str; 4] = ["NAME", "PARTITIONS", "REPLICAS", "CONFIGS"];

fn rows(topic: &NewTopic) -> Table {
    let mut table = Table::new(&HEADERS, "");
    let configs: Vec<String> = topic
        .configs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    table.row([
        topic.name.as_str().into(),
        topic.partitions.into(),
        topic
            .replicas
            .map_or(Cell::from("default"), |replicas| i32::from(replicas).into()),
        configs.join(" ").into(),
    ]);
    table
}

impl Report for CreateOutcome {
    fn table(&self) -> Table {
        rows(&self.topic)
    }
}
