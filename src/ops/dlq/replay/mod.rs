//! Carrying a replay out: one thread reads and decides ([`feed`]), another sends and commits ([`engine`]).

mod again;
mod engine;
mod item;
mod outcome;
mod packed;
mod pipe;
mod sorted;
mod told;
mod way;

pub use outcome::ReplayOutcome;

use super::audit::{Auditor, both};
use super::plan::{Carrying, ReplayPlan};
use super::request::Delivery;
use super::resolve::{Route, Stamp};
use super::walk::{Met, Walk};
use super::{check_unchanged, count_partitions, ledger, park};
use crate::consent::Consent;
use crate::error::{Error, Kind, Result};
use crate::kafka::Cluster;
use crate::ops::blocking::blocking;
use crate::ops::scan;
use crate::ops::stop::Stop;
use engine::{Engine, Site};
use item::{Item, What};
use packed::Packer;
use pipe::Pipe;
use sorted::Sorted;
use std::ops::ControlFlow;
use tokio::runtime::Handle;
use way::{Shape, Way};

/// What the reading side hands over at once.
const CHUNK: usize = 256;
const CHUNK_BYTES: usize = 512 * 1024;

/// Puts back what the plan says; `watch` is told how many are dealt with.
///
/// # Errors
/// What ends it, with how many were put back before: the same command goes on from there.
pub async fn replay(
    cluster: &Cluster,
    mut plan: ReplayPlan,
    stop: Stop,
    watch: impl Fn(u64) + Send + Sync + 'static,
    _consent: Consent,
) -> Result<ReplayOutcome> {
    let mut outcome = ReplayOutcome {
        topic: plan.topic().to_owned(),
        replay_group: plan.group().to_owned(),
        replay_id: new_id(),
        parks: plan.parks(),
        ..ReplayOutcome::default()
    };
    let Some(carrying) = plan.carrying.take() else {
        return Ok(outcome);
    };
    outcome.delivery = carrying.delivery;
    outcome.skips_unknown = carrying.skips_unknown;
    let (cluster, runtime) = (cluster.clone(), Handle::current());
    let run = move || audited(&cluster, runtime, &plan, &carrying, &stop, &watch, outcome);
    blocking("replaying", run).await
}

/// What a run is known by.
pub(super) fn new_id() -> String {
    let mut random = [0; 16];
    fastrand::Rng::new().fill(&mut random);
    uuid::Builder::from_random_bytes(random)
        .into_uuid()
        .to_string()
}

/// Tells the audit, where there is one, before anything is changed, and when it is over.
fn audited(
    cluster: &Cluster,
    runtime: Handle,
    plan: &ReplayPlan,
    carrying: &Carrying,
    stop: &Stop,
    watch: &(dyn Fn(u64) + Sync),
    mut outcome: ReplayOutcome,
) -> Result<ReplayOutcome> {
    let auditor = match &carrying.audit {
        None => None,
        Some((audit, command)) => Some(Auditor::open(cluster, audit, &outcome.replay_id, command)?),
    };
    let auditor = auditor.as_ref();
    if let Some(auditor) = auditor {
        told::begun(auditor, plan, carrying.delivery)?;
    }
    let work = Work {
        cluster,
        plan,
        carrying,
        stop,
        watch,
        auditor,
    };
    let done = run(work, runtime, &mut outcome);
    outcome.finish(stop.requested());
    let told = match auditor {
        None => Ok(()),
        Some(auditor) => told::ended(auditor, &outcome, done.as_ref().err()),
    };
    match (done, told) {
        (Ok(()), Ok(())) => Ok(outcome),
        (Ok(()), Err(error)) => Err(explain(error, carrying.delivery, &outcome)),
        (Err(error), told) => Err(both(error, told.err())),
    }
}

/// What is to be done, and with what.
struct Work<'a> {
    cluster: &'a Cluster,
    plan: &'a ReplayPlan,
    carrying: &'a Carrying,
    stop: &'a Stop,
    watch: &'a (dyn Fn(u64) + Sync),
    auditor: Option<&'a Auditor>,
}

/// The outcome is what came of it also when there is an error.
fn run(work: Work<'_>, runtime: Handle, outcome: &mut ReplayOutcome) -> Result<()> {
    let Work {
        cluster,
        plan,
        carrying,
        stop,
        watch,
        auditor,
    } = work;
    let limits = || {
        carrying
            .resolver
            .destinations
            .met()
            .map(|known| known.limit)
    };
    let shape = Shape {
        least: limits().flatten().min(),
        most: limits().flatten().max(),
        alone: false,
    };
    let (group, source) = (plan.group(), carrying.source.name.as_str());
    // First of all: it ends what a replay that was killed has left open. Only then is the progress what it will stay.
    let wanted = || stop.requested().is_none();
    let opened = Way::open(
        carrying.delivery,
        cluster,
        &runtime,
        (group, source),
        shape,
        wanted,
    );
    let opened = opened.map_err(|error| explain(error, carrying.delivery, outcome))?;
    let Some(way) = opened else {
        return Ok(());
    };
    runtime.block_on(check_unchanged(cluster, &carrying.source))?;
    for topic in &carrying.creates {
        runtime.block_on(park::ensure(cluster, topic))?;
    }
    let parking = runtime.block_on(count_partitions(cluster, &carrying.parking.name))?;
    let parking = parking.unwrap_or_default();
    let ledger = runtime.block_on(cluster.topic(&carrying.ledger.name))?;
    let progress = runtime.block_on(ledger::progress(cluster, group, &plan.stretch))?;
    let begun = plan.stretch.iter().zip(&progress);
    let stretch: scan::Stretch = begun
        .map(|((place, (start, end)), progress)| {
            let next = if carrying.anew {
                *start
            } else {
                progress.next()
            };
            (place.clone(), (next.max(*start).min(*end), *end))
        })
        .collect();
    let site = Site {
        cluster,
        runtime,
        stop,
        group,
        carrying,
        stretch: &stretch,
        shape,
        auditor,
        watch,
    };
    let replay_id = outcome.replay_id.clone();
    let begun = std::mem::take(outcome);
    let mut engine = Engine::new(site, way, progress.clone(), ledger.is_some(), begun);
    let pipe = Pipe::new();
    let feeder = Feeder {
        walk: Walk {
            cluster,
            stretch: &stretch,
            progress: &progress,
            anew: carrying.anew,
            chooser: &carrying.chooser,
        },
        carrying,
        parking,
        replay_id: &replay_id,
        pipe: &pipe,
    };
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| feeder.run());
        let ended = engine.run(&pipe);
        pipe.close();
        carrying.resolver.end();
        ended
    });
    *outcome = engine.outcome;
    ended.map_err(|error| explain(error, carrying.delivery, outcome))
}

