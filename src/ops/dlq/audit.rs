//! `--audit`: who did what to which dead letters, a JSON object an event, in a file or a topic.
//!
//! Of the letters there are coordinates and counts, and no key, no value and no header. To a file, `begun` is on disk before
//! anything is changed, and `committed` is written once it is true. To a topic, `committed` is in the transaction that it
//! tells of, where there is one.

use super::count_partitions;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Producer, ProducerOptions};
use crate::model::dead_letter::is_dead_letter_topic;
use crate::model::ledger::is_ledger;
use crate::model::record::{OutgoingRecord, OutgoingRef};
use crate::model::topic::TopicName;
use crate::ops::missing;
use serde::Serialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// What a topic is told from a file by.
const TOPIC: &str = "topic:";

/// Where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditTo {
    File(PathBuf),
    Topic(String),
}

impl FromStr for AuditTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(TOPIC) {
            Some(name) => {
                let name: TopicName = name.parse().map_err(|error| format!("{error}"))?;
                Ok(AuditTo::Topic(name.into_string()))
            }
            None if text.is_empty() => Err("it names no file".to_owned()),
            None => Ok(AuditTo::File(text.into())),
        }
    }
}

impl fmt::Display for AuditTo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditTo::File(path) => path.display().fmt(formatter),
            AuditTo::Topic(name) => write!(formatter, "{TOPIC}{name}"),
        }
    }
}

/// An audit that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub to: AuditTo,
    /// Who wants it done, where that is known.
    pub user: Option<String>,
}

impl Audit {
    /// Before anything else: whether it can be written at all. The dead letters' own topic is no place for it.
    ///
    /// # Errors
    /// A topic that does not exist, or is `source`.
    pub(super) async fn check(&self, cluster: &Cluster, source: &str) -> Result<()> {
        let AuditTo::Topic(topic) = &self.to else {
            return Ok(());
        };
        if topic == source {
            let text = format!("`--audit {}` is the dead-letter topic itself", self.to);
            return Err(Error::usage(text));
        }
        if is_ledger(topic) || is_dead_letter_topic(topic) {
            let text = format!(
                "`--audit {}` is a topic of dead letters or a ledger",
                self.to
            );
            return Err(Error::usage(text).hint("give the audit a topic of its own"));
        }
        if count_partitions(cluster, topic).await?.is_some() {
            return Ok(());
        }
        let topics = cluster.topics().await?;
        let names = topics.iter().map(|topic| topic.name.as_str());
        Err(missing::topic(cluster, topic, names).await)
    }
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    Begun,
    /// It is true from now on.
    Committed,
    Ended,
}

/// A line of the audit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a, T> {
    at: String,
    replay_id: &'a str,
    user: Option<&'a str>,
    host: Option<&'a str>,
    brokers: &'a str,
    command: &'a str,
    event: Event,
    #[serde(flatten)]
    told: &'a T,
}

/// An audit that is being written.
pub(super) struct Auditor {
    sink: Sink,
    id: String,
    user: Option<String>,
    host: Option<String>,
    brokers: String,
    command: String,
}

enum Sink {
    File(File, PathBuf),
    /// Not of the transactions, but beside them.
    Topic(String, Producer, Duration),
}

impl Auditor {
    /// Opens the file, or a producer for the topic, for what this command does.
    ///
    /// # Errors
    /// A file that cannot be written to.
    pub(super) fn open(
        cluster: &Cluster,
        audit: &Audit,
        id: &str,
        command: &[String],
    ) -> Result<Self> {
        let sink = match &audit.to {
            AuditTo::File(path) => {
                let doing = || cannot(&audit.to);
                let file = open_file(path).map_err(|error| doing().caused_by(error))?;
                Sink::File(file, path.clone())
            }
            AuditTo::Topic(name) => {
                let mut connection = cluster.connection().clone();
                // It is the replay's, whose transactions this is beside.
                let id = ("transactional.id".to_owned(), String::new());
                connection.properties.push(id);
                let producer = Producer::open(&connection, ProducerOptions::default())?;
                Sink::Topic(name.clone(), producer, connection.timeout)
            }
        };
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        Ok(Auditor {
            sink,
            id: id.to_owned(),
            user: audit.user.clone(),
            host: Some(host).filter(|host| !host.is_empty()),
            brokers: cluster.connection().brokers.clone(),
            command: shell_words::join(told(command)),
        })
    }

    fn line<T: Serialize>(&self, event: Event, told: &T) -> Result<Vec<u8>> {
        let line = Line {
            at: jiff::Timestamp::now().to_string(),
            replay_id: &self.id,
            user: self.user.as_deref(),
            host: self.host.as_deref(),
            brokers: &self.brokers,
            command: &self.command,
            event,
            told,
        };
        let failed = |error| Error::failed("the audit cannot be put into words").caused_by(error);
        serde_json::to_vec(&line).map_err(failed)
    }

    /// The event as a record, for a transaction; none when it is not a topic that it is written to.
    pub(super) fn record<T: Serialize>(
        &self,
        event: Event,
        told: &T,
    ) -> Result<Option<OutgoingRecord>> {
        let Sink::Topic(name, ..) = &self.sink else {
            return Ok(None);
        };
        Ok(Some(OutgoingRecord {
            topic: name.clone(),
            // All of one command in one partition, and so in their order.
            key: Some(self.id.clone().into_bytes()),
            value: Some(self.line(event, told)?),
            ..OutgoingRecord::default()
        }))
    }

