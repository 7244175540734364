//! A state as tables for a terminal; [`opened`] has those of a group that was opened.

mod opened;

use super::handlers::Handler;
use super::letters::DeadLetterTopic;
use super::members::Members;
use super::state::{Group, State, TopicFlow};
use crate::model::duration;
use crate::model::lag::sparkline;
use crate::ops::lag::shown::{rate, roughly};
use crate::report::panel::{Column, ColumnKind, Key, Panel, PanelRow, View};
use crate::report::{Cell, Tone};
use jiff::Timestamp;
use std::time::Duration;

use ColumnKind::{Course, Figure, Name, Text};

const fn column(header: &'static str, kind: ColumnKind, from: u16) -> Column {
    Column { header, from, kind }
}

impl State {
    /// All of it, as of `now`.
    pub fn view(&self, now: Timestamp) -> View {
        let since =
            |time: Timestamp| Duration::try_from(now.duration_since(time)).unwrap_or_default();
        let age = since(self.seen);
        let every = Duration::from_millis(self.every_ms);
        let alarm = match &self.error {
            Some(outage) => Some(format!(
                "no answer since {} ({}), last seen {}: {}",
                clock(outage.since),
                roughly(since(outage.since)),
                clock(self.seen),
                outage.message
            )),
            None if age > Duration::from_millis(self.stale_after_ms) => Some(format!(
                "no news for {}, last seen {}",
                roughly(age),
                clock(self.seen)
            )),
            None => None,
        };
        let mut panels = vec![
            groups(&self.groups),
            letters(&self.dead_letters),
            topics(&self.topics),
        ];
        if !self.handlers.is_empty() {
            panels.push(handlers(&self.handlers));
        }
        panels.push(errors(&self.failures));
        View {
            title: self.brokers.clone(),
            seen: format!("{}  every {}", clock(self.seen), duration::human(every)),
            alarm,
            panels,
        }
    }

    /// A group that was opened: its partitions, and who is in it, as far as that is known yet.
    pub fn opened(&self, group: &str, members: Option<&Members>) -> Vec<Panel> {
        let members = members.filter(|members| members.group == group);
        let partitions = opened::partitions(self.partitions(group), members);
        vec![partitions, opened::who(members)]
    }
}

/// The time of day, UTC as all times that are printed.
fn clock(time: Timestamp) -> String {
    format!("{}Z", time.strftime("%H:%M:%S"))
}

fn number(value: Option<f64>) -> Key {
    Key::Number(value.unwrap_or(-1.0))
}

fn count(value: Option<i64>) -> Key {
    number(value.map(|value| value as f64))
}

/// What is not known may be any number: it stands before the greatest.
fn unknown_first(value: Option<i64>) -> f64 {
    value.map_or(f64::INFINITY, |value| value as f64)
}

fn worst(severities: impl Iterator<Item = u8>) -> Tone {
    match severities.max() {
        Some(3..) => Tone::Bad,
        Some(2) => Tone::Warn,
        _ => Tone::Plain,
    }
}

fn eta_key(lag: Option<i64>, milliseconds: Option<i64>, catching_up: Option<bool>) -> Key {
    match (lag, catching_up) {
        (Some(0), _) => Key::Number(-1.0),
        (_, Some(false)) => Key::Number(f64::INFINITY),
        _ => count(milliseconds),
    }
}

fn lag_cell(lag: Option<i64>, unknown: usize, lost: i64) -> Cell {
    let tone = match (lag, unknown) {
        _ if lost > 0 => Tone::Bad,
        (_, 1..) => Tone::Warn,
        (Some(0), _) => Tone::Good,
        _ => Tone::Plain,
    };
    match (lag, unknown) {
        (Some(lag), 1..) if lag > 0 => Cell::from(format!(">={lag}")).tone(tone),
        (_, 1..) => Cell::from("unknown").tone(tone),
        (lag, _) => Cell::from(lag).tone(tone),
    }
}

fn groups(groups: &[Group]) -> Panel {
    let row = |group: &Group| {
        let row = &group.row;
        let status = row.status_cell();
        let lag = row.lag.filter(|_| row.unknown == 0);
        // A group without offsets is behind in nothing that is known.
        let behind = match row.partitions {
            0 => -1.0,
            _ => unknown_first(lag),
        };
        PanelRow {
            name: row.group.clone(),
            keys: vec![
                Key::Text(row.group.clone()),
                Key::Both(group.severity.into(), behind),
                Key::Number(behind),
                eta_key(row.effective_lag, row.eta_ms, row.catching_up),
                number(row.consumed_per_second),
                number(row.produced_per_second),
                Key::Text(row.state.map_or("", |state| state.name()).to_owned()),
                count(row.members.and_then(|members| i64::try_from(members).ok())),
                Key::Number(behind),
            ],
            cells: vec![
                row.group.as_str().into(),
                status,
                lag_cell(row.lag, row.unknown, row.lost),
                row.eta_cell(),
                rate(row.consumed_per_second),
                rate(row.produced_per_second),
                row.state.map(|state| state.name()).into(),
                row.members.into(),
                sparkline::line(group.history.iter().copied()).into(),
            ],
        }
    };
    let rows: Vec<PanelRow> = groups.iter().map(row).collect();
    Panel {
        title: "Groups".to_owned(),
        columns: vec![
            column("GROUP", Name, 0),
            column("STATUS", Text, 0),
            column("LAG", Figure, 0),
            column("ETA", Figure, 0),
            column("READ/s", Figure, 0),
            column("WRITTEN/s", Figure, 0),
            column("STATE", Text, 110),
            column("MEMBERS", Figure, 110),
            column("TREND", Course, 0),
        ],
        tone: worst(groups.iter().map(|group| group.severity)),
        rows,
        empty: "no consumer groups".to_owned(),
        sort: (1, true),
        opens: true,
    }
}

