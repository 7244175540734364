//! The fields of one event, asked for on a terminal: one by one, or all of them in an editor.

use crate::commands::context::Context;
use crate::error::{Error, Result};
use crate::model::event::{Assignment, EventType, Filling};
use crate::ops::produce::Destination;
use crate::settings;
use std::sync::Arc;

/// The editor's command, where somebody can be shown it.
pub(super) fn find_editor(context: &Context, has_file: bool) -> Result<String> {
    if !context.ui.can_ask() {
        return Err(
            Error::usage("`--edit` needs a terminal, and nobody can be asked")
                .hint("give FIELD=VALUE, a FILE, or pipe JSON lines in"),
        );
    }
    if has_file {
        return Err(Error::usage(
            "`--edit` makes the event, and a file holds some: give one",
        ));
    }
    settings::editor().ok_or_else(|| {
        Error::usage("no editor is named").hint("set `VISUAL` or `EDITOR`, such as EDITOR=vi")
    })
}

/// The event's type, asked for where the topic carries several and none is assigned; then it is.
fn choose_event(
    context: &Context,
    destination: &Destination,
    assignments: &mut Vec<Assignment>,
) -> Result<Arc<EventType>> {
    let named = assignments.iter().rev().find(|one| one.path == "eventType");
    match (destination.events(), named) {
        ([], _) => Err(Error::usage(format!(
            "`{}` has no fields to ask for",
            destination.topic()
        ))
        .hint("give FIELD=VALUE, a FILE, or pipe JSON lines in")),
        ([event], _) => Ok(Arc::clone(event)),
        (_, Some(named)) => {
            let event = destination
                .choose(Some(&named.value))
                .map_err(Error::usage)?;
            event.ok_or_else(|| Error::usage(format!("`{}` is not on this topic", named.value)))
        }
        (events, None) => {
            let names: Vec<String> = events.iter().map(|event| event.name.clone()).collect();
            let name = context.ui.choose("Type", &names, "eventType=TYPE")?;
            assignments.push(Assignment::new("eventType", name.as_str()));
            let chosen = events.iter().find(|event| event.name == name);
            let chosen = chosen.map(Arc::clone);
            chosen.ok_or_else(|| Error::usage(format!("`{name}` is not on this topic")))
        }
    }
}

fn filling() -> Filling {
    Filling {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        random: fastrand::Rng::new(),
    }
}

/// Until the text is an event, or the user has had enough.
pub(super) fn edit_fields(
    context: &Context,
    destination: &Destination,
    mut assignments: Vec<Assignment>,
    editor: &str,
) -> Result<Vec<Assignment>> {
    let event = choose_event(context, destination, &mut assignments)?;
    let mut filling = filling();
    let mut text = event
        .draft(&assignments, &mut filling)
        .map_err(|error| Error::usage(format!("not a valid {}", event.name)).caused_by(error))?;
    loop {
        text = context.ui.edit(editor, &text, ".json")?;
        match event.edited(&text, &mut filling) {
            Ok(assignments) => return Ok(assignments),
            Err(error) => context.ui.warn(&error.to_string()),
        }
        if !context.ui.agrees("Edit it again?")? {
            return Err(Error::failed("declined, nothing was sent"));
        }
    }
}

/// Field by field.
pub(super) fn ask_fields(context: &Context, destination: &Destination) -> Result<Vec<Assignment>> {
    let mut assignments = Vec::new();
    let event = choose_event(context, destination, &mut assignments)?;
    let mut filling = filling();
    for field in event.own_fields() {
        let default = event.default_for(field, &mut filling);
        let name = field.name.as_str();
        loop {
            let value: String = context.ui.ask(name, default.as_deref(), name)?;
            if value.is_empty() {
                break;
            }
            let assignment = Assignment::new(name, value);
            // A slip is told at once, not when the other fields have been typed too.
            match event.assign(
                &mut serde_json::Map::new(),
                std::slice::from_ref(&assignment),
            ) {
                Ok(()) => {
                    assignments.push(assignment);
                    break;
                }
                Err(error) => context.ui.warn(&error.to_string()),
            }
        }
    }
    Ok(assignments)
}
