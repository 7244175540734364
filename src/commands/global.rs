//! Flags that mean the same everywhere.

use super::arguments;
use crate::error::Result;
use crate::settings::Layer;
use crate::ui::{Colour, Format, Manner};
use clap::{ArgAction, Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Where the cluster is: host:port, several separated by commas [default: localhost:9092] [env: EDA_BROKERS]
    #[arg(
        short,
        long,
        global = true,
        value_name = "HOST:PORT",
        conflicts_with = "context",
        visible_alias = "bootstrap-server",
        alias = "bootstrap-servers"
    )]
    pub brokers: Option<String>,

    /// A cluster by its name in the contexts file [env: EDA_CONTEXT]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        aliases = ["profile", "cluster"]
    )]
    pub context: Option<String>,

    /// Any librdkafka property (can be repeated); secrets are better set as EDA_X_<PROPERTY>
    #[arg(short = 'X', global = true, value_name = "PROPERTY=VALUE")]
    pub properties: Vec<String>,

    /// The longest one request to the cluster may take [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = arguments::timeout)]
    pub timeout: Option<Duration>,

    /// How to print reports and records
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub output: OutputFormat,

    /// The same as --output json
    #[arg(long, global = true)]
    pub json: bool,

    /// When to colour
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: ColourChoice,

    /// Say nothing but data, warnings and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Say more: -v what is done, -vv how, -vvv with the client library's own log
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Never ask anything, even on a terminal
    #[arg(long, global = true)]
    pub no_input: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Aligned columns; records are lines on a terminal, NDJSON in a pipe
    #[default]
    Table,
    /// One document a report, one line a record
    Json,
    /// Tab-separated, without headers
    Plain,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    #[default]
    Auto,
    Always,
    Never,
}

impl GlobalArgs {
    /// What the flags say about the cluster.
    ///
    /// # Errors
    /// Usage: a property without a value, which is not repeated, for it may be a secret.
    pub fn layer(&self) -> Result<Layer> {
        let properties = self.properties.iter().map(|text| arguments::property(text));
        Ok(Layer {
            brokers: self.brokers.clone(),
            context: self.context.clone(),
            timeout: self.timeout,
            events: None,
            dedupe: None,
            outbox: None,
            properties: properties.collect::<Result<_>>()?,
        })
    }

    /// The flags that name the cluster, as words.
    pub fn naming(&self) -> Vec<String> {
        let flags = [("--brokers", &self.brokers), ("--context", &self.context)];
        let given = flags
            .into_iter()
            .filter_map(|(flag, value)| Some([flag.to_owned(), value.clone()?]));
        given.flatten().collect()
    }

    /// What they say about output and questions.
    pub fn manner(&self) -> Manner {
        Manner {
            format: match (self.json, self.output) {
                (true, _) | (_, OutputFormat::Json) => Format::Json,
                (_, OutputFormat::Table) => Format::Table,
                (_, OutputFormat::Plain) => Format::Plain,
            },
            colour: match self.color {
                ColourChoice::Auto => Colour::Auto,
                ColourChoice::Always => Colour::Always,
                ColourChoice::Never => Colour::Never,
            },
            quiet: self.quiet,
            no_input: self.no_input,
        }
    }

    /// Logs go to stderr, and only when asked for.
    pub fn start_logging(&self) {
        let level = match self.verbose {
            0 => return,
            1 => tracing::Level::INFO,
            2 => tracing::Level::DEBUG,
            _ => tracing::Level::TRACE,
        };
        // Fails only if somebody has set one already, and then there is one.
        let _ = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .try_init();
    }
}

/// The catalog of events, defined once.
#[derive(Debug, Clone, Default, Args)]
pub struct EventsArgs {
    /// Your own events: a folder of JSON Schema files, or an AsyncAPI 3 document [default: events/] [env: EDA_EVENTS]
    #[arg(long, value_name = "PATH")]
    pub events: Option<PathBuf>,
}

/// Consent to a change, defined once.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct SafetyArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Agree beforehand to what would be asked
    #[arg(short, long)]
    pub yes: bool,
}
