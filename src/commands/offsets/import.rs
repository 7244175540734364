use crate::commands::candidates;
use crate::commands::context::Context;
use crate::commands::global::SafetyArgs;
use crate::error::{Error, Result, Status};
use crate::model::offset_file;
use crate::ops::offsets::{self, ImportRequest};
use clap_complete::engine::ArgValueCandidates;
use std::io::Read;

/// Put committed offsets back from a file
///
/// The file is JSON as `eda offsets export` writes it (or `eda lag --json`), or CSV as Apache's
/// `kafka-consumer-groups --export` writes it: TOPIC,PARTITION,OFFSET with --group, or GROUP,TOPIC,PARTITION,OFFSET.
///
/// Shows where each offset is and would be, and asks first. Groups need not exist; one with members is refused. An
/// offset outside the log becomes its start or end, and the plan says so. When a row fails (no such topic or
/// partition) nothing is moved, unless --skip-failed.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda offsets import payment-service.json
  eda offsets import offsets.csv --group payment-service --dry-run
  eda offsets export blue | eda offsets import - --group green --yes")]
pub struct Args {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: String,

    /// The group that the offsets are for, whichever the file names
    #[arg(short, long, value_name = "GROUP", add = ArgValueCandidates::new(candidates::groups))]
    group: Option<String>,

    /// Move the others when some rows fail in the plan
    #[arg(long)]
    skip_failed: bool,

    #[command(flatten)]
    safety: SafetyArgs,
}

pub async fn run(context: &Context, args: Args) -> Result<Status> {
    let name = match args.file.as_str() {
        "-" => "standard input",
        file => file,
    };
    let text = read(&args.file)
        .map_err(|error| Error::usage(format!("cannot read `{name}`")).caused_by(error))?;
    let rows = offset_file::parse(&text, args.group.as_deref()).map_err(|error| {
        let hint = match error {
            offset_file::OffsetFileError::NoGroup => "`--group` says it",
            offset_file::OffsetFileError::SeveralGroups(..) => {
                "without `--group` each row goes to the group it names"
            }
            _ => "`eda offsets import --help` shows what it may hold",
        };
        Error::usage(format!("`{name}` cannot be used"))
            .caused_by(error)
            .hint(hint)
    })?;
    if rows.is_empty() {
        return Err(Error::usage(format!("`{name}` holds no offsets"))
            .hint("when it was written by another command, look how that one ended"));
    }
    let request = ImportRequest {
        rows,
        skip_failed: args.skip_failed,
    };
    let plan = offsets::plan_import(context.cluster()?, &request).await?;
    super::carry_out(context, plan, &args.safety).await
}

/// More than a million rows: nobody's offsets are longer, and a device that never ends must not fill the memory.
const LONGEST_FILE: u64 = 256 << 20;

fn read(file: &str) -> std::io::Result<String> {
    let source: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin()),
        file => Box::new(std::fs::File::open(file)?),
    };
    let mut text = String::new();
    source.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    match text.len() as u64 > LONGEST_FILE {
        true => Err(std::io::Error::other("it is longer than 256 MiB")),
        false => Ok(text),
    }
}
