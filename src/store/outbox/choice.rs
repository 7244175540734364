//! Which of the pending events are claimed: the head of the line of each aggregate, and what follows it.

use std::collections::HashSet;

/// How many pending events are looked at, for each that may be claimed, before the line is left and aggregates are asked
/// one by one.
pub const LOOK: usize = 8;

/// And how many at least.
pub const LOOK_LEAST: usize = 4096;

/// What an event belongs to: its aggregate's type and id.
pub type Aggregate = (String, String);

/// How a pending event stands to who claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may be claimed.
    Free,
    /// It has it in hand already.
    Ours,
    /// Another has it in hand, it waits for its next attempt, or a dead one is before it and blocks.
    Blocking,
}

impl Standing {
    /// As the queries say it.
    pub fn of(number: i64) -> Self {
        match number {
            0 => Standing::Free,
            1 => Standing::Ours,
            _ => Standing::Blocking,
        }
    }
}

/// A choice that grows while pending events are seen, those of an aggregate in the order of their positions.
#[derive(Debug)]
pub struct Choice {
    limit: usize,
    blocked: HashSet<Aggregate>,
    seen: HashSet<i64>,
    chosen: Vec<(i64, Aggregate)>,
}

impl Choice {
    pub fn new(limit: usize) -> Self {
        Choice {
            limit,
            blocked: HashSet::new(),
            seen: HashSet::new(),
            chosen: Vec::new(),
        }
    }

    /// How many more may be chosen.
    pub fn left(&self) -> usize {
        self.limit.saturating_sub(self.chosen.len())
    }

    /// One more event. What was seen already changes nothing.
    pub fn see(&mut self, position: i64, aggregate: Aggregate, standing: Standing) {
        if self.left() == 0 || !self.seen.insert(position) {
            return;
        }
        match standing {
            Standing::Ours => {}
            Standing::Blocking => {
                self.blocked.insert(aggregate);
            }
            Standing::Free if self.blocked.contains(&aggregate) => {}
            Standing::Free => self.chosen.push((position, aggregate)),
        }
    }

    /// The positions that were chosen, in their order.
    pub fn positions(&self) -> Vec<i64> {
        let mut positions: Vec<i64> = self.chosen.iter().map(|(position, _)| *position).collect();
        positions.sort_unstable();
        positions
    }

    /// Leaves out what could not be had after all, and what comes after it in its aggregate.
    pub fn only(self, had: &HashSet<i64>) -> Self {
        let mut chosen = self.chosen;
        chosen.sort_unstable_by_key(|(position, _)| *position);
        let mut only = Choice::new(self.limit);
        for (position, aggregate) in chosen {
            let standing = match had.contains(&position) {
                true => Standing::Free,
                false => Standing::Blocking,
            };
            only.see(position, aggregate, standing);
        }
        only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregate(id: &str) -> Aggregate {
        ("order".to_owned(), id.to_owned())
    }

    fn chosen(limit: usize, rows: &[(i64, &str, Standing)]) -> Choice {
        let mut choice = Choice::new(limit);
        for (position, id, standing) in rows {
            choice.see(*position, aggregate(id), *standing);
        }
        choice
    }

    #[test]
    fn what_is_behind_a_blocking_one_waits_and_the_others_go_on() {
        use Standing::{Blocking, Free, Ours};
        let choice = chosen(
            4,
            &[
                (1, "a", Ours),
                (2, "b", Blocking),
                (3, "a", Free),
                (4, "b", Free),
                (5, "c", Free),
                (6, "c", Blocking),
                (7, "c", Free),
                (8, "d", Free),
                (8, "d", Free),
                (9, "d", Free),
                (10, "d", Free),
            ],
        );
        assert_eq!(choice.positions(), [3, 5, 8, 9]);
        assert_eq!(choice.left(), 0);
    }

    #[test]
    fn what_could_not_be_had_takes_its_followers_along() {
        use Standing::Free;
        let choice = chosen(
            9,
            &[
                (5, "b", Free),
                (1, "a", Free),
                (2, "a", Free),
                (6, "b", Free),
            ],
        );
        let had = HashSet::from([2, 5, 6]);
        assert_eq!(choice.only(&had).positions(), [5, 6]);
    }
}
