//! `eda outbox init`: plan, then make what is missing, in one transaction.

use crate::consent::Consent;
use crate::error::Result;
use crate::report::{Report, Table};
use crate::store::outbox::error_of;
use crate::store::outbox::{NO_SCHEMA, Outbox};
use serde::Serialize;

/// The SQL that is to be run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitPlan {
    database: String,
    table: String,
    /// Empty when all is there.
    sql: String,
}

/// Looks what is missing of the outbox.
///
/// # Errors
/// The database does not answer, or refuses to say.
pub async fn plan(outbox: &dyn Outbox, database: &str, table: &str) -> Result<InitPlan> {
    let sql = outbox.missing().await.map_err(|outage| {
        error_of(outage).context(format!(
            "could not look for table `{table}` in `{database}`"
        ))
    })?;
    Ok(InitPlan {
        database: database.to_owned(),
        table: table.to_owned(),
        sql,
    })
}

impl InitPlan {
    /// Whether all is there.
    pub fn is_empty(&self) -> bool {
        self.sql.trim().is_empty()
    }

    /// The SQL alone, a line at least.
    pub fn sql(&self) -> String {
        match self.is_empty() {
            true => String::new(),
            false => format!("{}\n", self.sql.trim_end()),
        }
    }
}

impl Report for InitPlan {
    fn table(&self) -> Table {
        let empty = format!(
            "nothing to do: table `{}` is there in `{}`",
            self.table, self.database
        );
        let mut table = Table::new(&["SQL"], empty).titled(format!(
            "would make table `{}` in `{}`, in one transaction",
            self.table, self.database
        ));
        for line in self.sql.trim_end().lines() {
            table.row([line.into()]);
        }
        table
    }
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitOutcome {
    database: String,
    table: String,
    created: bool,
}

/// Makes what is missing: all of it or nothing.
///
/// # Errors
/// The database does not answer, or refuses; nothing was made when it has refused.
pub async fn init(outbox: &dyn Outbox, plan: InitPlan, _consent: Consent) -> Result<InitOutcome> {
    let InitPlan {
        database, table, ..
    } = plan;
    outbox.create().await.map_err(|outage| {
        let tried = format!("could not make table `{table}` in `{database}`");
        // Who got no answer does not know; all of it was made, or nothing.
        let (known, hint) = match outage.passing {
            true => (
                "whether it was made is not known",
                format!(
                    "`eda outbox init --dry-run{}` shows what is missing",
                    outbox.named()
                ),
            ),
            false if outage.message.starts_with(NO_SCHEMA) => (
                "nothing was changed",
                "have the schema made first, or name another with `--table SCHEMA.NAME`".to_owned(),
            ),
            false => (
                "nothing was changed",
                format!(
                    "`eda outbox init --print{}` shows the SQL, for somebody who may run it",
                    outbox.named()
                ),
            ),
        };
        let tried = format!("{tried}; {known}");
        error_of(outage).context(tried).hint(hint)
    })?;
    Ok(InitOutcome {
        database,
        table,
        created: true,
    })
}

impl Report for InitOutcome {
    fn table(&self) -> Table {
        let mut table = Table::new(&["TABLE", "DATABASE", "RESULT"], "");
        table.row([
            self.table.as_str().into(),
            self.database.as_str().into(),
            "created".into(),
        ]);
        table
    }

    fn effect(&self) -> Option<String> {
        Some(format!("table `{}` was made all the same", self.table))
    }
}
