//! One order's way through the services.

mod follow;
mod witness;

pub use follow::{End, Follow};
pub(super) use witness::Witness;

use crate::report::{Cell, Table, Tone};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use witness::Handling;

/// One order's way: every record about it, in the order in which they came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    pub order: String,
    /// Null when it reached none.
    pub end: Option<End>,
    /// From the first event to the one that ended it; null when it reached no end.
    pub duration_ms: Option<i64>,
    pub events: Vec<Step>,
}

/// A record about the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its type; null when it cannot be read.
    pub event: Option<String>,
    pub event_id: Option<String>,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// Since the order's first event.
    pub at_ms: Option<i64>,
    /// Since the event that led to it; null for the first.
    pub latency_ms: Option<i64>,
    /// Another record of the same event came before it.
    pub is_duplicate: bool,
    /// It undoes something.
    pub is_compensation: bool,
    pub is_dead_letter: bool,
    /// Who handled it, sorted; nobody does twice what the memory of events knows, so a duplicate has none.
    pub handled: Vec<Handled>,
    /// Since 1970.
    #[serde(skip)]
    time_ms: Option<i64>,
    #[serde(skip)]
    cause: Option<String>,
}

/// What a group did with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handled {
    pub group: String,
    /// How often an instance began with it; more than once when one was killed meanwhile, or its partition given to another.
    pub begun: u32,
    pub retries: u32,
    /// Since the order's first event; null when nobody got to the end of it.
    pub done_at_ms: Option<i64>,
}

impl Handled {
    fn new(group: &str, handling: &Handling) -> Self {
        Handled {
            group: group.to_owned(),
            begun: handling.begun,
            retries: handling.retries,
            done_at_ms: handling.done_ms,
        }
    }

    /// `payment-service (2 retries)`.
    fn words(&self) -> String {
        let mut notes = Vec::new();
        match self.retries {
            0 => {}
            1 => notes.push("1 retry".to_owned()),
            count => notes.push(format!("{count} retries")),
        }
        if self.begun > 1 {
            notes.push(format!("begun {} times", self.begun));
        }
        if self.done_at_ms.is_none() {
            notes.push("not done".to_owned());
        }
        match notes.is_empty() {
            true => self.group.clone(),
            false => format!("{} ({})", self.group, notes.join(", ")),
        }
    }
}

impl Step {
    /// The end it is of its order.
    fn end(&self) -> Option<End> {
        match self.event.as_deref() {
            _ if self.is_dead_letter => Some(End::Parked),
            Some("OrderShipped") => Some(End::Shipped),
            Some("OrderCancelled") => Some(End::Cancelled),
            _ => None,
        }
    }

    fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.is_duplicate {
            notes.push("duplicate");
        }
        if self.is_compensation {
            notes.push("compensation");
        }
        if let Some(end) = self.end().filter(|_| !self.is_duplicate) {
            notes.push(end.word());
        }
        notes
    }
}

impl Timeline {
    fn new(order: String, mut events: Vec<Step>) -> Self {
        events.sort_by(|one, other| {
            let place = |step: &Step| (step.time_ms, step.topic.clone(), step.offset);
            place(one).cmp(&place(other))
        });
        let times: HashMap<String, i64> = events
            .iter()
            .rev()
            .filter_map(|step| Some((step.event_id.clone()?, step.time_ms?)))
            .collect();
        let start = events.iter().find_map(|step| step.time_ms);
        let since = |time: Option<i64>| Some(time? - start?);
        let mut known = HashSet::new();
        for step in &mut events {
            step.at_ms = since(step.time_ms);
            let cause = step.cause.as_ref().and_then(|cause| times.get(cause));
            step.latency_ms = step.time_ms.zip(cause).map(|(time, cause)| time - cause);
            let id = step.event_id.clone();
            step.is_duplicate = id.is_some_and(|id| !known.insert(id));
            step.is_compensation = matches!(
                step.event.as_deref(),
                Some("PaymentRefunded" | "OrderCancelled")
            );
            for handled in &mut step.handled {
                handled.done_at_ms = since(handled.done_at_ms);
            }
        }
        let last = events.iter().find(|step| step.end().is_some());
        Timeline {
            end: last.and_then(Step::end),
            duration_ms: last.and_then(|step| step.at_ms),
            order,
            events,
        }
    }

