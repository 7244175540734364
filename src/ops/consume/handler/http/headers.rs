//! A record's metadata as headers of a request.

use crate::model::cloud_event::CloudEvent;
use crate::model::record::Record;
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// What the CloudEvents HTTP binding (1.0.2, 3.1.3.2) has encoded in a header: all but visible ASCII, and `"` and `%`.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
/// Servers take 8 KiB to 64 KiB of headers, and often no more than 8 KiB in one: what is beyond is left out.
const LONGEST: usize = 4 * 1024;
const BUDGET: usize = 12 * 1024;

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const OMITTED: HeaderName = HeaderName::from_static("eda-omitted");

/// The headers of the request for a record; the user's own come after them.
pub(super) fn of(record: &Record, attempt: u32, group: &str) -> HeaderMap {
    let mut headers = Headers {
        map: HeaderMap::with_capacity(24),
        omitted: String::new(),
        size: 0,
    };
    headers.text("eda-topic", record.topic.as_bytes());
    headers.insert("eda-partition", record.partition.into());
    headers.insert("eda-offset", record.offset.into());
    headers.insert("eda-attempt", attempt.into());
    if let Some((milliseconds, _)) = record.timestamp {
        headers.insert("eda-timestamp", milliseconds.into());
    }
    headers.text("eda-group", group.as_bytes());
    let event_id = record.event_id();
    headers.text("eda-event-id", event_id.as_bytes());
    match &record.value {
        Some(value) => content(record, value, &event_id, &mut headers),
        None => headers.insert("eda-value-null", HeaderValue::from_static("true")),
    }
    if let Some(key) = &record.key {
        headers.text("eda-key", key);
    }
    for (index, header) in record.headers.iter().enumerate() {
        let name = header_name(&header.name);
        let later = &record.headers[index + 1..];
        if let Some(value) = &header.value
            && !later.iter().any(|later| header_name(&later.name) == name)
        {
            headers.text(&name, value);
        }
    }
    headers.finish()
}

/// `ce-id` for an attribute of a CloudEvent, `ce_id`; `eda-header-trace-id` for any other header, `Trace_ID`.
fn header_name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if let Some(attribute) = name.strip_prefix("ce_")
        && !attribute.is_empty()
        && attribute.bytes().all(plain)
    {
        return format!("ce-{attribute}");
    }
    let letter = |character: char| match character.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9') => letter,
        // Not `_`: servers such as nginx pass headers over that have one in their name.
        _ => '-',
    };
    let mut header = "eda-header-".to_owned();
    header.extend(name.chars().map(letter));
    header
}

/// The type of the value, and what an event of ours says of itself where no envelope does.
fn content(record: &Record, value: &[u8], event_id: &str, headers: &mut Headers) {
    let stated = record
        .last_header("content-type")
        .or_else(|| record.last_header("ce_datacontenttype"))
        .and_then(|stated| HeaderValue::from_bytes(stated).ok())
        .filter(|stated| !stated.is_empty() && stated.len() <= LONGEST);
    let is_json = || serde_json::from_slice::<IgnoredAny>(value).is_ok();
    let content_type = stated.clone().unwrap_or_else(|| match is_json() {
        true => HeaderValue::from_static(JSON),
        false => HeaderValue::from_static(BYTES),
    });
    headers.map.insert(CONTENT_TYPE, content_type);
    let enveloped = record
        .headers
        .iter()
        .any(|header| header.name == "ce_specversion")
        || stated.is_some_and(|stated| stated.as_bytes().starts_with(b"application/cloudevents"));
    if enveloped || !value.trim_ascii_start().starts_with(b"{") {
        return;
    }
    let Ok(event) = serde_json::from_slice::<Map<String, Value>>(value) else {
        return;
    };
    if let Some(Value::String(event_type)) = event.get("eventType")
        && !event_type.is_empty()
    {
        let source = format!("/eda/{}", record.topic);
        let new_id = || event_id.to_owned();
        let attributes = CloudEvent::of(event_type, None, &source, &event, new_id).headers();
        for header in &attributes {
            if let Some(value) = &header.value
                && header.name.starts_with("ce_")
            {
                headers.text(&header_name(&header.name), value);
            }
        }
    }
}

struct Headers {
    map: HeaderMap,
    omitted: String,
    size: usize,
}

impl Headers {
    fn insert(&mut self, name: &'static str, value: HeaderValue) {
        self.map.insert(HeaderName::from_static(name), value);
    }

