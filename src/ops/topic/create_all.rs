//! `eda topic create --from-events`: the topics of the user's catalog, each with a result of its own.

use super::create::{self, CreateOutcome, CreatePlan, CreateRequest};
use crate::consent::Consent;
use crate::error::{Error, Kind, Result, Status};
use crate::kafka::Cluster;
use crate::model::event::{Catalog, EventType};
use crate::model::topic::TopicName;
use crate::report::{Report, Table, Tone};
use serde::Serialize;

/// A request for each topic of the user's own events, by name. What the catalog does not say is `partitions` and
/// `replicas`; a topic that is there stays as it is.
///
/// # Errors
/// Usage: there are no events of the user's, a topic cannot have its name, or two events of one topic want it otherwise.
pub fn requests(
    catalog: &Catalog,
    partitions: i32,
    replicas: Option<i16>,
) -> Result<Vec<CreateRequest>> {
    let mut events: Vec<&EventType> = catalog.own().iter().map(AsRef::as_ref).collect();
    if events.is_empty() {
        let error = Error::usage("there are no events of your own to create topics for");
        return Err(error.hint("`--events PATH` names a folder of schemas or an AsyncAPI document"));
    }
    events.sort_by(|one, other| one.topic.cmp(&other.topic));
    if let Some(pair) = events
        .windows(2)
        .find(|pair| pair[0].topic == pair[1].topic && pair[0].layout != pair[1].layout)
    {
        return Err(Error::usage(format!(
            "`{}` and `{}` want topic `{}` to be different",
            pair[0].name, pair[1].name, pair[0].topic
        )));
    }
    events.dedup_by(|one, other| one.topic == other.topic);
    let request = |event: &EventType| {
        let name: TopicName = event.topic.parse().map_err(|error| {
            let text = format!("`{}` cannot go on topic `{}`", event.name, event.topic);
            Error::usage(text).caused_by(error)
        })?;
        Ok(CreateRequest {
            name,
            partitions: event.layout.partitions.unwrap_or(partitions),
            replicas: event.layout.replicas.or(replicas),
            retention: None,
            configs: event.layout.configs.clone().into_iter().collect(),
            if_not_exists: true,
        })
    };
    events.into_iter().map(request).collect()
}

/// What is, or would be, of one topic.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Item<T> {
    Done(T),
    Failed { name: String, error: String },
}

impl<T> Item<T> {
    fn failed(name: String, error: &Error) -> Self {
        Item::Failed {
            name,
            error: error.one_line(),
        }
    }
}

/// A plan or an outcome, and a sentence for each topic that failed.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Items<T> {
    items: Vec<Item<T>>,
    #[serde(skip)]
    failures: Vec<String>,
}

impl<T: Report> Items<T> {
    fn new(items: Vec<Item<T>>) -> Self {
        let failure = |item: &Item<T>| match item {
            Item::Done(_) => None,
            Item::Failed { name, error } => Some(format!("{name}: {error}")),
        };
        Items {
            failures: items.iter().filter_map(failure).collect(),
            items,
        }
    }

    /// The rows of all that did not fail; `empty` when none did and there are none.
    fn table(&self, empty: &str, all_failed: &str) -> Table {
        let empty = match self.failures.is_empty() {
            true => empty,
            false => all_failed,
        };
        let mut whole = Table::new(&create::HEADERS, empty);
        for item in &self.items {
            if let Item::Done(report) = item {
                let table = report.table();
                if table.rows.is_empty() {
                    whole.note(table.empty, Tone::Plain);
                }
                whole.rows.extend(table.rows);
                whole.notes.extend(table.notes);
            }
        }
        whole
    }

    fn status(&self) -> Status {
        Status::failed_if(!self.failures.is_empty())
    }
}

/// What would be created, topic by topic.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct CreateAllPlan(Items<CreatePlan>);

impl CreateAllPlan {
    /// Nothing to create: they are all there, or none of them can be.
    pub fn is_empty(&self) -> bool {
        self.0.items.iter().all(|item| match item {
            Item::Done(plan) => plan.is_empty(),
            Item::Failed { .. } => true,
        })
    }
}

/// Asks the cluster about each without creating any.
///
/// # Errors
/// The cluster cannot be reached; what it refuses is the topic's own result.
pub async fn plan_create_all(
    cluster: &Cluster,
    requests: &[CreateRequest],
) -> Result<CreateAllPlan> {
    let mut items = Vec::new();
    for request in requests {
        items.push(match create::plan_create(cluster, request).await {
            Ok(plan) => Item::Done(plan),
            Err(error) if error.kind() == Kind::Unreachable => return Err(error),
            Err(error) => Item::failed(request.name.to_string(), &error),
        });
    }
    Ok(CreateAllPlan(Items::new(items)))
}

impl Report for CreateAllPlan {
    fn table(&self) -> Table {
        let table = self
            .0
            .table("there is nothing to create", "nothing can be created");
        match table.rows.is_empty() {
            true => table,
            false => table.titled("would create"),
        }
    }

    fn failures(&self) -> &[String] {
        &self.0.failures
    }

    fn status(&self) -> Result<Status> {
        Ok(self.0.status())
    }
}

/// What was created, topic by topic; those that were there already are not in it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct CreateAllOutcome(Items<CreateOutcome>);

/// Creates what is not there, one after the other, and waits until each can be used.
pub async fn create_all(
    cluster: &Cluster,
    plan: CreateAllPlan,
    _consent: Consent,
) -> Result<CreateAllOutcome> {
    let mut items = Vec::new();
    for item in plan.0.items {
        let plan = match item {
            Item::Done(plan) if plan.is_empty() => continue,
            Item::Done(plan) => plan,
            Item::Failed { name, error } => {
                items.push(Item::Failed { name, error });
                continue;
            }
        };
        let name = plan.name().to_owned();
        items.push(match create::make(cluster, plan).await {
            Ok(outcome) => Item::Done(outcome),
            Err(error) => Item::failed(name, &error),
        });
    }
    Ok(CreateAllOutcome(Items::new(items)))
}

impl Report for CreateAllOutcome {
    fn table(&self) -> Table {
        self.0.table("nothing was created", "nothing was created")
    }

    fn effect(&self) -> Option<String> {
        let done = |item: &&Item<CreateOutcome>| matches!(item, Item::Done(_));
        match self.0.items.iter().filter(done).count() {
            0 => None,
            1 => Some("1 topic was created all the same".to_owned()),
            count => Some(format!("{count} topics were created all the same")),
        }
    }

    fn failures(&self) -> &[String] {
        &self.0.failures
    }

    fn status(&self) -> Result<Status> {
        Ok(self.0.status())
    }
}
