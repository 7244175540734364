//! `eda` on a terminal of its own, which util-linux's `script` gives it: what is asked is read, and answered by keys.

use super::eda::{Eda, Output, program};
use super::excuses::excuse;
use super::running::Running;
use super::wait::wait_for;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longer than any question takes to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the test goes without a terminal: said and counted, and in CI a failure.
#[track_caller]
pub fn is_missing(test: &str) -> bool {
    // BSD's command of that name takes other arguments.
    let version = Command::new("script").arg("--version").output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("util-linux")) {
        return false;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "util-linux's `script` is not installed, and CI is to have it"
    );
    excuse(test, "needs util-linux's `script`, which is not installed");
    true
}

/// A run of `eda` on a terminal.
#[derive(Debug)]
pub struct Terminal {
    running: Running,
    /// How much of the transcript was answered already.
    answered: usize,
}

impl Terminal {
    pub(super) fn start(eda: &Eda) -> Terminal {
        let words = std::iter::once(program().into_os_string()).chain(eda.words().iter().cloned());
        let quoted: Vec<String> = words.map(|word| quote(&word)).collect();
        // The shell becomes the program, so that its status is the program's.
        let line = format!("exec {}", quoted.join(" "));
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped());
        Terminal {
            running: eda.clone().env("TERM", "xterm-256color").start_as(command),
            answered: 0,
        }
    }

    /// Waits until this is asked, after what was answered before, and then types.
    #[track_caller]
    pub fn answer(&mut self, question: &str, keys: &str) {
        let asked = wait_for(PATIENCE, || {
            let text = plain(&self.running.stdout());
            let at = text.get(self.answered..)?.find(question)?;
            Some(self.answered + at + question.len())
        });
        match asked {
            Some(end) => self.answered = end,
            None => panic!(
                "waited {PATIENCE:?} for `{question}` in\n{}",
                plain(&self.running.stdout())
            ),
        }
        self.running.write(keys);
    }

    /// Waits for its end; standard output is then all that the terminal showed, without colours.
    #[track_caller]
    pub fn ends(self) -> Output {
        let mut output = self.running.wait(PATIENCE);
        output.stdout = plain(&output.stdout);
        output
    }
}

impl Terminal {
    /// As [`Terminal::ends`], and the cursor is there again for the shell that comes next.
    #[track_caller]
    pub fn ends_in_order(self) -> Output {
        let mut output = self.running.wait(PATIENCE);
        let (hidden, shown) = (
            output.stdout.rfind("\u{1b}[?25l"),
            output.stdout.rfind("\u{1b}[?25h"),
        );
        assert!(hidden <= shown, "the cursor is hidden: {:?}", output.stdout);
        output.stdout = plain(&output.stdout);
        output
    }
}

fn quote(word: &OsString) -> String {
    let word = word.to_str().expect("arguments of tests are UTF-8");
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a terminal was sent, without what moves its cursor or colours its text, and with plain line breaks. Text that is
/// written over stays.
fn plain(sent: &str) -> String {
    let mut text = String::with_capacity(sent.len());
    let mut letters = sent.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => {
                if letters.next_if_eq(&'[').is_some() {
                    // A control sequence ends with a letter.
                    letters.find(|letter| ('@'..='~').contains(letter));
                }
            }
            '\r' => {}
            _ => text.push(letter),
        }
    }
    text
}

#[test]
fn a_transcript_is_plain_text() {
    let sent = "\u{1b}[33m?\u{1b}[0m Topic\u{1b}[?25l x\r\u{1b}[2KTopic x\r\n";
    assert_eq!(plain(sent), "? Topic xTopic x\n");
}
