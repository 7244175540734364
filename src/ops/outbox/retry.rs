//! `eda outbox retry`: plan, then make dead events pending again.

use super::status::{DEAD_HEADERS, Dead};
use crate::consent::Consent;
use crate::error::{Error, Result, Status};
use crate::report::{Cell, Report, Table, Tone};
use crate::store::outbox::Outbox;
use crate::store::outbox::error_of;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// So many dead events are looked through for those that are named.
const LOOKED_AT: usize = 100_000;
/// So many are shown.
const SHOWN: usize = 20;

/// The dead events that would be pending again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryPlan {
    /// How many.
    dead: u64,
    /// The first of them, by position.
    events: Vec<Dead>,
    /// Those that were named and are not dead.
    not_dead: Vec<String>,
    /// Empty: all.
    #[serde(skip)]
    ids: Vec<String>,
}

/// A UUID is one, however it is written.
fn usual(id: &str) -> String {
    match uuid::Uuid::parse_str(id) {
        Ok(uuid) => uuid.to_string(),
        Err(_) => id.to_owned(),
    }
}

/// Looks them up; `ids` empty means all.
///
/// # Errors
/// The database does not answer; or none of those that were named is dead.
pub async fn plan(outbox: &dyn Outbox, ids: &[String]) -> Result<RetryPlan> {
    let counts = outbox.counts().await.map_err(error_of)?;
    if ids.is_empty() {
        let events = outbox.dead(SHOWN).await.map_err(error_of)?;
        return Ok(RetryPlan {
            dead: counts.dead,
            events: events.into_iter().map(Dead::from).collect(),
            not_dead: Vec::new(),
            ids: Vec::new(),
        });
    }
    let mut wanted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let mut spellings: BTreeMap<String, &str> =
        ids.iter().map(|id| (usual(id), id.as_str())).collect();
    spellings.extend(ids.iter().map(|id| (id.clone(), id.as_str())));
    let mut found = Vec::new();
    let mut events = Vec::new();
    for event in outbox.dead(LOOKED_AT).await.map_err(error_of)? {
        if let Some(named) = spellings.get(&event.id) {
            wanted.remove(named);
            found.push(event.id.clone());
            if events.len() < SHOWN {
                events.push(Dead::from(event));
            }
        }
    }
    // Beyond what was looked through it may be dead all the same: it is asked for, and the outcome says.
    if counts.dead > LOOKED_AT as u64 {
        found.extend(wanted.iter().map(|id| (*id).to_owned()));
        wanted.clear();
    }
    if found.is_empty() {
        let named: Vec<String> = wanted.iter().map(|id| format!("`{id}`")).collect();
        let are = if named.len() == 1 { "is" } else { "are" };
        return Err(
            Error::failed(format!("{} {are} not dead", named.join(", "))).hint(format!(
                "`eda outbox status{}` lists the dead events",
                outbox.named()
            )),
        );
    }
    Ok(RetryPlan {
        dead: found.len() as u64,
        events,
        not_dead: wanted.into_iter().map(str::to_owned).collect(),
        ids: found,
    })
}

impl RetryPlan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.dead == 0
    }
}

impl Report for RetryPlan {
    fn table(&self) -> Table {
        let mut table =
            Table::new(&DEAD_HEADERS, "no event is dead").titled("would be pending again");
        for event in &self.events {
            table.row(event.row());
        }
        let untold = self.dead.saturating_sub(self.events.len() as u64);
        if untold > 0 {
            table.note(format!("and {untold} more"), Tone::Plain);
        }
        for id in &self.not_dead {
            table.note(format!("`{id}` is not dead"), Tone::Warn);
        }
        table
    }
}

/// Which are pending again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryOutcome {
    /// How many.
    retried: u64,
    /// The first of them.
    ids: Vec<String>,
    /// Those that were named and were not dead.
    not_dead: Vec<String>,
}

/// Makes them pending again, with no attempts.
///
/// # Errors
/// The database does not answer.
pub async fn retry(
    outbox: &dyn Outbox,
    plan: RetryPlan,
    _consent: Consent,
) -> Result<RetryOutcome> {
    let mut ids = outbox.retry(&plan.ids).await.map_err(error_of)?;
    let mut not_dead = plan.not_dead;
    let done: BTreeSet<String> = match plan.ids.is_empty() {
        true => BTreeSet::new(),
        false => ids.iter().map(|id| usual(id)).collect(),
    };
    let is_left = |id: &String| !done.contains(&usual(id));
    not_dead.extend(plan.ids.into_iter().filter(is_left));
    not_dead.sort();
    let retried = ids.len() as u64;
    ids.truncate(SHOWN);
    Ok(RetryOutcome {
        retried,
        ids,
        not_dead,
    })
}

impl Report for RetryOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["ID", "RESULT"], "no event is dead");
        for id in &self.ids {
            table.row([id.as_str().into(), "pending".into()]);
        }
        let untold = self.retried.saturating_sub(self.ids.len() as u64);
        if untold > 0 {
            table.note(format!("and {untold} more are pending"), Tone::Plain);
        }
        for id in &self.not_dead {
            table.row([id.as_str().into(), Cell::from("not dead").tone(Tone::Bad)]);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(Status::failed_if(!self.not_dead.is_empty()))
    }

    fn effect(&self) -> Option<String> {
        match self.retried {
            0 => None,
            1 => Some("1 event is pending again all the same".to_owned()),
            count => Some(format!("{count} events are pending again all the same")),
        }
    }
}
