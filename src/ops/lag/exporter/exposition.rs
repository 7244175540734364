//! The text: families of series in the Prometheus exposition format 0.0.4.

use super::Flavour;
use super::gather::Look;
use super::{kafka_exporter, kafka_lag_exporter};
use crate::error::{Error, Result};
use crate::model::lag::PartitionLag;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::time::Duration;

/// How Prometheus is told what it gets.
pub(in crate::ops) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// What one scrape has to say.
#[derive(Debug)]
pub(super) struct Exposition {
    pub(super) flavour: Flavour,
    /// `None`: the cluster could not be looked at.
    pub(super) look: Option<Look>,
    /// How long looking took.
    pub(super) took: Duration,
    /// Scrapes so far that failed as a whole or in part; `None` where nobody counts.
    pub(super) errors: Option<u64>,
}

impl Exposition {
    /// The whole text, in time linear in the number of series.
    pub(super) fn text(self) -> Result<String> {
        let series = self
            .look
            .as_ref()
            .map_or(0, |look| 7 * look.extents.len() + 2 * look.lags.len());
        // About what a series takes; growing step by step would copy a large text many times.
        let mut text = String::with_capacity(1024 + 100 * series);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        prometheus_text::encode(&mut text, &registry)
            .map_err(|error| Error::failed("cannot write the metrics").caused_by(error))?;
        Ok(text)
    }
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut families = Families(encoder);
        if let Some(look) = &self.look {
            match self.flavour {
                Flavour::KafkaExporter => kafka_exporter::write(look, &mut families)?,
                Flavour::KafkaLagExporter => {
                    kafka_lag_exporter::write(look, self.took, &mut families)?;
                }
            }
        }
        self.own(&mut families)
    }
}

impl Exposition {
    /// How the scrape itself went, whatever the flavour.
    fn own(&self, families: &mut Families) -> fmt::Result {
        let up = i64::from(self.look.is_some());
        families.gauge(
            "eda_exporter_up",
            "Whether the Kafka cluster answered this scrape: 1, or 0 and there are no kafka_ series",
            [(NONE, up)],
        )?;
        families.gauge(
            "eda_exporter_scrape_duration_seconds",
            "How long the cluster was looked at for this scrape",
            [(NONE, self.took.as_secs_f64())],
        )?;
        if let Some(look) = &self.look {
            families.gauge(
                "eda_exporter_scrape_faults",
                "What this scrape could not learn though the cluster answered: groups, offsets of partitions, names that do not exist",
                [(NONE, number(look.count()))],
            )?;
        }
        match self.errors {
            Some(errors) => families.counter(
                "eda_exporter_scrape_errors",
                "Scrapes since the exporter was started that failed as a whole or in part",
                errors,
            ),
            None => Ok(()),
        }
    }
}

/// Series without labels.
pub(super) const NONE: [(&str, &str); 0] = [];

/// A count as the format has it.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The values of neighbours with the same key, folded into one.
pub(super) fn folded<'a, K: PartialEq>(
    values: impl Iterator<Item = (&'a PartitionLag, i64)>,
    key: impl Fn(&'a PartitionLag) -> K,
    fold: impl Fn(i64, i64) -> i64,
) -> Vec<(K, i64)> {
    let mut folded: Vec<(K, i64)> = Vec::new();
    for (row, value) in values {
        let key = key(row);
        match folded.last_mut() {
            Some((last, so_far)) if *last == key => *so_far = fold(*so_far, value),
            _ => folded.push((key, value)),
        }
    }
    folded
}

/// Writes one family after the other.
pub(in crate::ops) struct Families<'a>(DescriptorEncoder<'a>);

impl<'a> From<DescriptorEncoder<'a>> for Families<'a> {
    fn from(encoder: DescriptorEncoder<'a>) -> Self {
        Families(encoder)
    }
}

impl Families<'_> {
    /// A gauge with these series, which must differ in their labels; nothing when there are none.
    pub(in crate::ops) fn gauge<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut series = series.into_iter().peekable();
        if series.peek().is_none() {
            return Ok(());
        }
        let gauge = MetricType::Gauge;
        let mut family = self.0.encode_descriptor(name, help, None, gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A counter without labels. `_total` is added to its name.
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = MetricType::Counter;
        let mut family = self.0.encode_descriptor(name, help, None, counter)?;
        family.encode_counter::<[(&str, &str); 0], _, u64>(&value, None)
    }
}

#[cfg(test)]
mod tests;
