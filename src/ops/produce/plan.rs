//! What would be sent, found out without sending: wrong fields are refused here already.

use super::source::Payload;
use super::{Destination, Input, ProduceRequest};
use crate::error::{Error, Result};
use crate::model::cloud_event::Envelope;
use crate::model::partitioner::partition_for_key;
use crate::model::record::OutgoingRecord;
use crate::report::{Cell, Report, Table};
use serde::Serialize;

/// Where the records go, how many there will be, and what the first looks like, as far as it is known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProducePlan {
    topic: String,
    /// null: as many as the input holds.
    records: Option<u64>,
    /// null when any may be chosen, for there is no key, or when the input is yet to be read.
    partition: Option<i32>,
    /// Of a sample; its id and time are not those that will be sent. null when the input is yet to be read.
    key: Option<String>,
    value: Option<String>,
    /// Names and values, in their order. null when the input is yet to be read.
    headers: Option<Vec<(String, Option<String>)>>,
}

/// Builds a sample where the request alone says what is sent; reads no input, sends nothing.
///
/// # Errors
/// Usage: fields that the event does not have, or that the input leaves no use for. Failed: a partition that the topic
/// does not have.
pub fn plan(
    destination: &Destination,
    request: &ProduceRequest,
    input: &Input,
) -> Result<ProducePlan> {
    check_envelope(destination, request)?;
    check_partition(destination, request)?;
    let mut payload = Payload::new(destination.clone(), request.clone());
    let (records, sample) = match input {
        Input::Fields => (Some(1), Some(payload.of_fields()?)),
        Input::Generated(count) => (Some(*count), Some(payload.generate()?)),
        Input::Payloads(_) if !destination.events().is_empty() => (None, None),
        Input::Payloads(_) | Input::Records(_) | Input::Raw(_) | Input::Template(..) => {
            if let Some(field) = request.fields().first() {
                return Err(Error::usage(format!(
                    "`{field}` has no use here: lines are sent to `{}` as they are",
                    destination.topic()
                ))
                .hint("fields overlay the payloads of an event of the catalog"));
            }
            (None, None)
        }
    };
    let mut plan = ProducePlan {
        topic: destination.topic().to_owned(),
        records,
        partition: request.partition,
        key: None,
        value: None,
        headers: None,
    };
    if let Some(record) = sample {
        plan.partition = partition_of(&record, destination);
        let text =
            |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into());
        plan.key = text(record.key);
        plan.value = text(record.value);
        let headers = record.headers.into_iter();
        plan.headers = Some(
            headers
                .map(|header| (header.name, text(header.value)))
                .collect(),
        );
    }
    Ok(plan)
}

/// Where the client library puts the record: `None` without a key, for then it takes turns.
fn partition_of(record: &OutgoingRecord, destination: &Destination) -> Option<i32> {
    record.partition.or_else(|| {
        let key = record.key.as_deref()?;
        Some(partition_for_key(key, destination.partitions()))
    })
}

/// A partition that every record would be refused by is not one to show, nor to find out about record by record.
fn check_partition(destination: &Destination, request: &ProduceRequest) -> Result<()> {
    let (topic, count) = (destination.topic(), destination.partitions());
    match request.partition {
        Some(number) if number >= count => {
            let s = if count == 1 { "" } else { "s" };
            let text = format!("topic `{topic}` has {count} partition{s}, and no {number}");
            Err(Error::failed(text).hint("they count from 0"))
        }
        _ => Ok(()),
    }
}

/// An envelope says of an event what only the catalog knows of it.
fn check_envelope(destination: &Destination, request: &ProduceRequest) -> Result<()> {
    let envelope = request.envelope;
    if envelope == Envelope::Plain {
        return match request.source {
            Some(_) => Err(
                Error::usage("`--source` is named by an envelope, and there is none")
                    .hint("`--envelope cloudevents` has one"),
            ),
            None => Ok(()),
        };
    }
    if destination.events().is_empty() {
        let text = format!(
            "`{}` is not an event of the catalog, so there is no type and no id to put in an envelope",
            destination.topic()
        );
        return Err(Error::usage(text).hint("`eda event list` shows the events there are"));
    }
    let mut headers = request.headers.iter();
    if let Some(header) = headers.find(|header| envelope.sets_header(&header.name)) {
        let text = format!("`--envelope` sets the header `{}` itself", header.name);
        return Err(Error::usage(text).hint("`--source` says where the event comes from"));
    }
    Ok(())
}

impl Report for ProducePlan {
    fn table(&self) -> Table {
        let headers = ["TOPIC", "RECORDS", "PARTITION", "KEY", "VALUE"];
        let mut table = Table::new(&headers, "").titled("would send");
        table.row([
            self.topic.as_str().into(),
            self.records.map_or(Cell::from("all lines"), Cell::from),
            match (self.partition, &self.value) {
                (None, Some(_)) => Cell::from("any"),
                (partition, _) => partition.into(),
            },
            self.key.clone().into(),
            self.value.clone().into(),
        ]);
        if let Some(headers) = self.headers.as_deref().filter(|all| !all.is_empty()) {
            let mut more = Table::new(&["HEADER", "VALUE"], "");
            for (name, value) in headers {
                more.row([name.as_str().into(), value.clone().into()]);
            }
            table.more.push(more);
        }
        table
    }
}
