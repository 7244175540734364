//! The one dead letter that is edited on its way back, on a terminal.

use crate::commands::context::Context;
use crate::error::{Error, Result};
use crate::ops::dlq::{self, Chosen, Edited, How, ReplayRequest};
use crate::settings;

/// The editor's command, where somebody can be shown it.
pub fn find_editor(context: &Context) -> Result<String> {
    if !context.ui.can_ask() {
        return Err(
            Error::usage("`--edit` needs a terminal, and nobody can be asked")
                .hint("`--set PATH=VALUE` and `--exec COMMAND` repair without one"),
        );
    }
    settings::editor().ok_or_else(|| {
        Error::usage("no editor is named").hint("set `VISUAL` or `EDITOR`, such as EDITOR=vi")
    })
}

/// Until the text is a record that can be put back, or the user has had enough. What was changed is shown, and asked for
/// by the request from here on.
pub async fn edit(context: &Context, editor: &str, request: &mut ReplayRequest) -> Result<()> {
    let Some(chosen) = dlq::choose(context.cluster()?, request).await? else {
        // The plan says that there is none. One that comes meanwhile was not seen by anybody.
        request.manner.repair.how = How::Edit(Edited::nothing());
        return Ok(());
    };
    let repair = &mut request.manner.repair;
    let mut text = chosen.text().to_owned();
    loop {
        text = context.ui.edit(editor, &text, ".json")?;
        match chosen.edited(&text, repair.catalog.as_ref()) {
            Ok(None) => {
                context.ui.status("nothing was changed");
                repair.how = How::Edit(chosen.unchanged());
                return Ok(());
            }
            Ok(Some(edited)) => {
                let (before, after) = (chosen.text(), Chosen::laid_out(&text));
                context.ui.show_changes(before, &after);
                repair.how = How::Edit(edited);
                return Ok(());
            }
            Err(error) => context.ui.warn(&error),
        }
        if !context.ui.agrees("Edit it again?")? {
            return Err(Error::failed("declined, nothing was put back"));
        }
    }
}
