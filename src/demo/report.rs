//! What came of a run.

use super::audit::{Ends, Verdict};
use super::chaos::{ChaosEvent, What};
use super::outbox::OutboxReport;
use super::timeline::Timeline;
use crate::error::{Result, Status};
use crate::ops::consume::Figures;
use crate::report::{Cell, Report, Table, Tone};
use serde::Serialize;
use std::time::Duration;

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoReport {
    /// Give it again, and the orders come to the same ends.
    pub seed: u64,
    pub duration_ms: u64,
    pub orders: Orders,
    /// In the order in which an order meets them.
    pub services: Vec<ServiceReport>,
    pub invariants: Vec<Verdict>,
    /// Sorted by topic.
    pub dead_letters: Vec<DeadLetters>,
    /// What went wrong on purpose, in the order in which it did; null without chaos.
    pub chaos: Option<Vec<ChaosEvent>>,
    /// What became of the orders in the order service's database; null without an outbox.
    pub outbox: Option<OutboxReport>,
    /// Of the order that was followed.
    pub timeline: Option<Timeline>,
    /// Topics and groups of the run that are still there, unless the broker ends with the run.
    pub left_behind: Vec<String>,
}

/// The orders by their end, as the audit saw it. When all invariants hold, the ends add up to the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Orders {
    /// Put in.
    pub total: u64,
    pub shipped: u64,
    pub cancelled: u64,
    pub parked: u64,
}

impl Orders {
    pub(super) fn new(total: u64, ends: Ends) -> Self {
        Orders {
            total,
            shipped: ends.shipped,
            cancelled: ends.cancelled,
            parked: ends.parked,
        }
    }
}

/// What the members of one service did together.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReport {
    pub service: &'static str,
    pub group: String,
    pub instances: u32,
    pub processed: u64,
    pub retried: u64,
    pub duplicates: u64,
    pub dead_lettered: u64,
    /// Of the handler's attempts, in milliseconds with two decimals; null when there was none.
    pub p95_ms: Option<f64>,
    /// Records left to read; null when it could not be learnt.
    pub lag: Option<i64>,
}

impl ServiceReport {
    pub(super) fn new(
        service: &'static str,
        group: String,
        instances: u32,
        figures: &Figures,
        lag: Option<i64>,
    ) -> Self {
        ServiceReport {
            service,
            group,
            instances,
            processed: figures.processed,
            retried: figures.retried,
            duplicates: figures.duplicates,
            dead_lettered: figures.dead_lettered,
            p95_ms: figures.p95().map(milliseconds),
            lag,
        }
    }
}

/// The dead letters in one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetters {
    pub topic: String,
    pub count: u64,
}

