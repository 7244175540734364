//! A SQLite file: how it is opened, and what its errors mean.

use crate::error::Error;
use crate::store::Outage;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::OpenOptions;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Makes the file where there is none, and sees whether it may be written.
pub fn make_file(path: &Path) -> Result<(), Error> {
    see_file(path, true)
}

/// Sees whether a file may be written, without making it. SQLite says of all that is wrong with a path that it cannot
/// open the file, the system says why.
pub fn see_file(path: &Path, create: bool) -> Result<(), Error> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .open(path);
    opened.map(drop).map_err(|error| {
        let message = format!("cannot open the SQLite file `{}`", path.display());
        match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Error::failed(message)
            }
            _ => Error::usage(message),
        }
        .caused_by(error)
    })
}

/// A connection to a file that is there.
pub fn prepared(path: &Path, busy: Duration) -> rusqlite::Result<Connection> {
    // A path is a path, also when it looks like SQLite's URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Tries again while somebody else has the file, where SQLite itself does not wait.
pub fn patiently<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome,
        }
    }
}

/// What SQLite says of a file when it is opened.
pub fn refused(path: &Path, table: &str, error: rusqlite::Error) -> Error {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::usage(format!("`{path}` is not an SQLite database"))
                .hint("name a file of its own, which is made where it is missing")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::unreachable(format!("`{path}` is locked by another process")).caused_by(error)
        }
        // A table or a column: what SQLite calls an error of the statement.
        Some(ErrorCode::Unknown) => Error::failed(format!(
            "the table `{table}` in `{path}` is not one that eda made"
        ))
        .caused_by(error)
        .hint("name another file"),
        _ => Error::failed(format!("cannot use the SQLite file `{path}`")).caused_by(error),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// The machine's clock, in milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, crate::store::stored::milliseconds)
}

/// What SQLite says of a file while it is used.
pub fn outage(path: &str, error: &rusqlite::Error) -> Outage {
    let message = format!("SQLite file `{path}`: {error}");
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
            | ErrorCode::SchemaChanged,
        ) => Outage::passing(message),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Outage::barred(message)
        }
        _ => Outage::lasting(message),
    }
}