    /// Whether it is a topic.
    pub(super) fn is_topic(&self) -> bool {
        matches!(self.sink, Sink::Topic(..))
    }

    /// Writes the event; what is begun or ended is on disk, or acknowledged, afterwards.
    ///
    /// # Errors
    /// It is not written.
    pub(super) fn write<T: Serialize>(&self, event: Event, told: &T) -> Result<()> {
        match &self.sink {
            Sink::File(file, path) => {
                let mut line = self.line(event, told)?;
                line.push(b'\n');
                let written = append(file, &line, event != Event::Committed);
                let doing = || cannot(&AuditTo::File(path.clone()));
                written.map_err(|error| doing().caused_by(error))
            }
            Sink::Topic(name, producer, timeout) => {
                let doing = || format!("the audit cannot be written to topic `{name}`");
                let Some(record) = self.record(event, told)? else {
                    return Ok(());
                };
                let sent = producer
                    .outlet(name)
                    .and_then(|outlet| outlet.enqueue(OutgoingRef::from(&record), 0))
                    .and_then(|()| producer.flush(*timeout));
                sent.map_err(|error| error.context(doing()))?;
                match producer.take_failures().into_iter().next() {
                    None => Ok(()),
                    Some((_, error)) => Err(error.context(doing())),
                }
            }
        }
    }
}

/// What failed first, and what of the audit failed after it.
pub(super) fn both(error: Error, untold: Option<Error>) -> Error {
    match untold {
        // Mostly for the same reason.
        Some(untold) if !error.one_line().contains(untold.message()) => {
            error.adding(&untold.one_line())
        }
        _ => error,
    }
}

/// A command line without what it puts into letters: no field's value, and of a program only its name.
fn told(command: &[String]) -> Vec<String> {
    let mut flag = "";
    let words = command.iter().map(|word| {
        let hidden = match (flag, word.split_once('=')) {
            ("--set", Some((path, _))) => format!("{path}=…"),
            ("--exec", _) => match shell_words::split(word).as_deref() {
                Ok([name]) => name.clone(),
                Ok([name, ..]) => format!("{name} …"),
                _ => "…".to_owned(),
            },
            _ => word.clone(),
        };
        flag = word;
        hidden
    });
    words.collect()
}

fn cannot(to: &AuditTo) -> Error {
    Error::failed(format!("the audit cannot be written to `{to}`"))
}

/// For appending; a new one is for its owner alone.
fn open_file(path: &Path) -> io::Result<File> {
    // A pipe that nobody reads would be waited for.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        // Its name is to be on disk, too.
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        return Ok(file);
    }
    // A line that was cut off, as by a full disk, is not to spoil the next.
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// The line in one piece: others may append to the same file.
fn append(mut file: &File, line: &[u8], is_to_last: bool) -> io::Result<()> {
    if file.write(line)? < line.len() {
        // The next is to be a line of its own.
        let _ = file.write(b"\n");
        return Err(io::Error::other("only a part of a line was written"));
    }
    match is_to_last {
        true => file.sync_data(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_topic_is_told_from_a_file_by_its_prefix() {
        let topic = AuditTo::Topic("audit".to_owned());
        assert_eq!("topic:audit".parse(), Ok(topic.clone()));
        assert_eq!(topic.to_string(), "topic:audit");
        for path in ["audit.ndjson", "./topic:audit", "topic"] {
            let file = AuditTo::File(path.into());
            assert_eq!(path.parse(), Ok(file.clone()));
            assert_eq!(file.to_string(), path);
        }
        for nothing in ["", "topic:", "topic:a/b"] {
            assert!(nothing.parse::<AuditTo>().is_err(), "{nothing:?}");
        }
    }

    #[test]
    fn what_failed_first_is_told_first() {
        let deletion = || Error::failed("cannot delete records").hint("try again");
        let audit = |text: &str| {
            let cause = std::io::Error::other("disk full");
            Error::unreachable(text).caused_by(cause)
        };
        let error = both(deletion(), Some(audit("the audit cannot be written")));
        assert_eq!(
            error.message(),
            "cannot delete records; the audit cannot be written: disk full"
        );
        assert_eq!(error.kind(), deletion().kind());
        assert_eq!(error.hint_text(), Some("try again"));
        for untold in [None, Some(audit("cannot delete records"))] {
            assert_eq!(both(deletion(), untold).message(), "cannot delete records");
        }
    }

    #[test]
    fn a_command_is_told_without_what_it_puts_into_letters() {
        let words = |text: &str| shell_words::split(text).unwrap();
        let cases = [
            ("eda dlq replay a --key k", "eda dlq replay a --key k"),
            ("x --set card=4111 --yes", "x --set card=… --yes"),
            ("x --exec 'fix --token=secret'", "x --exec 'fix …'"),
            ("x --exec ./fix -n 1", "x --exec ./fix -n 1"),
        ];
        for (command, expected) in cases {
            assert_eq!(told(&words(command)), words(expected), "{command}");
        }
    }

    #[test]
    fn a_file_is_appended_to_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        append(&open_file(&path).unwrap(), b"one\n", true).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        append(&open_file(&path).unwrap(), b"cut off", false).unwrap();
        append(&open_file(&path).unwrap(), b"two\n", false).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "one\ncut off\ntwo\n");
        assert!(open_file(folder.path()).is_err());
    }
}
