//! SmallRye Reactive Messaging and Quarkus: `KafkaDeadLetterQueue.java` and `KafkaDelayedRetryTopic.java`.
//!
//! The new headers come first and the old record's after them: the last origin is the root, the first exception the
//! newest, the opposite of everybody else. There is no stack trace.

use super::{Convention, Mark};
use crate::model::dead_letter::DeadLetter;
use crate::model::dead_letter::fields::{decimal, first, last, text};
use crate::model::dead_letter::story::Story;
use crate::model::record::Record;

const NAME: &str = "smallrye";
const RETRY_NAME: &str = "smallrye-retry";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["dead-letter-topic"]),
    read: |record| {
        let letter = STORY.read(NAME, record);
        Some(newest(letter, record, "dead-letter"))
    },
    is_diagnostic,
};

/// `delayed-retry-topic`, in its retry topics and in the dead-letter topic after them: the headers are the same.
pub(super) static RETRY: Convention = Convention {
    name: RETRY_NAME,
    mark: Mark::Header(&["delayed-retry-topic"]),
    read: |record| {
        let letter = RETRY_STORY.read(RETRY_NAME, record);
        Some(newest(letter, record, "delayed-retry"))
    },
    is_diagnostic,
};

static STORY: Story = Story {
    topic: last(&["dead-letter-topic"]),
    partition: last(&["dead-letter-partition"]).number(decimal),
    offset: last(&["dead-letter-offset"]).number(decimal),
    exception: first(&[
        "dead-letter-cause-class-name",
        "dead-letter-exception-class-name",
    ]),
    message: first(&["dead-letter-reason"]),
    cause: first(&["dead-letter-cause"]),
    ..Story::SILENT
};

static RETRY_STORY: Story = Story {
    topic: last(&["delayed-retry-topic"]),
    partition: last(&["delayed-retry-partition"]).number(decimal),
    offset: last(&["delayed-retry-offset"]).number(decimal),
    timestamp: last(&["delayed-retry-original-timestamp"]).number(decimal),
    exception: first(&[
        "delayed-retry-cause-class-name",
        "delayed-retry-exception-class-name",
    ]),
    message: first(&["delayed-retry-reason"]),
    cause: first(&["delayed-retry-cause"]),
    // How often it was tried again: 0 when it failed first.
    attempts: last(&["delayed-retry-count"]).number(decimal).plus(1),
    ..Story::SILENT
};

/// A failure without a cause has no headers for one: those that come after its topic are an older failure's.
fn newest(mut letter: DeadLetter, record: &Record, prefix: &str) -> DeadLetter {
    let place = |rest: &str| {
        let is_it = |name: &str| name.strip_prefix(prefix) == Some(rest);
        record.headers.iter().position(|header| is_it(&header.name))
    };
    if place("-cause-class-name") > place("-topic") {
        letter.exception = record
            .headers
            .iter()
            .find(|header| header.name.strip_prefix(prefix) == Some("-exception-class-name"))
            .and_then(|header| text(header.value.as_deref()?).map(str::to_owned));
        letter.cause = None;
    }
    letter
}

/// Both ways' headers: a record may have gone both.
fn is_diagnostic(name: &str) -> bool {
    let rest = name
        .strip_prefix("dead-letter-")
        .or_else(|| name.strip_prefix("delayed-retry-"));
    rest.is_some_and(|rest| {
        matches!(
            rest,
            "topic"
                | "partition"
                | "offset"
                | "reason"
                | "cause"
                | "exception-class-name"
                | "cause-class-name"
                | "count"
                | "original-timestamp"
                | "first-processing-timestamp"
        )
    })
}
