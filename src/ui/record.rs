//! Records as they stream by: NDJSON for programs, a line each for people, tab-separated for awk.

use super::{Format, escape, style, value};
use crate::error::{Error, Result};
use crate::model::dead_letter::{self, DeadLetter, Payload};
use crate::model::record::RecordRef;
use crate::model::record_json;
use crate::model::template::Template;
use crate::model::wording::shortened;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs::File;
use std::io::{IsTerminal, Write};

#[derive(Clone, Debug)]
enum Shape {
    Json,
    Plain,
    Pretty,
    /// As the user wants it: the bytes themselves, but what is shown on a terminal.
    Template(Template),
}

/// So many bytes go out at once when nobody watches.
const CHUNK: usize = 128 * 1024;

/// The stream of records on stdout. Buffered when nobody watches; call [`Records::flush`] whenever the source
/// pauses, so that a reader of the pipe is never kept waiting for what is already here.
#[derive(Debug)]
pub struct Records {
    /// Opened at the first write.
    out: Option<File>,
    shape: Shape,
    styled: bool,
    terminal: bool,
    /// How much may be held back.
    chunk: usize,
    /// Whole records, not yet out.
    held: Vec<u8>,
    /// A write failed, and what was held is lost: nothing that is written afterwards can make up for it.
    broken: bool,
}

impl Records {
    pub(super) fn new(
        format: Format,
        template: Option<Template>,
        terminal: bool,
        styled: bool,
    ) -> Self {
        let shape = match (template, format) {
            (Some(template), _) => Shape::Template(template),
            (None, Format::Json) => Shape::Json,
            (None, Format::Plain) => Shape::Plain,
            (None, Format::Table) if terminal => Shape::Pretty,
            (None, Format::Table) => Shape::Json,
        };
        let chunk = if std::io::stdout().is_terminal() {
            0
        } else {
            CHUNK
        };
        Records {
            out: None,
            shape,
            styled,
            terminal,
            chunk,
            held: Vec::with_capacity(chunk + chunk / 8),
            broken: false,
        }
    }

    /// Writes one record; a dead letter's story comes with it.
    pub fn write(&mut self, record: RecordRef<'_>, letter: Option<&DeadLetter>) -> Result<()> {
        match &self.shape {
            Shape::Template(template) => {
                // It ends as the user wants it to, with a newline or without.
                match self.terminal {
                    true => template.write_with(&shown, &record, &mut self.held),
                    false => template.write(&record, &mut self.held),
                }
                return self.let_out_if_due();
            }
            Shape::Json => record_json::write(record, letter, &mut self.held),
            Shape::Plain => plain(record, &mut self.held)?,
            Shape::Pretty => pretty(record, letter, self.styled, &mut self.held)?,
        }
        self.held.push(b'\n');
        self.let_out_if_due()
    }

    fn let_out_if_due(&mut self) -> Result<()> {
        match self.held.len() >= self.chunk {
            true => self.let_out(),
            false => Ok(()),
        }
    }

    fn let_out(&mut self) -> Result<()> {
        if self.broken {
            let text = "an earlier write failed";
            return Err(Error::output(std::io::Error::other(text)));
        }
        if self.held.is_empty() {
            return Ok(());
        }
        let written = match &mut self.out {
            Some(out) => out.write_all(&self.held),
            None => super::stdout().and_then(|out| self.out.insert(out).write_all(&self.held)),
        };
        self.held.clear();
        self.broken = written.is_err();
        written.map_err(Error::output)
    }

    /// Hands everything written so far to the reader.
    ///
    /// # Errors
    /// Also when there is nothing to write and the reader is gone: `| head -1` ends, and so should we, before the
    /// next record comes. Once it failed it fails for ever.
    pub fn flush(&mut self) -> Result<()> {
        self.let_out()?;
        let gone = PollFlags::ERR | PollFlags::HUP;
        let out = std::io::stdout();
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        let changed = rustix::event::poll(&mut watched, Some(&Timespec::default()));
        match changed.is_ok() && watched[0].revents().intersects(gone) {
            true => Err(Error::output(std::io::ErrorKind::BrokenPipe.into())),
            false => Ok(()),
        }
    }
}

fn shown(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(escape::bytes(bytes).as_bytes());
}

