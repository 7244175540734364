//! What every command is given: a voice, the settings, and the cluster on first use.

use super::global::{EventsArgs, GlobalArgs};
use super::signals;
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Connection};
use crate::model::event::Catalog;
use crate::ops::stop::Stop;
use crate::settings::Settings;
use crate::ui::Ui;
use std::net::SocketAddr;
use std::sync::OnceLock;

pub struct Context {
    pub ui: Ui,
    pub settings: Settings,
    verbose_client_logs: bool,
    /// The flags that name the cluster, for a command line that is shown. Not `-X`: it may hold a secret.
    naming: Vec<String>,
    cluster: OnceLock<Cluster>,
}

impl Context {
    /// Merges the settings; no I/O but the contexts file. A refusal gives the voice back to say it with.
    pub fn new(ui: Ui, global: &GlobalArgs) -> Result<Self, (Ui, Error)> {
        match global.layer().and_then(Settings::resolve) {
            Ok(settings) => Ok(Context {
                ui,
                settings,
                verbose_client_logs: global.verbose >= 3,
                naming: global.naming(),
                cluster: OnceLock::new(),
            }),
            Err(error) => Err((ui, error)),
        }
    }

    /// How to reach the cluster.
    pub fn connection(&self) -> Connection {
        Connection {
            brokers: self.settings.brokers.clone(),
            timeout: self.settings.timeout,
            properties: self.settings.properties.clone(),
            verbose_client_logs: self.verbose_client_logs,
        }
    }

    /// The cluster, opened on first use; nothing is sent until something is asked of it.
    pub fn cluster(&self) -> Result<&Cluster> {
        if self.cluster.get().is_none() {
            // Two first uses at once would both open one, and the second is dropped: harmless.
            let _ = self.cluster.set(Cluster::new(self.connection())?);
        }
        self.cluster
            .get()
            .ok_or_else(|| Error::failed("the cluster handle vanished"))
    }

    /// The built-in events and the user's own: where the flag says, else the environment, else the contexts file.
    pub fn catalog(&self, args: &EventsArgs) -> Result<Catalog> {
        let named = args.events.as_deref().or(self.settings.events.as_deref());
        crate::ops::event::catalog(named)
    }

    /// Prints a finished command line, so that it can be pasted into a script and reaches the same cluster.
    pub fn show_command(&self, mut words: Vec<String>) {
        words.extend_from_slice(&self.naming);
        self.ui.show_command(&words);
    }

    /// From here on Ctrl-C and SIGTERM ask the command to finish instead of ending the process.
    pub fn stop_on_signals(&self) -> Stop {
        signals::listen()
    }

    /// Says that a server listens, by this line, and who can read what it shows.
    pub fn listens(&self, address: SocketAddr, line: &str) {
        if !address.ip().is_loopback() {
            self.ui.warn(&format!(
                "listening on {address}: anyone who can reach it can read the names of topics and groups"
            ));
        }
        self.ui.status(line);
    }

    /// The voice, when the command is over.
    pub fn into_ui(self) -> Ui {
        self.ui
    }
}
