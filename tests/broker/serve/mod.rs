//! `eda serve`: what it answers, to whom, and what a person sees in a browser.

mod answers;
mod handlers;
mod page;
mod strangers;

use super::PATIENCE;
use crate::support::http::Client;
use crate::support::{Broker, Eda, Running, eda};
use serde_json::Value;

/// A running server, and where it listens.
struct Served {
    running: Running,
    address: String,
}

#[track_caller]
fn serve(eda: Eda) -> Served {
    let running = eda.spawn();
    let listening = "open http://";
    running.wait_until(listening, PATIENCE, |running| {
        running.stderr().contains(listening)
    });
    let stderr = running.stderr();
    let (_, line) = stderr.split_once(listening).unwrap();
    let address = line.split('/').next().unwrap().to_owned();
    Served { running, address }
}

#[track_caller]
fn serve_on(broker: &Broker, arguments: &[&str]) -> Served {
    let quick = ["serve", ":0", "--every", "200ms"];
    serve(eda(&quick).args(arguments).on(broker))
}

impl Served {
    #[track_caller]
    fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    /// What is at a path, for one who calls the server by its name.
    #[track_caller]
    fn get(&self, path: &str) -> crate::support::http::Answer {
        self.client().request_with(path, &[("Host", &self.address)])
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        serde_json::from_str(&answer.body).unwrap()
    }

    #[track_caller]
    fn state(&self) -> Value {
        self.json("/api/state")
    }

    #[track_caller]
    fn ends(self) {
        self.running.terminate();
        self.running.wait(PATIENCE).succeeds();
    }
}

/// The row of that name in a list of the state's.
fn row(state: &Value, list: &str, key: &str, name: &str) -> Value {
    let rows = state[list].as_array().unwrap();
    let found = rows.iter().find(|row| row[key] == name);
    found.cloned().unwrap_or(Value::Null)
}
