//! `eda event check`: are these events well made, and can those who know the older ones go on.

use crate::error::{Result, Status};
use crate::model::event::compatibility::{Change, Compatibility, changes};
use crate::model::event::{EventType, lint};
use crate::model::wording::counted;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::borrow::Borrow;

/// What was found, event by event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    events: Vec<Checked>,
    /// Whether anything found makes the command fail.
    passed: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    name: String,
    findings: Vec<Found>,
    /// `full`, `backward`, `forward` or `none`; null when there is no older schema to compare with.
    compatibility: Option<String>,
    changes: Vec<Found>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    pointer: String,
    message: String,
    /// `backward`, `forward`, or both: who can no longer read whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breaks: Vec<&'static str>,
}

/// Checks the events, and compares them with the older ones of their names. `required` is what they must be to those.
pub fn check<E: Borrow<EventType>>(
    events: &[E],
    older: Option<&[EventType]>,
    required: Compatibility,
) -> CheckReport {
    let mut passed = true;
    let mut checked: Vec<Checked> = Vec::new();
    for event in events {
        let event = event.borrow();
        let findings = lint::findings(event).into_iter().map(|finding| Found {
            pointer: finding.pointer,
            message: finding.message,
            breaks: Vec::new(),
        });
        let findings: Vec<Found> = findings.collect();
        let before = older.and_then(|older| match (older, events.len()) {
            // Two files that are named after their age, not after their event.
            ([only], 1) => Some(only),
            (older, _) => older.iter().find(|old| old.name == event.name),
        });
        let changes = before.map(|before| changes(before, event));
        let compatibility = changes.as_deref().map(Compatibility::of);
        passed &= findings.is_empty() && compatibility.is_none_or(|is| is.is_at_least(required));
        checked.push(Checked {
            name: event.name.clone(),
            findings,
            compatibility: compatibility.map(|compatibility| compatibility.to_string()),
            changes: changes.into_iter().flatten().map(found).collect(),
        });
    }
    let removed = older.filter(|older| older.len() > 1 || events.len() != 1);
    for old in removed.into_iter().flatten() {
        if events.iter().any(|event| event.borrow().name == old.name) {
            continue;
        }
        passed &= Compatibility::None.is_at_least(required);
        checked.push(Checked {
            name: old.name.clone(),
            findings: Vec::new(),
            compatibility: Some(Compatibility::None.to_string()),
            changes: vec![found(Change {
                pointer: String::new(),
                message: "the event was removed".to_owned(),
                breaks_backward: true,
                breaks_forward: true,
            })],
        });
    }
    CheckReport {
        events: checked,
        passed,
    }
}

fn found(change: Change) -> Found {
    let broken = [
        ("backward", change.breaks_backward),
        ("forward", change.breaks_forward),
    ];
    let broken = broken.into_iter().filter(|(_, breaks)| *breaks);
    Found {
        pointer: change.pointer,
        message: change.message,
        breaks: broken.map(|(name, _)| name).collect(),
    }
}

impl Report for CheckReport {
    fn table(&self) -> Table {
        let count = counted(self.events.len() as u64, "event");
        let headers = ["EVENT", "WHERE", "WHAT", "BREAKS"];
        let mut table = Table::new(&headers, format!("{count} checked, nothing found"));
        for event in &self.events {
            for found in event.findings.iter().chain(&event.changes) {
                let tone = match (found.breaks.is_empty(), event.findings.is_empty()) {
                    (true, true) => Tone::Plain,
                    _ => Tone::Bad,
                };
                let place = Some(found.pointer.clone()).filter(|place| !place.is_empty());
                let breaks = Some(found.breaks.join(",")).filter(|breaks| !breaks.is_empty());
                table.row([
                    event.name.as_str().into(),
                    place.into(),
                    Cell::from(found.message.as_str()).tone(tone),
                    breaks.into(),
                ]);
            }
        }
        for event in &self.events {
            let Some(compatibility) = &event.compatibility else {
                continue;
            };
            let (text, tone) = match compatibility.as_str() {
                "full" => ("fully compatible: old and new read each other", Tone::Good),
                "backward" => (
                    "backward compatible only: the new one reads what the old one wrote",
                    Tone::Warn,
                ),
                "forward" => (
                    "forward compatible only: the old one reads what the new one writes",
                    Tone::Warn,
                ),
                _ => ("not compatible, either way", Tone::Bad),
            };
            table.note(format!("{}: {text}", event.name), tone);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.passed))
    }
}
