//! Positions that people type (`end`, `-5`, `@-1h`) to offsets of partitions as they are now.

use crate::error::{Error, Result};
use crate::kafka::{Cluster, Isolation, OffsetQuery};
use crate::model::offset::Position;
use crate::model::topic::TopicPartition;
use crate::ops::scan;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Where a position is in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub offset: i64,
    /// Set when that is not what was asked for, because there is no such place.
    pub moved: Option<Moved>,
}

/// Why an offset is another than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Records before this one were deleted.
    ToStart,
    /// No record has come to be there yet.
    ToEnd,
    /// Every record is older.
    ToEndOfTime,
}

impl Resolved {
    /// What is noted where the place asked for does not exist in a log of this extent.
    pub fn note(self, (start, end): (i64, i64)) -> Option<String> {
        Some(match self.moved? {
            Moved::ToStart => format!("the log starts at {start}"),
            Moved::ToEnd => format!("the log ends at {end}"),
            Moved::ToEndOfTime => "no record is as late: the end".to_owned(),
        })
    }
}

/// The offset of `position` in each partition of `extents`, never outside them. A time after the last record is the
/// end.
///
/// # Errors
/// `stored`, which is a group's and no partition's; a partition that cannot be asked for a time.
pub async fn resolve(
    cluster: &Cluster,
    position: &Position,
    extents: &scan::Stretch,
    isolation: Isolation,
) -> Result<BTreeMap<TopicPartition, i64>> {
    let resolved = resolve_each(cluster, position, extents, isolation).await?;
    let offset =
        |(place, resolved): (TopicPartition, Result<Resolved>)| Ok((place, resolved?.offset));
    resolved.into_iter().map(offset).collect()
}

/// As [`resolve`], for those who answer for each partition.
pub async fn resolve_each(
    cluster: &Cluster,
    position: &Position,
    extents: &scan::Stretch,
    isolation: Isolation,
) -> Result<BTreeMap<TopicPartition, Result<Resolved>>> {
    if let Position::Time(moment) = position {
        let time = moment.resolve(jiff::Timestamp::now().as_millisecond());
        let queries: Vec<_> = extents
            .keys()
            .map(|place| (place.clone(), OffsetQuery::Time(time)))
            .collect();
        let mut offsets = BTreeMap::new();
        for (place, listed) in cluster.list_offsets(&queries, isolation).await? {
            let Some(&extent) = extents.get(&place) else {
                continue;
            };
            let resolved = listed.map(|listed| at_time(listed.offset, extent));
            offsets.insert(place, resolved);
        }
        return Ok(offsets);
    }
    if matches!(position, Position::Stored) {
        return Err(Error::usage(
            "`-o stored` needs a `--group` whose offsets are meant",
        ));
    }
    let offsets = extents
        .iter()
        .map(|(place, &extent)| (place.clone(), Ok(within(position, extent))));
    Ok(offsets.collect())
}

/// The offset itself, or the nearest there is.
pub fn nearest(offset: i64, (start, end): (i64, i64)) -> Resolved {
    // Not `clamp`, which panics when the start is past the end, as it may be while records are deleted.
    let within = offset.min(end).max(start);
    Resolved {
        offset: within,
        moved: match within.cmp(&offset) {
            Ordering::Greater => Some(Moved::ToStart),
            Ordering::Less => Some(Moved::ToEnd),
            Ordering::Equal => None,
        },
    }
}

/// -1: every record is older, so the answer is the end. Never outside: records may have come or gone since.
fn at_time(listed: i64, (start, end): (i64, i64)) -> Resolved {
    match listed {
        ..0 => Resolved {
            offset: end.max(start),
            moved: Some(Moved::ToEndOfTime),
        },
        _ => Resolved {
            offset: nearest(listed, (start, end)).offset,
            moved: None,
        },
    }
}

fn within(position: &Position, (start, end): (i64, i64)) -> Resolved {
    let offset = match *position {
        Position::Beginning | Position::Stored | Position::Time(_) => start,
        Position::End => end.max(start),
        Position::At(offset) => offset,
        Position::BeforeEnd(back) => end.saturating_sub(back),
        Position::AfterBeginning(ahead) => start.saturating_add(ahead),
    };
    nearest(offset, (start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_position_is_outside_the_extent() {
        let cases = [
            (Position::Beginning, 10),
            (Position::End, 20),
            (Position::At(3), 10),
            (Position::At(15), 15),
            (Position::At(i64::MAX), 20),
            (Position::BeforeEnd(4), 16),
            (Position::BeforeEnd(i64::MAX), 10),
            (Position::AfterBeginning(4), 14),
            (Position::AfterBeginning(i64::MAX), 20),
        ];
        for (position, expected) in cases {
            assert_eq!(within(&position, (10, 20)).offset, expected, "{position:?}");
        }
        assert_eq!(within(&Position::At(5), (20, 10)).offset, 20);
        assert_eq!(
            within(&Position::At(3), (10, 20)).moved,
            Some(Moved::ToStart)
        );
        assert_eq!(
            within(&Position::At(30), (10, 20)).moved,
            Some(Moved::ToEnd)
        );
        assert_eq!(within(&Position::End, (10, 20)).moved, None);
    }

    #[test]
    fn a_time_is_within_the_extent_too() {
        for (listed, expected) in [(-1, 20), (3, 10), (15, 15), (25, 20)] {
            assert_eq!(at_time(listed, (10, 20)).offset, expected);
        }
    }
}
