//! `eda event list` and `eda event show`.

use crate::error::{Error, Result};
use crate::model::event::{Catalog, EventType, Field, FieldKind, Filling};
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The events of the catalog in force.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct EventList(Vec<Row>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    topic: String,
    key_field: Option<String>,
    /// `own` or `built-in`.
    source: &'static str,
    description: Option<String>,
}

/// All events, the user's own first.
pub fn list(catalog: &Catalog) -> EventList {
    let own = catalog.own().len();
    let rows = catalog.events().iter().enumerate();
    let row = |(index, event): (usize, &std::sync::Arc<EventType>)| Row {
        name: event.name.clone(),
        topic: event.topic.clone(),
        key_field: event.key_field.clone(),
        source: if index < own { "own" } else { "built-in" },
        description: event.schema["description"].as_str().map(str::to_owned),
    };
    EventList(rows.map(row).collect())
}

impl Report for EventList {
    fn table(&self) -> Table {
        let headers = ["EVENT", "TOPIC", "KEY", "SOURCE", "DESCRIPTION"];
        let mut table = Table::new(&headers, "there are no events");
        for row in &self.0 {
            table.row([
                row.name.as_str().into(),
                row.topic.as_str().into(),
                row.key_field.clone().into(),
                row.source.into(),
                row.description.clone().into(),
            ]);
        }
        table
    }
}

/// One event: its schema, and what follows from it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    name: String,
    topic: String,
    key_field: Option<String>,
    /// As the catalog wants the topic; null where it does not say.
    partitions: Option<i32>,
    replicas: Option<i16>,
    configs: BTreeMap<String, String>,
    schema: Value,
    /// Made up.
    example: Map<String, Value>,
    #[serde(skip)]
    fields: Vec<Field>,
}

/// The event of this name or topic.
///
/// # Errors
/// There is none of that name; what was probably meant.
pub fn show(catalog: &Catalog, name: &str) -> Result<EventView> {
    let Some(event) = catalog.find(name) else {
        let error = Error::failed(format!("`{name}` is no event of the catalog"));
        return Err(error.hint(match catalog.suggest(name) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "`eda event list` shows the events".to_owned(),
        }));
    };
    let mut filling = Filling {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        random: fastrand::Rng::with_seed(7),
    };
    Ok(EventView {
        name: event.name.clone(),
        topic: event.topic.clone(),
        key_field: event.key_field.clone(),
        partitions: event.layout.partitions,
        replicas: event.layout.replicas,
        configs: event.layout.configs.clone(),
        schema: event.schema.clone(),
        example: event.generate(&mut filling),
        fields: event.fields.clone(),
    })
}

impl Report for EventView {
    fn table(&self) -> Table {
        let headers = ["FIELD", "TYPE", "REQUIRED", "DESCRIPTION"];
        let key = self.key_field.as_ref();
        let key = key.map_or("no key".to_owned(), |key| format!("key `{key}`"));
        let title = format!("{} on topic `{}`, {key}", self.name, self.topic);
        let mut table = Table::new(&headers, "the schema names no fields").titled(title);
        add(&mut table, "", &self.fields);
        let example = serde_json::to_string(&self.example).unwrap_or_default();
        table.note(format!("example: {example}"), Tone::Plain);
        table
    }
}

/// A row for each field, those within others too: `items[].sku`.
fn add(table: &mut Table, at: &str, fields: &[Field]) {
    for field in fields {
        let path = match at {
            "" => field.name.clone(),
            at => format!("{at}.{}", field.name),
        };
        let description = Some(field.description.clone()).filter(|text| !text.is_empty());
        table.row([
            path.as_str().into(),
            field.kind.name().into(),
            if field.required { "yes" } else { "no" }.into(),
            description.into(),
        ]);
        let (mut path, mut kind) = (path, &field.kind);
        while let FieldKind::List(item) = kind {
            path.push_str("[]");
            kind = &item.kind;
        }
        if let FieldKind::Object { fields, .. } = kind {
            add(table, &path, fields);
        }
    }
}