    /// For people.
    pub(super) fn table(&self) -> Table {
        let headers = [
            "AT-MS",
            "EVENT",
            "TOPIC",
            "OFFSET",
            "LATENCY-MS",
            "HANDLED-BY",
            "NOTE",
        ];
        let mut table = Table::new(&headers, format!("nothing was seen of {}", self.order));
        table = table.titled(match (self.end, self.duration_ms) {
            (Some(end), Some(time)) => format!("{} was {} after {time} ms", self.order, end.word()),
            _ => format!("{} reached no end", self.order),
        });
        for step in &self.events {
            let event = match step.is_dead_letter {
                true => "dead letter",
                false => step.event.as_deref().unwrap_or("(unreadable)"),
            };
            let words: Vec<String> = step.handled.iter().map(Handled::words).collect();
            let tone = match step.end() {
                Some(End::Shipped) => Tone::Good,
                Some(_) => Tone::Warn,
                None => Tone::Plain,
            };
            let notes = step.notes();
            table.row([
                step.at_ms.into(),
                Cell::from(event).tone(tone),
                step.topic.as_str().into(),
                format!("{}:{}", step.partition, step.offset).into(),
                step.latency_ms.into(),
                (!words.is_empty()).then(|| words.join(", ")).into(),
                (!notes.is_empty()).then(|| notes.join(", ")).into(),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(event: &str, id: &str, cause: Option<&str>, time_ms: i64, offset: i64) -> Step {
        Step {
            event: Some(event.to_owned()),
            event_id: Some(id.to_owned()),
            topic: event.to_lowercase(),
            offset,
            time_ms: Some(time_ms),
            cause: cause.map(str::to_owned),
            ..Step::default()
        }
    }

    fn cancelled() -> Timeline {
        let mut created = step("OrderCreated", "a", None, 1000, 7);
        created.handled = vec![Handled {
            group: "payment-service".to_owned(),
            begun: 2,
            retries: 1,
            done_at_ms: Some(1030),
        }];
        let steps = vec![
            step("OrderCancelled", "c", Some("b"), 1050, 1),
            step("OrderCreated", "a", None, 1000, 9),
            step("PaymentFailed", "b", Some("a"), 1030, 4),
            created,
        ];
        Timeline::new("order-000003".to_owned(), steps)
    }

    #[test]
    fn it_goes_from_the_first_event_to_the_end() {
        let timeline = cancelled();
        assert_eq!(timeline.end, Some(End::Cancelled));
        assert_eq!(timeline.duration_ms, Some(50));
        let times: Vec<_> = timeline
            .events
            .iter()
            .map(|step| (step.at_ms, step.latency_ms))
            .collect();
        assert_eq!(
            times,
            [
                (Some(0), None),
                (Some(0), None),
                (Some(30), Some(30)),
                (Some(50), Some(20))
            ]
        );
        assert_eq!(timeline.events[0].handled[0].done_at_ms, Some(30));
    }

    #[test]
    fn what_came_twice_and_what_undoes_something_is_marked() {
        let table = cancelled().table();
        assert_eq!(
            table.title.as_deref(),
            Some("order-000003 was cancelled after 50 ms")
        );
        let column =
            |at: usize| -> Vec<Cell> { table.rows.iter().map(|row| row[at].clone()).collect() };
        assert_eq!(
            column(5)[0],
            "payment-service (1 retry, begun 2 times)".into()
        );
        assert_eq!(
            column(6),
            [
                Cell::Missing,
                "duplicate".into(),
                Cell::Missing,
                "compensation, cancelled".into()
            ]
        );
    }

    #[test]
    fn an_order_of_which_nothing_was_seen_has_no_end() {
        let timeline = Timeline::new("order-000001".to_owned(), Vec::new());
        assert_eq!((timeline.end, timeline.duration_ms), (None, None));
        assert_eq!(
            timeline.table().title.as_deref(),
            Some("order-000001 reached no end")
        );
    }
}
