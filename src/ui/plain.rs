//! Tab-separated values without headers, for awk: rows alone, nothing missing but empty.

use super::escape;
use crate::report::{Cell, Table};
use std::io::Write;

/// One line a row; a value that is not there is an empty field.
pub fn write(table: &Table, out: &mut impl Write) -> std::io::Result<()> {
    for table in std::iter::once(table).chain(&table.more) {
        for row in &table.rows {
            let mut separator = "";
            for cell in row {
                match cell {
                    // A tab or newline inside a value would make two fields of it: escaped, here too.
                    Cell::Text(text, _) => write!(out, "{separator}{}", escape::line(text))?,
                    Cell::Number(number, _) => write!(out, "{separator}{number}")?,
                    Cell::Missing => write!(out, "{separator}")?,
                }
                separator = "\t";
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
