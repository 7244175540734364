//! How a group is doing in a partition: the rules of Burrow (its wiki, "Consumer Lag Evaluation Rules"), for one who
//! looks from time to time instead of reading every commit.
//!
//! Burrow reads the commits themselves and can tell a consumer that commits the same offset again (STALL) from one that
//! commits nothing (STOP). Who polls sees neither; he sees whether the group has members.

use serde::{Serialize, Serializer};
use std::fmt;

/// How many looks are judged together.
pub const WINDOW: usize = 10;

/// How a group is doing in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartitionStatus {
    /// Nothing is wrong: no lag now, none at some time in the window, or it falls.
    Ok,
    /// Commits move on, and the lag never fell in the window.
    Warn,
    /// The commit did not move in the window though there were records, and the group has members.
    Stalled,
    /// The same, and the group has none.
    Stopped,
    /// The commit went back in the window and did not return.
    Rewind,
}

impl PartitionStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            PartitionStatus::Ok => "OK",
            PartitionStatus::Warn => "WARN",
            PartitionStatus::Stalled => "STALLED",
            PartitionStatus::Stopped => "STOPPED",
            PartitionStatus::Rewind => "REWIND",
        }
    }
}

/// How a group is doing in all its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupStatus {
    Ok,
    /// A partition is WARN and none is worse.
    Warn,
    /// A partition is STALLED, STOPPED or REWIND.
    Err,
}

impl GroupStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            GroupStatus::Ok => "OK",
            GroupStatus::Warn => "WARN",
            GroupStatus::Err => "ERR",
        }
    }

    /// The worst of the partitions'; `None` while it cannot be told: none is bad, and one is not known yet.
    pub fn of(partitions: impl IntoIterator<Item = Option<PartitionStatus>>) -> Option<Self> {
        let mut worst = None;
        let mut is_complete = true;
        for status in partitions {
            let status = match status {
                Some(PartitionStatus::Ok) => GroupStatus::Ok,
                Some(PartitionStatus::Warn) => GroupStatus::Warn,
                Some(_) => GroupStatus::Err,
                None => {
                    is_complete = false;
                    continue;
                }
            };
            worst = worst.max(Some(status));
        }
        worst.filter(|worst| is_complete || *worst > GroupStatus::Ok)
    }
}

impl fmt::Display for PartitionStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for PartitionStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for GroupStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Judges a window of `(committed, lag)`, the oldest first.
///
/// `None` while it cannot be told: there is lag, and fewer than [`WINDOW`] looks. Two things need no full window: that
/// there is no lag now, and that the commit went back.
pub fn judge(window: &[(i64, i64)], has_members: bool) -> Option<PartitionStatus> {
    let &(committed, lag) = window.last()?;
    if lag <= 0 {
        return Some(PartitionStatus::Ok);
    }
    // A partition that was caught up at some time in the window has only new lag.
    if window.iter().any(|(_, lag)| *lag <= 0) {
        return Some(PartitionStatus::Ok);
    }
    let furthest = window.iter().map(|(committed, _)| *committed).max()?;
    if committed < furthest {
        return Some(PartitionStatus::Rewind);
    }
    if window.len() < WINDOW {
        return None;
    }
    if window.iter().all(|(before, _)| *before == committed) {
        return Some(match has_members {
            true => PartitionStatus::Stalled,
            false => PartitionStatus::Stopped,
        });
    }
    let falls = window.windows(2).any(|pair| pair[1].1 < pair[0].1);
    Some(match falls {
        true => PartitionStatus::Ok,
        false => PartitionStatus::Warn,
    })
}

#[cfg(test)]
mod tests {
    use super::PartitionStatus::{Ok, Rewind, Stalled, Stopped, Warn};
    use super::*;

    /// A window whose look `at` is `(committed(at), lag(at))`.
    fn window(
        looks: usize,
        committed: impl Fn(i64) -> i64,
        lag: impl Fn(i64) -> i64,
    ) -> Vec<(i64, i64)> {
        (0..looks as i64)
            .map(|at| (committed(at), lag(at)))
            .collect()
    }

    #[test]
    fn every_rule() {
        let unmoved = |_| 100;
        let moving = |at| 100 + 10 * at;
        let back = |at| if at < 5 { 100 + at } else { 50 + at };
        let back_and_returned = |at| if at == 5 { 50 } else { 100 + at };
        let falling = |at| 1000 - at;
        let growing = |at| 1000 + at;
        let level = |_| 1000;
        let none = |_| 0;
        type Case<'a> = (&'a str, Vec<(i64, i64)>, bool, Option<PartitionStatus>);
        let cases: Vec<Case> = vec![
            ("no look yet", vec![], true, None),
            ("no lag, at once", window(1, unmoved, none), true, Some(Ok)),
            (
                "no lag, no members",
                window(10, unmoved, none),
                false,
                Some(Ok),
            ),
            (
                "no lag though it went back",
                window(10, back, none),
                true,
                Some(Ok),
            ),
            ("lag, too few looks", window(9, unmoved, level), true, None),
            (
                "unmoved with members",
                window(10, unmoved, level),
                true,
                Some(Stalled),
            ),
            (
                "unmoved, growing",
                window(10, unmoved, growing),
                true,
                Some(Stalled),
            ),
            (
                "unmoved without members",
                window(10, unmoved, level),
                false,
                Some(Stopped),
            ),
            ("went back", window(10, back, level), true, Some(Rewind)),
            (
                "went back, at once",
                vec![(100, 5), (40, 65)],
                true,
                Some(Rewind),
            ),
            (
                "went back, no members",
                vec![(100, 5), (40, 65)],
                false,
                Some(Rewind),
            ),
            (
                "went back and returned",
                window(10, back_and_returned, falling),
                true,
                Some(Ok),
            ),
            (
                "moves, lag grows",
                window(10, moving, growing),
                true,
                Some(Warn),
            ),
            (
                "moves, lag stays",
                window(10, moving, level),
                true,
                Some(Warn),
            ),
            (
                "moves, lag falls",
                window(10, moving, falling),
                true,
                Some(Ok),
            ),
            (
                "moves, lag fell once",
                window(10, moving, |at| if at == 5 { 990 } else { 1000 + at }),
                true,
                Some(Ok),
            ),
            (
                "unmoved, but there was no lag at first",
                window(10, unmoved, |at| at),
                true,
                Some(Ok),
            ),
            (
                "moved once in the window",
                window(10, |at| if at < 9 { 100 } else { 101 }, growing),
                true,
                Some(Warn),
            ),
        ];
        for (what, window, has_members, expected) in cases {
            assert_eq!(judge(&window, has_members), expected, "{what}: {window:?}");
        }
    }

    #[test]
    fn a_group_is_as_bad_as_its_worst_partition() {
        let cases = [
            (vec![], None),
            (vec![Some(Ok)], Some(GroupStatus::Ok)),
            (vec![Some(Ok), Some(Warn)], Some(GroupStatus::Warn)),
            (
                vec![Some(Warn), Some(Stalled), Some(Ok)],
                Some(GroupStatus::Err),
            ),
            (vec![Some(Stopped)], Some(GroupStatus::Err)),
            (vec![Some(Rewind)], Some(GroupStatus::Err)),
            (vec![Some(Ok), None], None),
            (vec![None], None),
            (vec![None, Some(Warn)], Some(GroupStatus::Warn)),
            (vec![None, Some(Stopped)], Some(GroupStatus::Err)),
        ];
        for (partitions, expected) in cases {
            assert_eq!(
                GroupStatus::of(partitions.clone()),
                expected,
                "{partitions:?}"
            );
        }
    }
}
