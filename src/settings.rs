//! What the user set, merged once: flag, then environment, then contexts file, then default.
//!
//! A [`Layer`] is what one source says, every field optional, and [`Settings::resolve`] puts them over each other.
//! This is the only module that reads the environment or a configuration file.
//!
//! One thing is not merged: which cluster it is. Whoever names it, by address or as a context, names all of it, so
//! that the password of one cluster is never sent to another.

mod brokers;
mod user;

pub use user::user;

use crate::error::{Error, Result};
use brokers::check_brokers;
use etcetera::BaseStrategy;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a Kafka for development listens, and where we look when nobody says otherwise.
pub const DEFAULT_BROKERS: &str = "localhost:9092";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What one source (the flags, the environment) says about the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    pub brokers: Option<String>,
    /// A context's name in the contexts file.
    pub context: Option<String>,
    pub timeout: Option<Duration>,
    /// Where the user's own events are described.
    pub events: Option<PathBuf>,
    /// Where a handler's memory of events is. It may hold a password.
    pub dedupe: Option<String>,
    /// Where the outbox is. It may hold a password.
    pub outbox: Option<String>,
    /// librdkafka properties; of two for one name the later wins.
    pub properties: Vec<(String, String)>,
}

impl Layer {
    /// `EDA_BROKERS`, `EDA_CONTEXT`, `EDA_EVENTS`, `EDA_DEDUPE`, `EDA_OUTBOX`, and `EDA_X_SECURITY_PROTOCOL=ssl` for what `-X security.protocol=ssl` says,
    /// without showing it in `ps`. A variable that is empty says nothing.
    fn from_environment() -> Layer {
        Layer::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    fn from_variables(variables: impl Iterator<Item = (String, String)>) -> Layer {
        let mut layer = Layer::default();
        for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
            match (name.as_str(), name.strip_prefix("EDA_X_")) {
                ("EDA_BROKERS", _) => layer.brokers = Some(value),
                ("EDA_CONTEXT", _) => layer.context = Some(value),
                ("EDA_DEDUPE", _) => layer.dedupe = Some(value),
                ("EDA_OUTBOX", _) => layer.outbox = Some(value),
                ("EDA_EVENTS", _) => layer.events = Some(value.into()),
                (_, Some(property)) => {
                    let property = property.to_ascii_lowercase().replace('_', ".");
                    layer.properties.push((property, value));
                }
                _ => {}
            }
        }
        layer.properties.sort();
        layer
    }
}

/// How to reach the cluster: every question answered.
#[derive(Clone, PartialEq)]
pub struct Settings {
    pub brokers: String,
    /// The longest one request to the cluster may take.
    pub timeout: Duration,
    pub properties: Vec<(String, String)>,
    /// Where the user's own events are described, when anybody says so.
    pub events: Option<PathBuf>,
    /// Where a handler's memory of events is, by the environment. It may hold a password.
    pub dedupe: Option<String>,
    /// Where the outbox is, by the environment. It may hold a password.
    pub outbox: Option<String>,
    /// Whether anybody named the cluster, or we fell back on [`DEFAULT_BROKERS`].
    pub brokers_named: bool,
}

impl Settings {
    /// Puts the flags over the environment over the contexts file over the defaults.
    ///
    /// # Errors
    /// Usage: a context that is not in the file, or a file that cannot be read.
    pub fn resolve(flags: Layer) -> Result<Settings> {
        Settings::merge(flags, Layer::from_environment(), contexts_path().as_deref())
    }

    fn merge(flags: Layer, environment: Layer, contexts: Option<&Path>) -> Result<Settings> {
        // A flag that names a context is above a variable that names brokers.
        let (brokers, context) = match (flags.brokers, flags.context) {
            (None, None) => (environment.brokers, environment.context),
            named => named,
        };
        let file = match &brokers {
            Some(_) => Context::default(),
            None => read_context(context.as_deref(), contexts)?,
        };
        let brokers = brokers.or(file.brokers);
        if let Some(brokers) = &brokers {
            check_brokers(brokers)?;
        }
        let mut properties = file.properties;
        properties.extend(environment.properties);
        properties.extend(flags.properties);
        Ok(Settings {
            brokers_named: brokers.is_some(),
            brokers: brokers.unwrap_or_else(|| DEFAULT_BROKERS.to_owned()),
            timeout: flags.timeout.or(file.timeout).unwrap_or(DEFAULT_TIMEOUT),
            events: flags.events.or(environment.events).or(file.events),
            dedupe: flags.dedupe.or(environment.dedupe),
            outbox: flags.outbox.or(environment.outbox),
            properties,
        })
    }
}

/// The editor that the user wants, with its arguments: `$VISUAL`, else `$EDITOR`. One that is empty says nothing.
pub fn editor() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "settings reads the environment")]
    let set = |name| {
        std::env::var(name)
            .ok()
            .filter(|text| !text.trim().is_empty())
    };
    ["VISUAL", "EDITOR"].into_iter().find_map(set)
}

/// All that is set, for the programs that we start: they inherit it.
pub fn environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// A folder for what processes of this user tell each other while they run: `$XDG_RUNTIME_DIR/eda`, else one in the
/// folder for temporary files. It may be missing.
pub fn runtime_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "settings reads the environment")]
    let set = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match set.filter(|folder| folder.is_absolute()) {
        Some(folder) => folder.join("eda"),
        None => {
            let user = rustix::process::geteuid().as_raw();
            std::env::temp_dir().join(format!("eda-{user}"))
        }
    }
}

