//! Wolverine (.NET): `DeadLetterQueueConstants.cs`, `KafkaRetryNaming.cs`, `KafkaListener.cs`.
//!
//! Its origin is a URI, `kafka://topic/order-created`. Before that header came it named no origin at all, only the
//! exception. A record that went through the retry topics names the first one in a header of their own.

use super::{Convention, Mark};
use crate::model::dead_letter::DeadLetter;
use crate::model::dead_letter::fields::{Field, decimal, last, ticks};
use crate::model::dead_letter::story::Story;
use crate::model::record::Record;

const NAME: &str = "wolverine";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&[
        "original-destination",
        "exception-stack",
        "wolverine-kafka-retry-source",
    ]),
    read,
    is_diagnostic: |name| {
        name.starts_with("wolverine-kafka-retry-")
            || matches!(
                name,
                "original-destination"
                    | "original-partition"
                    | "original-offset"
                    | "exception-type"
                    | "exception-message"
                    | "exception-stack"
                    | "failed-at"
            )
    },
};

static STORY: Story = Story {
    partition: last(&["original-partition"]).number(decimal),
    offset: last(&["original-offset"]).number(decimal),
    exception: last(&["exception-type", "wolverine-kafka-retry-exception-type"]),
    message: last(&[
        "exception-message",
        "wolverine-kafka-retry-exception-message",
    ]),
    stack_trace: last(&["exception-stack"]),
    attempts: last(&["wolverine-kafka-retry-attempt"]).number(decimal),
    failed_at: last(&["failed-at"]).number(decimal),
    ..Story::SILENT
};
static RETRY_SOURCE: Field = last(&["wolverine-kafka-retry-source"]);
static DESTINATION: Field = last(&["original-destination"]);

fn read(record: &Record) -> Option<DeadLetter> {
    let source = RETRY_SOURCE.text(record);
    let destination = DESTINATION.text(record);
    let destination = destination.as_deref().and_then(topic_of_uri);
    let has = |name: &str| record.last_header(name).is_some();
    if source.is_none() && destination.is_none() && !(has("exception-type") && has("failed-at")) {
        return None;
    }
    let mut letter = STORY.read(NAME, record);
    if source.is_some() && source.as_deref() != destination {
        // They are those of a retry topic.
        letter.origin.partition = None;
        letter.origin.offset = None;
    }
    if letter.failed_at.is_none() {
        letter.failed_at = last(&["wolverine-kafka-retry-first-failed"])
            .number(ticks)
            .get(record);
    }
    if let Some(topic) = source.or_else(|| destination.map(str::to_owned)) {
        letter.set_origin_topic(topic);
    }
    Some(letter)
}

/// `<protocol>://topic/<name>`.
fn topic_of_uri(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let topic = rest.strip_prefix("topic/")?.trim_end_matches('/');
    (!topic.is_empty()).then_some(topic)
}
