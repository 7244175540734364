//! What the comparison found, beside what is said of such systems.

use crate::error::{Result, Status};
use crate::report::{Cell, Report, Table, Tone, bar};
use serde::Serialize;
use std::time::Duration;

/// Characters of the longest bar.
const WIDTH: u32 = 40;

/// Why the figures are as they are.
const ABOUT_INSTANCES: &str = "with calls a worker of the order service is held for the whole chain, with events for its \
                               own part; clients, servers and broker share this machine";

/// What the comparison found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// How long the payment and the notification service take for an order.
    pub payment_ms: f64,
    pub notification_ms: f64,
    /// How many orders one instance of a service works on at a time.
    pub workers: usize,
    /// Orders a second while response times were measured, and while payment was down.
    pub rate: f64,
    /// How long payment was down.
    pub outage_ms: f64,
    pub synchronous: Architecture,
    pub events: Architecture,
    /// The events' median response time in those of the synchronous services: 100 is a hundred times quicker.
    pub times_quicker: f64,
    /// Topics and groups of the run that are still there, unless the broker ends with the run.
    pub left_behind: Vec<String>,
}

/// What was measured of one of the two.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Architecture {
    /// From when an order was due to be sent until the client had its answer.
    pub response: Times,
    /// From the same moment until payment and notification were done.
    pub complete: Times,
    /// Orders of these that were accepted and never became complete.
    pub lost: u64,
    pub outage: Outage,
    /// In the order of the instances.
    pub throughput: Vec<Throughput>,
}

/// Times in milliseconds, with two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

impl Times {
    /// Of these; zero when there are none.
    pub(super) fn of(times: impl Iterator<Item = Duration>) -> Times {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        // The nearest rank: at least so many of them took no longer.
        let within = |share: f64| {
            let rank = (share * times.len() as f64).ceil() as usize;
            let time = times.get(rank.saturating_sub(1));
            time.map_or(0.0, |time| milliseconds(*time))
        };
        Times {
            p50_ms: within(0.5),
            p95_ms: within(0.95),
            p99_ms: within(0.99),
        }
    }
}

/// What became of the orders while the payment service was down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// Shortly before it, while it lasted, and shortly after it.
    pub orders: u64,
    /// Orders the client was told of that they failed.
    pub failed: u64,
    /// Orders that were accepted and never became complete.
    pub lost: u64,
    /// The longest an order took to be complete, in milliseconds.
    pub slowest_ms: f64,
}

/// When as many orders come in as are taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Throughput {
    /// Of every service.
    pub instances: usize,
    /// Orders whose client was told that they are taken.
    pub accepted_per_second: f64,
    /// Orders that became complete.
    pub completed_per_second: f64,
}

/// With two decimals.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

impl Architecture {
    /// With the fewest instances, which is one unless others were asked for.
    fn accepted(&self) -> f64 {
        let first = self.throughput.first();
        first.map_or(0.0, |first| first.accepted_per_second)
    }
}

/// A number as a person reads it: with a decimal only where it has one and there are few digits.
fn number(value: f64) -> String {
    match value < 10.0 && value.fract() != 0.0 {
        true => format!("{value:.1}"),
        false => format!("{value:.0}"),
    }
}

