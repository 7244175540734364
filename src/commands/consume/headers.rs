//! Headers for `--http` from a file: an `Authorization` is a secret, which is not for arguments.

use crate::error::{Error, Result};
use std::path::Path;

/// A header a line, `Name: value`; lines that are empty or begin with `#` are left out.
///
/// # Errors
/// Usage, with the line's number and nothing of what it says.
pub fn read(path: &Path) -> Result<Vec<(String, String)>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::usage(format!("cannot read the headers in `{shown}`")).caused_by(error)
    })?;
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| match line.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(
                Error::usage(format!("line {} of `{shown}` is no header", at + 1))
                    .hint("a header is written `Name: value`"),
            ),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_line_is_a_header_and_a_value_may_have_colons() {
        let file = file("# for the payment service\nAuthorization: Bearer a:b\n\n X-Tenant :7\n");
        let headers = read(file.path()).unwrap();
        let expected = [("Authorization", "Bearer a:b"), ("X-Tenant", "7")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers, expected);
    }

    #[test]
    fn what_is_no_header_is_named_by_its_line_alone() {
        for text in ["X: 1\ns3cret\n", "X: 1\n: s3cret\n"] {
            let error = read(file(text).path()).unwrap_err();
            assert!(error.message().starts_with("line 2 of"), "{error}");
            assert!(!error.one_line().contains("s3cret"));
        }
    }
}
