//! A record as one line of JSON, without loss: what [`write`] writes, [`read`] turns into the same record.
//!
//! ```json
//! {"topic":"order-created","partition":1,"offset":42,"timestamp":1764000000000,"timestampType":"create",
//!  "key":"order-7","value":{…},"headers":[["trace","00-…"],["flag",null]]}
//! ```
//!
//! Bytes (a key, a value, a header's value) take one of four forms, told apart by their look alone:
//!
//! - `null` is null;
//! - `{"base64":"…"}`, an object with this one key and text under it, is bytes that are not UTF-8;
//! - any other JSON but a string is a value that is this very JSON, byte for byte;
//! - a string is text, and everything else: JSON that is itself a string, `null` or of the base64 form, JSON with
//!   a line break or with space around it, and JSON that some readers would refuse (see [`nest`]).
//!
//! Only values are nested when written; when read, all bytes may be in any form. The line holds no control
//! character and none that could rearrange a terminal: they are `\u` escaped, or make the JSON a string.

mod nest;
mod read;
mod text;
mod write;

pub use read::{RecordJsonError, read};
pub use write::{write, write_attempt};

/// The base64 form's only key.
const BASE64: &str = "base64";

/// Whether a terminal may do something else with the character than show it: DEL, the C1 controls, and the marks
/// that change the direction of what follows.
fn is_hostile(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