impl Comparison {
    /// The document's table, with what was measured beside what is claimed.
    fn measures(&self) -> Table {
        let headers = [
            "MEASURE",
            "CLAIMED-SYNC",
            "CLAIMED-EVENTS",
            "SYNC",
            "EVENTS",
            "RATIO",
        ];
        let mut table = Table::new(&headers, "nothing was measured");
        let (sync, events) = (&self.synchronous, &self.events);
        let mut row = |measure: &str, claimed: [&str; 2], values: [f64; 2], times: Option<f64>| {
            let claimed = claimed.map(|text| match text {
                "" => Cell::Missing,
                text => text.into(),
            });
            let [claimed_sync, claimed_events] = claimed;
            let [value_sync, value_events] = values.map(|value| Cell::from(number(value)));
            table.row([
                measure.into(),
                claimed_sync,
                claimed_events,
                value_sync,
                value_events,
                times.map(|times| format!("{}x", number(times))).into(),
            ]);
        };
        let ratio = |one: f64, other: f64| (other > 0.0).then(|| one / other);
        let none = ["", ""];
        let (a, b) = (&sync.response, &events.response);
        row(
            "response-p50-ms",
            ["2000", "100"],
            [a.p50_ms, b.p50_ms],
            ratio(a.p50_ms, b.p50_ms),
        );
        row(
            "response-p95-ms",
            none,
            [a.p95_ms, b.p95_ms],
            ratio(a.p95_ms, b.p95_ms),
        );
        row(
            "response-p99-ms",
            none,
            [a.p99_ms, b.p99_ms],
            ratio(a.p99_ms, b.p99_ms),
        );
        row(
            "accepted-per-second",
            ["50", "1000+"],
            [sync.accepted(), events.accepted()],
            ratio(events.accepted(), sync.accepted()),
        );
        let (a, b) = (&sync.complete, &events.complete);
        row(
            "complete-p50-ms",
            none,
            [a.p50_ms, b.p50_ms],
            ratio(a.p50_ms, b.p50_ms),
        );
        row(
            "complete-p99-ms",
            none,
            [a.p99_ms, b.p99_ms],
            ratio(a.p99_ms, b.p99_ms),
        );
        let count = |count: u64| count as f64;
        row(
            "orders-lost",
            none,
            [count(sync.lost), count(events.lost)],
            None,
        );
        let (a, b) = (&sync.outage, &events.outage);
        row(
            "outage-orders-failed",
            ["cascades", "isolated"],
            [count(a.failed), count(b.failed)],
            None,
        );
        row(
            "outage-orders-lost",
            none,
            [count(a.lost), count(b.lost)],
            None,
        );
        row(
            "outage-slowest-ms",
            none,
            [a.slowest_ms, b.slowest_ms],
            None,
        );
        for note in self.notes() {
            table.note(note, Tone::Plain);
        }
        table
    }

    fn notes(&self) -> Vec<String> {
        let (sync, events) = (&self.synchronous, &self.events);
        let mut notes = vec![
            format!(
                "events do not make the whole faster: an order is complete after {} ms, and after {} ms with calls",
                number(events.complete.p50_ms),
                number(sync.complete.p50_ms),
            ),
            format!(
                "payment was down for {:.1} s: of {} orders {} failed with calls, and {} of {} with events; the slowest took {} ms",
                self.outage_ms / 1000.0,
                sync.outage.orders,
                sync.outage.failed,
                events.outage.failed,
                events.outage.orders,
                number(events.outage.slowest_ms),
            ),
        ];
        if let Some(first) = events.throughput.first() {
            notes.push(format!(
                "accepted is not complete: of {} orders a second {} are worked off, the others wait in order-created",
                number(first.accepted_per_second),
                number(first.completed_per_second),
            ));
            notes.push(ABOUT_INSTANCES.to_owned());
        }
        if !self.left_behind.is_empty() {
            notes.push(format!("left behind: {}", self.left_behind.join(" ")));
        }
        notes
    }

    /// Orders a second, for each number of instances, as bars.
    fn scaling(&self) -> Table {
        let headers = ["INSTANCES", "ORDERS", "ARCHITECTURE", "PER-SECOND", "CHART"];
        let mut table = Table::new(&headers, "").titled(
            "orders a second, when as many come in as are taken (each chart to its own scale)",
        );
        type Figure = fn(&Throughput) -> f64;
        let figures: [(&str, Figure); 2] = [
            ("accepted", |throughput| throughput.accepted_per_second),
            ("completed", |throughput| throughput.completed_per_second),
        ];
        let both = [("calls", &self.synchronous), ("events", &self.events)];
        for (what, figure) in figures {
            let all = both
                .iter()
                .flat_map(|(_, one)| one.throughput.iter().map(figure));
            let greatest = all.fold(0.0, f64::max);
            for (name, architecture) in both {
                for throughput in &architecture.throughput {
                    let value = figure(throughput);
                    table.row([
                        throughput.instances.into(),
                        what.into(),
                        name.into(),
                        number(value).into(),
                        // In tenths, so that a value below one has a bar.
                        bar((value * 10.0) as u64, (greatest * 10.0) as u64, WIDTH).into(),
                    ]);
                }
            }
        }
        table
    }
}

