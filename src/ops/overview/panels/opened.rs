//! The tables of a group that was opened: its partitions, and who is in it.

use super::super::members::Members;
use super::super::state::severity;
use super::{column, count, eta_key, lag_cell, number};
use crate::ops::lag::WatchedRow;
use crate::ops::lag::shown::rate;
use crate::report::panel::ColumnKind::{Course, Figure, Name, Text};
use crate::report::panel::{Key, Panel, PanelRow};
use crate::report::{Cell, Tone};

/// Its partitions, and who reads each, where that is known.
pub(super) fn partitions(rows: &[WatchedRow], members: Option<&Members>) -> Panel {
    let members = members.and_then(|members| members.description.as_ref().ok());
    let reader = |row: &WatchedRow| {
        let place = row.lag.partition.topic_partition();
        let mut members = members?.members.iter();
        let reader = members.find(|member| member.assignment.contains(&place))?;
        Some(reader.client_id.clone())
    };
    let row = |row: &WatchedRow| {
        let partition = &row.lag.partition;
        let name = partition.topic_partition().to_string();
        let status = row.status_cell();
        let unknown = usize::from(partition.is_unknown());
        let behind = match unknown {
            0 => partition.lag.map_or(-1.0, |lag| lag as f64),
            _ => f64::INFINITY,
        };
        let reader = reader(row);
        PanelRow {
            keys: vec![
                Key::Text(name.clone()),
                Key::Both(severity(&status).into(), behind),
                Key::Number(behind),
                eta_key(row.lag.effective_lag, row.eta_ms, row.catching_up),
                number(row.consumed_per_second),
                number(row.produced_per_second),
                count(partition.committed),
                Key::Text(reader.clone().unwrap_or_default()),
                Key::Number(behind),
            ],
            cells: vec![
                name.as_str().into(),
                status,
                lag_cell(partition.lag, unknown, partition.lost),
                row.eta_cell(),
                rate(row.consumed_per_second),
                rate(row.produced_per_second),
                partition.committed.into(),
                reader.into(),
                row.course.as_str().into(),
            ],
            name,
        }
    };
    Panel {
        title: "Partitions".to_owned(),
        columns: vec![
            column("PARTITION", Name, 0),
            column("STATUS", Text, 0),
            column("LAG", Figure, 0),
            column("ETA", Figure, 0),
            column("READ/s", Figure, 0),
            column("WRITTEN/s", Figure, 0),
            column("COMMITTED", Figure, 100),
            column("READER", Text, 120),
            column("TREND", Course, 0),
        ],
        rows: rows.iter().map(row).collect(),
        empty: "no committed offsets".to_owned(),
        sort: (1, true),
        opens: false,
        tone: Tone::Plain,
    }
}

/// Who is in it.
pub(super) fn who(members: Option<&Members>) -> Panel {
    let mut rows = Vec::new();
    let empty = match members.map(|members| &members.description) {
        None => "asking who is in it".to_owned(),
        Some(Err(error)) => error.clone(),
        Some(Ok(description)) => {
            for member in &description.members {
                let read: Vec<String> = member.assignment.iter().map(ToString::to_string).collect();
                let target = member
                    .target
                    .as_ref()
                    .filter(|target| **target != member.assignment);
                rows.push(PanelRow {
                    name: member.id.clone(),
                    keys: vec![
                        Key::Text(member.client_id.clone()),
                        Key::Text(member.host.clone()),
                        Key::Number(read.len() as f64),
                        Key::Text(String::new()),
                    ],
                    cells: vec![
                        member.client_id.as_str().into(),
                        member.host.as_str().into(),
                        read.len().into(),
                        match target {
                            Some(_) => {
                                Cell::from(format!("{} (moving)", read.join(" "))).tone(Tone::Warn)
                            }
                            None => read.join(" ").into(),
                        },
                    ],
                });
            }
            format!("nobody is in it ({})", description.state)
        }
    };
    Panel {
        title: "Members".to_owned(),
        columns: vec![
            column("CLIENT", Name, 0),
            column("HOST", Text, 0),
            column("PARTITIONS", Figure, 0),
            column("READS", Text, 0),
        ],
        rows,
        empty,
        sort: (0, false),
        opens: false,
        tone: Tone::Plain,
    }
}
