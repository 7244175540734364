//! The thread that has the file, and what it keeps in mind.

use super::claim::Memory;
use crate::error::Error;
use crate::store::Outage;
use crate::store::outbox::sql::{Shape, Sql};
use crate::store::outbox::{TableName, error_of};
use crate::store::sqlite::file::{outage, prepared, refused, see_file};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Something to do on the thread.
pub type Job = Box<dyn FnOnce(&mut File) + Send>;

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    Sqlite(rusqlite::Error),
    Outage(Outage),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Trouble::Sqlite(error)
    }
}

impl From<Outage> for Trouble {
    fn from(outage: Outage) -> Self {
        Trouble::Outage(outage)
    }
}

/// The file, and what is known of it.
#[derive(Debug)]
pub struct File {
    pub path: PathBuf,
    pub shown: String,
    /// What follows a command of ours for it to mean this outbox.
    pub named: String,
    pub table: TableName,
    pub busy: Duration,
    /// `None` while there is no file.
    pub connection: Option<Connection>,
    /// When the table is known to be there.
    pub sql: Option<Sql>,
    pub memory: Memory,
    /// The file's version before the last claim.
    pub version: i64,
}

impl File {
    /// Opens the file, when it is there. It is not made.
    fn open(&mut self) -> Result<(), Trouble> {
        if self.path.exists() {
            self.see()?;
            let connection = prepared(&self.path, self.busy)?;
            // Reads the first page: whether it is a database.
            let version = "SELECT count(*) FROM sqlite_master";
            connection.query_row(version, [], |row| row.get::<_, i64>(0))?;
            self.connection = Some(connection);
            return Ok(());
        }
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        match folder.is_none_or(|folder| folder.is_dir()) {
            true => Ok(()),
            // It fails, and says why.
            false => self.see(),
        }
    }

    fn see(&self) -> Result<(), Trouble> {
        let seen = see_file(&self.path, false);
        Ok(seen.map_err(|error| Outage::barred(error.one_line()))?)
    }

    /// What is wrong with the file when it is opened.
    fn refusal(&self, trouble: Trouble) -> Error {
        match trouble {
            Trouble::Outage(outage) => error_of(outage),
            Trouble::Sqlite(error) => match outage(&self.shown, &error) {
                outage if outage.barred => error_of(outage),
                _ => refused(&self.path, self.table.name(), error),
            },
        }
    }

    /// The connection, when there is a file by now.
    pub fn connected(&mut self) -> Result<Option<&Connection>, Trouble> {
        if self.connection.is_none() {
            self.open()?;
        }
        Ok(self.connection.as_ref())
    }

    /// The connection and its questions, when all is there.
    pub fn ready(&mut self) -> Result<(&Connection, Sql), Trouble> {
        if self.sql.is_none() {
            let shape = match self.connected()? {
                Some(_) => match &self.connection {
                    Some(connection) => self.look(connection)?,
                    None => Shape::Missing,
                },
                None => Shape::Missing,
            };
            match shape {
                Shape::Own | Shape::Foreign { with_state: true } => {
                    self.sql = Some(Sql::new('?', &self.table, shape));
                }
                Shape::Missing => return Err(self.not_made(&self.table.to_string()).into()),
                Shape::Foreign { with_state: false } => {
                    return Err(self.not_made(&format!("{}_relay", self.table)).into());
                }
            }
        }
        match (&self.connection, &self.sql) {
            (Some(connection), Some(sql)) => Ok((connection, sql.clone())),
            _ => Err(self.not_made(&self.table.to_string()).into()),
        }
    }

    fn not_made(&self, table: &str) -> Outage {
        let message = format!(
            "there is no table `{table}` in `{}`: `eda outbox init{}` makes it",
            self.shown, self.named
        );
        match self.connection {
            Some(_) => Outage::lasting(message),
            None => Outage::barred(message), // There is no file either.
        }
    }

    /// A transaction that nobody else writes beside.
    pub fn begin(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
        Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
    }

    /// In a sentence, and whether it will pass. What was known of the table may not be so any more.
    pub fn outage(&mut self, trouble: Trouble) -> Outage {
        let error = match trouble {
            Trouble::Outage(outage) => return outage,
            Trouble::Sqlite(error) => error,
        };
        let outage = outage(&self.shown, &error);
        if outage.passing {
            return outage;
        }
        self.sql = None;
        self.memory = Memory::default();
        match error.to_string().contains("no such table") {
            true => Outage::lasting(format!(
                "{}: `eda outbox init{}` makes it",
                outage.message, self.named
            )),
            false => outage,
        }
    }
}

/// What is answered survives a power cut, too. (Of what relays write down the last may be lost: it is done again.)
pub fn durably<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let outcome = work();
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    outcome
}

/// Starts the thread. It says whether it could open the file, and ends when nobody can ask any more.
pub fn start(
    mut file: File,
    mut jobs: mpsc::Receiver<Job>,
    opened: oneshot::Sender<Result<(), Error>>,
) -> std::io::Result<()> {
    let thread = thread::Builder::new().name("eda-outbox".to_owned());
    thread.spawn(move || {
        let outcome = file.open().and_then(|()| match &file.connection {
            // Whether it is an outbox, or may become one.
            Some(connection) => file.look(connection).map(drop),
            None => Ok(()),
        });
        let goes_on = outcome.is_ok();
        let outcome = outcome.map_err(|trouble| file.refusal(trouble));
        let _ = opened.send(outcome); // Who asked may have gone.
        if goes_on {
            while let Some(job) = jobs.blocking_recv() {
                job(&mut file);
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::file::make_file;

    #[test]
    fn what_is_added_is_on_the_disk_and_what_relays_write_need_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.db");
        make_file(&path).unwrap();
        let connection = prepared(&path, Duration::from_secs(5)).unwrap();
        let level = || connection.pragma_query_value(None, "synchronous", |row| row.get(0));
        let [normal, full] = [1, 2];
        assert_eq!(level(), Ok(normal));
        let within = durably(&connection, || Ok(level()?));
        assert_eq!(within.unwrap(), full);
        let failed = durably(&connection, || -> Result<(), Trouble> {
            Err(Outage::lasting("no").into())
        });
        assert!(failed.is_err());
        assert_eq!(level(), Ok(normal));
    }
}
