//! What is ours: dead letters, for whoever reads what he writes never comes to an end; and the names of transactions.

use super::super::topics::{hidden as internal, names};
use super::RuntimeOptions;
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::dead_letter::topic_for;
use crate::model::topic::TopicName;

/// Refuses a topic that is its own dead-letter topic, for what failed there would come again, for ever; and one whose
/// dead-letter topic cannot exist.
pub(super) fn check(options: &RuntimeOptions) -> Result<()> {
    let Some(template) = &options.dlq else {
        return Ok(());
    };
    for topic in names(&options.topics) {
        let letters = topic_for(template, topic, &options.group);
        if letters == *topic {
            let hint = "a `--dlq-topic` with `{topic}` in it, such as `{topic}.dlq`, is another for each topic";
            return Err(Error::usage(format!(
                "dead letters of `{topic}` would be written to `{topic}` and read again, without end"
            ))
            .hint(hint));
        }
        if let Err(error) = letters.parse::<TopicName>() {
            let text = format!("`{letters}` cannot be the dead-letter topic of `{topic}`");
            return Err(Error::usage(text).caused_by(error));
        }
    }
    Ok(())
}

/// The client property that keeps the dead letters this member writes from its own regular expressions: `^orders` fits
/// `orders.dlq` too, and then `orders.dlq.dlq`.
pub(super) fn hidden(options: &RuntimeOptions) -> Option<(String, String)> {
    let template = options.dlq.as_ref()?;
    if names(&options.topics).count() == options.topics.len() {
        return None;
    }
    // Marks that no topic has in its name stand for the places to fill in.
    let filled = topic_for(template, "\u{1}", &options.group);
    let pieces: Vec<String> = filled.split('\u{1}').map(literal).collect();
    let own = format!("^{}$", pieces.join(".+"));
    Some(match internal(&options.topics) {
        Some((name, kafka)) => (name, format!("{kafka},{own}")),
        None => ("topic.blacklist".to_owned(), own),
    })
}

/// Whether the user says what the member's transactions are called.
pub(super) fn names_transactions(cluster: &Cluster, options: &RuntimeOptions) -> bool {
    let properties = cluster.connection().properties.iter();
    let mut all = properties.chain(&options.properties);
    all.any(|(name, _)| name == "transactional.id")
}

/// As POSIX's and Rust's expressions both have it. What is in no topic's name fits nothing, however it is written.
fn literal(text: &str) -> String {
    let one = |character: char| match character {
        '.' => "[.]".to_owned(),
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => character.to_string(),
        _ => ".".to_owned(),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(topics: &[&str], dlq: Option<&str>) -> RuntimeOptions {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        RuntimeOptions {
            dlq: dlq.map(str::to_owned),
            ..RuntimeOptions::new("billing", topics)
        }
    }

    #[test]
    fn a_topic_that_is_its_own_dead_letter_topic_is_refused() {
        for (topics, dlq, refused) in [
            (&["orders"][..], Some("{topic}.dlq"), false),
            (&["orders", "orders.dlq"], Some("{topic}.dlq"), false),
            (&["orders"], Some("{topic}"), true),
            (&["orders", "parked"], Some("parked"), true),
            (&["orders", "parked"], None, false),
            (&["orders"], Some("{topic} dead"), true),
            (&["billing"], Some("{group}"), true),
        ] {
            let outcome = check(&options(topics, dlq));
            assert_eq!(outcome.is_err(), refused, "{topics:?} {dlq:?}");
        }
    }

    #[test]
    fn a_pattern_does_not_mean_the_dead_letters_it_leads_to() {
        let of = |topics: &[&str], dlq| hidden(&options(topics, dlq)).map(|(_, value)| value);
        assert_eq!(of(&["orders"], Some("{topic}.dlq")), None);
        assert_eq!(of(&["^orders"], None), None);
        let own = "^__.*,^.+[.]dlq$";
        assert_eq!(of(&["^orders"], Some("{topic}.dlq")).unwrap(), own);
        let both = "^dead[.]billing[.].+$";
        let meant = of(&["^__c"], Some("dead.{group}.{topic}"));
        assert_eq!(meant.unwrap(), both);
    }
}
