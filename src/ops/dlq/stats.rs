//! `eda dlq stats`.

use super::count::Count;
use super::died;
use super::hours::{self, Hour, Hours};
use super::keys::{self, KeyCount, Keys};
use super::plan::ReplayPlan;
use super::reasons::{self, Reason};
use super::request::Manner;
use super::resolve::Resolver;
use super::selection::{Chooser, Selection, died_at};
use super::walk::{Met, Walk};
use super::{find, ledger, places, replay_group};
use crate::error::Result;
use crate::kafka::{Cluster, Isolation};
use crate::model::ledger::Progress;
use crate::ops::blocking::blocking;
use crate::ops::scan::{self, Stretch};
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use std::ops::ControlFlow;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct StatsRequest {
    pub topic: String,
    pub selection: Selection,
    /// Only what no replay was done with.
    pub unreplayed: bool,
}

/// Why the letters of a topic died, when, and with which keys. Its size does not follow theirs.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    topic: String,
    total: u64,
    /// What a replay would put back where it came from, and what it would park instead.
    replayable: u64,
    parked: u64,
    /// Without a known origin, and with one that does not exist.
    unknown_origin: u64,
    gone_origin: u64,
    /// Whose origin only the name of the dead-letter topic tells.
    origin_by_name: u64,
    /// Not meant by the selection.
    passed: u64,
    bytes: u64,
    /// When the first and the last of them died, in milliseconds since 1970-01-01 UTC.
    oldest: Option<i64>,
    newest: Option<i64>,
    reasons: Vec<Reason>,
    /// Those in which any died, the oldest first, and how many died before those.
    hours: Vec<Hour>,
    earlier: u64,
    /// Nobody says when they died.
    undated: u64,
    /// The commonest first.
    keys: Vec<KeyCount>,
    without_key: u64,
    #[serde(skip)]
    unreplayed: bool,
}

/// Reads the letters that are meant and counts them; changes nothing.
pub async fn stats(cluster: &Cluster, request: &StatsRequest) -> Result<Stats> {
    let stats = Stats {
        topic: request.topic.clone(),
        unreplayed: request.unreplayed,
        ..Stats::default()
    };
    let Some(source) = find(cluster, &request.topic).await? else {
        return Ok(stats);
    };
    let resolver = Resolver::new(cluster, &source.name, Manner::default()).await?;
    let extents = scan::extents(cluster, &places(&source), Isolation::ReadCommitted).await?;
    let progress = match request.unreplayed {
        true => ledger::progress(cluster, &replay_group(&source.name), &extents).await?,
        false => vec![Progress::default(); extents.len()],
    };
    let begun = extents.into_iter().zip(&progress);
    let stretch: Stretch = begun
        .map(|((place, (start, end)), progress)| (place, (progress.next_in((start, end)), end)))
        .collect();
    let chooser = request
        .selection
        .at(jiff::Timestamp::now().as_millisecond());
    let cluster = cluster.clone();
    let reading = move || stats.read(&cluster, &stretch, &progress, &chooser, resolver);
    blocking("reading", reading).await
}

impl Stats {
    fn read(
        mut self,
        cluster: &Cluster,
        stretch: &Stretch,
        progress: &[Progress],
        chooser: &Chooser,
        mut resolver: Resolver,
    ) -> Result<Stats> {
        let (mut count, mut hours, mut keys) = (
            Count::new(progress, None),
            Hours::default(),
            Keys::default(),
        );
        let walk = Walk {
            cluster,
            stretch,
            progress,
            anew: !self.unreplayed,
            chooser,
        };
        walk.run(&mut resolver, |place, offset, met| {
            if let Met::Letter(record, resolved) = &met {
                hours.add(died_at(record, resolved.letter.as_ref()));
                keys.add(died::key(record, resolved).as_deref());
            }
            count.add(place, offset, met);
            Ok(ControlFlow::Continue(()))
        })?;
        // The same counts as in the plan of a replay.
        let mut plan = ReplayPlan::default();
        count.fill(&mut plan);
        self.total = plan.total;
        self.replayable = plan.replayable;
        self.parked = plan.parked;
        self.unknown_origin = plan.unknown_origin;
        self.gone_origin = plan.gone_origin;
        self.origin_by_name = plan.origin_by_name;
        self.passed = plan.passed;
        self.bytes = plan.bytes;
        self.oldest = plan.oldest;
        self.newest = plan.newest;
        self.reasons = plan.reasons;
        (self.earlier, self.undated) = (hours.earlier, hours.undated);
        self.hours = hours.into_hours();
        (self.keys, self.without_key) = (keys.top(), keys.without);
        Ok(self)
    }

    fn notes(&self, table: &mut Table) {
        let text = format!(
            "{} of {} can be put back, {} bytes",
            self.replayable, self.total, self.bytes
        );
        table.note(text, Tone::Plain);
        reasons::notes(table, self.oldest.zip(self.newest), self.origin_by_name);
        let counts = [
            (
                self.parked,
                "put back too often or too large: a replay parks them",
                Tone::Warn,
            ),
            (
                self.unknown_origin,
                "do not say where they came from",
                Tone::Bad,
            ),
            (
                self.gone_origin,
                "came from a topic that does not exist, or point at a record that is gone",
                Tone::Bad,
            ),
            (self.passed, "others are not meant", Tone::Plain),
        ];
        for (count, text, tone) in counts.into_iter().filter(|(count, ..)| *count > 0) {
            table.note(format!("{count} {text}"), tone);
        }
    }
}

impl Report for Stats {
    fn table(&self) -> Table {
        let empty = match (self.passed, self.unreplayed) {
            (0, false) => format!("no dead letters in `{}`", self.topic),
            (0, true) => format!("no dead letters wait in `{}`", self.topic),
            (passed, _) => format!(
                "none of the {passed} dead letters in `{}` are meant",
                self.topic
            ),
        };
        let mut table = reasons::table(&self.reasons, empty);
        if self.total == 0 {
            return table;
        }
        self.notes(&mut table);
        let mut hours = hours::table(&self.hours);
        for (count, text) in [
            (self.earlier, "died longer ago than hours are kept apart"),
            (self.undated, "without a time at which they died"),
        ] {
            if count > 0 {
                hours.note(format!("{count} {text}"), Tone::Plain);
            }
        }
        table.more = vec![hours, keys::table(&self.keys, self.without_key)];
        table
    }
}
