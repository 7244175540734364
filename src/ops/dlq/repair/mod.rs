//! What is changed about dead letters on their way back, and whether they are right then.
//!
//! A stage of [`resolve`](super::resolve), between where a letter goes and what it weighs, in the plan and in the replay
//! alike. Only what is changed by it counts as repaired, is checked, and is marked; everything else is put back as it
//! was.

mod edit;
mod exec;
mod validate;

#[cfg(test)]
mod tests;

pub use edit::{Chosen, Edited, choose};
pub use exec::{Filter, FilterOptions};

use super::park;
use super::resolve::{REPLAY_PREFIX, Resolved, Route};
use super::stay::Stay;
use crate::error::{Result, Status};
use crate::model::dead_letter::{Origin, Original, original};
use crate::model::duration::human;
use crate::model::event::{Catalog, Edits};
use crate::model::record::{Header, Record};
use serde::Serialize;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is changed about dead letters, and by what they are checked then.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    pub how: How,
    /// The events there are; `None`: whatever comes of a repair is put back.
    pub catalog: Option<Catalog>,
    /// Where the user's own events are, as the command line says it.
    pub events: Option<String>,
}

/// How dead letters are changed.
#[derive(Clone, Debug, Default)]
pub enum How {
    /// Not at all.
    #[default]
    Nothing,
    /// Fields of their values.
    Set(Edits),
    /// A program makes them anew.
    Exec(Filter),
    /// A person has edited one of them.
    Edit(Edited),
}

/// A dead letter that stays since it could not be repaired, and why.
#[derive(Debug, Serialize)]
pub(super) struct Unrepaired {
    pub(super) record: String,
    pub(super) error: String,
}

/// A letter that has somewhere to go.
#[derive(Debug)]
struct Patient {
    /// Its number among the letters.
    at: usize,
    topic: Arc<str>,
    /// Where it died, as far as that is known.
    origin: Origin,
    /// As it would be put back.
    original: Original,
    /// What replays and parking have noted on it.
    notes: Vec<Header>,
}

/// The repaired record, or why there is none.
type Answer = Result<Original, String>;

impl Repair {
    /// Whether anything is to be changed.
    pub fn is_nothing(&self) -> bool {
        matches!(self.how, How::Nothing)
    }

