//! What `eda consume --json` writes and `eda produce --records` reads: the same records, whatever is in them.

use super::topic_for_ever;
use crate::support::{broker, eda};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

const RECORDS: usize = 500;
const PARTITIONS: usize = 3;

/// As it lies in its partition.
#[derive(Clone, Debug, PartialEq)]
struct Record {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

#[test]
fn five_hundred_arbitrary_records_come_back_byte_for_byte() {
    let mut random = fastrand::Rng::with_seed(20_260_105);
    let mut sent: [Vec<Record>; PARTITIONS] = Default::default();
    let mut lines = String::new();
    for _ in 0..RECORDS {
        let partition = random.usize(..PARTITIONS);
        let record = arbitrary(&mut random);
        lines.push_str(&in_base64(partition, &record).to_string());
        lines.push('\n');
        sent[partition].push(record);
    }
    let first = topic_for_ever("arbitrary", 3);
    produce(&first, &lines);
    let written = consume(&first);
    assert_same(&sent, &records(&written), "written as base64");
    let second = topic_for_ever("arbitrary", 3);
    produce(&second, &written);
    assert_same(&sent, &records(&consume(&second)), "written by consume");
}

/// By hand, all of it in base64, so that no form of eda's own is trusted.
fn in_base64(partition: usize, record: &Record) -> Value {
    let bytes = |bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => json!({"base64": STANDARD.encode(bytes)}),
        None => Value::Null,
    };
    let headers = record.headers.iter();
    let headers: Vec<Value> = headers
        .map(|(name, value)| json!([name, bytes(value)]))
        .collect();
    json!({
        "partition": partition,
        "timestamp": record.timestamp,
        "key": bytes(&record.key),
        "value": bytes(&record.value),
        "headers": headers,
    })
}

fn arbitrary(random: &mut fastrand::Rng) -> Record {
    const NAMES: [&str; 6] = ["a", "b", "ключ", "two words", "\u{202e}\u{1b}[0m", "\"\\\n"];
    let key = bytes(random);
    let value = match random.u8(..) {
        // Larger than any buffer a line could be expected to fit in.
        ..4 => Some(large(random)),
        _ => bytes(random),
    };
    // Few names for many headers: they repeat.
    let header = |random: &mut fastrand::Rng| {
        let name = NAMES[random.usize(..NAMES.len())];
        (name.to_owned(), bytes(random))
    };
    let headers = (0..random.usize(..5)).map(|_| header(random)).collect();
    Record {
        timestamp: random.i64(1..1_767_323_045_006),
        key,
        value,
        headers,
    }
}

fn large(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = vec![0; random.usize(100_000..500_000)];
    random.fill(&mut bytes);
    bytes
}

/// Null, empty, any bytes, any text, and JSON that is only the same if nobody writes it anew.
fn bytes(random: &mut fastrand::Rng) -> Option<Vec<u8>> {
    const DOCUMENTS: [&str; 12] = [
        "null",
        "\"\"",
        "3.10",
        "1e400",
        "123456789012345678901234567890",
        r#"{"b":1,"a":[1.0,null],"b":2}"#,
        r#"{ "spaced" : true }"#,
        r#"{"base64":"AP8="}"#,
        r#""\u00e4\ud83d\ude00""#,
        r#"{"open":"#,
        "{}\n",
        "\u{feff}{}",
    ];
    match random.u8(..6) {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(DOCUMENTS[random.usize(..DOCUMENTS.len())].into()),
        3 => {
            let text: String = (0..random.usize(..20)).map(|_| random.char(..)).collect();
            Some(text.into_bytes())
        }
        _ => {
            let mut bytes = vec![0; random.usize(..64)];
            random.fill(&mut bytes);
            Some(bytes)
        }
    }
}

#[track_caller]
fn produce(topic: &str, lines: &str) {
    let produce = eda(&["produce", topic, "--records", "--json"]).on(broker());
    let outcome = produce.stdin(lines).run().succeeds().json();
    assert_eq!(outcome["delivered"], RECORDS);
}

#[track_caller]
fn consume(topic: &str) -> String {
    let consume = eda(&["consume", topic, "-o", ":end", "--json"]);
    consume.on(broker()).run().succeeds().stdout
}

/// The records of each partition, read without anything of eda's.
fn records(lines: &str) -> [Vec<Record>; PARTITIONS] {
    #[derive(Deserialize)]
    struct Line<'a> {
        partition: usize,
        offset: usize,
        timestamp: i64,
        // Not an `Option`, to which a null would be the same as none.
        #[serde(borrow)]
        key: &'a RawValue,
        #[serde(borrow)]
        value: &'a RawValue,
        #[serde(borrow)]
        headers: Vec<(String, &'a RawValue)>,
    }
    let mut partitions: [Vec<Record>; PARTITIONS] = Default::default();
    for line in lines.lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let partition = &mut partitions[line.partition];
        assert_eq!(line.offset, partition.len(), "in the partition's order");
        let headers = line.headers.into_iter();
        partition.push(Record {
            timestamp: line.timestamp,
            key: decoded(line.key),
            value: decoded(line.value),
            headers: headers
                .map(|(name, value)| (name, decoded(value)))
                .collect(),
        });
    }
    partitions
}

/// A string and `{"base64":…}` are what they say; any other JSON is its own text.
fn decoded(raw: &RawValue) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Encoded {
        base64: String,
    }
    let text = raw.get();
    if text == "null" {
        None
    } else if text.starts_with('"') {
        Some(serde_json::from_str::<String>(text).unwrap().into_bytes())
    } else if let Ok(Encoded { base64 }) = serde_json::from_str(text) {
        Some(STANDARD.decode(base64).unwrap())
    } else {
        Some(text.into())
    }
}

/// The first that differs, not five hundred of them.
#[track_caller]
fn assert_same(sent: &[Vec<Record>], came: &[Vec<Record>], how: &str) {
    for (partition, (sent, came)) in sent.iter().zip(came).enumerate() {
        assert_eq!(sent.len(), came.len(), "partition {partition}, {how}");
        for (offset, (sent, came)) in sent.iter().zip(came).enumerate() {
            assert_eq!(sent, came, "{partition}:{offset}, {how}");
        }
    }
}
