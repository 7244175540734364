//! Who we talk with: the only folder that knows the terminal.
//!
//! [`Ui`] decides once how to speak (format, colour, width, whether anybody can be asked) and owns stdout and
//! stderr. stdout is data: only [`Ui::report`] and [`Ui::records`] write it. Everything else goes to stderr.
//!
//! - [`style`]: tones and labels to colours; - [`table`], [`json`], [`plain`]: one renderer each;
//! - [`record`]: records as they stream by; - [`prompt`]: questions, and the consent to a change;
//! - `editor`: a text edited by a person, and what he changed in it; - [`asking`]: a terminal left in order when a question is cut short;
//! - [`live`]: a report that is shown again and again; [`screen`]: the whole terminal, taken and given back; - [`progress`]: a bar while somebody waits; - [`working`]: a line
//!   while work goes on, and what is said meanwhile; - [`escape`]: nothing reaches a terminal raw.

pub mod asking;
mod diff;
mod editor;
pub mod escape;
mod json;
pub mod live;
mod plain;
pub mod progress;
pub mod prompt;
pub mod record;
pub mod screen;
mod style;
mod table;
mod value;
pub mod working;

use crate::error::{Error, Kind, Result, Status};
use crate::model::template::Template;
use crate::report::{Report, Table, Tone};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;

/// How reports and records are written to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people; records are lines on a terminal and NDJSON in a pipe.
    #[default]
    Table,
    /// One document a report; records are NDJSON.
    Json,
    /// Tab-separated without headers, for awk.
    Plain,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

/// What the command line says about output and questions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    pub format: Format,
    pub colour: Colour,
    pub quiet: bool,
    pub no_input: bool,
}

/// stdout as the system gives it: what cannot be written is an error. The standard library's own takes a descriptor that
/// is not open for writing for one that swallows everything.
fn stdout() -> std::io::Result<File> {
    let out = std::io::stdout().as_fd().try_clone_to_owned()?;
    Ok(File::from(out))
}

/// The one voice of the program.
#[derive(Clone, Debug)]
pub struct Ui {
    manner: Manner,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    can_ask: bool,
}

impl Ui {
    /// Looks at the three standard streams once.
    pub fn new(manner: Manner) -> Self {
        let stderr_is_terminal = std::io::stderr().is_terminal();
        style::prepare();
        Ui {
            manner,
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal,
            can_ask: !manner.no_input && stderr_is_terminal && std::io::stdin().is_terminal(),
        }
    }

    /// Whether a missing value can be asked for.
    pub fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Whether people read stdout.
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// The format asked for.
    pub fn format(&self) -> Format {
        self.manner.format
    }

    fn colour_choice(&self) -> Option<anstream::ColorChoice> {
        match self.manner.colour {
            Colour::Auto => None,
            Colour::Always => Some(anstream::ColorChoice::AlwaysAnsi),
            Colour::Never => Some(anstream::ColorChoice::Never),
        }
    }

    /// stdout that strips colours where nobody wants them. Decided by --color, then NO_COLOR, then the terminal.
    fn stdout(&self) -> std::io::Result<BufWriter<anstream::AutoStream<File>>> {
        let raw = stdout()?;
        // Unbuffered it would be written to a word at a time.
        Ok(BufWriter::new(match self.colour_choice() {
            Some(choice) => anstream::AutoStream::new(raw, choice),
            None => anstream::AutoStream::auto(raw),
        }))
    }

