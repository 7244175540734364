//! JUnit's XML, as the CI systems that read it take it: one `testsuite`, a `testcase` each, `failure` or `error` in it.
//!
//! There is no standard; this is the subset of the Apache Ant task's that Jenkins, GitLab and GitHub's readers share.

use std::fmt::Write;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// It was looked at, and is not so: in a line, and at length.
    Failed {
        message: String,
        text: String,
    },
    /// It could not be looked at.
    Broken {
        message: String,
    },
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub name: String,
    pub seconds: f64,
    pub outcome: Outcome,
}

/// The document, with a line end behind it.
pub fn write(suite: &str, seconds: f64, cases: &[Case]) -> String {
    let count = |is: fn(&Outcome) -> bool| cases.iter().filter(|case| is(&case.outcome)).count();
    let failures = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let errors = count(|outcome| matches!(outcome, Outcome::Broken { .. }));
    let suite = escaped(suite);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{suite}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" \
         time=\"{seconds:.3}\">",
        cases.len()
    );
    for case in cases {
        let (name, seconds) = (escaped(&case.name), case.seconds);
        let _ = write!(
            xml,
            "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{seconds:.3}\""
        );
        let _ = match &case.outcome {
            Outcome::Passed => writeln!(xml, "/>"),
            Outcome::Failed { message, text } => {
                let (message, text) = (escaped(message), escaped(text));
                writeln!(
                    xml,
                    ">\n      <failure message=\"{message}\" type=\"missing\">{text}</failure>\n    </testcase>"
                )
            }
            Outcome::Broken { message } => {
                let message = escaped(message);
                writeln!(
                    xml,
                    ">\n      <error message=\"{message}\" type=\"error\"/>\n    </testcase>"
                )
            }
        };
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// As text of an element or an attribute. What XML 1.0 has no way to say is shown as U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_has_its_counts_and_nothing_breaks_out_of_it() {
        let case = |name: &str, outcome| Case {
            name: name.to_owned(),
            seconds: 0.25,
            outcome,
        };
        let cases = [
            case("order-shipped", Outcome::Passed),
            case(
                "a where note=\"<&>\"",
                Outcome::Failed {
                    message: "it did not come".to_owned(),
                    text: "0.1 s  a\n\u{1b}[31m".to_owned(),
                },
            ),
            case(
                "b",
                Outcome::Broken {
                    message: "no broker".to_owned(),
                },
            ),
        ];
        insta::assert_snapshot!(write("eda expect", 1.5, &cases), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="eda expect" tests="3" failures="1" errors="1" skipped="0" time="1.500">
            <testcase classname="eda expect" name="order-shipped" time="0.250"/>
            <testcase classname="eda expect" name="a where note=&quot;&lt;&amp;&gt;&quot;" time="0.250">
              <failure message="it did not come" type="missing">0.1 s  a&#10;�[31m</failure>
            </testcase>
            <testcase classname="eda expect" name="b" time="0.250">
              <error message="no broker" type="error"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