fn outbox_table(outbox: &OutboxReport) -> Table {
    let headers = ["STORED", "PUBLISHED", "PENDING", "DEAD", "ROLLED-BACK"];
    let mut table = Table::new(&headers, "no outbox");
    table.row([
        outbox.stored.into(),
        outbox.published.into(),
        outbox.pending.into(),
        outbox.dead.into(),
        outbox.rolled_back.into(),
    ]);
    table
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

impl DemoReport {
    fn orders_table(&self) -> Table {
        let mut table = Table::new(&["ORDERS", "SHIPPED", "CANCELLED", "PARKED"], "no orders");
        let orders = &self.orders;
        table.row(
            [
                orders.total,
                orders.shipped,
                orders.cancelled,
                orders.parked,
            ]
            .map(Cell::from),
        );
        for letters in &self.dead_letters {
            let plural = if letters.count == 1 {
                "letter"
            } else {
                "letters"
            };
            let text = format!("{} dead {plural} in {}", letters.count, letters.topic);
            table.note(text, Tone::Plain);
        }
        table
    }

    fn chaos_table(events: &[ChaosEvent]) -> Table {
        let mut table = Table::new(&["AT", "CHAOS"], "no chaos");
        for event in events {
            let tone = match event.what {
                What::Killed | What::GaveUp | What::Down => Tone::Warn,
                What::Started | What::StartedAgain | What::Added | What::Up => Tone::Plain,
            };
            table.row([event.time().into(), Cell::from(event.sentence()).tone(tone)]);
        }
        table
    }

    fn invariants_table(&self) -> Table {
        let mut table = Table::new(&["INVARIANT", "HOLDS", "DETAIL"], "no invariants");
        for verdict in &self.invariants {
            let (word, tone) = match verdict.holds {
                true => ("yes", Tone::Good),
                false => ("no", Tone::Bad),
            };
            table.row([
                verdict.name.into(),
                Cell::from(word).tone(tone),
                verdict.detail.as_str().into(),
            ]);
        }
        if !self.left_behind.is_empty() {
            let names = self.left_behind.join(" ");
            table.note(format!("left behind: {names}"), Tone::Plain);
        }
        table
    }
}

impl Report for DemoReport {
    fn table(&self) -> Table {
        let headers = [
            "SERVICE",
            "INSTANCES",
            "PROCESSED",
            "RETRIED",
            "DUPLICATES",
            "DEAD-LETTERED",
            "P95-MS",
            "LAG",
        ];
        let mut table = Table::new(&headers, "no services");
        table = table.titled(format!(
            "{} orders in {:.1} s, seed {}",
            self.orders.total,
            Duration::from_millis(self.duration_ms).as_secs_f64(),
            self.seed
        ));
        for service in &self.services {
            let tone = match service.lag {
                Some(0) => Tone::Good,
                _ => Tone::Bad,
            };
            table.row([
                service.service.into(),
                i64::from(service.instances).into(),
                service.processed.into(),
                service.retried.into(),
                service.duplicates.into(),
                service.dead_lettered.into(),
                service.p95_ms.map(|time| format!("{time:.2}")).into(),
                Cell::from(service.lag).tone(tone),
            ]);
        }
        table.more.push(self.orders_table());
        let outbox = self.outbox.as_ref().map(outbox_table);
        table.more.extend(outbox);
        let chaos = self.chaos.as_deref().map(Self::chaos_table);
        table.more.extend(chaos);
        table.more.push(self.invariants_table());
        table
            .more
            .extend(self.timeline.as_ref().map(Timeline::table));
        table
    }

    fn status(&self) -> Result<Status> {
        Ok(match self.invariants.iter().all(|verdict| verdict.holds) {
            true => Status::Done,
            false => Status::Alarm,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(holds: bool) -> DemoReport {
        let ends = Ends {
            shipped: 3,
            cancelled: 1,
            parked: 1,
        };
        let group = "payment-service".to_owned();
        DemoReport {
            seed: 7,
            duration_ms: 1234,
            orders: Orders::new(5, ends),
            services: vec![ServiceReport::new(
                "payment",
                group,
                2,
                &Figures::default(),
                Some(0),
            )],
            invariants: vec![Verdict {
                name: "no-lag",
                holds,
                detail: "all groups have lag 0".to_owned(),
            }],
            dead_letters: vec![DeadLetters {
                topic: "order-created.dlq".to_owned(),
                count: 1,
            }],
            chaos: None,
            outbox: None,
            timeline: None,
            left_behind: Vec::new(),
        }
    }

    #[test]
    fn a_broken_invariant_is_an_alarm() {
        assert_eq!(report(true).status().unwrap(), Status::Done);
        assert_eq!(report(false).status().unwrap(), Status::Alarm);
    }

    #[test]
    fn the_json_has_the_promised_keys() {
        let expected = concat!(
            r#"{"seed":7,"durationMs":1234,"orders":{"total":5,"shipped":3,"cancelled":1,"parked":1},"#,
            r#""services":[{"service":"payment","group":"payment-service","instances":2,"processed":0,"#,
            r#""retried":0,"duplicates":0,"deadLettered":0,"p95Ms":null,"lag":0}],"#,
            r#""invariants":[{"name":"no-lag","holds":true,"detail":"all groups have lag 0"}],"#,
            r#""deadLetters":[{"topic":"order-created.dlq","count":1}],"chaos":null,"outbox":null,"timeline":null,"leftBehind":[]}"#,
        );
        assert_eq!(serde_json::to_string(&report(true)).unwrap(), expected);
    }

    #[test]
    fn the_tables_have_a_title_and_notes() {
        let table = report(true).table();
        assert_eq!(table.title.as_deref(), Some("5 orders in 1.2 s, seed 7"));
        assert_eq!(table.more.len(), 2);
        assert_eq!(
            table.more[0].notes[0].0,
            "1 dead letter in order-created.dlq"
        );
    }
}
