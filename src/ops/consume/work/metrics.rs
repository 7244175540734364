//! A member in Prometheus's format, for whoever scrapes it while it runs.

use super::super::figures::Meter;
use super::Figures;
use super::behind::Behind;
use super::watched::{Times, Watched};
use crate::model::lag::PartitionLag;
use crate::ops::http::{Page, Pages};
use bytes::Bytes;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

pub(super) struct Metrics {
    group: String,
    meter: Arc<Meter>,
    watched: Arc<Watched>,
    behind: Arc<Behind>,
}

impl Metrics {
    pub(super) fn new(
        group: String,
        meter: Arc<Meter>,
        watched: Arc<Watched>,
        behind: Arc<Behind>,
    ) -> Self {
        Metrics {
            group,
            meter,
            watched,
            behind,
        }
    }

    fn text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Reading {
            group: self.group.clone(),
            figures: self.meter.snapshot(),
            in_hand: self.watched.in_hand(),
            times: self.watched.times(),
            lags: self.behind.rows(),
        }));
        let mut text = String::new();
        // It is written into memory: nothing there can fail.
        let _ = prometheus_text::encode(&mut text, &registry);
        text
    }
}

impl Pages for Metrics {
    async fn page(&self, path: &str) -> Option<Page> {
        match path {
            "/metrics" => Some(Page {
                content_type: prometheus_text::CONTENT_TYPE,
                body: self.text().into(),
            }),
            "/" => Some(Page {
                content_type: "text/html; charset=utf-8",
                body: Bytes::from_static(FRONT.as_bytes()),
            }),
            _ => None,
        }
    }
}

const FRONT: &str = "<!doctype html>
<title>eda consume</title>
<p><a href=\"/metrics\">Metrics</a> of a handler of records, for Prometheus.
";

/// What there was at one moment.
#[derive(Debug)]
struct Reading {
    group: String,
    figures: Figures,
    in_hand: usize,
    times: Times,
    lags: Vec<PartitionLag>,
}

impl Reading {
    fn counters(&self) -> [(&'static str, &'static str, u64); 7] {
        let figures = &self.figures;
        [
            (
                "eda_handler_processed",
                "Records that the handler took",
                figures.processed,
            ),
            (
                "eda_handler_retried",
                "Attempts beyond the first of a record",
                figures.retried,
            ),
            (
                "eda_handler_failed_attempts",
                "Attempts that failed, whatever came of the record",
                figures.failed_attempts,
            ),
            (
                "eda_handler_dead_lettered",
                "Records that became dead letters",
                figures.dead_lettered,
            ),
            (
                "eda_handler_duplicates",
                "Records passed over because their event was done before",
                figures.duplicates,
            ),
            (
                "eda_handler_passed_over",
                "Records that the filter did not want",
                figures.passed_over,
            ),
            (
                "eda_handler_produced",
                "Records that the handler answered were to be produced",
                figures.produced,
            ),
        ]
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let labels = [("group", self.group.as_str())];
        for (name, help, value) in self.counters() {
            let counter = ConstCounter::new(value);
            let mut family = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(family.encode_family(&labels)?)?;
        }
        let gauge = ConstGauge::new(i64::try_from(self.in_hand).unwrap_or(i64::MAX));
        let help = "Records that the handler has at the moment";
        let name = "eda_handler_in_hand";
        let mut family = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
        gauge.encode(family.encode_family(&labels)?)?;

        let help = "How long attempts took; waits between them are not in it";
        let name = "eda_handler_duration_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        let times = &self.times;
        family
            .encode_family(&labels)?
            .encode_histogram::<NoLabelSet>(times.sum, times.count, &times.buckets, None)?;
        self.lag(&mut encoder)
    }
}

impl Reading {
    /// A partition whose lag is not known has no series: any number would spoil a sum.
    fn lag(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let mut known = self
            .lags
            .iter()
            .filter_map(|row| Some((row, row.lag?)))
            .peekable();
        if known.peek().is_none() {
            return Ok(());
        }
        let help = "How many records the group is behind, as of some seconds ago";
        let name = "eda_handler_consumer_lag";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (row, lag) in known {
            let partition = row.partition.to_string();
            let labels = [
                ("group", self.group.as_str()),
                ("topic", row.topic.as_str()),
                ("partition", partition.as_str()),
            ];
            family.encode_family(&labels)?.encode_gauge(&lag)?;
        }
        Ok(())
    }
}
