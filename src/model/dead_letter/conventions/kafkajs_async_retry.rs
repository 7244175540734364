//! kafkajs-async-retry (Node.js): `src/index.ts`. One header of JSON, `{"top":topic,"ttl":not before,"att":attempts}`.
//!
//! It tells neither partition nor offset nor error, and a record that is given up at the first attempt has no header
//! at all. The dead-letter topic is the group's: `<group>-dlq`.

use super::{Convention, Mark};
use crate::model::dead_letter::DeadLetter;
use crate::model::dead_letter::fields::natural;
use serde::Deserialize;

const NAME: &str = "kafkajs-async-retry";
const HEADER: &str = "asyncRetry";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&[HEADER]),
    read: |record| {
        let retry: Retry<'_> = serde_json::from_slice(record.last_header(HEADER)?).ok()?;
        let mut letter = DeadLetter::new(NAME);
        letter.set_origin_topic(retry.top.to_owned());
        // One less than the attempts that were made.
        letter.attempts = retry.att.and_then(|att| natural(att.checked_add(1)?));
        letter.group = record.topic.strip_suffix("-dlq").map(str::to_owned);
        Some(letter)
    },
    is_diagnostic: |name| name == HEADER,
};

#[derive(Deserialize)]
struct Retry<'a> {
    /// As it stands there: a topic's name has nothing that JSON would escape.
    top: &'a str,
    att: Option<i64>,
}
