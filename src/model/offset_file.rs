//! Committed offsets in a file: JSON, or CSV as Apache's `kafka-consumer-groups --export` writes and reads it.
//!
//! ```text
//! [{"group":"payment-service","topic":"order-created","partition":0,"offset":42}]      JSON
//! order-created,0,42                                                                   CSV of one group
//! payment-service,order-created,0,42                                                   CSV of several
//! ```
//!
//! JSON may also be what `eda lag --json` and `eda offsets show --json` print: `committed` is read as `offset`, and a
//! row whose offset is null says nothing.

use super::topic::TopicPartition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// The offset of the next record that a group is to read in a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommittedOffset {
    pub group: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// Why a file cannot be used. Lines count from 1.
#[derive(Debug, Error)]
pub enum OffsetFileError {
    #[error("it is not JSON of offsets: {0}")]
    Json(String),
    #[error("line {line}: {reason}")]
    Line { line: u64, reason: String },
    #[error("line {line}: `{text}` is not {what}")]
    Field {
        line: u64,
        text: String,
        what: &'static str,
    },
    #[error("it does not say whose offsets they are")]
    NoGroup,
    #[error("it holds offsets of several groups, `{0}` and `{1}`")]
    SeveralGroups(String, String),
    #[error("it says {first} and {second} for {place} of group `{group}`")]
    Twice {
        group: String,
        place: TopicPartition,
        first: i64,
        second: i64,
    },
    #[error("row {row}: {reason}")]
    Row { row: usize, reason: String },
}

/// A row as it stands in a file.
#[derive(Deserialize)]
struct Row {
    group: Option<String>,
    topic: String,
    partition: i32,
    /// Null, but never missing: a slip in the name must not pass for a row that says nothing.
    #[serde(alias = "committed", deserialize_with = "Option::deserialize")]
    offset: Option<i64>,
}

/// Reads either form: JSON begins with `[`. With `group`, all rows are that group's, whatever the file says, as long as
/// it speaks of one group only. The rows are sorted.
pub fn parse(text: &str, group: Option<&str>) -> Result<Vec<CommittedOffset>, OffsetFileError> {
    // A byte order mark, as spreadsheets write it, is no part of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match text.trim_start().starts_with(['[', '{']) {
        true => serde_json::from_str::<Vec<Row>>(text)
            .map_err(|error| OffsetFileError::Json(error.to_string()))?,
        false => csv_rows(text)?,
    };
    check(rows, group)
}

fn csv_rows(text: &str) -> Result<Vec<Row>, OffsetFileError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| OffsetFileError::Line {
            line: error.position().map_or(0, csv::Position::line),
            reason: "it is not CSV".to_owned(),
        })?;
        let line = record.position().map_or(0, |begin| line_of(text, begin));
        let fields: Vec<&str> = record.iter().collect();
        let (group, [topic, partition, offset]) = match fields[..] {
            [topic, partition, offset] => (None, [topic, partition, offset]),
            [group, topic, partition, offset] => {
                (Some(group.to_owned()), [topic, partition, offset])
            }
            _ => {
                let count = fields.len();
                let reason = format!(
                    "it has {count} fields, not TOPIC,PARTITION,OFFSET or GROUP,TOPIC,PARTITION,OFFSET"
                );
                return Err(OffsetFileError::Line { line, reason });
            }
        };
        let wrong = |text: &str, what| OffsetFileError::Field {
            line,
            text: text.escape_debug().to_string(),
            what,
        };
        rows.push(Row {
            group,
            topic: topic.to_owned(),
            partition: partition
                .parse()
                .map_err(|_| wrong(partition, "a partition's number"))?,
            offset: Some(offset.parse().map_err(|_| wrong(offset, "an offset"))?),
        });
    }
    Ok(rows)
}

