//! The way through the letters that a plan counts.

use super::super::count::{Count, Needs};
use super::super::order::{self, Order};
use super::super::walk::Walk;
use super::{Carrying, ReplayPlan};
use crate::error::Result;
use crate::kafka::Cluster;
use crate::model::ledger::Progress;
use crate::ops::scan;
use std::ops::ControlFlow;

/// Goes through the letters of the plan's stretch, and puts into it what they come to.
///
/// # Errors
/// More than can be sorted, where that is asked for.
pub(super) fn count_all(
    cluster: &Cluster,
    mut plan: ReplayPlan,
    mut carrying: Carrying,
    progress: &[Progress],
    limit: Option<u64>,
) -> Result<(ReplayPlan, Carrying, Needs)> {
    let stretch = std::mem::take(&mut plan.stretch);
    let (mut count, mut covered) = count_once(cluster, &stretch, &mut carrying, progress, limit)?;
    if count.doubts_the_name() {
        // Some say that they came from elsewhere, so those that say nothing may have, too.
        carrying.resolver.doubts_the_name();
        (count, covered) = count_once(cluster, &stretch, &mut carrying, progress, limit)?;
    }
    plan.is_cut = covered != stretch;
    plan.stretch = covered;
    let (moved, bytes) = (count.moved(), count.moved_bytes);
    let mut needs = count.fill(&mut plan);
    if carrying.order != Order::Partition {
        order::check(carrying.order, moved, bytes)?;
        // Whatever is interrupted has put back some behind others that are left.
        needs.ledger |= moved > 1;
    }
    Ok((plan, carrying, needs))
}

/// What the letters of a stretch come to, and how much of it was looked at.
fn count_once<'a>(
    cluster: &Cluster,
    stretch: &scan::Stretch,
    carrying: &mut Carrying,
    progress: &'a [Progress],
    limit: Option<u64>,
) -> Result<(Count<'a>, scan::Stretch)> {
    let mut count = Count::new(progress, carrying.resolver.origin_by_name());
    let mut walk = |stretch: &scan::Stretch, first: usize, count: &mut Count<'_>| {
        let walk = Walk {
            cluster,
            stretch,
            progress: &progress[first..],
            anew: carrying.anew,
            chooser: &carrying.chooser,
        };
        walk.run(&mut carrying.resolver, |place, offset, met| {
            count.add(first + place, offset, met);
            let is_full = limit.is_some_and(|limit| count.moved() >= limit);
            Ok(match is_full {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })
    };
    match limit {
        None => {
            walk(stretch, 0, &mut count)?;
            Ok((count, stretch.clone()))
        }
        // Partition by partition, so that "the first N" is the same stretch whenever it is asked for.
        Some(limit) => {
            let mut covered = scan::Stretch::new();
            for (at, (place, extent)) in stretch.iter().enumerate() {
                let one = scan::Stretch::from([(place.clone(), *extent)]);
                if count.moved() < limit {
                    walk(&one, at, &mut count)?;
                }
                let (start, end) = *extent;
                let until = count.reached.get(at).copied().unwrap_or(start);
                covered.insert(place.clone(), (start, until.max(start).min(end)));
            }
            Ok((count, covered))
        }
    }
}