    /// The word for it: the flag without its dashes, and the value of the header that marks what was repaired.
    pub(super) fn word(&self) -> Option<&'static str> {
        match self.how {
            How::Nothing => None,
            How::Set(_) => Some("set"),
            How::Exec(_) => Some("exec"),
            How::Edit(_) => Some("edit"),
        }
    }

    /// The flags that ask for the same.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        match &self.how {
            How::Nothing => return words,
            How::Set(edits) => {
                let unset = edits.unset().iter();
                unset.for_each(|path| add("--unset", path.clone()));
                let set = edits.set().iter();
                set.for_each(|assignment| add("--set", assignment.to_string()));
            }
            How::Edit(_) => {}
            How::Exec(filter) => {
                add("--exec", filter.command().to_owned());
                if filter.timeout() != Filter::TIMEOUT {
                    add("--exec-timeout", human(filter.timeout()));
                }
            }
        }
        if matches!(self.how, How::Edit(_)) {
            words.push("--edit".to_owned());
        }
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        if let Some(events) = &self.events {
            add("--events", events.clone());
        }
        if self.catalog.is_none() {
            words.push("--no-validate".to_owned());
        }
        words
    }

    /// Nobody takes what it is in the middle of: a program that runs is ended.
    pub(super) fn end(&self) {
        if let How::Exec(filter) = &self.how {
            filter.end();
        }
    }

    /// How it is to end early, if somebody wants that.
    pub(super) fn stopped(&self) -> Option<Status> {
        match &self.how {
            How::Exec(filter) => filter.stopped(),
            How::Nothing | How::Set(_) | How::Edit(_) => None,
        }
    }

    /// Repairs the letters that are wanted and have somewhere to go; those that cannot be repaired stay. To be used on
    /// blocking threads of the runtime.
    ///
    /// # Errors
    /// None of them can be repaired, since the program failed that was to do it, or was stopped.
    pub(super) fn run(
        &self,
        runtime: &Handle,
        records: &[Record],
        resolved: &mut [Resolved],
    ) -> Result<()> {
        if self.is_nothing() {
            return Ok(());
        }
        let patients: Vec<Patient> = records
            .iter()
            .zip(&*resolved)
            .enumerate()
            .filter_map(|(at, (record, resolved))| patient(at, record, resolved))
            .collect();
        let answers = self.answers(runtime, records, &patients)?;
        for (patient, answer) in patients.into_iter().zip(answers) {
            self.put(patient, answer, resolved);
        }
        Ok(())
    }

    fn answers(
        &self,
        runtime: &Handle,
        records: &[Record],
        patients: &[Patient],
    ) -> Result<Vec<Answer>> {
        let each = patients.iter().map(|patient| &patient.original);
        match &self.how {
            How::Nothing => Ok(Vec::new()),
            How::Set(edits) => Ok(each.map(|original| set(edits, original)).collect()),
            How::Exec(filter) => filter.answers(runtime, records, patients),
            How::Edit(edited) => Ok(edited.answers(records, patients)),
        }
    }

    fn put(&self, patient: Patient, answer: Answer, resolved: &mut [Resolved]) {
        let resolved = &mut resolved[patient.at];
        let mut repaired = match answer {
            Ok(mut repaired) => {
                repaired.headers.retain(|header| !is_note(header));
                if repaired == patient.original {
                    return;
                }
                repaired
            }
            Err(reason) => {
                resolved.route = Route::Stays(Stay::Unrepaired(reason));
                return;
            }
        };
        let origin = resolved.letter.as_ref();
        let origin = origin.and_then(|letter| letter.origin.topic.as_deref());
        let origin = origin.or(resolved.by_name.as_deref());
        if let Some(catalog) = &self.catalog
            && let Err(problem) = validate::check(catalog, &patient.topic, origin, &repaired)
        {
            resolved.route = Route::Stays(Stay::Invalid(problem));
            return;
        }
        // Another key has another partition, where its like are.
        if let Route::To(_, partition) = &mut resolved.route
            && repaired.key.is_some()
            && repaired.key != patient.original.key
        {
            *partition = None;
        }
        resolved.has_other_key = repaired.key != patient.original.key;
        repaired.headers.extend(patient.notes);
        resolved.original = Some(repaired);
        resolved.repaired = self.word();
    }
}

/// `None`: there is nothing of it that could be repaired.
fn patient(at: usize, record: &Record, resolved: &Resolved) -> Option<Patient> {
    let Route::To(topic, _) = &resolved.route else {
        return None;
    };
    let mut original = match (&resolved.original, &resolved.letter) {
        (Some(fetched), _) => fetched.clone(),
        (None, Some(letter)) => original(record, letter)?,
        (None, None) => Original {
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record.headers.clone(),
        },
    };
    let notes = original.headers.extract_if(.., |header| is_note(header));
    let notes = notes.collect();
    Some(Patient {
        at,
        topic: Arc::clone(&topic.name),
        origin: resolved
            .letter
            .as_ref()
            .map(|letter| letter.origin.clone())
            .unwrap_or_default(),
        original,
        notes,
    })
}

/// Whether a header was never the record's own.
fn is_note(header: &Header) -> bool {
    header.name.starts_with(REPLAY_PREFIX) || park::is_note(header)
}

fn set(edits: &Edits, original: &Original) -> Answer {
    let value = original.value.as_deref().unwrap_or_default();
    let value = edits.apply(value).map_err(|error| error.to_string())?;
    Ok(Original {
        value: Some(value.into_bytes()),
        ..original.clone()
    })
}
