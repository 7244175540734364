//! One dead letter that a person edits: the record as a text, and what comes back.

use super::super::request::ReplayRequest;
use super::super::walk::{Met, Walk};
use super::super::{ledger, plan};
use super::{Answer, Patient, exec, is_note, patient, validate};
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::dead_letter::Original;
use crate::model::event::Catalog;
use crate::model::json_layout;
use crate::model::record::Record;
use crate::model::record_json::{self, RecordJsonError};
use crate::ops::blocking::blocking;
use serde_json::value::RawValue;
use std::ops::ControlFlow;

/// The dead letter that is to be edited.
#[derive(Debug)]
pub struct Chosen {
    place: (i32, i64),
    pub(super) patient: Patient,
    text: String,
}

/// What a person has made of it.
#[derive(Clone, Debug)]
pub struct Edited {
    /// Partition and offset of the dead letter.
    place: (i32, i64),
    original: Original,
}

/// The one dead letter that the request chooses; `None` when there is none.
///
/// # Errors
/// Usage: more than one is chosen. Failed: there are some, and none can be put back.
pub async fn choose(cluster: &Cluster, request: &ReplayRequest) -> Result<Option<Chosen>> {
    let mut plan = plan::plan(cluster, request).await?;
    if plan.is_empty() {
        return Ok(None);
    }
    if plan.replayable == 0 {
        let total = plan.total();
        let text = format!("of {total} dead letters that are chosen none can be put back");
        return Err(Error::failed(text).hint("`--dry-run` without `--edit` says why"));
    }
    if plan.replayable > 1 {
        let count = plan.replayable;
        let text = format!("`--edit` is for one dead letter, and {count} are chosen");
        return Err(Error::usage(text).hint("`-n 1`, or `--key KEY`, chooses one"));
    }
    let Some(mut carrying) = plan.carrying.take() else {
        return Ok(None);
    };
    let progress = ledger::progress(cluster, plan.group(), &plan.stretch).await?;
    let cluster = cluster.clone();
    let find = move || {
        let walk = Walk {
            cluster: &cluster,
            stretch: &plan.stretch,
            progress: &progress,
            anew: carrying.anew,
            chooser: &carrying.chooser,
        };
        let mut found = None;
        walk.run(&mut carrying.resolver, |_, _, met| {
            if let Met::Letter(record, resolved) = met {
                found = patient(0, record, resolved).map(|patient| Chosen::new(record, patient));
            }
            Ok(match found {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            })
        })?;
        Ok(found)
    };
    blocking("reading", find).await
}

impl Chosen {
    pub(super) fn new(record: &Record, patient: Patient) -> Self {
        Chosen {
            place: (record.partition, record.offset),
            text: text(&patient),
            patient,
        }
    }

    /// The one that was looked at, as it is: no other is to be put back in its stead.
    pub fn unchanged(&self) -> Edited {
        Edited {
            place: self.place,
            original: self.patient.original.clone(),
        }
    }

    /// The record as it would be put back, as JSON that a person can edit.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same layout for a text that was edited, so that only what counts is seen to differ.
    pub fn laid_out(edited: &str) -> String {
        json_layout::pretty(edited) + "\n"
    }

    /// What the edited text says; `None` when it says the same.
    ///
    /// # Errors
    /// It is no record, or by the catalog, if there is one, no right event; a sentence.
    pub fn edited(&self, text: &str, catalog: Option<&Catalog>) -> Result<Option<Edited>, String> {
        if text == self.text {
            return Ok(None);
        }
        // It says the line and the column of the text, which has many.
        let json = serde_json::from_str::<&RawValue>(text);
        let json = json.map_err(|error| format!("not valid JSON: {error}"))?;
        let compact = json_layout::compact(json.get());
        let read = record_json::read(compact.as_bytes()).map_err(|error| match error {
            RecordJsonError::NoObject => "not a JSON object with key, value and headers".to_owned(),
            RecordJsonError::Syntax { reason, .. } => format!("not a record: {reason}"),
            RecordJsonError::Base64 { .. } => {
                "not a record: what is called base64 is none".to_owned()
            }
            other => other.to_string(),
        })?;
        let before = &self.patient.original;
        let value = match (&before.value, read.value) {
            (Some(old), Some(new)) if json_layout::is_same(old, &new) => Some(old.clone()),
            (_, new) => new,
        };
        let mut original = Original {
            key: read.key,
            value,
            headers: read.headers,
        };
        original.headers.retain(|header| !is_note(header));
        if original == *before {
            return Ok(None);
        }
        let origin = self.patient.origin.topic.as_deref();
        if let Some(catalog) = catalog {
            validate::check(catalog, &self.patient.topic, origin, &original)?;
        }
        Ok(Some(Edited {
            place: self.place,
            original,
        }))
    }
}

impl Edited {
    /// None was there to be edited, and so none is to be put back.
    pub fn nothing() -> Self {
        Edited {
            place: (-1, -1),
            original: Original::default(),
        }
    }

    /// That one as it was edited. Any other was not seen by anybody: another replay may have been quicker.
    pub(super) fn answers(&self, records: &[Record], patients: &[Patient]) -> Vec<Answer> {
        let answer = |patient: &Patient| {
            let record = &records[patient.at];
            match (record.partition, record.offset) == self.place {
                true => Ok(self.original.clone()),
                false => Err("another one was edited".to_owned()),
            }
        };
        patients.iter().map(answer).collect()
    }
}

/// A value that is JSON is laid out with the rest.
fn text(patient: &Patient) -> String {
    let value = patient.original.value.as_deref();
    let value = value.map(|value| match serde_json::from_slice::<&RawValue>(value) {
        Ok(json) => json_layout::compact(json.get()).into_bytes(),
        Err(_) => value.to_vec(),
    });
    let shown = Original {
        value,
        ..patient.original.clone()
    };
    let mut line = Vec::new();
    exec::write(patient, &shown, &mut line);
    json_layout::pretty(&String::from_utf8_lossy(&line)) + "\n"
}
