//! The flags that change dead letters on their way back.

use crate::commands::context::Context;
use crate::commands::global::EventsArgs;
use crate::error::{Error, Result};
use crate::model::event::{Assignment, Edits};
use crate::ops::dlq::{How, Repair};
use clap::ArgGroup;

/// How they are changed, and by what they are checked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How they are repaired")]
#[command(group(ArgGroup::new("repair").args(["set", "unset"]).multiple(true)))]
pub struct RepairArgs {
    /// Set a field of the JSON value (can be repeated); values are JSON, else text
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Assignment>,

    /// Take a field out of the JSON value (can be repeated); before anything is set
    #[arg(long, value_name = "PATH")]
    unset: Vec<String>,

    /// Put back what was repaired even if it is no valid event of the catalog
    #[arg(long, requires = "repair")]
    no_validate: bool,

    #[command(flatten)]
    events: EventsArgs,
}

impl RepairArgs {
    /// What is to be changed; the catalog is only read when something is.
    ///
    /// # Errors
    /// Usage: a path that is none, an assignment that would undo another, a catalog that cannot be read.
    pub fn repair(self, context: &Context) -> Result<Repair> {
        let how = match (self.set.as_slice(), self.unset.as_slice()) {
            ([], []) => How::Nothing,
            _ => {
                let edits = Edits::new(self.unset, self.set);
                How::Set(edits.map_err(|error| Error::usage(error.to_string()))?)
            }
        };
        let is_checked = !(self.no_validate || matches!(how, How::Nothing));
        let catalog = match is_checked {
            true => Some(context.catalog(&self.events)?),
            false => None,
        };
        let events = self.events.events.filter(|_| is_checked);
        Ok(Repair {
            how,
            catalog,
            events: events.map(|path| path.to_string_lossy().into_owned()),
        })
    }
}
