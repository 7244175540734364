//! `eda outbox add`: puts events into the outbox, for scripts and tests. An application writes its own, in the
//! transaction of what they are about.

mod rows;

pub use rows::add_rows;

use crate::consent::Consent;
use crate::error::{Error, Result};
use crate::model::event::{Assignment, Catalog, EventType, Filling, object};
use crate::model::outbox::NewOutboxEvent;
use crate::model::wording::shortened;
use crate::ops::produce::typed;
use crate::report::{Report, Table, Tone};
use crate::store::outbox::Outbox;
use crate::store::outbox::error_of;
use serde::Serialize;
use serde_json::{Map, Value};

/// So many events are listed; the others are counted.
const SHOWN: usize = 20;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct AddRequest {
    /// An event of the catalog, or any type.
    pub event_type: String,
    pub assignments: Vec<Assignment>,
    /// The payload as it stands; of an event of the catalog it is completed and checked.
    pub payload: Option<Vec<u8>>,
    /// None: by the event's key.
    pub aggregate_type: Option<String>,
    pub aggregate_id: Option<String>,
    /// None: a new one.
    pub id: Option<String>,
}

/// The event as it would be written.
#[derive(Debug)]
pub struct AddPlan {
    event: NewOutboxEvent,
}

/// Makes the event; asks nobody.
///
/// # Errors
/// Usage: fields or a payload that are no such event, or an aggregate that nobody names.
pub fn plan(catalog: &Catalog, request: AddRequest) -> Result<AddPlan> {
    let mut known = catalog.matching(&request.event_type);
    let mut filling = Filling {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        random: fastrand::Rng::new(),
    };
    if known.len() > 1 {
        let named = request
            .assignments
            .iter()
            .find(|one| one.path == "eventType");
        let name = named.map(|one| one.value.clone());
        known.retain(|event| Some(&event.name) == name.as_ref());
        if known.is_empty() {
            let text = format!("several events go on `{}`", request.event_type);
            return Err(Error::usage(text).hint("name one of them: `eda event list` shows them"));
        }
    }
    let event = match known.first() {
        Some(event) => of_catalog(event, request, &mut filling)?,
        None => of_any_type(catalog, request, &mut filling)?,
    };
    Ok(AddPlan { event })
}

/// Completed and checked, its aggregate is its entity.
fn of_catalog(
    event: &EventType,
    request: AddRequest,
    filling: &mut Filling,
) -> Result<NewOutboxEvent> {
    let mut assignments = request.assignments;
    if let Some(id) = &request.id
        && !assignments.iter().any(|one| one.path == "eventId")
    {
        assignments.push(Assignment::new("eventId", id));
    }
    let invalid = |error| {
        Error::usage(format!("not a valid {}", event.name))
            .caused_by(error)
            .hint(format!("`eda event show {}` shows the fields", event.name))
    };
    let (map, payload) = match request.payload {
        None => {
            let map = event.build(&assignments, filling).map_err(invalid)?;
            let payload = serde_json::to_vec(&map).unwrap_or_default();
            (map, payload)
        }
        Some(payload) => {
            let read = typed::object(1, &payload)?;
            let made = typed::complete(event, 1, &payload, read, &assignments, filling)?;
            (made.event, made.value)
        }
    };
    let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    let key = || {
        event
            .key(&map)
            .map(|key| String::from_utf8_lossy(&key).into_owned())
    };
    let id = request.id.or_else(|| text("eventId"));
    Ok(NewOutboxEvent {
        id: id.unwrap_or_else(|| filling.event_id()),
        aggregate_type: match request.aggregate_type {
            Some(given) => given,
            None => entity(event).ok_or_else(|| unnamed("--aggregate-type"))?,
        },
        aggregate_id: match request.aggregate_id {
            Some(given) => given,
            None => key().ok_or_else(|| unnamed("--aggregate"))?,
        },
        event_type: event.name.clone(),
        payload: Some(payload),
    })
}

/// `orderId` is the key of an `order`.
fn entity(event: &EventType) -> Option<String> {
    let key = event.key_field.as_deref()?;
    let entity = ["Id", "ID", "_id", "-id"]
        .into_iter()
        .find_map(|end| key.strip_suffix(end));
    Some(
        entity
            .filter(|name| !name.is_empty())
            .unwrap_or(key)
            .to_owned(),
    )
}

