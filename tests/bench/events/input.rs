//! Files of records, the same in every run.

use std::io::{BufWriter, Write};
use tempfile::NamedTempFile;

/// A key, a tab and a value on each line; and payloads of order-created.
pub struct Input {
    lines: NamedTempFile,
    payloads: NamedTempFile,
}

impl Input {
    pub fn write(records: u32) -> std::io::Result<Input> {
        let (lines, payloads) = (NamedTempFile::new()?, NamedTempFile::new()?);
        let (mut line, mut payload) = (BufWriter::new(&lines), BufWriter::new(&payloads));
        let mut state = 1_u32;
        for number in 0..records {
            // Keys repeat, in no order: Knuth's generator of 32 bits.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let order = (state >> 8) % 200_000;
            let note = "x".repeat(150);
            writeln!(
                line,
                "order-{order}\t{{\"orderId\":\"order-{order}\",\"n\":{number},\"note\":\"{note}\"}}"
            )?;
            writeln!(
                payload,
                "{{\"orderId\":\"order-{order}\",\"userId\":\"user-{}\",\"total\":{}.5}}",
                order % 1000,
                order % 100
            )?;
        }
        line.flush()?;
        payload.flush()?;
        drop((line, payload));
        Ok(Input { lines, payloads })
    }

    pub fn lines(&self) -> &str {
        self.lines.path().to_str().expect("a path of text")
    }

    pub fn payloads(&self) -> &str {
        self.payloads.path().to_str().expect("a path of text")
    }
}
