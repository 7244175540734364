//! What was left out of a command line and can be chosen from what the cluster has: asked for on a terminal, a usage
//! error off one.

use super::context::Context;
use crate::error::{Error, Result};

/// The groups named, or the one that is chosen; and whether it was asked for.
pub async fn groups(context: &Context, named: Vec<String>) -> Result<(Vec<String>, bool)> {
    if !named.is_empty() {
        return Ok((named, false));
    }
    let listed = async {
        let groups = context.cluster()?.groups().await?;
        Ok(groups.into_iter().map(|group| group.id).collect())
    };
    let group = one(
        context,
        "Group",
        "a GROUP",
        "there is no consumer group",
        listed,
    )
    .await?;
    Ok((vec![group], true))
}

/// The topic named, or the one that is chosen; and whether it was asked for. Kafka's own are not proposed.
pub async fn topic(context: &Context, named: Option<String>) -> Result<(String, bool)> {
    if let Some(topic) = named {
        return Ok((topic, false));
    }
    let listed = async {
        let topics = context.cluster()?.topics().await?;
        let own = topics.into_iter().filter(|topic| !topic.internal);
        Ok(own.map(|topic| topic.name).collect())
    };
    let topic = one(
        context,
        "Topic",
        "the topic's NAME",
        "there is no topic",
        listed,
    )
    .await?;
    Ok((topic, true))
}

/// As [`groups`]; when it was asked for, the finished command line is shown: `command`, the group, and `rest`.
pub async fn groups_for(
    context: &Context,
    command: [&str; 2],
    named: Vec<String>,
    rest: &[String],
) -> Result<Vec<String>> {
    let (groups, asked) = groups(context, named).await?;
    if asked {
        show(context, command, &groups, rest);
    }
    Ok(groups)
}

/// As [`groups_for`], for a command that takes one.
pub async fn group_for(
    context: &Context,
    command: [&str; 2],
    named: Option<String>,
    rest: &[String],
) -> Result<String> {
    let named = named.into_iter().collect();
    let mut groups = groups_for(context, command, named, rest).await?;
    groups
        .pop()
        .ok_or_else(|| Error::failed("nothing was chosen"))
}

/// As [`topic`], likewise.
pub async fn topic_for(
    context: &Context,
    command: [&str; 2],
    named: Option<String>,
) -> Result<String> {
    let (topic, asked) = topic(context, named).await?;
    if asked {
        show(context, command, std::slice::from_ref(&topic), &[]);
    }
    Ok(topic)
}

fn show(context: &Context, command: [&str; 2], chosen: &[String], rest: &[String]) {
    let words = ["eda", command[0], command[1]].map(str::to_owned);
    context.show_command([&words[..], chosen, rest].concat());
}

/// `flag` is how to give it on the command line; `none` is said when there is nothing to choose from.
async fn one(
    context: &Context,
    question: &str,
    flag: &str,
    none: &str,
    listed: impl Future<Output = Result<Vec<String>>>,
) -> Result<String> {
    // Not asked of the cluster when nobody could choose: the error would be the wrong one.
    let items = match context.ui.can_ask() {
        true => listed.await?,
        false => return context.ui.choose(question, &[], flag),
    };
    match items.is_empty() {
        true => Err(Error::failed(none)),
        false => context.ui.choose(question, &items, flag),
    }
}