impl Report for Comparison {
    fn table(&self) -> Table {
        let title = format!(
            "payment {} ms, then notification {} ms; {} workers an instance; {} orders a second",
            number(self.payment_ms),
            number(self.notification_ms),
            self.workers,
            number(self.rate)
        );
        let mut table = self.measures().titled(title);
        table.more = vec![self.scaling()];
        table
    }

    /// An order that was accepted and is lost is what must not be.
    fn status(&self) -> Result<Status> {
        let both = [&self.synchronous, &self.events];
        Ok(
            match both.iter().any(|one| one.lost + one.outage.lost > 0) {
                false => Status::Done,
                true => Status::Alarm,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn architecture(response: f64, lost: u64) -> Architecture {
        let times = |p50_ms| Times {
            p50_ms,
            p95_ms: p50_ms * 2.0,
            p99_ms: p50_ms * 3.0,
        };
        Architecture {
            response: times(response),
            complete: times(2000.0),
            lost: 0,
            outage: Outage {
                orders: 140,
                failed: 3,
                lost,
                slowest_ms: 7000.0,
            },
            throughput: vec![Throughput {
                instances: 1,
                accepted_per_second: 4000.0 / response,
                completed_per_second: 50.0,
            }],
        }
    }

    fn comparison(lost: u64) -> Comparison {
        Comparison {
            payment_ms: 800.0,
            notification_ms: 1200.0,
            workers: 100,
            rate: 20.0,
            outage_ms: 5000.0,
            synchronous: architecture(2000.0, 0),
            events: architecture(4.0, lost),
            times_quicker: 500.0,
            left_behind: Vec::new(),
        }
    }

    #[test]
    fn an_order_that_is_lost_is_an_alarm() {
        assert_eq!(comparison(0).status().unwrap(), Status::Done);
        assert_eq!(comparison(1).status().unwrap(), Status::Alarm);
        // Also one that was lost while all was well.
        let mut calm = comparison(0);
        calm.events.lost = 1;
        assert_eq!(calm.status().unwrap(), Status::Alarm);
    }

    #[test]
    fn what_was_measured_stands_beside_what_is_claimed() {
        let table = comparison(0).table();
        let cells: Vec<_> = ["response-p50-ms", "2000", "100", "2000", "4", "500x"]
            .map(Cell::from)
            .into();
        assert_eq!(table.rows[0], cells);
        let cells: Vec<_> = ["accepted-per-second", "50", "1000+", "2", "1000", "500x"]
            .map(Cell::from)
            .into();
        assert_eq!(table.rows[3], cells);
        let chart = &table.more[0];
        assert_eq!(chart.rows.len(), 4);
        assert_eq!(chart.rows[0][4], "▏".into());
        assert_eq!(chart.rows[1][4], "█".repeat(40).into());
    }

    #[test]
    fn ranks_are_the_nearest() {
        let times = Times::of((1..=100).rev().map(Duration::from_millis));
        assert_eq!(
            (times.p50_ms, times.p95_ms, times.p99_ms),
            (50.0, 95.0, 99.0)
        );
        let one = Times::of([Duration::from_micros(1234)].into_iter());
        assert_eq!((one.p50_ms, one.p99_ms), (1.23, 1.23));
        assert_eq!(Times::of(std::iter::empty()).p50_ms, 0.0);
    }
}
