//! Parsers of argument values that several commands share: pure, without a look at the cluster.

use crate::error::{Error, Result};
use crate::model::duration;
use crate::model::record::Header;
use std::time::Duration;

type Parsed<T> = std::result::Result<T, String>;

/// `5s`, `10m`, `7d`.
pub fn duration(text: &str) -> Parsed<Duration> {
    duration::parse(text).map_err(|error| error.to_string())
}

/// How long a request may take: what librdkafka can count.
pub fn timeout(text: &str) -> Parsed<Duration> {
    match duration(text)? {
        length if length < Duration::from_millis(1) => {
            Err("too short to wait for anything".to_owned())
        }
        length if length > Duration::from_secs(3600) => Err("at most 1h".to_owned()),
        length => Ok(length),
    }
}

/// A time that is some.
pub fn positive(text: &str) -> Parsed<Duration> {
    match duration(text)? {
        length if length < Duration::from_millis(1) => Err("at least 1ms".to_owned()),
        length => Ok(length),
    }
}

/// How often to look: not so often that a cluster does nothing else.
pub fn interval(text: &str) -> Parsed<Duration> {
    match duration(text)? {
        length if length < Duration::from_millis(100) => Err("at least 100ms".to_owned()),
        length => Ok(length),
    }
}

/// The first and the longest wait before another attempt: `200ms..30s`.
pub fn backoff(text: &str) -> Parsed<(Duration, Duration)> {
    let (base, cap) = text
        .split_once("..")
        .ok_or("expected FROM..TO, such as 200ms..30s")?;
    let (base, cap) = (positive(base)?, positive(cap)?);
    match base <= cap {
        true => Ok((base, cap)),
        false => Err("it ends before it begins".to_owned()),
    }
}

/// A program and its arguments. Quotes and backslashes are as in a shell; nothing is filled in.
pub fn words(flag: &str, command: &str) -> Result<Vec<String>> {
    let words = shell_words::split(command).map_err(|error| {
        Error::usage(format!(
            "the command of `{flag}` cannot be split into words"
        ))
        .caused_by(error)
    })?;
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(Error::usage(format!("`{flag}` needs a program"))),
    }
}

/// `name=value`, as librdkafka spells its properties. Not a parser of clap's: that repeats what it refuses, and the
/// text may be a secret.
pub fn property(text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err(Error::usage("`-X` takes PROPERTY=VALUE")
            .hint("secrets are better set as EDA_X_<PROPERTY>")),
    }
}

/// `key=value` of a topic configuration.
pub fn config(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as cleanup.policy=compact".to_owned()),
    }
}

/// Where something comes from, such as `/shop/checkout`: a URI reference that is not empty.
pub fn uri_reference(text: &str) -> Parsed<String> {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && !"\"<>\\^`{|}".contains(c);
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err("expected a URI or a path of one, such as /shop/checkout".to_owned()),
    }
}

/// `name=value` or `name:value`; a bare name is a header whose value is null.
pub fn header(text: &str) -> Parsed<Header> {
    let (name, value) = match text.split_once(['=', ':']) {
        Some((name, value)) => (name, Some(value.as_bytes().to_vec())),
        None => (text, None),
    };
    if name.is_empty() {
        return Err("a header needs a name".to_owned());
    }
    Ok(Header {
        name: name.to_owned(),
        value,
    })
}

/// How many partitions: at least one.
pub fn partitions(text: &str) -> Parsed<i32> {
    match text.parse() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err("expected a number from 1 to 2147483647".to_owned()),
    }
}

/// Records a second: a positive number, with or without `/s`.
pub fn rate(text: &str) -> Parsed<f64> {
    match text.trim_end_matches("/s").parse::<f64>() {
        // Slower than one in eleven days is a slip, and a pause that no clock can count.
        Ok(rate) if rate.is_finite() && rate >= 1e-6 => Ok(rate),
        _ => Err("expected a positive number of records a second".to_owned()),
    }
}

/// Each has threads and connections of its own, all on this machine.
const MOST_INSTANCES: u32 = 32;

/// `SERVICE=N`, at least one.
pub fn instances(text: &str) -> Parsed<(String, u32)> {
    match text
        .split_once('=')
        .map(|(name, count)| (name, count.parse::<u32>()))
    {
        Some((name, Ok(count))) if (1..=MOST_INSTANCES).contains(&count) => {
            Ok((name.to_owned(), count))
        }
        Some((_, Ok(_))) => Err(format!("a service has 1 to {MOST_INSTANCES} instances")),
        _ => Err("expected SERVICE=N, such as payment=2".to_owned()),
    }
}

/// A share between 0 and 1.
pub fn share(text: &str) -> Parsed<f64> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share between 0 and 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_some_instances_and_not_too_many() {
        assert_eq!(instances("payment=32"), Ok(("payment".to_owned(), 32)));
        for text in ["payment=0", "payment=33", "payment=99999999"] {
            let refusal = instances(text).unwrap_err();
            assert_eq!(refusal, "a service has 1 to 32 instances", "{text}");
        }
        for text in ["payment", "payment=", "payment=-1", "payment=99999999999"] {
            let refusal = instances(text).unwrap_err();
            assert!(refusal.contains("SERVICE=N"), "{text}: {refusal}");
        }
    }

    #[test]
    fn headers_take_both_spellings_and_null() {
        assert_eq!(
            header("a=b:c").unwrap(),
            Header {
                name: "a".into(),
                value: Some(b"b:c".to_vec())
            }
        );
        assert_eq!(
            header("a:b=c").unwrap(),
            Header {
                name: "a".into(),
                value: Some(b"b=c".to_vec())
            }
        );
        assert_eq!(
            header("a=").unwrap(),
            Header {
                name: "a".into(),
                value: Some(Vec::new())
            }
        );
        assert_eq!(
            header("a").unwrap(),
            Header {
                name: "a".into(),
                value: None
            }
        );
        assert!(header("=x").is_err());
    }

    #[test]
    fn a_wrong_property_is_not_repeated() {
        let error = property("hunter2").unwrap_err();
        assert!(!error.one_line().contains("hunter2"));
    }
}
