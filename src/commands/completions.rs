use super::context::Context;
use crate::error::{Error, Result, Status};
use clap_complete::env::Shells;

/// Print a shell completion script
///
/// The script asks `eda` itself on every TAB, so that it is never out of date; topics and groups are completed as
/// the cluster has them (EDA_BROKERS), within 300 ms or not at all.
#[derive(Debug, clap::Args)]
#[command(before_long_help = "\
Examples:
  eda completions bash > ~/.local/share/bash-completion/completions/eda
  eda completions zsh > ~/.zfunc/_eda
  eda completions fish > ~/.config/fish/completions/eda.fish")]
pub struct Args {
    /// The shell to complete for
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

pub fn run(context: &Context, args: Args) -> Result<Status> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&args.shell) else {
        return Err(Error::usage(format!("no completions for `{}`", args.shell)));
    };
    let mut script = Vec::new();
    shell.write_registration("COMPLETE", "eda", "eda", "eda", &mut script)?;
    context.ui.text(&script)?;
    Ok(Status::Done)
}
