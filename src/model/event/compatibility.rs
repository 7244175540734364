//! Whether those who know one schema of an event can read what those who know another one write.
//!
//! The words are the schema registries': a change is *backward* compatible when the new schema reads what was written
//! by the old one, *forward* compatible when the old schema reads what will be written by the new one, *full* when
//! both. Writers are taken to write the fields their schema names, and only those.

use super::{EventType, Field, FieldKind};
use serde_json::Value;
use std::fmt;

/// One difference that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer into an event: `/items/0/sku`.
    pub pointer: String,
    pub message: String,
    /// The new schema no longer reads what the old one allowed.
    pub breaks_backward: bool,
    /// The old schema does not read what the new one allows.
    pub breaks_forward: bool,
}

/// What all changes together leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    Full,
    Backward,
    Forward,
    None,
}

impl Compatibility {
    pub fn of(changes: &[Change]) -> Self {
        let backward = !changes.iter().any(|change| change.breaks_backward);
        let forward = !changes.iter().any(|change| change.breaks_forward);
        match (backward, forward) {
            (true, true) => Compatibility::Full,
            (true, false) => Compatibility::Backward,
            (false, true) => Compatibility::Forward,
            (false, false) => Compatibility::None,
        }
    }
}

impl Compatibility {
    /// Whether it is all that is asked for.
    pub fn is_at_least(self, required: Compatibility) -> bool {
        self == required || self == Compatibility::Full || required == Compatibility::None
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Compatibility::Full => "full",
            Compatibility::Backward => "backward",
            Compatibility::Forward => "forward",
            Compatibility::None => "none",
        })
    }
}

/// What changed from the old schema to the new one; changes that break nothing are there too.
pub fn changes(old: &EventType, new: &EventType) -> Vec<Change> {
    let mut changes = Vec::new();
    fields(
        &old.fields,
        &new.fields,
        closed(&old.schema),
        closed(&new.schema),
        "",
        &mut changes,
    );
    if old.topic != new.topic {
        let message = format!("the topic was `{}`, now it is `{}`", old.topic, new.topic);
        add(&mut changes, "", message, true, true);
    }
    if old.key_field != new.key_field {
        let shown = |key: &Option<String>| {
            key.as_ref()
                .map_or("none".to_owned(), |key| format!("`{key}`"))
        };
        let message = format!(
            "the key was {}, now it is {}: one entity's events part, and lose their order",
            shown(&old.key_field),
            shown(&new.key_field)
        );
        add(&mut changes, "", message, true, true);
    }
    changes
}

fn add(
    changes: &mut Vec<Change>,
    pointer: &str,
    message: String,
    breaks_backward: bool,
    breaks_forward: bool,
) {
    changes.push(Change {
        pointer: pointer.to_owned(),
        message,
        breaks_backward,
        breaks_forward,
    });
}

/// Whether fields that the schema does not name are refused.
fn closed(schema: &Value) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|word| schema.get(*word) == Some(&Value::Bool(false)))
}

fn fields(
    old: &[Field],
    new: &[Field],
    old_closed: bool,
    new_closed: bool,
    at: &str,
    changes: &mut Vec<Change>,
) {
    let named = |fields: &[Field], name: &str| fields.iter().any(|field| field.name == name);
    for before in old {
        let pointer = format!("{at}/{}", before.name.replace('~', "~0").replace('/', "~1"));
        let Some(after) = new.iter().find(|field| field.name == before.name) else {
            let what = if before.required {
                "a required"
            } else {
                "an optional"
            };
            let message = format!("{what} field was removed");
            add(changes, &pointer, message, new_closed, before.required);
            continue;
        };
        match (before.required, after.required) {
            (true, false) => add(
                changes,
                &pointer,
                "it is no longer required".to_owned(),
                false,
                true,
            ),
            (false, true) => add(
                changes,
                &pointer,
                "it is required now".to_owned(),
                true,
                false,
            ),
            _ => {}
        }
        field(before, after, &pointer, changes);
    }
    for after in new.iter().filter(|field| !named(old, &field.name)) {
        let pointer = format!("{at}/{}", after.name.replace('~', "~0").replace('/', "~1"));
        let what = if after.required {
            "a required"
        } else {
            "an optional"
        };
        add(
            changes,
            &pointer,
            format!("{what} field was added"),
            after.required,
            old_closed,
        );
    }
}

