//! Where the outbox is, defined once.

use crate::commands::context::Context;
use crate::error::{Error, Result};
use crate::store::outbox::{self, Outbox, OutboxAddress, TableName};
use std::sync::Arc;

/// Where it is when nobody says otherwise.
const DEFAULT: &str = "sqlite:outbox.db";
const TABLE: &str = "outbox";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Outbox")]
pub struct PlaceArgs {
    /// The database: sqlite:PATH or postgres://[USER@]HOST[:PORT]/DATABASE [default: sqlite:outbox.db] [env: EDA_OUTBOX]
    #[arg(long, value_name = "ADDRESS")]
    db: Option<String>,

    /// The table, NAME or SCHEMA.NAME
    #[arg(long, value_name = "NAME", default_value = TABLE)]
    table: String,
}

/// A database, and a table in it.
pub struct Place {
    pub address: OutboxAddress,
    pub table: TableName,
    /// What follows a command for it to mean the same: ` --db … --table …` as they were given, or nothing. What comes
    /// from the environment, where it may hold a password, stays there.
    named: String,
}

impl PlaceArgs {
    /// Where it is, without asking anybody.
    ///
    /// # Errors
    /// Usage: what is no address or no name, or a password where others can read it.
    pub fn place(&self, context: &Context) -> Result<Place> {
        Ok(Place {
            address: self.address(context)?,
            table: self.table.parse()?,
            named: self.named(),
        })
    }

    /// A password is not among it: it is refused as an argument.
    fn named(&self) -> String {
        let mut named = String::new();
        if let Some(address) = &self.db {
            named = format!(" --db {}", shell_words::quote(address));
        }
        if self.table != TABLE {
            named += &format!(" --table {}", shell_words::quote(&self.table));
        }
        named
    }

    /// The outbox, opened.
    ///
    /// # Errors
    /// Those of [`PlaceArgs::place`], and that the database does not answer or refuses.
    pub async fn open(&self, context: &Context) -> Result<Arc<dyn Outbox>> {
        self.place(context)?.open(context).await
    }

    fn address(&self, context: &Context) -> Result<OutboxAddress> {
        if let Some(text) = &self.db {
            let address: OutboxAddress = text.parse()?;
            return match address.has_password() {
                true => Err(Error::usage(
                    "a password in `--db` can be read by every user of this machine",
                )
                .hint("set EDA_OUTBOX to the address instead")),
                false => Ok(address),
            };
        }
        match &context.settings.outbox {
            Some(text) => text
                .parse()
                .map_err(|error: Error| error.context("EDA_OUTBOX")),
            None => DEFAULT.parse(),
        }
    }
}

impl Place {
    /// The outbox, opened.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub async fn open(&self, context: &Context) -> Result<Arc<dyn Outbox>> {
        let timeout = context.settings.timeout;
        outbox::open_named(&self.address, &self.table, timeout, &self.named).await
    }
}
