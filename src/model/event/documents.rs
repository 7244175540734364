//! A file of the catalog: one JSON Schema, or an AsyncAPI document, in JSON or YAML.

use super::{EventType, SchemaError, asyncapi};
use serde_json::Value;

/// The events a file describes.
///
/// # Errors
/// [`SchemaError`]: the text is not what its name says, or no schema.
pub fn read(file: &str, text: &str) -> Result<Vec<EventType>, SchemaError> {
    let document = parsed(file, text)?;
    match document.get(asyncapi::MARK) {
        Some(_) => asyncapi::events(&document),
        None => Ok(vec![EventType::from_schema(file, document)?]),
    }
}

fn parsed(file: &str, text: &str) -> Result<Value, SchemaError> {
    if is_yaml(file) {
        let wrong = |error: serde_saphyr::Error| {
            let message = error.to_string();
            let line = message.lines().next().unwrap_or_default().to_owned();
            SchemaError::at("", format!("not valid YAML: {line}"))
        };
        return serde_saphyr::from_str(text).map_err(wrong);
    }
    serde_json::from_str(text)
        .map_err(|error| SchemaError::at("", format!("not valid JSON: {error}")))
}

/// Whether a file's name says that it is YAML.
pub fn is_yaml(file: &str) -> bool {
    file.ends_with(".yaml") || file.ends_with(".yml")
}
