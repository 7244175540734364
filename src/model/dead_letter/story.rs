//! The story a convention tells in headers, as a table of where it says what.

use super::fields::{Field, Number, UNSAID, decimal, root_cause};
use super::{DeadLetter, OriginDoubt};
use crate::model::record::{Record, TimestampType};
use crate::model::topic::TopicName;

/// Where a convention says what. Whose headers are like this is a table and nothing else.
pub(super) struct Story {
    pub topic: Field,
    pub partition: Number,
    pub offset: Number,
    pub timestamp: Number,
    /// The dead letter keeps the timestamp of the record that died.
    pub keeps_timestamp: bool,
    pub group: Field,
    /// The innermost first, for where the stack trace does not tell.
    pub exception: Field,
    pub message: Field,
    pub cause: Field,
    pub stack_trace: Field,
    pub attempts: Number,
    pub failed_at: Number,
    pub stage: Field,
}

const UNSAID_NUMBER: Number = UNSAID.number(decimal);

impl Story {
    /// Says nothing.
    pub(super) const SILENT: Story = Story {
        topic: UNSAID,
        partition: UNSAID_NUMBER,
        offset: UNSAID_NUMBER,
        timestamp: UNSAID_NUMBER,
        keeps_timestamp: false,
        group: UNSAID,
        exception: UNSAID,
        message: UNSAID,
        cause: UNSAID,
        stack_trace: UNSAID,
        attempts: UNSAID_NUMBER,
        failed_at: UNSAID_NUMBER,
        stage: UNSAID,
    };

    /// What the record's headers tell.
    pub(super) fn read(&self, convention: &'static str, record: &Record) -> DeadLetter {
        let mut letter = DeadLetter::new(convention);
        if let Some(topic) = self.topic.text(record) {
            letter.set_origin_topic(topic);
        }
        letter.origin.partition = self.partition.get(record);
        letter.origin.offset = self.offset.get(record);
        letter.origin.timestamp = self.timestamp.get(record);
        if self.keeps_timestamp
            && let Some((milliseconds, TimestampType::Create)) = record.timestamp
        {
            letter.origin.timestamp = Some(milliseconds);
        }
        letter.group = self.group.text(record);
        letter.message = self.message.prose(record);
        letter.cause = self.cause.prose(record);
        letter.stack_trace = self.stack_trace.prose(record);
        letter.exception = self.exception.text(record);
        letter.take_root_cause();
        letter.attempts = self.attempts.get(record);
        letter.failed_at = self.failed_at.get(record);
        letter.stage = self.stage.text(record);
        letter
    }
}

impl DeadLetter {
    /// The stack trace knows better what was at the root than whoever caught it, where it is one that we can read.
    pub(super) fn take_root_cause(&mut self) {
        if let Some(root) = self.stack_trace.as_deref().and_then(root_cause) {
            self.exception = Some(root.class.to_owned());
            self.cause = root.message.map(str::to_owned).or(self.cause.take());
        }
        if self.cause == self.message {
            self.cause = None;
        }
    }

    /// Takes the topic that the dead letter names for its origin, if a topic can be called that.
    pub(super) fn set_origin_topic(&mut self, name: String) {
        match name.parse::<TopicName>() {
            Ok(topic) => self.origin.topic = Some(topic.into_string()),
            Err(_) => {
                let mut name = name;
                name.truncate(name.floor_char_boundary(TopicName::MAX_LENGTH));
                self.origin_doubt = Some(OriginDoubt::NoTopicName(name));
            }
        }
    }
}
