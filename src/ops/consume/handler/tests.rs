//! What the tests of all handlers need.

use super::super::Notices;
use crate::model::record::{Header, Record, TimestampType};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Nothing that works takes as long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Remembers what it is told.
#[derive(Debug, Default)]
pub struct Heard {
    lines: Mutex<Vec<String>>,
    warnings: Mutex<Vec<String>>,
}

impl Heard {
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }
}

impl Notices for Heard {
    fn warn(&self, text: &str) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.push(text.to_owned());
    }

    fn handler_said(&self, line: &[u8]) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(String::from_utf8_lossy(line).into_owned());
    }
}

/// What tests of processes inherit.
pub fn environment() -> super::Environment {
    vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())]
}

/// `order-created:1:42`.
pub fn record(value: Option<&str>) -> Record {
    Record {
        topic: "order-created".to_owned(),
        partition: 1,
        offset: 42,
        timestamp: Some((1_764_000_000_000, TimestampType::Create)),
        key: Some(b"order-7".to_vec()),
        value: value.map(|text| text.as_bytes().to_vec()),
        headers: vec![Header::text("trace", "00-1")],
    }
}
