use super::limits::LimitArgs;
use crate::commands::candidates;
use crate::commands::choose;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Error, Result, Status};
use crate::model::offset::Position;
use crate::ops::offsets::{self, ResetRequest, Target};
use clap_complete::engine::ArgValueCandidates;

/// Move the committed offsets of groups
///
/// Shows where each offset is and would be, and how many records that skips or reads again, and asks first. A group
/// with members is refused, and named with them: its consumers would overwrite the change.
///
/// Without --topic all partitions are meant in which the group has a commit; a topic that is named is meant as a whole.
/// A position outside the log becomes its start or end, a time after the last record the end; the plan says where and
/// why. When a partition fails in the plan (it does not answer, or has no commit to count from) nothing is moved,
/// unless --skip-failed. When one fails while being moved, the others are moved, and the exit status is 1.
///
/// Positions:
///   beginning, end     the first record still there, and after the last
///   N                  that offset
///   +N, -N             N after the beginning, N before the end
///   @TIME, @-1h        the first record at or after that time: RFC 3339, a date, milliseconds, or so long ago
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    before_long_help = "\
Examples:
  eda offsets reset payment-service --to end --dry-run
  eda offsets reset payment-service --to @-1h --topic order-created
  eda offsets reset payment-service --to -100 -t order-created -p 2 --yes
  eda offsets reset payment-service --by -10           ten records back, wherever it is
  eda offsets reset payment-v2 --to-group payment-service --create"
)]
pub struct Args {
    /// Groups to move (can be repeated); chosen from a list on a terminal when missing
    #[arg(value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    groups: Vec<String>,

    /// Where to: beginning, end, N, +N, -N, @TIME or @-1h; asked for on a terminal when missing
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true, conflicts_with_all = ["by", "to_group"])]
    to: Option<Position>,

    /// So many records further than where the group is; back when negative
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        conflicts_with = "to_group"
    )]
    by: Option<i64>,

    /// To where this group is
    #[arg(long, value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    to_group: Option<String>,

    #[command(flatten)]
    limits: LimitArgs,

    /// The groups need not exist yet
    #[arg(long)]
    create: bool,

    /// Move the others when some partitions fail in the plan
    #[arg(long)]
    skip_failed: bool,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let (groups, chosen) = choose::groups(context, args.groups).await?;
    let (to, asked) = match (args.to, args.by, args.to_group) {
        (Some(position), ..) => (Target::Position(position), false),
        (_, Some(by), _) => (Target::By(by), false),
        (.., Some(group)) => (Target::Group(group), false),
        _ => {
            let position = context.ui.ask("Move to", Some("end"), "--to")?;
            (Target::Position(position), true)
        }
    };
    if matches!(to, Target::Position(Position::Stored)) {
        return Err(
            Error::usage("`stored` is where the group is, so there is nothing to move")
                .hint("`--to-group` moves to where another group is"),
        );
    }
    if chosen || asked {
        let mut words = words(&groups, &to, &args.limits);
        let flags = [
            ("--create", args.create),
            ("--skip-failed", args.skip_failed),
        ];
        words.extend(
            flags
                .iter()
                .filter(|flag| flag.1)
                .map(|flag| flag.0.to_owned()),
        );
        context.show_command(words);
    }
    let request = ResetRequest {
        groups,
        to,
        limits: args.limits.into(),
        create: args.create,
        skip_failed: args.skip_failed,
    };
    let plan = offsets::plan_reset(context.cluster()?, &request).await?;
    super::carry_out(context, plan, &args.safety).await
}

fn words(groups: &[String], to: &Target, limits: &LimitArgs) -> Vec<String> {
    let mut words: Vec<String> = ["eda", "offsets", "reset"].map(str::to_owned).to_vec();
    words.extend_from_slice(groups);
    words.extend(match to {
        Target::Position(position) => ["--to".to_owned(), position.to_string()],
        Target::By(by) => ["--by".to_owned(), by.to_string()],
        Target::Group(group) => ["--to-group".to_owned(), group.clone()],
    });
    words.extend(limits.words());
    words
}