/// An error that ends the replay, with what was done before it.
fn explain(error: Error, delivery: Delivery, outcome: &ReplayOutcome) -> Error {
    if error.kind() == Kind::Usage {
        return error;
    }
    let done = outcome.replayed + outcome.parked;
    let again = match delivery {
        Delivery::ExactlyOnce => "",
        Delivery::AtLeastOnce => ", and may put those in hand back again",
    };
    let done = match outcome.parks {
        true => format!("{done} were parked"),
        false => format!("{done} were put back"),
    };
    let again = match outcome.parks {
        true => again.replace("put those in hand back", "park those in hand"),
        false => again.to_owned(),
    };
    error.adding(&format!(
        "{done} and committed before it, the same command goes on from there{again}"
    ))
}

/// The side that reads.
struct Feeder<'a> {
    walk: Walk<'a>,
    carrying: &'a Carrying,
    /// How many partitions the parking topic has.
    parking: i32,
    replay_id: &'a str,
    pipe: &'a Pipe<Item>,
}

/// Tells the other side that nothing comes any more, also when this one panics.
struct End<'a>(&'a Pipe<Item>, Option<Result<()>>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let reason = self.1.take();
        let early = || Err(Error::failed("the reading thread ended early"));
        self.0.end(reason.unwrap_or_else(early));
    }
}

impl Feeder<'_> {
    fn run(&self) {
        let mut end = End(self.pipe, None);
        end.1 = Some(match self.feed() {
            // What repairs was stopped with everything else: no trouble, and nothing more comes.
            Err(error) if matches!(error.kind(), Kind::Interrupted | Kind::Terminated) => Ok(()),
            ended => ended,
        });
    }

    fn feed(&self) -> Result<()> {
        let mut resolver = self.carrying.resolver.clone();
        let (mut chunk, mut packer) = (Vec::with_capacity(CHUNK), Packer::default());
        let order = self.carrying.order;
        let (mut sorted, mut ranks) = (Sorted::new(order), Vec::new());
        let mut next: Vec<i64> = self.walk.stretch.values().map(|it| it.0).collect();
        self.walk.run(&mut resolver, |place, offset, met| {
            let is_end = matches!(met, Met::End);
            let rank = match &met {
                Met::Letter(record, resolved) if sorted.is_some() => {
                    Some(order.rank(record, resolved))
                }
                _ => None,
            };
            let what = self.decide(met, &mut packer)?;
            ranks.extend(rank.filter(|_| what.is_copy()));
            let from = std::mem::replace(&mut next[place], offset + i64::from(!is_end));
            chunk.push(Item {
                place,
                from,
                offset,
                what,
            });
            if chunk.len() < CHUNK && packer.len() < CHUNK_BYTES && !is_end {
                return Ok(ControlFlow::Continue(()));
            }
            let mut full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
            let memory = packer.finish();
            for item in &mut full {
                if let What::Replay(record) | What::Park(record) = &mut item.what {
                    record.lies_in(&memory);
                }
            }
            let mut bytes = memory.len() + CHUNK * size_of::<Item>();
            if let Some(sorted) = &mut sorted {
                full = sorted.keep(full, std::mem::take(&mut ranks))?;
                bytes = CHUNK * size_of::<Item>();
            }
            Ok(match self.pipe.give(full, bytes) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        if let Some(sorted) = sorted {
            sorted.give(self.pipe);
        }
        Ok(())
    }

    /// What is to be done about what was met.
    fn decide(&self, met: Met<'_>, packer: &mut Packer) -> Result<What> {
        let (record, resolved) = match met {
            Met::Over => return Ok(What::Over),
            Met::Passed(..) => return Ok(What::Stays),
            Met::End => return Ok(What::End),
            Met::Letter(record, resolved) => (record, resolved),
        };
        let now_ms = jiff::Timestamp::now().as_millisecond();
        Ok(match &resolved.route {
            Route::Stays(stay) => What::Unplaced {
                stay: stay.to_string(),
                is_unknown: stay.is_unknown(),
            },
            Route::Park(reason) => {
                let name = &self.carrying.parking.name;
                let parked = park::parked(record, name, self.parking, reason, now_ms);
                What::Park(packer.add(&parked, &name.as_str().into())?)
            }
            Route::To(topic, _) => {
                let stamp = Stamp {
                    replay_id: self.replay_id,
                    now_ms,
                };
                match self.carrying.resolver.outgoing(record, resolved, stamp) {
                    Some(outgoing) => What::Replay(packer.add(&outgoing, &topic.name)?),
                    None => What::Stays,
                }
            }
        })
    }
}
