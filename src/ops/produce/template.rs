//! Records cut out of the input by a template: sent from the very bytes that were read.

use super::blocks::Blocks;
use super::source::{Payload, Sink, keeps_timestamp};
use crate::error::{Error, Result};
use crate::model::record::{Header, Headers};
use crate::model::template::{HeaderParts, Parts, ReadError, Reader};
use crate::ops::stop::Stop;
use std::io::BufRead;

/// Lines as they come.
pub(super) fn feed_lines(
    input: Box<dyn BufRead + Send>,
    payload: &Payload,
    stop: &Stop,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let mut blocks = Blocks::new(input, stop);
    let mut number = 0;
    while let Some(line) = blocks.next_line()? {
        number += 1;
        if !sink(number, payload.of_slices(None, Some(line)))? {
            break;
        }
    }
    Ok(())
}

/// What the input is counted in.
pub(super) fn unit(reader: &Reader) -> &'static str {
    match reader.is_by_line() {
        true => "line",
        false => "record",
    }
}

/// Records as the template says.
pub(super) fn feed(
    input: Box<dyn BufRead + Send>,
    reader: &Reader,
    payload: &Payload,
    stop: &Stop,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let unit = unit(reader);
    let mut blocks = Blocks::new(input, stop);
    let mut number = 0;
    loop {
        let wrong = |error: ReadError| {
            let text = format!("{unit} {} is not as `{reader}` says", number + 1);
            Error::failed(text).caused_by(error)
        };
        let read = reader.read(blocks.bytes(), blocks.complete());
        let taken = match read.map_err(wrong)? {
            Some((parts, taken)) => {
                number += 1;
                if !send(number, unit, &parts, payload, sink)? {
                    return Ok(());
                }
                taken
            }
            None => 0,
        };
        if taken > 0 {
            blocks.consume(taken);
        } else if blocks.complete() || !blocks.more()? {
            return Ok(());
        }
    }
}

fn send(
    number: u64,
    unit: &str,
    parts: &Parts<'_>,
    payload: &Payload,
    sink: &mut Sink<'_>,
) -> Result<bool> {
    let wrong = |what: &str| Error::failed(format!("{unit} {number} has {what}"));
    let mut record = payload.of_slices(parts.key.as_deref(), parts.value.as_deref());
    if let (None, Some(partition)) = (record.partition, parts.partition) {
        let partition = i32::try_from(partition).ok().filter(|number| *number >= 0);
        record.partition = Some(partition.ok_or_else(|| wrong("no partition's number as `%p`"))?);
    }
    record.timestamp = match parts.timestamp {
        // As a template writes the one that a record lacks.
        None | Some(-1) => None,
        Some(time) if time < 0 => return Err(wrong("a negative timestamp")),
        time => time,
    };
    keeps_timestamp(record.timestamp, unit, number)?;
    if parts.headers.is_empty() {
        return sink(number, record);
    }
    let header = |(name, value): &HeaderParts<'_>| {
        let name =
            std::str::from_utf8(name).map_err(|_| wrong("a header's name that is not UTF-8"))?;
        Ok(Header::new(name, value.as_ref()))
    };
    let mut headers = parts
        .headers
        .iter()
        .map(header)
        .collect::<Result<Vec<Header>>>()?;
    headers.extend(record.headers.iter().map(|(name, value)| Header {
        name: name.to_owned(),
        value: value.map(<[u8]>::to_vec),
    }));
    record.headers = Headers::Owned(&headers);
    sink(number, record)
}
