//! The flags that choose among dead letters, defined once.

use crate::commands::{arguments, candidates};
use crate::model::filter::{Comparison, Filter, Grep};
use crate::model::offset::Moment;
use crate::model::record::Header;
use crate::ops::dlq::Selection;
use clap_complete::engine::ArgValueCandidates;

/// Which dead letters are meant. Several of one flag: any of them; several flags: all must hold.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which dead letters")]
pub struct SelectionArgs {
    /// Whose exception, message, root cause or stack trace holds this text (can be repeated: any of them)
    #[arg(long = "reason", value_name = "TEXT")]
    reasons: Vec<String>,

    /// That came from this topic (can be repeated)
    #[arg(long = "origin", value_name = "TOPIC", add = ArgValueCandidates::new(candidates::topics))]
    origins: Vec<String>,

    /// That this consumer group gave up (can be repeated)
    #[arg(short, long = "group", value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<String>,

    /// With this key (can be repeated)
    #[arg(short, long = "key", value_name = "KEY")]
    keys: Vec<String>,

    /// With this header, or with any value when only a name is given (can be repeated)
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = arguments::header)]
    headers: Vec<Header>,

    /// That died at this time or later: RFC 3339, or -1h for an hour ago
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Moment>,

    /// That died before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<Moment>,

    /// Of this type of event, by the value's eventType, the header ce_type, or a CloudEvent's type (can be repeated)
    #[arg(id = "event", long = "event", value_name = "TYPE")]
    events: Vec<String>,

    /// In which the expression is found, or in: key:RE, value:RE, header:RE, header[NAME]:RE (can be repeated: all)
    #[arg(long, value_name = "REGEX")]
    grep: Vec<Grep>,

    /// Whose value has a field that compares so, such as total>100; = != < <= > >= (can be repeated: all)
    #[arg(long = "where", value_name = "COMPARISON")]
    comparisons: Vec<Comparison>,
}

impl From<SelectionArgs> for Selection {
    fn from(args: SelectionArgs) -> Self {
        Selection {
            reasons: args.reasons,
            origins: args.origins,
            groups: args.groups,
            keys: args.keys,
            headers: args.headers,
            since: args.since,
            until: args.until,
            filter: Filter {
                greps: args.grep,
                comparisons: args.comparisons,
                events: args.events,
            },
        }
    }
}
