//! Reports and errors as JSON: one document, keys only ever added.

use super::escape;
use crate::error::Error;
use crate::report::Report;
use serde_json::json;
use std::io::Write;

/// One document and a newline: indented, because people look at it too and `jq` does not mind.
pub fn write(report: &impl Report, out: &mut impl Write) -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    writeln!(out, "{}", escape::json(text))
}

/// An error as one object on one line.
pub fn error(error: &Error) -> String {
    let causes = error.causes();
    let error = json!({
        "error": {
            "kind": error.kind().name(),
            "message": error.message(),
            "causes": causes,
            "hint": error.hint_text(),
        }
    });
    escape::json(error.to_string())
}
