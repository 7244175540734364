//! `eda produce`: events from fields, a generator, payload lines or whole records, acknowledged before it is said.
//!
//! Data flows: source (one [`OutgoingRef`] at a time, on a blocking thread) → bounded queue of the client library → acknowledgements, counted → outcome. A source that goes wrong
//! stops at its line: what came before is delivered, what comes after is never sent.

mod atomic;
mod blocks;
mod destination;
mod lines;
mod outcome;
mod plan;
mod pump;
mod source;
mod template;
pub(in crate::ops) mod typed;

pub use destination::Destination;
pub use outcome::ProduceOutcome;
pub use plan::{ProducePlan, plan};
pub use source::Input;

use pump::Pump;
use source::Payload;

use crate::consent::Consent;
use crate::error::{Error, Result};
use crate::kafka::Cluster;
use crate::model::cloud_event::Envelope;
use crate::model::event::Assignment;
use crate::model::record::Header;
use crate::ops::stop::Stop;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct ProduceRequest {
    /// The event's or topic's name.
    pub name: String,
    pub assignments: Vec<Assignment>,
    /// None: the event's key field, or no key.
    pub key: Option<String>,
    pub headers: Vec<Header>,
    /// What a typed event is wrapped in.
    pub envelope: Envelope,
    /// The envelope's source, a URI reference. None: `/eda/` and the topic.
    pub source: Option<String>,
    /// None: by key, as Java's producer does.
    pub partition: Option<i32>,
    pub compression: Option<String>,
    /// Records a second.
    pub rate: Option<f64>,
    /// Makes the generated events repeatable.
    pub seed: Option<u64>,
    /// An empty value of a line, or an empty key, is null.
    pub empty_is_null: bool,
    /// Nothing is read any more once a record was refused.
    pub fail_fast: bool,
    /// All records are committed together, or none is.
    pub transactional: bool,
}

impl ProduceRequest {
    /// The command line that asks for the same, but for where the payloads come from.
    pub fn command_line(&self) -> Vec<String> {
        let mut words = vec!["eda".to_owned(), "produce".to_owned(), self.name.clone()];
        words.extend(self.fields());
        let mut flag = |name: &str, value: Option<String>| {
            words.extend(
                value
                    .map(|value| [name.to_owned(), value])
                    .into_iter()
                    .flatten(),
            );
        };
        flag("--key", self.key.clone());
        for header in &self.headers {
            let value = header.value.as_deref().map(String::from_utf8_lossy);
            let header = match value {
                Some(value) => format!("{}={value}", header.name),
                None => header.name.clone(),
            };
            flag("--header", Some(header));
        }
        if self.envelope != Envelope::Plain {
            flag("--envelope", Some(self.envelope.name().to_owned()));
        }
        flag("--source", self.source.clone());
        flag(
            "--partition",
            self.partition.map(|number| number.to_string()),
        );
        flag("--compression", self.compression.clone());
        flag("--rate", self.rate.map(|rate| rate.to_string()));
        flag("--seed", self.seed.map(|seed| seed.to_string()));
        if self.transactional {
            words.push("--transactional".to_owned());
        }
        words
    }

    fn fields(&self) -> Vec<String> {
        let field = |one: &Assignment| format!("{}={}", one.path, one.value);
        self.assignments.iter().map(field).collect()
    }
}

/// Sends everything `input` gives to where `destination` says, and waits until all of it is acknowledged.
///
/// `watch` is told how many records were sent so far. On a request to stop, nothing more is read, what was sent is
/// waited for, and the outcome says so; what is all or nothing is then aborted. An error of which the outcome says more
/// comes with it: see [`ProduceOutcome::end`].
pub async fn produce(
    cluster: &Cluster,
    destination: Destination,
    request: ProduceRequest,
    input: Input,
    stop: Stop,
    watch: impl Fn(u64) + Send + 'static,
    _consent: Consent,
) -> Result<ProduceOutcome> {
    let topic = destination.topic().to_owned();
    let pump = Pump::new(cluster, &destination, &request).await?;
    let payload = Payload::new(destination, request.clone());
    let unit = input.unit();
    let silence = tokio::spawn(pump.stop_in_silence(stop.clone()));
    let work = move || pump.run(payload, input, &request, &stop, &watch);
    let worked = tokio::task::spawn_blocking(work).await;
    silence.abort();
    let (sent, ended) = worked
        .map_err(|error| Error::failed("the producing thread ended early").caused_by(error))?;
    match ended.map_err(|error| sent.explain(error)) {
        Err(error) if !sent.is_telling() => Err(error),
        ended => Ok(ProduceOutcome::new(topic, unit, sent, ended.err())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_asks_for_the_same() {
        let request = ProduceRequest {
            name: "order-created".to_owned(),
            key: Some("k".to_owned()),
            transactional: true,
            ..ProduceRequest::default()
        };
        let words = [
            "eda",
            "produce",
            "order-created",
            "--key",
            "k",
            "--transactional",
        ];
        assert_eq!(request.command_line(), words);
    }
}
