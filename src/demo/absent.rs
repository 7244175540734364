//! Those that were started while nobody could be reached, and ended. They are started again, as whoever watches over
//! processes would.

use super::chaos::What;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// How soon one is started again.
const STARTED_AGAIN: Duration = Duration::from_secs(1);

/// Those that are away, and what happened to them.
pub(super) struct Absent<T> {
    away: Vec<(T, Instant)>,
    news: Vec<(What, String)>,
}

impl<T: Copy + Ord + Display> Absent<T> {
    pub(super) fn new() -> Self {
        Absent {
            away: Vec::new(),
            news: Vec::new(),
        }
    }

    /// It ended.
    pub(super) fn gave_up(&mut self, whom: T) {
        self.news.push((What::GaveUp, whom.to_string()));
        self.away.push((whom, Instant::now() + STARTED_AGAIN));
    }

    /// Those that are to be started again now.
    pub(super) fn due(&mut self) -> Vec<T> {
        let is_due = |(_, at): &mut (T, Instant)| *at <= Instant::now();
        let due = self.away.extract_if(.., is_due);
        due.map(|(whom, _)| whom).collect()
    }

    pub(super) fn started_again(&mut self, whom: T) {
        self.news.push((What::StartedAgain, whom.to_string()));
    }

    /// What was not told yet.
    pub(super) fn news(&mut self) -> Vec<(What, String)> {
        std::mem::take(&mut self.news)
    }

    /// Whom to kill: of those at work and those that are away the one of this number, counted round. So it is the same
    /// one, whoever happens to be away. One that is away is not started again.
    pub(super) fn victim(
        &mut self,
        at_work: impl Iterator<Item = T>,
        is_meant: impl Fn(T) -> bool,
        nth: u32,
    ) -> Option<T> {
        let away = self.away.iter().map(|(whom, _)| *whom);
        let mut all: Vec<T> = at_work.chain(away).filter(|one| is_meant(*one)).collect();
        all.sort_unstable();
        let victim = *all.get((nth as usize).checked_rem(all.len())?)?;
        self.away.retain(|(whom, _)| *whom != victim);
        Some(victim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_one_is_killed_whoever_is_away() {
        let any = |_| true;
        let mut nobody: Absent<u32> = Absent::new();
        assert_eq!(nobody.victim([1, 2, 10].into_iter(), any, 5), Some(10));
        let mut one = Absent::new();
        one.gave_up(2);
        assert_eq!(one.victim([10, 1].into_iter(), any, 5), Some(10));
        assert_eq!(one.victim([10, 1].into_iter(), |one| one < 10, 1), Some(2));
        // It is dead: nobody starts it again.
        assert_eq!(one.victim([10, 1].into_iter(), any, 1), Some(10));
        assert_eq!(one.victim([].into_iter(), any, 1), None);
        assert_eq!(one.news(), [(What::GaveUp, "2".to_owned())]);
    }
}