/// topic, partition, offset, timestamp in ms, key, value; null is empty. A tab or newline inside a key or value
/// is escaped, for a raw one would make a second field or line of it.
fn plain(record: RecordRef<'_>, line: &mut Vec<u8>) -> std::io::Result<()> {
    write!(
        line,
        "{}\t{}\t{}\t",
        record.topic, record.partition, record.offset
    )?;
    if let Some((timestamp, _)) = record.timestamp {
        write!(line, "{timestamp}")?;
    }
    for field in [record.key, record.value] {
        write!(line, "\t{}", escape::bytes(field.unwrap_or_default()))?;
    }
    Ok(())
}

fn pretty(
    record: RecordRef<'_>,
    letter: Option<&DeadLetter>,
    styled: bool,
    line: &mut Vec<u8>,
) -> std::io::Result<()> {
    let faint = |text: &str| {
        if styled {
            style::faint(text)
        } else {
            text.to_owned()
        }
    };
    let name = |text: &str| {
        if styled {
            style::name(text)
        } else {
            text.to_owned()
        }
    };
    let place = format!(
        "{}:{}:{}",
        escape::line(record.topic),
        record.partition,
        record.offset
    );
    write!(line, "{}", faint(&place))?;
    if let Some((timestamp, _)) = record.timestamp {
        let time = jiff::Timestamp::from_millisecond(timestamp)
            .map_or_else(|_| timestamp.to_string(), |time| time.to_string());
        write!(line, " {}", faint(&time))?;
    }
    let shown = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => escape::bytes(bytes),
        None => "null".to_owned(),
    };
    write!(
        line,
        " {} {}",
        name(&shown(record.key)),
        record
            .value
            .map_or_else(|| shown(None), |it| value::shown(it, styled))
    )?;
    // A dead letter's headers are its story: told once, in words. The JSON has them all.
    if let Some(letter) = letter {
        write!(line, " {}", faint(&escape::line(&story(letter))))?;
        for text in letter.stack_trace.as_deref().map(trace).unwrap_or_default() {
            write!(line, "\n    {}", faint(&escape::line(&text)))?;
        }
        return Ok(());
    }
    for (name, bytes) in record.headers.iter() {
        let text = format!("{}={}", escape::line(name), shown(bytes));
        write!(line, " {}", faint(&text))?;
    }
    Ok(())
}

/// Characters of a stack trace's line that are shown.
const TRACE_LINE: usize = 200;

/// The two lines of a stack trace that tell, and how many there are besides.
fn trace(trace: &str) -> Vec<String> {
    let Some(folded) = dead_letter::fold(trace) else {
        return Vec::new();
    };
    let cut = |line: &str| shortened(line, TRACE_LINE);
    let mut lines = vec![cut(folded.first)];
    lines.extend(folded.root.map(cut));
    if let (1.., Some(last)) = (folded.hidden, lines.last_mut()) {
        last.push_str(&format!(" (and {} more lines)", folded.hidden));
    }
    lines
}

/// `from order-created:0:40, died in payment-service after 4 attempts, transient timeout: no answer`
fn story(letter: &DeadLetter) -> String {
    let origin = &letter.origin;
    let mut story = match (&origin.topic, origin.partition, origin.offset) {
        (Some(topic), Some(partition), Some(offset)) => {
            format!("from {topic}:{partition}:{offset}, died")
        }
        (Some(topic), ..) => format!("from {topic}, died"),
        (None, ..) => match &letter.origin_doubt {
            Some(doubt) => format!("of unknown origin ({doubt}), died"),
            None => "of unknown origin, died".to_owned(),
        },
    };
    if let Some(group) = &letter.group {
        story.push_str(&format!(" in {group}"));
    }
    match letter.attempts {
        Some(1) => story.push_str(" at the first attempt"),
        Some(attempts) => story.push_str(&format!(" after {attempts} attempts")),
        None => {}
    }
    let kind = letter.kind.map(|kind| kind.name());
    let why: Vec<&str> = [kind, letter.exception.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if !why.is_empty() {
        story.push_str(&format!(", {}", why.join(" ")));
    }
    // The class is the root's, and so is what it said, where that is known.
    if let Some(message) = letter.cause.as_ref().or(letter.message.as_ref()) {
        story.push_str(&format!(": {message}"));
    }
    match letter.payload {
        Payload::Pointer => story.push_str("; the record itself is only where it came from"),
        Payload::Missing => story.push_str("; the record itself is not in it"),
        Payload::Record | Payload::Copy | Payload::Key | Payload::Envelope => {}
    }
    story
}