/// As it stands, under the type that is given.
fn of_any_type(
    catalog: &Catalog,
    request: AddRequest,
    filling: &mut Filling,
) -> Result<NewOutboxEvent> {
    let payload = match request.payload {
        Some(_) if !request.assignments.is_empty() => {
            return Err(Error::usage(format!(
                "`{}` has no use here: a payload of `{}`, which is no event of the catalog, is taken as it stands",
                request.assignments[0], request.event_type
            )));
        }
        Some(payload) => payload,
        None => {
            let made: Map<String, Value> = object(&request.assignments).map_err(|error| {
                Error::usage("the fields do not make a JSON object").caused_by(error)
            })?;
            serde_json::to_vec(&made).unwrap_or_default()
        }
    };
    let needed = |value: Option<String>, flag: &str| {
        value.ok_or_else(|| {
            let error = Error::usage(format!(
                "`{}` is no event of the catalog, so `{flag}` is needed",
                request.event_type
            ));
            match catalog.suggest(&request.event_type) {
                Some(close) => error.hint(format!("did you mean `{close}`?")),
                None => error.hint("`eda event list` shows the events there are"),
            }
        })
    };
    Ok(NewOutboxEvent {
        id: request.id.unwrap_or_else(|| filling.event_id()),
        aggregate_id: needed(request.aggregate_id, "--aggregate")?,
        aggregate_type: needed(request.aggregate_type, "--aggregate-type")?,
        event_type: request.event_type.clone(),
        payload: Some(payload),
    })
}

fn unnamed(flag: &str) -> Error {
    Error::usage(format!(
        "the event has no key by which its aggregate could be known, so `{flag}` is needed"
    ))
}

/// An event, without what it says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    aggregate_type: String,
    aggregate_id: String,
}

impl From<&NewOutboxEvent> for Added {
    fn from(event: &NewOutboxEvent) -> Self {
        Added {
            id: event.id.clone(),
            event_type: event.event_type.clone(),
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
        }
    }
}

impl Serialize for AddPlan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            #[serde(flatten)]
            event: Added,
            payload: Option<std::borrow::Cow<'a, str>>,
        }
        let payload = self.event.payload.as_deref().map(String::from_utf8_lossy);
        let event = Added::from(&self.event);
        Row { event, payload }.serialize(serializer)
    }
}

impl Report for AddPlan {
    fn table(&self) -> Table {
        let headers = ["ID", "TYPE", "AGGREGATE-TYPE", "AGGREGATE-ID", "PAYLOAD"];
        let mut table = Table::new(&headers, "").titled("would add");
        let event = &self.event;
        let payload = event.payload.as_deref().map(String::from_utf8_lossy);
        table.row([
            event.id.as_str().into(),
            event.event_type.as_str().into(),
            event.aggregate_type.as_str().into(),
            event.aggregate_id.as_str().into(),
            payload.map(|text| shortened(&text, 1000)).into(),
        ]);
        table
    }
}

/// What was added.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddOutcome {
    added: u64,
    /// The first of them.
    events: Vec<Added>,
    /// What ended it early.
    #[serde(skip)]
    pub error: Option<Error>,
}

impl AddOutcome {
    fn count(&mut self, events: &[NewOutboxEvent]) {
        self.added += events.len() as u64;
        let room = SHOWN.saturating_sub(self.events.len());
        self.events
            .extend(events.iter().take(room).map(Added::from));
    }
}

/// Adds the event.
///
/// # Errors
/// The database does not answer, or has an event of this id already.
pub async fn add(outbox: &dyn Outbox, plan: AddPlan, _consent: Consent) -> Result<AddOutcome> {
    let events = [plan.event];
    let id = &events[0].id;
    outbox
        .add(&events)
        .await
        .map_err(|outage| error_of(outage).context(format!("event `{id}` was not added")))?;
    let mut outcome = AddOutcome::default();
    outcome.count(&events);
    Ok(outcome)
}

impl Report for AddOutcome {
    fn table(&self) -> Table {
        let headers = ["ID", "TYPE", "AGGREGATE-TYPE", "AGGREGATE-ID"];
        let mut table = Table::new(&headers, "nothing to add");
        for event in &self.events {
            table.row([
                event.id.as_str().into(),
                event.event_type.as_str().into(),
                event.aggregate_type.as_str().into(),
                event.aggregate_id.as_str().into(),
            ]);
        }
        let untold = self.added.saturating_sub(self.events.len() as u64);
        if untold > 0 {
            table.note(format!("and {untold} more were added"), Tone::Plain);
        }
        table
    }

    fn effect(&self) -> Option<String> {
        match self.added {
            0 => None,
            1 => Some("1 event was added all the same".to_owned()),
            count => Some(format!("{count} events were added all the same")),
        }
    }
}

#[cfg(test)]
mod tests;