    fn stderr(&self) -> anstream::AutoStream<std::io::StderrLock<'static>> {
        let raw = std::io::stderr().lock();
        match self.colour_choice() {
            Some(choice) => anstream::AutoStream::new(raw, choice),
            None => anstream::AutoStream::auto(raw),
        }
    }

    /// Writes what a command found or did, and gives how the command ends: also when the reader of stdout is gone,
    /// for a failed item has failed whoever looks.
    pub fn report(&self, report: &impl Report) -> Result<Status> {
        let status = report.status()?;
        let written = self.write(report).map_err(Error::output);
        self.failures(report);
        match written {
            Err(error) if error.kind() != Kind::BrokenPipe => Err(match report.effect() {
                Some(effect) => error.adding(&effect),
                None => error,
            }),
            _ => Ok(status),
        }
    }

    fn write(&self, report: &impl Report) -> std::io::Result<()> {
        let mut out = self.stdout()?;
        match self.manner.format {
            Format::Json => json::write(report, &mut out)?,
            Format::Plain => {
                let table = report.table();
                plain::write(&table, &mut out)?;
                // Rows come before what is said of them.
                out.flush()?;
                self.notes(&table);
            }
            Format::Table => {
                let table = report.table();
                if table.rows.is_empty() && table.more.is_empty() {
                    self.notes(&table);
                } else {
                    table::write(&table, self.stdout_is_terminal, self.styled(), &mut out)?;
                }
            }
        }
        out.flush()
    }

    /// What is no row, on stderr: that there are none, and what went wrong.
    fn notes(&self, table: &Table) {
        if table.rows.is_empty() && table.more.is_empty() && !table.empty.is_empty() {
            self.status(&escape::line(&table.empty));
        }
        let more = table.more.iter().flat_map(|more| &more.notes);
        for (note, tone) in table.notes.iter().chain(more) {
            let note = style::tone(&escape::line(note), *tone);
            match tone {
                Tone::Warn | Tone::Bad => self.say(&note),
                Tone::Plain | Tone::Good => self.status(&note),
            }
        }
    }

    fn failures(&self, report: &impl Report) {
        for failure in report.failures() {
            self.error(&Error::failed(failure.clone()));
        }
    }

    /// A stream of records on stdout.
    pub fn records(&self) -> record::Records {
        self.records_by(None)
    }

    /// The same, each written as the template says.
    pub fn records_by(&self, template: Option<Template>) -> record::Records {
        let terminal = self.stdout_is_terminal;
        record::Records::new(self.manner.format, template, terminal, self.styled())
    }

    /// Writes a finished text (a completion script, a man page) to stdout as it is.
    pub fn text(&self, text: &[u8]) -> Result<()> {
        stdout()
            .and_then(|mut out| out.write_all(text))
            .map_err(Error::output)
    }

    fn styled(&self) -> bool {
        match self.manner.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => {
                anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
            }
        }
    }

    /// Shows a plan before the question about it: on stderr, so that stdout stays the outcome's.
    fn preview(&self, report: &impl Report) -> Result<()> {
        let mut out = self.stderr();
        let width_known = self.stderr_is_terminal;
        table::write(&report.table(), width_known, width_known, &mut out)?;
        drop(out);
        self.failures(report);
        Ok(())
    }

    /// A line for whoever watches; not with `--quiet`.
    pub fn status(&self, message: &str) {
        if !self.manner.quiet {
            self.say(message);
        }
    }

    /// Whether somebody sees what moves.
    fn is_watched(&self) -> bool {
        self.stderr_is_terminal && !self.manner.quiet && self.manner.format != Format::Json
    }

    /// A line that matters even with `--quiet`.
    pub fn warn(&self, message: &str) {
        self.say(&format!(
            "{} {}",
            style::tone("warning:", Tone::Warn),
            escape::line(message)
        ));
    }

    /// A line for people on stderr. A stderr that is gone is no reason to fail.
    fn say(&self, message: &str) {
        let _ = writeln!(self.stderr(), "{message}");
    }

    /// What the parser of arguments says of wrong ones, with nothing of them raw.
    pub fn misuse(&self, text: &str) {
        let text = escape::lines(text.trim_end());
        match text.strip_prefix("error:") {
            Some(rest) => self.say(&format!("{}{rest}", style::tone("error:", Tone::Bad))),
            None => self.say(&text),
        }
    }

    /// Says what went wrong: heading, causes, hint; one JSON object under json.
    pub fn error(&self, error: &Error) {
        if matches!(error.kind(), Kind::BrokenPipe) {
            return;
        }
        if self.manner.format == Format::Json {
            self.say(&json::error(error));
            return;
        }
        let mut text = format!(
            "{} {}",
            style::tone("error:", Tone::Bad),
            escape::line(error.message())
        );
        for cause in error.causes() {
            text.push_str(&format!("\n  caused by: {}", escape::line(&cause)));
        }
        if let Some(hint) = error.hint_text() {
            text.push_str(&format!(
                "\n\n{} {}",
                style::tone("hint:", Tone::Good),
                escape::line(hint)
            ));
        }
        self.say(&text);
    }
}
