//! Where a run keeps files.

use crate::error::{Error, Result};
use tempfile::TempDir;

/// A folder of its own for a run, deleted when it is dropped; its name begins so.
///
/// # Errors
/// The system's folder for temporary files is not there, or cannot be written.
pub fn temporary_folder(prefix: &str) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|error| {
        Error::failed("cannot make a temporary folder")
            .caused_by(error)
            .hint("TMPDIR names another place for it")
    })
}
