//! The flags that change dead letters on their way back.

use crate::commands::arguments;
use crate::commands::context::Context;
use crate::commands::global::EventsArgs;
use crate::error::{Error, Result};
use crate::model::event::{Assignment, Edits};
use crate::ops::dlq::{Filter, FilterOptions, How, Repair};
use crate::ops::stop::Stop;
use crate::settings;
use clap::ArgGroup;
use std::time::Duration;

/// How they are changed, and by what they are checked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How they are repaired")]
#[command(group(ArgGroup::new("repair").args(["set", "unset", "exec", "edit"]).multiple(true)))]
pub struct RepairArgs {
    /// Set a field of the JSON value (can be repeated); values are JSON, else text
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Assignment>,

    /// Take a field out of the JSON value (can be repeated); before anything is set
    #[arg(long, value_name = "PATH")]
    unset: Vec<String>,

    /// Make them anew by a filter: a record a line in, as `eda dlq show --json` has it, and a line each out; no shell
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["set", "unset"])]
    exec: Option<String>,

    /// How long the filter may take for a batch of up to 256 [default: 60s]
    #[arg(long, value_name = "DURATION", requires = "exec", value_parser = arguments::positive)]
    exec_timeout: Option<Duration>,

    /// Edit the one that is chosen, as JSON, in $VISUAL or $EDITOR
    #[arg(long, conflicts_with_all = ["set", "unset", "exec"])]
    pub edit: bool,

    /// Put back what was repaired even if it is no valid event of the catalog
    #[arg(long, requires = "repair")]
    no_validate: bool,

    #[command(flatten)]
    events: EventsArgs,
}

impl RepairArgs {
    /// Whether a program is started, which has to be stopped with us.
    pub fn starts_a_program(&self) -> bool {
        self.exec.is_some()
    }

    /// What is to be changed; the catalog is only read when something is. `stop` ends what is started for it.
    ///
    /// # Errors
    /// Usage: a path that is none, an assignment that would undo another, a program that is not there, a catalog that
    /// cannot be read.
    pub fn repair(self, context: &Context, stop: Stop) -> Result<Repair> {
        let how = match self.exec {
            Some(command) => How::Exec(Filter::new(FilterOptions {
                argv: arguments::words("--exec", &command)?,
                command,
                environment: settings::environment(),
                timeout: self.exec_timeout.unwrap_or(Filter::TIMEOUT),
                stop,
            })?),
            None if self.set.is_empty() && self.unset.is_empty() => How::Nothing,
            None => {
                let edits = Edits::new(self.unset, self.set);
                How::Set(edits.map_err(|error| Error::usage(error.to_string()))?)
            }
        };
        let is_checked = !self.no_validate && (self.edit || !matches!(how, How::Nothing));
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
