//! A text that a person edits in an editor of his own.

use super::Ui;
use super::asking::Asking;
use crate::error::{Error, Result};
use std::io::Write;
use std::process::{Command, Stdio};

impl Ui {
    /// Opens `editor` (a program and its arguments, as a shell reads them) on a file that holds `text`, and gives what
    /// the file holds afterwards. `extension` says what kind of text it is (`.json`).
    ///
    /// # Errors
    /// Usage: the editor cannot be started. Failed: it ended with another status than 0, by which editors say that
    /// nothing is to be done.
    pub fn edit(&self, editor: &str, text: &str, extension: &str) -> Result<String> {
        let wrong = |why: String| {
            Error::usage(why).hint("`VISUAL` or `EDITOR` says which editor is opened, such as vi")
        };
        let words = shell_words::split(editor)
            .map_err(|error| wrong(format!("`{editor}` is no command")).caused_by(error))?;
        let Some((program, arguments)) = words.split_first() else {
            return Err(wrong("no editor is named".to_owned()));
        };
        let failed = |error| Error::failed("cannot keep the text in a file").caused_by(error);
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("eda-").suffix(extension);
        let mut file = builder.tempfile().map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.flush().map_err(failed)?;
        let status = {
            // Editors take the terminal, and one that is killed does not give it back.
            let _asking = Asking::begin();
            Command::new(program)
                .args(arguments)
                .arg(file.path())
                // Standard output is data, and may be a file.
                .stdout(Stdio::from(std::io::stderr()))
                .status()
                .map_err(|error| wrong(format!("cannot start `{program}`")).caused_by(error))?
        };
        if !status.success() {
            return Err(Error::failed(format!(
                "`{program}` ended with {status}, nothing was done"
            )));
        }
        // By its name: editors put a new file in the place of the old one.
        std::fs::read_to_string(file.path())
            .map_err(|error| Error::failed("cannot read what was edited").caused_by(error))
    }
}
