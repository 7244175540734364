//! `eda topic list`.

use crate::error::{Result, Status};
use crate::kafka::Cluster;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;

/// The topics, sorted by name.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct TopicList {
    rows: Vec<Row>,
    /// Why some records are not counted.
    #[serde(skip)]
    failure: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    partitions: usize,
    /// Replicas of the first partition: a topic is created with as many everywhere.
    replicas: usize,
    /// End minus start, summed; null when a partition did not answer.
    records: Option<i64>,
    internal: bool,
    /// Partitions that nobody leads: they can be neither read nor written.
    offline: usize,
}

/// Lists the topics that match `pattern` (`*` and `?`); Kafka's own only when `internal`.
pub async fn list(cluster: &Cluster, pattern: Option<&str>, internal: bool) -> Result<TopicList> {
    let mut topics = cluster.topics().await?;
    topics.retain(|topic| {
        (internal || !topic.internal)
            && pattern.is_none_or(|pattern| matches(pattern.as_bytes(), topic.name.as_bytes()))
    });
    let (extents, failure) = super::extents(cluster, &topics).await?;
    let rows = topics.into_iter().map(|topic| {
        let records = topic.partitions.iter().map(|partition| {
            let place = crate::model::topic::TopicPartition::new(&topic.name, partition.id);
            extents.get(&place).map(|(start, end)| end - start)
        });
        Row {
            records: records.sum(),
            partitions: topic.partitions.len(),
            replicas: topic
                .partitions
                .first()
                .map_or(0, |partition| partition.replicas.len()),
            offline: topic
                .partitions
                .iter()
                .filter(|partition| partition.leader.is_none())
                .count(),
            internal: topic.internal,
            name: topic.name,
        }
    });
    Ok(TopicList {
        rows: rows.collect(),
        failure: failure.map(|error| error.one_line()),
    })
}

/// Glob matching of `*` and `?`, linear in practice: on a mismatch only the last star is tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

impl Report for TopicList {
    fn table(&self) -> Table {
        let mut table = Table::new(&["NAME", "PARTITIONS", "REPLICAS", "RECORDS"], "no topics");
        for row in &self.rows {
            let tone = if row.offline > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            };
            table.row([
                Cell::from(row.name.as_str()).tone(tone),
                row.partitions.into(),
                row.replicas.into(),
                row.records.into(),
            ]);
            if row.offline > 0 {
                let text = format!("{}: {} partitions have no leader", row.name, row.offline);
                table.note(text, Tone::Bad);
            }
        }
        if let Some(failure) = &self.failure {
            table.note(failure.clone(), Tone::Bad);
        }
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.failure {
            Some(_) => Status::Failed,
            None => Status::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        let cases = [
            ("*", "", true),
            ("order-*", "order-created", true),
            ("order-*", "payment", false),
            ("*-created", "order-created", true),
            ("*a*b", "xaxbxb", true),
            ("o?der", "order", true),
            ("o?der", "oder", false),
            ("", "x", false),
            ("order", "orders", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
