//! What came of the work.

use super::super::{Delivery, Figures};
use crate::error::{Result, Status};
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::time::Duration;

/// What a member did, and how it ended.
#[derive(Debug)]
pub struct Work {
    pub group: String,
    pub topics: Vec<String>,
    pub delivery: Delivery,
    /// Whether there was a filter: what it passed over is then told.
    pub filtered: bool,
    pub figures: Figures,
    pub took: Duration,
    /// Of the group, in what it reads, after it left; `None` when it is not known.
    pub lag: Option<i64>,
    /// Whether it was ever in its group.
    pub joined: bool,
    /// By itself, on a request to stop, or because of an error; with an error, what is in the figures was done all the
    /// same, and what was done without a gap was committed as far as the cluster took it.
    pub ended: Result<Option<Status>>,
}

impl Work {
    /// The word for how it ended.
    fn end(&self) -> &'static str {
        match &self.ended {
            Ok(None) => "done",
            Ok(Some(Status::Terminated)) => "terminated",
            Ok(Some(_)) => "interrupted",
            Err(_) => "failed",
        }
    }

    fn per_second(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        match seconds > 0.0 {
            true => round(self.figures.processed as f64 / seconds, 10.0),
            false => 0.0,
        }
    }

    fn seconds(&self) -> f64 {
        round(self.took.as_secs_f64(), 1000.0)
    }
}

fn round(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

/// With two decimals.
fn milliseconds(time: Option<Duration>) -> Option<f64> {
    Some(round(time?.as_secs_f64() * 1000.0, 100.0))
}

#[derive(Serialize)]
struct Letters<'a> {
    topic: &'a str,
    records: u64,
}

impl Serialize for Work {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figures = &self.figures;
        let letters: Vec<Letters<'_>> = figures
            .dead_letter_topics
            .iter()
            .map(|(topic, records)| Letters {
                topic,
                records: *records,
            })
            .collect();
        let passed_over = self.filtered.then_some(figures.passed_over);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("group", &self.group)?;
        map.serialize_entry("topics", &self.topics)?;
        map.serialize_entry("delivery", self.delivery.name())?;
        map.serialize_entry("ended", self.end())?;
        map.serialize_entry("processed", &figures.processed)?;
        map.serialize_entry("retried", &figures.retried)?;
        map.serialize_entry("failedAttempts", &figures.failed_attempts)?;
        map.serialize_entry("deadLettered", &figures.dead_lettered)?;
        map.serialize_entry("deadLetterTopics", &letters)?;
        map.serialize_entry("duplicates", &figures.duplicates)?;
        map.serialize_entry("produced", &figures.produced)?;
        map.serialize_entry("passedOver", &passed_over)?;
        map.serialize_entry("lag", &self.lag)?;
        map.serialize_entry("seconds", &self.seconds())?;
        map.serialize_entry("recordsPerSecond", &self.per_second())?;
        map.serialize_entry("p50Ms", &milliseconds(figures.p50()))?;
        map.serialize_entry("p95Ms", &milliseconds(figures.p95()))?;
        map.serialize_entry("p99Ms", &milliseconds(figures.p99()))?;
        map.end()
    }
}

impl Report for Work {
    fn table(&self) -> Table {
        let figures = &self.figures;
        let mut table = Table::new(&["FIGURE", "VALUE"], "");
        let mut row = |name: &str, value: Cell| table.row([name.into(), value]);
        let bad = |count: u64| {
            Cell::from(count).tone(match count {
                0 => Tone::Plain,
                _ => Tone::Bad,
            })
        };
        row("processed", figures.processed.into());
        row("retried", figures.retried.into());
        row("failed-attempts", figures.failed_attempts.into());
        row("dead-lettered", bad(figures.dead_lettered));
        row("duplicates", figures.duplicates.into());
        row("produced", figures.produced.into());
        if self.filtered {
            row("passed-over", figures.passed_over.into());
        }
        row("lag", self.lag.into());
        row("seconds", self.seconds().to_string().into());
        row("records/s", self.per_second().to_string().into());
        for (name, time) in [
            ("p50-ms", figures.p50()),
            ("p95-ms", figures.p95()),
            ("p99-ms", figures.p99()),
        ] {
            row(name, milliseconds(time).map(|time| time.to_string()).into());
        }
        row("ended", self.end().into());
        for (topic, records) in &figures.dead_letter_topics {
            let plural = if *records == 1 { "letter" } else { "letters" };
            let text = format!("{records} dead {plural} in {topic}: `eda dlq show {topic}`");
            table.note(text, Tone::Warn);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match &self.ended {
            Ok(stopped) => stopped.unwrap_or(Status::Done),
            Err(error) => error.kind().status(),
        })
    }
}
