//! The plan of a replay: which dead letters, why they died, where they would go.

mod counting;

use super::audit::Audit;
use super::order::Order;
use super::reasons::{self, Reason};
use super::repair::Unrepaired;
use super::request::{Aim, Delivery, ReplayRequest, Target};
use super::resolve::Resolver;
use super::same_key::{Learnt, Looking, SameKey};
use super::selection::Chooser;
use super::{find, ledger, park, places};
use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation};
use crate::model::dead_letter::is_dead_letter_topic;
use crate::model::ledger::topic_for;
use crate::model::topic::{NewTopic, Topic};
use crate::ops::blocking::blocking;
use crate::ops::{missing, scan};
use crate::report::{Report, Table, Tone};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;

/// A stretch of the dead-letter topic, and a histogram of what is in it.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayPlan {
    topic: String,
    replay_group: String,
    pub(super) total: u64,
    pub(super) replayable: u64,
    /// How letters are repaired on their way back; null: not at all.
    repair: Option<&'static str>,
    /// Of the replayable, how many are changed by it.
    pub(super) repaired: u64,
    /// Those that cannot be repaired, the first of them; they stay.
    pub(super) unrepaired: Vec<Unrepaired>,
    /// To the parking topic: put back too often, or too large.
    pub(super) parked: u64,
    /// Those that cannot be put back, by why.
    pub(super) staying: BTreeMap<&'static str, u64>,
    /// Without a known origin, and with one that does not exist.
    pub(super) unknown_origin: u64,
    pub(super) gone_origin: u64,
    /// Of those that are put back: whose origin only the name of the dead-letter topic tells.
    pub(super) origin_by_name: u64,
    /// Of those that are put back: copies whose headers are gone with the records they are copies of.
    pub(super) without_headers: u64,
    /// Of those that are put back or parked: replays were done with them before.
    pub(super) again: u64,
    /// Not meant by the selection; they stay for another replay. Where a count is asked for, as far as was looked.
    pub(super) passed: u64,
    /// It was looked no further than to the last that is asked for.
    #[serde(skip)]
    pub(super) is_cut: bool,
    /// Those that newer records of the same keys lie behind, so that they are not put back; null: nobody has looked.
    pub(super) stale: Option<u64>,
    pub(super) bytes: u64,
    /// When the first and the last of them died, in milliseconds since 1970-01-01 UTC.
    pub(super) oldest: Option<i64>,
    pub(super) newest: Option<i64>,
    /// Topics that are to be created, since the replay needs them.
    creates: Vec<String>,
    pub(super) reasons: Vec<Reason>,
    /// Records that cannot be put back, the first of them.
    pub(super) unplaceable: Vec<String>,
    /// Not put back: all of them are parked, since somebody wants it so.
    #[serde(skip)]
    parks: bool,
    /// Nobody has looked for newer records, though there are keys to look for.
    #[serde(skip)]
    pub(super) keys_unchecked: bool,
    #[serde(skip)]
    pub(super) stretch: scan::Stretch,
    #[serde(skip)]
    pub(super) carrying: Option<Carrying>,
}

/// What is needed to carry the plan out.
pub(super) struct Carrying {
    pub(super) delivery: Delivery,
    pub(super) rate: Option<f64>,
    pub(super) skips_unknown: bool,
    pub(super) source: Topic,
    /// Where it is told what is done, and by which command.
    pub(super) audit: Option<(Audit, Vec<String>)>,
    pub(super) anew: bool,
    pub(super) order: Order,
    pub(super) chooser: Chooser,
    pub(super) resolver: Resolver,
    /// What has to be there first.
    pub(super) creates: Vec<NewTopic>,
    pub(super) parking: NewTopic,
    pub(super) ledger: NewTopic,
}

/// How many records the plan names; the rest is summed up.
pub(super) const NAMED: usize = 20;

/// Reads what would be replayed; changes nothing.
///
/// # Errors
/// Also a target that does not exist, or is a dead-letter topic itself and not forced.
pub async fn plan(cluster: &Cluster, request: &ReplayRequest) -> Result<ReplayPlan> {
    let mut plan = ReplayPlan {
        topic: request.topic.clone(),
        replay_group: request.replay_group(),
        parks: request.manner.aim != Aim::PutBack,
        repair: request.manner.repair.word(),
        ..ReplayPlan::default()
    };
    let Some(source) = find(cluster, &request.topic).await? else {
        return Ok(plan);
    };
    if plan.parks && park::is_parking(&source.name) {
        let text = format!(
            "`{}` is a parking topic: what is in it is parked",
            source.name
        );
        return Err(Error::failed(text).hint("`eda dlq replay` brings letters out of there"));
    }
    let resolver = Resolver::new(cluster, &source.name, request.manner.clone()).await?;
    check_target(cluster, request, &resolver).await?;
    ledger::check(cluster, &plan.replay_group).await?;
    if let Some(audit) = &request.audit {
        audit.check(cluster, &source.name).await?;
    }
    let extents = scan::extents(cluster, &places(&source), Isolation::ReadCommitted).await?;
    let progress = ledger::progress(cluster, &plan.replay_group, &extents).await?;
    let begun = extents.iter().zip(&progress);
    plan.stretch = begun
        .map(|((place, (start, end)), progress)| {
            let next = progress.next_in((*start, *end));
            let next = if request.from_beginning { *start } else { next };
            (place.clone(), (next, *end))
        })
        .collect();
    let same_key = request.manner.same_key;
    plan.stale = (same_key != SameKey::Force).then_some(0);
    let carrying = Carrying {
        delivery: request.delivery,
        rate: request.rate,
        skips_unknown: request.skips_unknown,
        parking: park::new_topic(cluster, &source).await?,
        ledger: ledger::new_topic(&plan.replay_group),
        source,
        audit: request
            .audit
            .clone()
            .map(|audit| (audit, request.command_line())),
        anew: request.from_beginning,
        order: request.order,
        chooser: request
            .selection
            .at(jiff::Timestamp::now().as_millisecond()),
        resolver,
        creates: Vec::new(),
    };
    let count = request.count;
    let (reader, mut needs, runtime) = (cluster.clone(), carrying, Handle::current());
    let reading = move || {
        if same_key != SameKey::Force {
            let looking = Looking {
                same_key,
                source: &needs.source.name,
                cluster: &reader,
                runtime: &runtime,
                extents: &extents,
                progress: &progress,
                anew: needs.anew,
                chooser: &needs.chooser,
            };
            let learnt = Learnt::learn(&looking, &needs.resolver)?;
            needs.resolver.learnt = Some(Arc::new(learnt));
        }
        counting::count_all(&reader, plan, needs, &progress, count)
    };
    let (mut plan, mut carrying, needs) = blocking("reading", reading).await?;
    let wanted = [
        (needs.ledger, &carrying.ledger),
        (plan.parked > 0, &carrying.parking),
    ];
    for (_, topic) in wanted.into_iter().filter(|(needed, _)| *needed) {
        if cluster.topic(&topic.name).await?.is_none() {
            plan.creates.push(topic.name.clone());
            carrying.creates.push(topic.clone());
        }
    }
    plan.carrying = Some(carrying);
    Ok(plan)
}