fn field(old: &Field, new: &Field, at: &str, changes: &mut Vec<Change>) {
    match (&old.kind, &new.kind) {
        (FieldKind::Object { fields: before, .. }, FieldKind::Object { fields: after, .. }) => {
            let shut = |field: &Field| closed(&Value::Object(field.schema.clone()));
            fields(before, after, shut(old), shut(new), at, changes);
        }
        (FieldKind::List(before), FieldKind::List(after)) => {
            field(before, after, &format!("{at}/0"), changes)
        }
        (before, after) if before.name() == after.name() => {}
        (before, after) => {
            // Each kind that takes all that the other one is.
            let widened = |narrow: &FieldKind, wide: &FieldKind| {
                *wide == FieldKind::Any
                    || (*narrow == FieldKind::Integer && *wide == FieldKind::Number)
            };
            let message = format!("it was {}, now it is {}", before.name(), after.name());
            add(
                changes,
                at,
                message,
                !widened(before, after),
                !widened(after, before),
            );
            return;
        }
    }
    types(old, new, at, changes);
    values(old, new, at, changes);
    limits(old, new, at, changes);
}

/// Null, allowed or no longer so.
fn types(old: &Field, new: &Field, at: &str, changes: &mut Vec<Change>) {
    let nullable = |field: &Field| match field.schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(|name| name == "null"),
        _ => false,
    };
    match (nullable(old), nullable(new)) {
        (true, false) => add(
            changes,
            at,
            "it may no longer be null".to_owned(),
            true,
            false,
        ),
        (false, true) => add(changes, at, "it may be null now".to_owned(), false, true),
        _ => {}
    }
}

/// `const` and `enum`: what values there may be.
fn values(old: &Field, new: &Field, at: &str, changes: &mut Vec<Change>) {
    let allowed = |field: &Field| -> Option<Vec<Value>> {
        match (field.schema.get("const"), field.schema.get("enum")) {
            (Some(only), _) => Some(vec![only.clone()]),
            (None, Some(Value::Array(values))) => Some(values.clone()),
            _ => None,
        }
    };
    match (allowed(old), allowed(new)) {
        (None, Some(_)) => add(
            changes,
            at,
            "its values are limited now".to_owned(),
            true,
            false,
        ),
        (Some(_), None) => add(
            changes,
            at,
            "its values are no longer limited".to_owned(),
            false,
            true,
        ),
        (Some(before), Some(after)) => {
            for value in before.iter().filter(|value| !after.contains(value)) {
                add(
                    changes,
                    at,
                    format!("{value} is no longer allowed"),
                    true,
                    false,
                );
            }
            for value in after.iter().filter(|value| !before.contains(value)) {
                add(changes, at, format!("{value} is allowed now"), false, true);
            }
        }
        (None, None) => {}
    }
}

/// Bounds, which are moved up or down, and words of which nobody can say which allows more.
fn limits(old: &Field, new: &Field, at: &str, changes: &mut Vec<Change>) {
    const LEAST: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
    const MOST: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];
    const OTHER: [&str; 6] = [
        "format",
        "pattern",
        "multipleOf",
        "uniqueItems",
        "oneOf",
        "anyOf",
    ];
    for word in LEAST.iter().chain(&MOST).chain(&OTHER) {
        let (before, after) = (old.schema.get(*word), new.schema.get(*word));
        if before == after {
            continue;
        }
        let (message, narrower, wider) = match (before, after) {
            (None, Some(after)) => (format!("`{word}` {after} was added"), true, false),
            (Some(before), None) => (format!("`{word}` {before} was removed"), false, true),
            (Some(before), Some(after)) => {
                let message = format!("`{word}` was {before}, now it is {after}");
                let up = before
                    .as_f64()
                    .zip(after.as_f64())
                    .map(|(before, after)| after > before);
                match up {
                    Some(up) if LEAST.contains(word) => (message, up, !up),
                    Some(up) if MOST.contains(word) => (message, !up, up),
                    _ => (message, true, true),
                }
            }
            (None, None) => continue,
        };
        add(changes, at, message, narrower, wider);
    }
}

#[cfg(test)]
mod tests;
