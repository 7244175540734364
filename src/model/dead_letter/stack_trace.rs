//! A stack trace in two lines.

/// What a stack trace says in short: the exception that was caught, and the one at the root of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded<'a> {
    pub first: &'a str,
    /// `None`: the first line is it.
    pub root: Option<&'a str>,
    /// How many lines are left out.
    pub hidden: usize,
}

/// The first line, and the last unindented `Caused by:` of Java's, or the last line of Python's. `None` for a blank one.
pub fn fold(trace: &str) -> Option<Folded<'_>> {
    let mut lines = trace.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next()?;
    let is_python = first.starts_with("Traceback (most recent call last)");
    let (mut root, mut rest) = (None, 0);
    for line in lines {
        rest += 1;
        if is_python || line.starts_with("Caused by: ") {
            root = Some(line);
        }
    }
    Some(Folded {
        first: first.trim_end(),
        root: root.map(str::trim_end),
        hidden: rest - usize::from(root.is_some()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_and_the_root_are_left() {
        let java = "a.Failed: listener\n\tat a.b(C.java:1)\n\tSuppressed: x.Y: no\n\tCaused by: x.Z: no\n\
                    Caused by: a.Timeout: slow\n\tat d.e(F.java:2)\nCaused by: java.net.Refused: no\n\t... 3 more\n";
        let python =
            "Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'total'\n";
        let cases = [
            (
                java,
                Some((
                    "a.Failed: listener",
                    Some("Caused by: java.net.Refused: no"),
                    6,
                )),
            ),
            (
                python,
                Some((
                    "Traceback (most recent call last):",
                    Some("KeyError: 'total'"),
                    1,
                )),
            ),
            ("a.Failed: x\r\n\tat b\r\n", Some(("a.Failed: x", None, 1))),
            ("one", Some(("one", None, 0))),
            ("\n  \n", None),
            ("", None),
        ];
        for (trace, expected) in cases {
            let expected = expected.map(|(first, root, hidden)| Folded {
                first,
                root,
                hidden,
            });
            assert_eq!(fold(trace), expected, "{trace:?}");
        }
    }
}