async fn check_target(
    cluster: &Cluster,
    request: &ReplayRequest,
    resolver: &Resolver,
) -> Result<()> {
    let Target::Topic(target) = &request.manner.target else {
        return Ok(());
    };
    if *target == request.topic {
        let text = format!("`--to {target}` is the dead-letter topic itself");
        return Err(Error::usage(text));
    }
    if is_dead_letter_topic(target) && !request.manner.force {
        let text =
            format!("`{target}` is a dead-letter topic: a replay is to bring letters out of there");
        return Err(Error::failed(text).hint("`--force` puts them there all the same"));
    }
    if resolver.destinations.is_closed(target) {
        let text = format!("`--to {target}` is no topic to put anything back into");
        return Err(Error::usage(text));
    }
    match resolver.destinations.partitions(target) {
        Some(_) => Ok(()),
        None => Err(missing::topic(cluster, target, resolver.destinations.names()).await),
    }
}

impl ReplayPlan {
    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many dead letters the plan covers.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn group(&self) -> &str {
        &self.replay_group
    }

    pub(super) fn parks(&self) -> bool {
        self.parks
    }

    fn notes(&self, table: &mut Table) {
        let text = match self.parks {
            false => format!(
                "{} of {} can be put back, {} bytes",
                self.replayable, self.total, self.bytes
            ),
            true => format!("{} letters, {} bytes", self.total, self.bytes),
        };
        table.note(text, Tone::Plain);
        if let Some(how) = self.repair {
            table.note(
                format!("{} are repaired by --{how}", self.repaired),
                Tone::Plain,
            );
        }
        reasons::notes(table, self.oldest.zip(self.newest), self.origin_by_name);
        if self.without_headers > 0 {
            let text = format!(
                "{} are copies without their headers, and the records that have them are gone",
                self.without_headers
            );
            table.note(text, Tone::Warn);
        }
        if self.again > 0 {
            let text = format!("replays were done with {} of them before", self.again);
            table.note(text, Tone::Warn);
        }
        if self.parked > 0 {
            let topic = park::topic_for(&self.topic);
            table.note(format!("{} go to `{topic}`", self.parked), Tone::Warn);
        }
        let left = self.total - self.replayable - self.parked;
        if left > 0 {
            let text = format!("{left} cannot: {}", self.unplaceable.join(" "));
            table.note(text, Tone::Bad);
        }
        if left > 0 {
            let whys = self.staying.iter();
            let whys: Vec<String> = whys.map(|(why, count)| format!("{count} {why}")).collect();
            table.note(format!("of these: {}", whys.join(", ")), Tone::Plain);
        }
        if let Some(stale) = self.stale.filter(|stale| *stale > 0) {
            let text = format!("{stale} have newer records of their keys behind them");
            table.note(text, Tone::Warn);
        }
        if self.keys_unchecked && !self.parks {
            let text = "newer records of the same keys were not looked for (`--same-key block` or `skip-older`)";
            table.note(text.to_owned(), Tone::Plain);
        }
        for one in &self.unrepaired {
            table.note(format!("{}: {}", one.record, one.error), Tone::Bad);
        }
        if self.passed > 0 {
            let text = match self.is_cut {
                false => format!("{} others are not meant, and stay", self.passed),
                true => format!("{} before the last of them are not meant", self.passed),
            };
            table.note(text, Tone::Plain);
        }
        for topic in &self.creates {
            let what = match *topic == topic_for(&self.replay_group) {
                true if self.parks => ", which remembers what is parked behind what stays",
                true => ", which remembers what is put back behind what stays",
                false => "",
            };
            table.note(format!("topic `{topic}` is created{what}"), Tone::Plain);
        }
    }
}

impl Report for ReplayPlan {
    fn table(&self) -> Table {
        let empty = match self.passed {
            0 => format!("no dead letters wait in `{}`", self.topic),
            passed => format!(
                "none of the {passed} dead letters in `{}` are meant",
                self.topic
            ),
        };
        let mut table = reasons::table(&self.reasons, empty);
        if self.total > 0 {
            self.notes(&mut table);
        }
        table
    }
}
