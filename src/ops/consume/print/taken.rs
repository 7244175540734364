//! What a run of printing has taken so far: how many records, and how far it is in each partition.

use super::Sink;
use crate::error::Result;
use crate::kafka::Seen;
use crate::model::filter::{Filter, Wanted};
use crate::model::record::RecordRef;
use crate::model::topic::TopicPartition;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

pub(super) struct Taken {
    sink: Box<dyn Sink>,
    filter: Filter,
    /// Handed on, read, and passed over for not being JSON.
    pub(super) records: u64,
    pub(super) read: u64,
    pub(super) not_json: u64,
    count: Option<u64>,
    places: Vec<Place>,
    /// Where the last record was from: the next one is from there too, most of the time.
    current: usize,
    /// Partitions with an end that was not reached yet; `None` when there is no end.
    unfinished: Option<usize>,
    /// The sink failed: what it held is lost.
    broken: bool,
}

struct Place {
    partition: TopicPartition,
    /// The offset after the last record that was taken.
    next: Option<i64>,
    /// The same of what the sink has let out whole: no commit goes past it.
    out: Option<i64>,
    /// Where reading ends, as long as it was not reached.
    end: Option<i64>,
    /// Past the end, or given away: nothing that comes from here is wanted.
    finished: bool,
}

impl Taken {
    /// `ends`: up to but not including which offset; partitions that are not in it are not wanted.
    pub(super) fn new(
        sink: Box<dyn Sink>,
        filter: Filter,
        count: Option<u64>,
        ends: Option<&BTreeMap<TopicPartition, i64>>,
    ) -> Self {
        let place = |(partition, end): (&TopicPartition, &i64)| Place {
            partition: partition.clone(),
            next: None,
            out: None,
            end: Some(*end),
            finished: false,
        };
        Taken {
            sink,
            filter,
            records: 0,
            read: 0,
            not_json: 0,
            count,
            places: ends.into_iter().flatten().map(place).collect(),
            current: 0,
            unfinished: ends.map(BTreeMap::len),
            broken: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.count.is_some_and(|count| self.records >= count) || self.unfinished == Some(0)
    }

    /// Hands a record on; breaks when it was the last one wanted.
    pub(super) fn take(&mut self, seen: Seen<'_>) -> Result<ControlFlow<()>> {
        match seen {
            Seen::Record(record) => self.record(record)?,
            Seen::EndOfPartition(partition, offset) => {
                if self.unfinished.is_some() {
                    let place = self.find(&partition.topic, partition.partition);
                    self.reached(place, offset);
                }
            }
        }
        Ok(match self.is_complete() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<()> {
        let at = self.find(record.topic, record.partition);
        let place = &mut self.places[at];
        if place.finished || place.end.is_some_and(|end| record.offset >= end) {
            self.reached(at, record.offset);
            return Ok(());
        }
        let wanted = match self.filter.is_empty() {
            true => Wanted::Yes,
            false => self.filter.wants(&record),
        };
        match wanted {
            Wanted::Yes => {
                let taken = self.sink.record(record);
                self.broken |= taken.is_err();
                taken?;
                self.records += 1;
            }
            Wanted::No => {}
            Wanted::NotJson => self.not_json += 1,
        }
        self.read += 1;
        if place.next.is_some_and(|next| record.offset < next) {
            let (place, offset) = (&place.partition, record.offset);
            self.sink.warn(&format!(
                "`{place}` goes on at offset {offset}, which it has had before: the topic was made anew, or lost records"
            ));
        }
        place.next = Some(record.offset + 1);
        self.reached(at, record.offset + 1);
        Ok(())
    }

    fn find(&mut self, topic: &str, partition: i32) -> usize {
        let is_it = |place: &Place| {
            place.partition.partition == partition && place.partition.topic == topic
        };
        if !self.places.get(self.current).is_some_and(is_it) {
            self.current = self.places.iter().position(is_it).unwrap_or_else(|| {
                self.places.push(Place {
                    partition: TopicPartition::new(topic, partition),
                    next: None,
                    out: None,
                    end: None,
                    // With ends, every partition that is wanted has one.
                    finished: self.unfinished.is_some(),
                });
                self.places.len() - 1
            });
        }
        self.current
    }

    fn reached(&mut self, at: usize, next: i64) {
        let place = &mut self.places[at];
        if !place.finished && place.end.is_some_and(|end| next >= end) {
            place.finished = true;
            self.unfinished = self.unfinished.map(|left| left - 1);
        }
    }

    /// Lets out what was taken. Once that failed, or taking did, nothing more counts as let out: something is missing.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.broken {
            // The sink is asked all the same, for its reason.
            return self.sink.flush();
        }
        let flushed = self.sink.flush();
        match &flushed {
            Ok(()) => {
                for place in &mut self.places {
                    place.out = place.next;
                }
            }
            Err(_) => self.broken = true,
        }
        flushed
    }

    /// For whoever watches.
    pub(super) fn warn(&mut self, text: &str) {
        self.sink.warn(text);
    }

    /// The next offset of each partition that something was let out from.
    pub(super) fn next(&self) -> Vec<(TopicPartition, i64)> {
        let next = |place: &Place| Some((place.partition.clone(), place.out?));
        self.places.iter().filter_map(next).collect()
    }

    /// The same of these partitions, which are another's from now on.
    pub(super) fn give(&mut self, partitions: &[TopicPartition]) -> Vec<(TopicPartition, i64)> {
        let (given, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.places)
            .into_iter()
            .partition(|place| partitions.contains(&place.partition));
        self.places = kept;
        self.current = 0;
        let next = |place: Place| Some((place.partition, place.out?));
        given.into_iter().filter_map(next).collect()
    }
}
