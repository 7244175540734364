//! A record's metadata as variables of a process's environment.

use crate::model::record::Record;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

/// Longer values are left out: Linux takes no variable of more than 128 KiB.
const LONGEST: usize = 64 * 1024;
/// As much as all variables of a record may take, for execve takes no more than a part of the stack's limit: 2 MiB on
/// Linux, 1 MiB on macOS, and what is inherited has to fit as well.
const BUDGET: usize = 256 * 1024;
/// So much of the names of what was left out is told.
const LONGEST_OMITTED: usize = 4 * 1024;

const HEADER: &str = "EDA_HEADER_";
const OMITTED: &str = "EDA_OMITTED";
const NAMES: [&str; 10] = [
    "EDA_TOPIC",
    "EDA_PARTITION",
    "EDA_OFFSET",
    "EDA_KEY",
    "EDA_TIMESTAMP",
    "EDA_ATTEMPT",
    "EDA_EVENT_ID",
    "EDA_GROUP",
    "EDA_VALUE_NULL",
    OMITTED,
];

/// Whether the variable is one of a record: what another handler gave us must not look as if it were this record's.
pub(super) fn is_ours(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(HEADER.as_bytes()) || NAMES.iter().any(|ours| ours.as_bytes() == name)
}

/// The record's variables, those that there must be first.
pub(super) fn variables(record: &Record, attempt: u32, group: &str) -> Vec<(OsString, OsString)> {
    let mut variables = Variables::default();
    variables.add("EDA_TOPIC", record.topic.as_bytes());
    variables.add("EDA_PARTITION", record.partition.to_string().as_bytes());
    variables.add("EDA_OFFSET", record.offset.to_string().as_bytes());
    variables.add("EDA_ATTEMPT", attempt.to_string().as_bytes());
    variables.add("EDA_GROUP", group.as_bytes());
    if let Some((milliseconds, _)) = record.timestamp {
        variables.add("EDA_TIMESTAMP", milliseconds.to_string().as_bytes());
    }
    variables.add("EDA_EVENT_ID", record.event_id().as_bytes());
    if let Some(key) = &record.key {
        variables.add("EDA_KEY", key);
    }
    if record.value.is_none() {
        variables.add("EDA_VALUE_NULL", b"1");
    }
    for (index, header) in record.headers.iter().enumerate() {
        let name = header_variable(&header.name);
        let later = &record.headers[index + 1..];
        // Few records have many headers: looking is cheaper than a table.
        if later
            .iter()
            .any(|later| header_variable(&later.name) == name)
        {
            continue;
        }
        if let Some(value) = &header.value {
            variables.add(&name, value);
        }
    }
    variables.finish()
}

/// `EDA_HEADER_CE_ID` for `ce_id` and for `ce-id`.
fn header_variable(name: &str) -> String {
    let letter = |byte: u8| match byte.to_ascii_uppercase() {
        byte @ (b'A'..=b'Z' | b'0'..=b'9' | b'_') => char::from(byte),
        _ => '_',
    };
    // A character of several bytes is one `_`.
    let letters = name
        .chars()
        .map(|character| u8::try_from(character).map_or('_', letter));
    let mut variable = String::with_capacity(HEADER.len() + name.len());
    variable.push_str(HEADER);
    variable.extend(letters);
    variable
}

#[derive(Default)]
struct Variables {
    kept: Vec<(OsString, OsString)>,
    omitted: String,
    size: usize,
}

impl Variables {
    fn add(&mut self, name: &str, value: &[u8]) {
        // Both have an end, and a pointer to them.
        let size = name.len() + value.len() + 2 + size_of::<usize>();
        let fits = value.len() <= LONGEST && name.len() <= LONGEST && self.size + size <= BUDGET;
        if fits && !value.contains(&0) && !name.contains('\0') {
            self.size += size;
            let value = OsString::from_vec(value.to_vec());
            self.kept.push((name.into(), value));
        } else if self.omitted.len() + name.len() < LONGEST_OMITTED {
            let comma = if self.omitted.is_empty() { "" } else { " " };
            self.omitted.push_str(comma);
            self.omitted.push_str(name);
        }
    }

    fn finish(mut self) -> Vec<(OsString, OsString)> {
        if !self.omitted.is_empty() {
            self.kept.push((OMITTED.into(), self.omitted.into()));
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Header;
    use crate::ops::consume::handler::tests::record;

    fn found(record: &Record, name: &str) -> Option<Vec<u8>> {
        let variables = variables(record, 2, "billing");
        let mut named = variables.into_iter().filter(|(found, _)| found == name);
        let value = named.next().map(|(_, value)| value.into_vec());
        assert_eq!(named.next(), None, "{name} is there twice");
        value
    }

    #[test]
    fn a_record_is_told_whole() {
        let mut record = record(None);
        record.key = Some(b"\xff".to_vec());
        record.headers = vec![
            Header::text("ce-id", "first"),
            Header::text("CE_id", "last"),
            Header::text("größe", "1"),
            Header::text("gone", "1"),
            Header {
                name: "gone".to_owned(),
                value: None,
            },
        ];
        let cases = [
            ("EDA_TOPIC", Some("order-created")),
            ("EDA_PARTITION", Some("1")),
            ("EDA_OFFSET", Some("42")),
            ("EDA_TIMESTAMP", Some("1764000000000")),
            ("EDA_ATTEMPT", Some("2")),
            ("EDA_EVENT_ID", Some("order-created:1:42")),
            ("EDA_GROUP", Some("billing")),
            ("EDA_VALUE_NULL", Some("1")),
            ("EDA_HEADER_CE_ID", Some("last")),
            ("EDA_HEADER_GR__E", Some("1")),
            ("EDA_HEADER_GONE", None),
            ("EDA_OMITTED", None),
        ];
        for (name, value) in cases {
            let value = value.map(|text| text.as_bytes().to_vec());
            assert_eq!(found(&record, name), value, "{name}");
        }
        assert_eq!(found(&record, "EDA_KEY"), Some(b"\xff".to_vec()));
        record.key = None;
        record.timestamp = None;
        record.value = Some(Vec::new());
        for name in ["EDA_KEY", "EDA_TIMESTAMP", "EDA_VALUE_NULL"] {
            assert_eq!(found(&record, name), None, "{name}");
        }
    }

    #[test]
    fn what_no_environment_takes_is_left_out_and_named() {
        let mut record = record(Some("{}"));
        record.key = Some(b"a\0b".to_vec());
        record.headers = vec![
            Header::new("long", vec![b'x'; LONGEST + 1]),
            Header::new("fits", vec![b'x'; LONGEST]),
        ];
        let omitted = found(&record, "EDA_OMITTED").unwrap();
        assert_eq!(omitted, b"EDA_KEY EDA_HEADER_LONG");
        assert_eq!(found(&record, "EDA_HEADER_FITS").unwrap().len(), LONGEST);

        let many = |index| Header::new(format!("h{index}"), vec![b'x'; 1000]);
        record.headers = (0..5000).map(many).collect();
        let variables = variables(&record, 1, "billing");
        let size: usize = variables
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        assert!(size <= BUDGET + LONGEST_OMITTED, "{size}");
        assert!(variables.len() > 200);
    }

    #[test]
    fn only_variables_of_records_are_ours() {
        for (name, ours) in [
            ("EDA_KEY", true),
            ("EDA_HEADER_X", true),
            ("EDA_BROKERS", false),
            ("EDA_KEYS", false),
            ("PATH", false),
        ] {
            assert_eq!(is_ours(OsStr::new(name)), ours, "{name}");
        }
    }
}
