//! The many that are written at home: `x-original-topic`, `Source_Partition`, `dlq-origin-offset`, … in any case and
//! with any of `-`, `_` and `.` between the words, numbers in digits or in big-endian bytes.

use super::{Convention, Mark};
use crate::model::dead_letter::DeadLetter;
use crate::model::dead_letter::fields::{any_number, any_time, natural, plain_name, prose, text};
use crate::model::record::Record;

const NAME: &str = "generic";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Sign(|record| {
        let named = |name: &str| ends_like_topic(name) && part(name) == Some((Part::Topic, true));
        record.headers.iter().any(|header| named(&header.name))
    }),
    read,
    is_diagnostic: |name| part(name).is_some_and(|(_, surely)| surely),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Group,
    Attempts,
    Retries,
    Exception,
    Message,
    StackTrace,
    FailedAt,
}

/// Before anything else is done with a name: the shortest is `origintopic`, and few names end so.
fn ends_like_topic(name: &str) -> bool {
    (10..=48).contains(&name.len())
        && name
            .as_bytes()
            .last()
            .is_some_and(|byte| byte | 0x20 == b'c')
}

/// What a header of this name tells, and whether it surely belongs to the story: `error-message` and
/// `source-timestamp` may be the record's own.
fn part(name: &str) -> Option<(Part, bool)> {
    let mut buffer = [0; 40];
    let name = plain_name(name, &mut buffer)?;
    let bare = name.strip_prefix('x').unwrap_or(name);
    let marked = ["deadletter", "dlq", "dlt"]
        .iter()
        .find_map(|prefix| bare.strip_prefix(prefix));
    let rest = marked.unwrap_or(bare);
    let ours = marked.is_some();
    for (prefix, is_its_own_word) in [("original", true), ("origin", false), ("source", false)] {
        let part = match rest.strip_prefix(prefix) {
            Some("topic") => (Part::Topic, true),
            Some("partition") => (Part::Partition, true),
            Some("offset") => (Part::Offset, true),
            Some("timestamp") => (Part::Timestamp, ours || is_its_own_word),
            Some("group" | "groupid" | "consumergroup" | "consumergroupid") => (Part::Group, true),
            _ => continue,
        };
        return Some(part);
    }
    let part = match rest {
        "retrycount" | "retriescount" => (Part::Retries, true),
        "attemptcount" | "attemptscount" | "deliverycount" | "deliveryattempts" => {
            (Part::Attempts, true)
        }
        "attempts" => (Part::Attempts, ours),
        "group" | "consumergroup" | "groupid" | "consumergroupid" => (Part::Group, ours),
        "exceptionclass" | "exceptionfqcn" | "exceptiontype" | "errorclass" | "errortype"
        | "errorname" | "exceptionclassname" => (Part::Exception, ours),
        "error" | "errormessage" | "exceptionmessage" | "failurereason" | "errorreason"
        | "reason" => (Part::Message, ours),
        "stacktrace" | "exceptionstacktrace" | "errorstack" | "errorstacktrace" => {
            (Part::StackTrace, ours)
        }
        "failedat" | "failuretimestamp" | "errortimestamp" => (Part::FailedAt, ours),
        _ => return None,
    };
    Some(part)
}

/// Of the origin the first counts, of all else the last: most append.
fn read(record: &Record) -> Option<DeadLetter> {
    let mut letter = DeadLetter::new(NAME);
    for header in &record.headers {
        let Some(value) = header.value.as_deref() else {
            continue;
        };
        let Some((part, _)) = part(&header.name) else {
            continue;
        };
        let number = || any_number(value);
        let string = || text(value).map(str::to_owned);
        let origin = &mut letter.origin;
        match part {
            Part::Topic if origin.topic.is_none() => {
                if let Some(name) = string() {
                    letter.set_origin_topic(name);
                }
            }
            Part::Partition if origin.partition.is_none() => {
                origin.partition = number().and_then(natural);
            }
            Part::Offset if origin.offset.is_none() => origin.offset = number().and_then(natural),
            Part::Timestamp if origin.timestamp.is_none() => {
                origin.timestamp = any_time(value).and_then(natural);
            }
            Part::Topic | Part::Partition | Part::Offset | Part::Timestamp => {}
            Part::Group => letter.group = string().or(letter.group),
            Part::Attempts => letter.attempts = number().and_then(natural).or(letter.attempts),
            // Trying again comes after the first time.
            Part::Retries => {
                let tried = || natural(number()?.checked_add(1)?);
                letter.attempts = letter.attempts.or_else(tried);
            }
            Part::Exception => letter.exception = string().or(letter.exception),
            Part::Message => letter.message = prose(value).or(letter.message),
            Part::StackTrace => letter.stack_trace = prose(value).or(letter.stack_trace),
            Part::FailedAt => {
                letter.failed_at = any_time(value).and_then(natural).or(letter.failed_at);
            }
        }
    }
    if letter.origin.topic.is_some() {
        letter.origin_doubt = None;
    }
    letter.take_root_cause();
    (letter.origin.topic.is_some() || letter.origin_doubt.is_some()).then_some(letter)
}
