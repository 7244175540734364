//! Topics that are named by a regular expression: `^order-`.

use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::topic::Topic;
use crate::ops::missing;
use regex::Regex;

/// Every topic there is, among them those that were named.
///
/// # Errors
/// One that was named does not exist, or may not be seen.
pub(in crate::ops::consume) async fn existing(
    cluster: &Cluster,
    topics: &[String],
) -> Result<Vec<Topic>> {
    let existing = cluster.topics().await?;
    for name in names(topics) {
        if !existing.iter().any(|topic| topic.name == *name) {
            let names = existing.iter().map(|topic| topic.name.as_str());
            return Err(missing::topic(cluster, name, names).await);
        }
    }
    Ok(existing)
}

/// The names among what was asked for.
pub(in crate::ops::consume) fn names(topics: &[String]) -> impl Iterator<Item = &String> {
    topics.iter().filter(|topic| !topic.starts_with('^'))
}

/// The client property that keeps Kafka's own topics from a group whose expressions do not mean them.
pub(in crate::ops::consume) fn hidden(topics: &[String]) -> Option<(String, String)> {
    let means = |topic: &String| topic.starts_with("__") || topic.starts_with("^__");
    let hides = topics.iter().any(|topic| topic.starts_with('^')) && !topics.iter().any(means);
    hides.then(|| ("topic.blacklist".to_owned(), "^__.*".to_owned()))
}

/// The regular expressions among what was asked for.
pub(in crate::ops::consume) struct Patterns(Vec<Regex>);

impl Patterns {
    pub(in crate::ops::consume) fn new(topics: &[String]) -> Result<Self> {
        let patterns = topics.iter().filter(|topic| topic.starts_with('^'));
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| {
                Error::usage(format!("`{pattern}` is not a regular expression"))
                    .caused_by(error)
                    .hint("a topic that begins with `^` is one, such as `^order-`")
            })
        };
        patterns.map(compile).collect::<Result<_>>().map(Patterns)
    }

    /// Topics of Kafka's own are only meant by who says their underscores.
    pub(in crate::ops::consume) fn matches(&self, name: &str) -> bool {
        let means =
            |pattern: &Regex| !name.starts_with("__") || pattern.as_str().starts_with("^__");
        self.0
            .iter()
            .any(|pattern| means(pattern) && pattern.is_match(name))
    }

    /// The error about an expression that none of the topics fits.
    pub(in crate::ops::consume) fn unmatched(&self, topics: &[&Topic]) -> Option<Error> {
        let fits = |pattern: &&Regex| topics.iter().any(|topic| pattern.is_match(&topic.name));
        let pattern = self.0.iter().find(|pattern| !fits(pattern))?;
        let error = Error::failed(format!("no topic matches `{pattern}`"));
        Some(error.hint("`eda topic list` shows the topics"))
    }
}