/// The line a record stands on. The reader's own figure is that of the empty lines before it.
fn line_of(text: &str, begin: &csv::Position) -> u64 {
    let start = usize::try_from(begin.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    let lines = empty.filter(|byte| **byte == b'\n').count();
    begin.line() + u64::try_from(lines).unwrap_or(0)
}

fn check(rows: Vec<Row>, group: Option<&str>) -> Result<Vec<CommittedOffset>, OffsetFileError> {
    let mut offsets: BTreeMap<(String, TopicPartition), i64> = BTreeMap::new();
    let mut only: Option<String> = None;
    for (index, row) in rows.into_iter().enumerate() {
        let Some(offset) = row.offset else { continue };
        let wrong = |reason: &str| OffsetFileError::Row {
            row: index + 1,
            reason: reason.to_owned(),
        };
        if row.partition < 0 {
            return Err(wrong("a partition's number is not negative"));
        }
        if offset < 0 {
            return Err(wrong("an offset is not negative"));
        }
        let own = row.group.filter(|group| !group.is_empty());
        let of = match (group, own) {
            (Some(group), Some(own)) => {
                let first = only.get_or_insert_with(|| own.clone());
                if *first != own {
                    return Err(OffsetFileError::SeveralGroups(first.clone(), own));
                }
                group.to_owned()
            }
            (Some(group), None) => group.to_owned(),
            (None, Some(own)) => own,
            (None, None) => return Err(OffsetFileError::NoGroup),
        };
        let place = TopicPartition::new(row.topic, row.partition);
        let key = (of, place);
        if let Some(first) = offsets.insert(key.clone(), offset)
            && first != offset
        {
            let (group, place) = key;
            return Err(OffsetFileError::Twice {
                group,
                place,
                first,
                second: offset,
            });
        }
    }
    let row = |((group, place), offset): ((String, TopicPartition), i64)| CommittedOffset {
        group,
        topic: place.topic,
        partition: place.partition,
        offset,
    };
    Ok(offsets.into_iter().map(row).collect())
}

/// CSV as Apache's tool reads it: without the group when there is only one.
pub fn to_csv(offsets: &[CommittedOffset]) -> String {
    let several = offsets
        .windows(2)
        .any(|pair| pair[0].group != pair[1].group);
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    for row in offsets {
        let numbers = [row.partition.to_string(), row.offset.to_string()];
        let group = several.then_some(row.group.as_str());
        let fields = group
            .into_iter()
            .chain([row.topic.as_str(), &numbers[0], &numbers[1]]);
        // Into memory, with as many fields as it likes: there is nothing that could fail.
        let _ = writer.write_record(fields);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One row a line, so that two exports can be compared with `diff`.
pub fn to_json(offsets: &[CommittedOffset]) -> String {
    let lines: Vec<String> = offsets
        .iter()
        .filter_map(|row| serde_json::to_string(row).ok())
        .map(|row| format!("  {row}"))
        .collect();
    match lines.is_empty() {
        true => "[]\n".to_owned(),
        false => format!("[\n{}\n]\n", lines.join(",\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(group: &str, topic: &str, partition: i32, offset: i64) -> CommittedOffset {
        CommittedOffset {
            group: group.to_owned(),
            topic: topic.to_owned(),
            partition,
            offset,
        }
    }

    #[test]
    fn both_forms_are_read_and_sorted() {
        let expected = [row("g", "a", 2, 5), row("g", "b", 10, 7)];
        let json = r#"[{"group":"g","topic":"b","partition":10,"offset":7},
                       {"group":"g","topic":"a","partition":2,"committed":5,"lag":3},
                       {"group":"g","topic":"a","partition":3,"committed":null}]"#;
        assert_eq!(parse(json, None).unwrap(), expected);
        assert_eq!(parse("b,10,7\n\"a\",2,5\n", Some("g")).unwrap(), expected);
        assert_eq!(
            parse("\u{feff}g,b,10,7\r\ng,a,2,5\r\n", None).unwrap(),
            expected
        );
        // One group's offsets can be another's.
        assert_eq!(
            parse("g,a,2,5\n", Some("h")).unwrap(),
            [row("h", "a", 2, 5)]
        );
        assert_eq!(parse("", None).unwrap(), []);
        assert_eq!(parse("[]", None).unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            ("a,0,1", None, "it does not say whose offsets they are"),
            (
                "a,0,1\nb,x,1",
                Some("g"),
                "line 2: `x` is not a partition's number",
            ),
            ("a,0,1\n\na,1,x", Some("g"), "line 3: `x` is not an offset"),
            (
                "a,0",
                Some("g"),
                "line 1: it has 2 fields, not TOPIC,PARTITION,OFFSET or GROUP,TOPIC,PARTITION,OFFSET",
            ),
            ("a,0,-1", Some("g"), "row 1: an offset is not negative"),
            (
                "a,0,1\na,0,2",
                Some("g"),
                "it says 1 and 2 for a:0 of group `g`",
            ),
            (
                "g,a,0,1\nh,a,0,1",
                Some("x"),
                "it holds offsets of several groups, `g` and `h`",
            ),
        ];
        for (text, group, expected) in cases {
            assert_eq!(parse(text, group).unwrap_err().to_string(), expected);
        }
        let error = parse("[{\"topic\":1}]", None).unwrap_err().to_string();
        assert!(error.starts_with("it is not JSON of offsets"), "{error}");
        let slip = r#"[{"group":"g","topic":"a","partition":0,"ofset":0}]"#;
        let error = parse(slip, None).unwrap_err().to_string();
        assert!(error.contains("missing field `offset`"), "{error}");
    }

    #[test]
    fn csv_names_the_group_only_among_several() {
        let one = [row("g", "a", 0, 1), row("g", "a", 1, 2)];
        assert_eq!(to_csv(&one), "a,0,1\na,1,2\n");
        let two = [row("g,1", "a", 0, 1), row("h", "a", 1, 2)];
        assert_eq!(to_csv(&two), "\"g,1\",a,0,1\nh,a,1,2\n");
        assert_eq!(
            to_json(&one),
            "[\n  {\"group\":\"g\",\"topic\":\"a\",\"partition\":0,\"offset\":1},\n  \
             {\"group\":\"g\",\"topic\":\"a\",\"partition\":1,\"offset\":2}\n]\n"
        );
    }

    proptest! {
        #![proptest_config(crate::model::tests::cases(256))]

        /// Whatever a group is called: quotes, commas, newlines.
        #[test]
        fn what_is_written_is_read_again(
            rows in prop::collection::btree_map(
                (r#"[a-z",\n é]{0,8}[a-z]"#, r"[a-z._-]{1,30}", 0..100i32),
                0..i64::MAX,
                0..20,
            )
        ) {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|((group, topic, partition), offset)| {
                    row(group.trim(), &topic, partition, offset)
                })
                .collect();
            let mut sorted = rows.clone();
            sorted.sort();
            sorted.dedup_by(|one, other| {
                (&one.group, &one.topic, one.partition) == (&other.group, &other.topic, other.partition)
            });
            prop_assume!(sorted.len() == rows.len());
            prop_assert_eq!(&parse(&to_json(&sorted), None).unwrap(), &sorted);
            let one = sorted.windows(2).all(|pair| pair[0].group == pair[1].group);
            let group = sorted.first().filter(|_| one).map(|row| row.group.clone());
            prop_assert_eq!(&parse(&to_csv(&sorted), group.as_deref()).unwrap(), &sorted);
        }
    }
}