/// What the contexts file says of one cluster.
#[derive(Default)]
struct Context {
    brokers: Option<String>,
    timeout: Option<Duration>,
    events: Option<PathBuf>,
    properties: Vec<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextsFile {
    current: Option<String>,
    #[serde(default)]
    contexts: BTreeMap<String, ContextEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextEntry {
    brokers: String,
    timeout: Option<String>,
    events: Option<PathBuf>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

/// `$XDG_CONFIG_HOME/eda/contexts.toml`, on every Unix alike.
fn contexts_path() -> Option<PathBuf> {
    let strategy = etcetera::base_strategy::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("eda").join("contexts.toml"))
}

/// The context `name`, or the file's current one; no file and no name says nothing.
fn read_context(name: Option<&str>, path: Option<&Path>) -> Result<Context> {
    let missing = |name: &str| {
        Error::usage(format!("context `{name}` is not in the contexts file")).hint(
            "name a context of `$XDG_CONFIG_HOME/eda/contexts.toml`, or say where the cluster is with `--brokers`",
        )
    };
    let text = match path.map(std::fs::read_to_string) {
        Some(Ok(text)) => text,
        Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::usage("cannot read the contexts file").caused_by(error));
        }
        _ => {
            return match name {
                Some(name) => Err(missing(name)),
                None => Ok(Context::default()),
            };
        }
    };
    // The parser's own message quotes the line, and a line may hold a password: say only where.
    let file: ContextsFile = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            text[..span.start].bytes().filter(|b| *b == b'\n').count() + 1
        });
        Error::usage(format!("the contexts file is wrong at line {line}"))
            .caused_by(error.message().to_owned())
    })?;
    let Some(name) = name.map(str::to_owned).or(file.current) else {
        return Ok(Context::default());
    };
    let Some(entry) = file.contexts.get(&name) else {
        return Err(missing(&name));
    };
    let timeout = match &entry.timeout {
        Some(text) => Some(crate::model::duration::parse(text).map_err(|error| {
            Error::usage(format!("context `{name}` has a wrong timeout")).caused_by(error)
        })?),
        None => None,
    };
    Ok(Context {
        brokers: Some(entry.brokers.clone()),
        timeout,
        events: entry.events.clone(),
        properties: entry.properties.clone().into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "current = \"local\"\n\
        [contexts.local]\nbrokers = \"local:9092\"\n\
        [contexts.prod]\nbrokers = \"prod:9092\"\ntimeout = \"3s\"\n\
        [contexts.prod.properties]\n\"sasl.password\" = \"hunter2\"\n";

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contexts.toml");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn layer(brokers: Option<&str>, context: Option<&str>) -> Layer {
        Layer {
            brokers: brokers.map(str::to_owned),
            context: context.map(str::to_owned),
            ..Layer::default()
        }
    }

    #[test]
    fn who_names_the_cluster_names_all_of_it() {
        let (_folder, path) = file(FILE);
        let none = || layer(None, None);
        let cases = [
            (none(), none(), "local:9092", 0),
            (none(), layer(Some("env:9092"), None), "env:9092", 0),
            (none(), layer(None, Some("prod")), "prod:9092", 1),
            (
                layer(None, Some("prod")),
                layer(Some("env:9092"), None),
                "prod:9092",
                1,
            ),
            (
                layer(Some("flag:9092"), None),
                layer(None, Some("prod")),
                "flag:9092",
                0,
            ),
            (
                layer(Some("flag:9092"), None),
                layer(Some("env:9092"), None),
                "flag:9092",
                0,
            ),
        ];
        for (flags, environment, brokers, properties) in cases {
            let told = format!("{flags:?} {environment:?}");
            let settings = Settings::merge(flags, environment, Some(&path)).unwrap();
            assert_eq!(settings.brokers, brokers, "{told}");
            assert_eq!(settings.properties.len(), properties, "{told}");
            assert!(settings.brokers_named);
        }
        let settings = Settings::merge(none(), none(), None).unwrap();
        assert_eq!(
            (settings.brokers.as_str(), settings.brokers_named),
            (DEFAULT_BROKERS, false)
        );
    }

    #[test]
    fn flags_come_after_the_environment_and_win() {
        let property = |value: &str| Layer {
            properties: vec![("client.id".to_owned(), value.to_owned())],
            ..Layer::default()
        };
        let settings = Settings::merge(property("flag"), property("environment"), None).unwrap();
        assert_eq!(settings.properties.last().unwrap().1, "flag");
    }

    #[test]
    fn environment_variables_name_cluster_and_properties() {
        let variables = [
            ("EDA_X_SASL_PASSWORD", "secret"),
            ("EDA_BROKERS", "a:1"),
            ("EDA_CONTEXT", ""),
            ("HOME", "/"),
        ];
        let layer = Layer::from_variables(
            variables
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string())),
        );
        let expected = [("sasl.password".to_owned(), "secret".to_owned())];
        assert_eq!(layer.properties, expected);
        assert_eq!(
            (layer.brokers.as_deref(), layer.context),
            (Some("a:1"), None)
        );
    }

    #[test]
    fn a_broken_contexts_file_names_the_line_and_hides_its_text() {
        let (_folder, path) = file("current = \"a\"\npassword = hunter2\n");
        let error = read_context(None, Some(&path)).err().unwrap();
        assert_eq!(error.message(), "the contexts file is wrong at line 2");
        assert!(!error.one_line().contains("hunter2"), "{error:?}");
    }

    #[test]
    fn a_context_gives_brokers_and_properties() {
        let (_folder, path) = file(FILE);
        let context = read_context(Some("prod"), Some(&path)).unwrap();
        assert_eq!(context.brokers.as_deref(), Some("prod:9092"));
        assert_eq!(context.timeout, Some(Duration::from_secs(3)));
        assert!(read_context(Some("other"), Some(&path)).is_err());
    }
}
