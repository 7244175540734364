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

/// For the end of the help.
pub const REPAIRS: &str = "\
Repairs:
  First it is settled where a letter goes, then it is repaired, then weighed; --dry-run does the
  same. What was changed is checked if the catalog has its event: by its topic, else by the
  eventType, ce_type or CloudEvent's type that it says. What would be wrong then stays, and so
  does what cannot be repaired, with the reason; the exit status is 1. What was not changed is put
  back byte for byte, unchecked. What was has the header eda-replay-repaired: set, exec or edit. A
  key that was changed chooses the partition anew.
  --set, --unset Paths are names with . between them, and [N] for the item N of a list, from 0,
                 such as items[0].sku. Missing objects are made, and a list grows by its next
                 item. What is JSON is set as such, and all else as text: 5 is a number, \"5\" in
                 quotes is text. The rest of the value stays byte for byte.
  --exec         The command is called for a letter at least twice, for the plan and for the replay,
                 so it must have no effects. It is given up to 256 records at once until its input ends,
                 each a line of JSON as it would be put back, with the coordinates of its origin,
                 -1 where they are not known. It answers a line for each, in the same order: the
                 record, of which key, value and headers are taken (a key or headers left out are
                 gone, a value may not be); or null, or an empty line, and the letter stays.
                 Another exit status than 0, another number of lines, more than 64 MiB, or no end
                 within --exec-timeout end the replay, and nothing of that batch is put back.
  --edit         For one letter, on a terminal: $VISUAL or $EDITOR is opened on it, as JSON. What
                 was changed is shown, then the plan. An editor that fails (:cq) puts nothing
                 back.";

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
        if matches!(how, How::Nothing) && !self.edit && self.events.events.is_some() {
            let text = "`--events` is for what is repaired, and nothing is to be";
            return Err(Error::usage(text).hint("give `--set`, `--unset`, `--exec` or `--edit`"));
        }
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
