//! The flag of an audit, defined once.

use crate::ops::dlq::{Audit, AuditTo};
use crate::settings;

/// Who did what.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Who did what")]
pub struct AuditArgs {
    /// Append a line of JSON to FILE, or a record to the topic NAME, for what is begun, each transaction and the end: who,
    /// when, by which command, which offsets, how many to which topic. Of the letters no key, value or header;
    /// the command as it was given, but for the values of --set and the arguments of --exec
    #[arg(long, value_name = "FILE|topic:NAME")]
    audit: Option<AuditTo>,
}

impl AuditArgs {
    /// What was asked for, in the name of who asks.
    pub fn wanted(self) -> Option<Audit> {
        let user = settings::user();
        self.audit.map(|to| Audit { to, user })
    }
}