/// What is unknown is no letter yet.
fn unreplayed_tone(letters: &DeadLetterTopic) -> Tone {
    match letters.unreplayed {
        Some(0) => Tone::Plain,
        Some(_) => Tone::Bad,
        None => Tone::Warn,
    }
}

fn letters(letters: &[DeadLetterTopic]) -> Panel {
    let row = |letters: &DeadLetterTopic| PanelRow {
        name: letters.topic.clone(),
        keys: vec![
            Key::Text(letters.topic.clone()),
            Key::Number(unknown_first(letters.unreplayed)),
            Key::Number(unknown_first(letters.records)),
            number(letters.per_minute),
            Key::Text(letters.found.name().to_owned()),
        ],
        cells: vec![
            letters.topic.as_str().into(),
            Cell::from(letters.unreplayed).tone(unreplayed_tone(letters)),
            letters.records.into(),
            rate(letters.per_minute),
            letters.found.name().into(),
        ],
    };
    let is = |tone: Tone| {
        letters
            .iter()
            .any(|letters| unreplayed_tone(letters) == tone)
    };
    Panel {
        title: "Dead letters".to_owned(),
        columns: vec![
            column("TOPIC", Name, 0),
            column("UNREPLAYED", Figure, 0),
            column("RECORDS", Figure, 0),
            column("NEW/min", Figure, 0),
            column("FOUND", Text, 0),
        ],
        rows: letters.iter().map(row).collect(),
        empty: "no dead-letter topics".to_owned(),
        sort: (1, true),
        opens: false,
        tone: match (is(Tone::Bad), is(Tone::Warn)) {
            (true, _) => Tone::Bad,
            (false, true) => Tone::Warn,
            (false, false) => Tone::Plain,
        },
    }
}

fn topics(topics: &[TopicFlow]) -> Panel {
    let row = |topic: &TopicFlow| PanelRow {
        name: topic.topic.clone(),
        keys: vec![
            Key::Text(topic.topic.clone()),
            number(topic.written_per_second),
            count(topic.records),
            Key::Number(topic.partitions as f64),
            number(topic.written_per_second),
        ],
        cells: vec![
            topic.topic.as_str().into(),
            rate(topic.written_per_second),
            topic.records.into(),
            topic.partitions.into(),
            sparkline::line(topic.history.iter().copied()).into(),
        ],
    };
    Panel {
        title: "Topics".to_owned(),
        columns: vec![
            column("TOPIC", Name, 0),
            column("WRITTEN/s", Figure, 0),
            column("RECORDS", Figure, 0),
            column("PARTITIONS", Figure, 0),
            column("TREND", Course, 0),
        ],
        rows: topics.iter().map(row).collect(),
        empty: "no topics".to_owned(),
        sort: (1, true),
        opens: false,
        tone: Tone::Plain,
    }
}

fn handlers(handlers: &[Handler]) -> Panel {
    let milliseconds = |value: Option<f64>| rate(value);
    let row = |handler: &Handler| {
        let failed = match handler.failed_percent {
            Some(percent) if percent > 0.0 => Tone::Bad,
            _ => Tone::Plain,
        };
        let group = handler.group.as_deref().unwrap_or("");
        let heard = match (&handler.error, handler.seen) {
            (Some(error), _) => Cell::from(error.as_str()).tone(Tone::Bad),
            (None, Some(seen)) => clock(seen).into(),
            (None, None) => Cell::Missing,
        };
        PanelRow {
            name: format!("{} {group}", handler.instance),
            keys: vec![
                Key::Text(handler.instance.clone()),
                Key::Text(group.to_owned()),
                number(handler.processed_per_second),
                number(handler.failed_percent),
                number(handler.mean_ms),
                number(handler.p95_ms),
                Key::Text(String::new()),
            ],
            cells: vec![
                handler.instance.as_str().into(),
                group.into(),
                rate(handler.processed_per_second),
                rate(handler.failed_percent).tone(failed),
                milliseconds(handler.mean_ms),
                milliseconds(handler.p95_ms),
                heard,
            ],
        }
    };
    let silent = handlers.iter().any(|handler| handler.error.is_some());
    Panel {
        title: "Handlers".to_owned(),
        columns: vec![
            column("HANDLER", Name, 0),
            column("GROUP", Text, 0),
            column("RECORDS/s", Figure, 0),
            column("FAILED%", Figure, 0),
            column("MEAN ms", Figure, 0),
            column("95% ms", Figure, 0),
            column("HEARD", Text, 100),
        ],
        rows: handlers.iter().map(row).collect(),
        empty: "no handlers".to_owned(),
        sort: (0, false),
        opens: false,
        tone: if silent { Tone::Warn } else { Tone::Plain },
    }
}

fn errors(failures: &[String]) -> Panel {
    let row = |failure: &String| PanelRow {
        name: failure.clone(),
        keys: vec![Key::Text(failure.clone())],
        cells: vec![failure.as_str().into()],
    };
    Panel {
        title: "Errors".to_owned(),
        columns: vec![column("WHAT COULD NOT BE LEARNT", Name, 0)],
        rows: failures.iter().map(row).collect(),
        empty: "everything could be learnt".to_owned(),
        sort: (0, false),
        opens: false,
        tone: match failures.is_empty() {
            true => Tone::Plain,
            false => Tone::Warn,
        },
    }
}
