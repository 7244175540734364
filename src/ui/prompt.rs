//! Questions to a person, and the consent to a change.
//!
//! Nothing is asked unless stdin and stderr are terminals and `--no-input` is absent. Where nothing can be asked,
//! a missing value is a usage error (exit 2) that names the flag.

use super::asking::Asking;
use super::{Ui, escape};
use crate::consent::Consent;
use crate::error::{Error, Result};
use crate::report::Report;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, FuzzySelect, Input};

impl Ui {
    fn theme(&self) -> Box<dyn Theme> {
        if self.styled() {
            Box::new(ColorfulTheme::default())
        } else {
            Box::new(SimpleTheme)
        }
    }

    /// Shows the plan and asks whether to carry it out; `--yes` has answered already.
    pub fn consent(&self, plan: &impl Report, question: &str, yes: bool) -> Result<Consent> {
        if yes {
            return Ok(Consent::given());
        }
        if !self.can_ask() {
            return Err(
                Error::usage("this changes something, and nobody can be asked")
                    .hint("`--yes` agrees beforehand, `--dry-run` shows the plan"),
            );
        }
        self.preview(plan)?;
        let _asking = Asking::begin();
        let answer = Confirm::with_theme(self.theme().as_ref())
            .with_prompt(question)
            .default(false)
            .interact_opt()
            .map_err(from_prompt)?;
        match answer {
            Some(true) => Ok(Consent::given()),
            _ => Err(Error::failed("declined, nothing was changed")),
        }
    }

    /// The consent to something that only adds (a topic, an event): a complete command line is the consent; what
    /// was put together by questions is shown and confirmed once.
    pub fn consent_to_add(
        &self,
        plan: &impl Report,
        question: &str,
        asked: bool,
        yes: bool,
    ) -> Result<Consent> {
        if asked {
            self.consent(plan, question, yes)
        } else {
            Ok(Consent::given())
        }
    }

    /// Asks for a value, proposing `default`; `flag` is how to give it on the command line.
    pub fn ask<T>(&self, question: &str, default: Option<&str>, flag: &str) -> Result<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        self.must_be_able_to_ask(flag)?;
        let theme = self.theme();
        let _asking = Asking::begin();
        let mut input = Input::<String>::with_theme(theme.as_ref()).with_prompt(question);
        if let Some(default) = default {
            input = input.default(default.to_owned());
        }
        let text = input
            .validate_with(|text: &String| {
                text.parse::<T>()
                    .map(drop)
                    .map_err(|error| escape::line(&error.to_string()).into_owned())
            })
            .interact_text()
            .map_err(from_prompt)?;
        text.parse()
            .map_err(|error: T::Err| Error::usage(error.to_string()))
    }

    /// Lets the user choose one of `items`, filtered by what is typed.
    pub fn choose(&self, question: &str, items: &[String], flag: &str) -> Result<String> {
        self.must_be_able_to_ask(flag)?;
        let shown: Vec<_> = items.iter().map(|item| escape::line(item)).collect();
        let _asking = Asking::begin();
        let chosen = FuzzySelect::with_theme(self.theme().as_ref())
            .with_prompt(question)
            .items(&shown)
            .default(0)
            .max_length(12)
            .interact_opt()
            .map_err(from_prompt)?;
        chosen
            .and_then(|index| items.get(index).cloned())
            .ok_or_else(|| Error::failed("nothing was chosen"))
    }

    /// Asks whether to go on with something that changes nothing yet; Return alone says yes.
    pub fn agrees(&self, question: &str) -> Result<bool> {
        let _asking = Asking::begin();
        let answer = Confirm::with_theme(self.theme().as_ref())
            .with_prompt(question)
            .default(true)
            .interact_opt()
            .map_err(from_prompt)?;
        Ok(answer == Some(true))
    }

    /// Prints the finished command line, so that it can be pasted into a script.
    pub fn show_command(&self, words: &[String]) {
        let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
        self.status(&super::style::faint(&format!("$ {}", quoted.join(" "))));
    }

    fn must_be_able_to_ask(&self, flag: &str) -> Result<()> {
        if self.can_ask() {
            return Ok(());
        }
        Err(
            Error::usage(format!("{flag} is missing, and nobody can be asked"))
                .hint("`--help` shows examples"),
        )
    }
}

/// Longer than a signal takes to be heard.
const SIGNAL_ARRIVES: std::time::Duration = std::time::Duration::from_secs(1);

fn from_prompt(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(error) = error;
    match error.kind() {
        // Ctrl-C was read as a key, and the signal it stands for raised: whoever listens for it ends the process.
        std::io::ErrorKind::Interrupted => {
            std::thread::sleep(SIGNAL_ARRIVES);
            Error::interrupted()
        }
        _ => Error::failed("could not ask on this terminal").caused_by(error),
    }
}

/// One word as a POSIX shell reads it back.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", escape::line(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_survive_the_shell() {
        let cases = [
            ("order-created", "order-created"),
            ("total=12.50", "total=12.50"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ];
        for (word, expected) in cases {
            assert_eq!(quote(word), expected);
        }
    }
}
