use super::context::Context;
use crate::error::{Error, Result, Status};
use std::path::PathBuf;

/// Write the manual pages
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write a page a command into; without it, eda(1) is printed
    folder: Option<PathBuf>,
}

pub fn run(context: &Context, args: Args) -> Result<Status> {
    let mut pages = Vec::new();
    render(super::command_line(), "eda", &mut pages)?;
    let Some(folder) = args.folder else {
        let (_, page) = pages.swap_remove(0);
        context.ui.text(&page)?;
        return Ok(Status::Done);
    };
    std::fs::create_dir_all(&folder)?;
    for (name, page) in pages {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, page).map_err(|error| {
            Error::failed(format!("cannot write `{}`", path.display())).caused_by(error)
        })?;
    }
    Ok(Status::Done)
}

/// `eda`, `eda-topic`, `eda-topic-create`, …: hidden commands have no page.
fn render(command: clap::Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let command = command.name(name.to_owned()).display_name(name.to_owned());
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .date("")
        .render(&mut page)?;
    pages.push((name.to_owned(), page));
    for subcommand in command.get_subcommands() {
        if !subcommand.is_hide_set() && subcommand.get_name() != "help" {
            let name = format!("{name}-{}", subcommand.get_name());
            render(subcommand.clone(), &name, pages)?;
        }
    }
    Ok(())
}
