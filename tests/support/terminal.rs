//! `eda` on a terminal of its own, which util-linux's `script` gives it: what is asked is read, and answered by keys.

use super::eda::{Eda, Output, program};
use super::excuses::excuse;
use super::running::Running;
use super::screen::screen;
use super::signal::signal;
use super::wait::{wait_for, wait_until};
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
    size: (u16, u16),
}

/// Stands before the program's id and its terminal.
const MARK: &str = "terminal: ";

impl Terminal {
    pub(super) fn start(eda: &Eda, size: Option<(u16, u16)>, waited: bool) -> Terminal {
        let words = std::iter::once(program().into_os_string()).chain(eda.words().iter().cloned());
        let quoted: Vec<String> = words.map(|word| quote(&word)).collect();
        // The shell becomes the program, so that its status is the program's, and its id.
        let sized = size.map_or(String::new(), |(columns, rows)| {
            format!("stty cols {columns} rows {rows}; echo \"{MARK}$$ $(tty)\"; ")
        });
        let line = format!("{sized}exec {}", quoted.join(" "));
        let line = match waited {
            // With something to do after it, a shell does not become the other.
            true => format!("sh -c {}; exit $?", quote(&line.into())),
            false => line,
        };
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped());
        Terminal {
            running: eda.clone().env("TERM", "xterm-256color").start_as(command),
            answered: 0,
            size: size.unwrap_or((80, 24)),
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.running.write(keys);
    }

    /// What is seen now.
    pub fn screen(&self) -> String {
        let sent = self.running.stdout();
        let (columns, rows) = self.size;
        screen(&sent, columns.into(), rows.into()).join("\n")
    }

    /// Waits until this is seen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text));
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, condition: impl Fn(&str) -> bool) {
        if wait_for(PATIENCE, || condition(&self.screen()).then_some(())).is_none() {
            panic!("waited {PATIENCE:?} for {what} on\n{}", self.screen());
        }
    }

    /// Makes the window another size.
    #[track_caller]
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let (_, terminal) = self.place();
        let mut stty = Command::new("stty");
        stty.args([
            "-F",
            &terminal,
            "cols",
            &columns.to_string(),
            "rows",
            &rows.to_string(),
        ]);
        assert!(stty.status().unwrap().success());
        self.size = (columns, rows);
    }

    /// Sends a signal to the program itself.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        signal(name, self.place().0);
    }

    /// Waits until the program has stopped, and lets it go on until this is seen. `script` stops with it, perhaps only when
    /// the program goes on already: until something comes through it, it is to be told again.
    #[track_caller]
    pub fn go_on(&self, text: &str) {
        let (id, _) = self.place();
        wait_until("it to stop", PATIENCE, || is_stopped(id));
        self.wait_until(text, |screen| {
            for stopped in [self.running.id(), id] {
                if is_stopped(stopped) {
                    signal("CONT", stopped);
                }
            }
            screen.contains(text)
        });
    }

    /// Waits until the shell that waits for the program has stopped too.
    #[track_caller]
    pub fn shell_stops(&self) {
        let (id, _) = self.place();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let parent: u32 = parent.unwrap().trim().parse().unwrap();
        wait_until("the shell to stop", PATIENCE, || is_stopped(parent));
    }

    /// How the terminal is set: `stty -a`.
    #[track_caller]
    pub fn settings(&self) -> String {
        let (_, terminal) = self.place();
        let output = Command::new("stty").args(["-F", &terminal, "-a"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// The program's id, and the terminal it is on.
    #[track_caller]
    fn place(&self) -> (u32, String) {
        let told = wait_for(PATIENCE, || {
            let sent = self.running.stdout();
            let (_, line) = sent.split_once(MARK)?;
            let (line, _) = line.split_once('\r')?;
            let (id, terminal) = line.split_once(' ')?;
            Some((id.parse().ok()?, terminal.to_owned()))
        });
        told.expect("a terminal that was given a size")
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
    /// As [`Terminal::ends`], for a program that had the whole screen, and has given it back with the cursor.
    #[track_caller]
    pub fn gives_back_the_screen(self) -> Output {
        let output = self.running.wait(PATIENCE);
        let last = |sent: &str| output.stdout.rfind(sent);
        assert!(last("\u{1b}[?1049h").is_some(), "{:?}", output.stdout);
        assert!(
            last("\u{1b}[?1049h") < last("\u{1b}[?1049l"),
            "{:?}",
            output.stdout
        );
        assert!(
            last("\u{1b}[?25l") < last("\u{1b}[?25h"),
            "{:?}",
            output.stdout
        );
        output
    }

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

fn is_stopped(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let state = status.lines().find(|line| line.starts_with("State:"));
    state.is_some_and(|line| line.contains("stopped"))
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