    /// What is longer than servers take is left out, and named.
    fn text(&mut self, name: &str, value: &[u8]) {
        let encoded = || percent_encode(value, ENCODED).to_string();
        // Encoding makes it longer, never shorter.
        let value = (value.len() <= LONGEST).then(encoded);
        let size = |value: &String| name.len() + value.len() + 4;
        let fits = |value: &String| value.len() <= LONGEST && self.size + size(value) <= BUDGET;
        let name_is_short = name.len() <= LONGEST / 4;
        let value = value.filter(|value| name_is_short && fits(value));
        let pair = value.and_then(|value| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&value).ok()?, size(&value)))
        });
        match pair {
            Some((name, value, size)) => {
                self.size += size;
                self.map.insert(name, value);
            }
            None if name_is_short && self.omitted.len() + name.len() < LONGEST / 4 => {
                let comma = if self.omitted.is_empty() { "" } else { " " };
                self.omitted.push_str(comma);
                self.omitted.push_str(name);
            }
            None => {}
        }
    }

    fn finish(mut self) -> HeaderMap {
        if let Ok(omitted) = HeaderValue::from_str(&self.omitted)
            && !omitted.is_empty()
        {
            self.map.insert(OMITTED, omitted);
        }
        self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Header;
    use crate::ops::consume::handler::tests::record;

    fn shown(record: &Record) -> Vec<String> {
        let headers = of(record, 2, "billing");
        let mut shown: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        shown.sort();
        shown
    }

    fn header(record: &Record, name: &str) -> Option<String> {
        let headers = of(record, 2, "billing");
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_record_is_told_whole() {
        let mut record = record(Some("plain"));
        record.key = Some("\"ä 100%\n\"".as_bytes().to_vec());
        record.headers = vec![
            Header::text("Trace_ID", "1"),
            Header::text("trace-id", "2"),
            Header::text("größe", "\u{7f}"),
            Header {
                name: "gone".to_owned(),
                value: None,
            },
        ];
        let expected = [
            "content-type: application/octet-stream",
            "eda-attempt: 2",
            "eda-event-id: order-created:1:42",
            "eda-group: billing",
            "eda-header-gr--e: %7F",
            "eda-header-trace-id: 2",
            "eda-key: %22%C3%A4%20100%25%0A%22",
            "eda-offset: 42",
            "eda-partition: 1",
            "eda-timestamp: 1764000000000",
            "eda-topic: order-created",
        ];
        assert_eq!(shown(&record), expected);
        record.value = None;
        assert_eq!(header(&record, "content-type"), None);
        assert_eq!(header(&record, "eda-value-null").as_deref(), Some("true"));
    }

    #[test]
    fn the_content_type_is_the_records_own_or_found_out() {
        let named = |name: &str, value: &str| vec![Header::text(name, value)];
        let cases = [
            ("{}", vec![], "application/json"),
            (" [1]\n", vec![], "application/json"),
            ("{", vec![], "application/octet-stream"),
            ("", vec![], "application/octet-stream"),
            ("{}", named("content-type", "text/plain"), "text/plain"),
            ("{}", named("ce_datacontenttype", "text/csv"), "text/csv"),
            ("{}", named("content-type", "a\nb"), "application/json"),
        ];
        for (value, headers, expected) in cases {
            let mut record = record(Some(value));
            record.headers = headers;
            assert_eq!(
                header(&record, "content-type").as_deref(),
                Some(expected),
                "{value}"
            );
        }
    }

    #[test]
    fn an_event_is_a_cloud_event_in_the_binary_mode() {
        let event =
            r#"{"eventType":"OrderCreated","eventId":"e-1","timestamp":"2026-01-02T03:04:05Z"}"#;
        let plain = record(Some(event));
        let ce = |record: &Record| -> Vec<String> {
            let all = shown(record).into_iter();
            all.filter(|header| header.starts_with("ce-")).collect()
        };
        let expected = [
            "ce-id: e-1",
            "ce-source: /eda/order-created",
            "ce-specversion: 1.0",
            "ce-time: 2026-01-02T03:04:05Z",
            "ce-type: OrderCreated",
        ];
        assert_eq!(ce(&plain), expected);

        // What an envelope says is passed on, and nothing added.
        let mut binary = record(Some(event));
        binary.headers = vec![
            Header::text("ce_specversion", "1.0"),
            Header::text("ce_id", "ä"),
            Header::text("ce_X", "1"),
        ];
        assert_eq!(ce(&binary), ["ce-id: %C3%A4", "ce-specversion: 1.0"]);
        assert_eq!(header(&binary, "eda-header-ce-x").as_deref(), Some("1"));
        let mut structured = record(Some(event));
        let content_type = "application/cloudevents+json; charset=UTF-8";
        structured.headers = vec![Header::text("content-type", content_type)];
        assert_eq!(ce(&structured), Vec::<String>::new());
        assert_eq!(
            header(&structured, "content-type").as_deref(),
            Some(content_type)
        );
        for value in [
            r#"{"eventType":7}"#,
            r#"{"eventType":""}"#,
            r#"["eventType"]"#,
        ] {
            assert_eq!(ce(&record(Some(value))), Vec::<String>::new(), "{value}");
        }
    }

    #[test]
    fn what_no_server_takes_is_left_out_and_named() {
        let mut record = record(Some("{}"));
        record.key = Some(vec![0; LONGEST]);
        record.headers = vec![Header::new("long", vec![b'x'; LONGEST + 1])];
        assert_eq!(
            header(&record, "eda-omitted").as_deref(),
            Some("eda-key eda-header-long")
        );
        let many = |index| Header::new(format!("h{index}"), vec![b'x'; 100]);
        record.headers = (0..1000).map(many).collect();
        let size: usize = shown(&record).iter().map(|line| line.len() + 2).sum();
        assert!(size < BUDGET + LONGEST, "{size}");
    }
}
