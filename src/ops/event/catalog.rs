//! The catalog in force: the built-in events, and the user's own from files.

use crate::error::{Error, Result};
use crate::model::event::{Catalog, EventType, documents};
use std::path::{Path, PathBuf};

/// Where a project keeps its events, when nobody says otherwise.
const FOLDER: &str = "events";

/// A schema is a page or two: more is the wrong file.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The built-in events and the user's: those at `named`, else in the folder `events` if there is one.
///
/// # Errors
/// Usage: the path is not there, or a file in it is no schema; which, and where in it.
pub fn catalog(named: Option<&Path>) -> Result<Catalog> {
    match named {
        Some(path) => Ok(Catalog::with(read(path)?)),
        None if Path::new(FOLDER).is_dir() => {
            let hint =
                "the folder `events` is the catalog unless `--events` or EDA_EVENTS names another";
            let events = read(Path::new(FOLDER));
            Ok(Catalog::with(events.map_err(|error| error.hint(hint))?))
        }
        None => Ok(Catalog::built_in().clone()),
    }
}

/// The events of a file, or of a folder's files, by their names.
///
/// # Errors
/// Usage: it cannot be read, is no schema, or two of them have one name and topic.
pub fn read(path: &Path) -> Result<Vec<EventType>> {
    let mut events: Vec<EventType> = Vec::new();
    for file in files(path)? {
        let shown = file.display();
        for event in read_file(&file)? {
            if events
                .iter()
                .any(|known| known.name == event.name && known.topic == event.topic)
            {
                return Err(Error::usage(format!(
                    "`{shown}` describes `{}` a second time",
                    event.name
                )));
            }
            events.push(event);
        }
    }
    Ok(events)
}

fn read_file(file: &Path) -> Result<Vec<EventType>> {
    let shown = file.display();
    let unreadable = |error| Error::usage(format!("cannot read `{shown}`")).caused_by(error);
    if std::fs::metadata(file).map_err(unreadable)?.len() > LARGEST {
        return Err(Error::usage(format!("`{shown}` is too large for a schema")));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    documents::read(&file.to_string_lossy(), &text)
        .map_err(|error| Error::usage(format!("`{shown}` describes no events")).caused_by(error))
}

/// The file itself, or the folder's JSON and YAML files in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let shown = path.display();
    let unreadable = |error| Error::usage(format!("cannot read `{shown}`")).caused_by(error);
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let is_hidden = name.starts_with('.');
        if !is_hidden && file.is_file() && (name.ends_with(".json") || documents::is_yaml(&name)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
