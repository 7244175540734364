//! What successive looks at one partition tell: how fast it is written and read, when the group will have caught up,
//! how the lag went, and the status.

use super::status::{PartitionStatus, WINDOW, judge};
use super::{PartitionLag, sparkline};
use std::collections::VecDeque;
use std::time::Duration;

/// How many looks the course of the lag shows.
const COURSE: usize = 20;

/// One look: offsets, and when (since any fixed moment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    at: Duration,
    committed: Option<i64>,
    end: i64,
    /// What remains to be read.
    lag: Option<i64>,
}

/// When a group will have caught up, should everything go on as in the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Eta {
    /// After this long; 0 when it has.
    In(Duration),
    /// It is written at least as fast as it is read.
    Never,
    /// There are not two looks to compare, or the lag is unknown.
    Unknown,
}

/// The looks of a window, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Trend {
    window: VecDeque<Look>,
    course: VecDeque<Option<i64>>,
}

impl Trend {
    /// Adds a look, in which `remaining` is what is left to read. An end that went back is that of another log, the
    /// topic's that was created anew: what was seen before says nothing about it. An end that is not known is a gap.
    pub fn see(&mut self, at: Duration, row: &PartitionLag, remaining: Option<i64>) {
        let Some(end) = row.end else {
            self.gap();
            return;
        };
        if self.window.back().is_some_and(|before| end < before.end) {
            self.window.clear();
        }
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(Look {
            at,
            committed: row.committed,
            end,
            lag: remaining,
        });
        self.draw(remaining);
    }

    /// Nothing could be seen: a mean over the time of an outage would be no rate, and a consumer that could not commit
    /// has not stalled. Rates and status begin anew.
    pub fn gap(&mut self) {
        self.window.clear();
        self.draw(None);
    }

    fn draw(&mut self, lag: Option<i64>) {
        if self.course.len() == COURSE {
            self.course.pop_front();
        }
        self.course.push_back(lag);
    }

    /// First and last look, where time passed between them.
    fn span(&self) -> Option<(&Look, &Look, f64)> {
        let (first, last) = (self.window.front()?, self.window.back()?);
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        (seconds > 0.0).then_some((first, last, seconds))
    }

    /// Offsets written a second, over the window.
    pub fn produced(&self) -> Option<f64> {
        let (first, last, seconds) = self.span()?;
        Some((last.end - first.end) as f64 / seconds)
    }

    /// Offsets committed a second, over the window since there is a commit. Unknown where the commit went back: that is
    /// no reading.
    pub fn consumed(&self) -> Option<f64> {
        let looks = self.committed();
        let (&(first_at, first, _), &(last_at, last, _)) = (looks.first()?, looks.last()?);
        let seconds = last_at.saturating_sub(first_at).as_secs_f64();
        let went_back = looks.windows(2).any(|pair| pair[1].1 < pair[0].1);
        let moved = last.saturating_sub(first);
        (seconds > 0.0 && !went_back).then_some(moved as f64 / seconds)
    }

    /// `(at, committed, lag)` of the latest looks, as far back as both were known.
    fn committed(&self) -> Vec<(Duration, i64, i64)> {
        let known = |look: &Look| Some((look.at, look.committed?, look.lag?));
        let mut looks: Vec<_> = self.window.iter().rev().map_while(known).collect();
        looks.reverse();
        looks
    }

    /// `lag / (consumed - produced)`.
    pub fn eta(&self) -> Eta {
        let lag = self.window.back().and_then(|look| look.lag);
        if lag == Some(0) {
            return Eta::In(Duration::ZERO);
        }
        let (Some(lag), Some(consumed), Some(produced)) = (lag, self.consumed(), self.produced())
        else {
            return Eta::Unknown;
        };
        let gained = consumed - produced;
        if gained <= 0.0 {
            return Eta::Never;
        }
        // Longer than a `Duration` holds is never, too.
        Duration::try_from_secs_f64(lag as f64 / gained).map_or(Eta::Never, Eta::In)
    }

    /// See [`judge`]; `None` also where the lag is unknown.
    pub fn status(&self, has_members: bool) -> Option<PartitionStatus> {
        let looks = self.committed().into_iter();
        let window: Vec<(i64, i64)> = looks.map(|(_, committed, lag)| (committed, lag)).collect();
        judge(&window, has_members)
    }

    /// The course of the lag as a sparkline.
    pub fn course(&self) -> String {
        sparkline::line(self.course.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(committed: Option<i64>, end: Option<i64>) -> PartitionLag {
        PartitionLag {
            group: "g".to_owned(),
            topic: "orders".to_owned(),
            partition: 0,
            committed,
            start: Some(0),
            end,
            lag: committed.zip(end).map(|(committed, end)| end - committed),
            lost: 0,
            ahead: 0,
        }
    }

    /// A look every two seconds.
    fn trend(looks: &[(i64, i64)]) -> Trend {
        let mut trend = Trend::default();
        for (at, &(committed, end)) in (0..).zip(looks) {
            see(&mut trend, at, committed, end);
        }
        trend
    }

    fn see(trend: &mut Trend, at: u64, committed: i64, end: i64) {
        let row = row(Some(committed), Some(end));
        trend.see(Duration::from_secs(2 * at), &row, row.lag);
    }

    #[test]
    fn rates_and_time_left() {
        let seconds = |seconds| Eta::In(Duration::from_secs(seconds));
        type Case<'a> = (&'a [(i64, i64)], Option<f64>, Option<f64>, Eta);
        let cases: [Case; 8] = [
            (&[(0, 100)], None, None, Eta::Unknown),
            (&[(100, 100)], None, None, seconds(0)),
            // 20 a second against 10: 80 left, at 10 a second.
            (&[(0, 100), (40, 120)], Some(20.0), Some(10.0), seconds(8)),
            // The window's mean, not the last step's.
            (
                &[(0, 100), (0, 100), (40, 100)],
                Some(10.0),
                Some(0.0),
                seconds(6),
            ),
            (&[(0, 100), (10, 120)], Some(5.0), Some(10.0), Eta::Never),
            (&[(0, 100), (0, 100)], Some(0.0), Some(0.0), Eta::Never),
            // The commit went back.
            (&[(50, 100), (20, 110)], None, Some(5.0), Eta::Unknown),
            // The topic was made anew: only what came after counts.
            (
                &[(50, 100), (0, 4), (2, 6)],
                Some(1.0),
                Some(1.0),
                Eta::Never,
            ),
        ];
        for (looks, consumed, produced, eta) in cases {
            let trend = trend(looks);
            assert_eq!(trend.consumed(), consumed, "{looks:?}");
            assert_eq!(trend.produced(), produced, "{looks:?}");
            assert_eq!(trend.eta(), eta, "{looks:?}");
        }
    }

    #[test]
    fn only_the_window_counts() {
        let looks: Vec<(i64, i64)> = (0..30).map(|at| (at * at, 10_000)).collect();
        let trend = trend(&looks);
        // From look 20 to look 29, nine steps of two seconds.
        let expected = (29.0 * 29.0 - 20.0 * 20.0) / 18.0;
        assert_eq!(trend.consumed(), Some(expected));
        assert_eq!(trend.course().chars().count(), COURSE);
    }

    #[test]
    fn after_a_gap_rates_and_status_begin_anew() {
        let mut trend = trend(&[(0, 100); 10]);
        assert_eq!(trend.status(true), Some(PartitionStatus::Stalled));
        trend.gap();
        assert_eq!((trend.consumed(), trend.status(true)), (None, None));
        see(&mut trend, 100, 90, 1000);
        assert_eq!((trend.consumed(), trend.produced()), (None, None));
        see(&mut trend, 101, 110, 1000);
        assert_eq!(
            (trend.consumed(), trend.produced()),
            (Some(10.0), Some(0.0))
        );
        assert!(trend.course().contains(' '), "{:?}", trend.course());
    }

    #[test]
    fn an_unknown_end_is_a_gap_and_an_unknown_lag_no_status() {
        let mut trend = trend(&[(0, 100); 10]);
        trend.see(Duration::from_secs(30), &row(Some(0), None), None);
        assert_eq!(trend.status(true), None);
        assert_eq!(trend.eta(), Eta::Unknown);
        let mut trend = Trend::default();
        trend.see(Duration::ZERO, &row(None, Some(7)), None);
        trend.see(Duration::from_secs(1), &row(None, Some(9)), None);
        assert_eq!(trend.produced(), Some(2.0));
        assert_eq!((trend.consumed(), trend.eta()), (None, Eta::Unknown));
        assert_eq!(trend.status(true), None);
    }

    #[test]
    fn what_was_before_the_first_commit_does_not_count() {
        let mut trend = Trend::default();
        trend.see(Duration::ZERO, &row(None, Some(100)), None);
        see(&mut trend, 1, 40, 100);
        assert_eq!((trend.consumed(), trend.status(true)), (None, None));
        see(&mut trend, 2, 100, 100);
        assert_eq!(trend.consumed(), Some(30.0));
        assert_eq!(trend.status(true), Some(PartitionStatus::Ok));
    }

    #[test]
    fn two_looks_at_the_same_moment_are_no_rate() {
        let mut trend = trend(&[(0, 100)]);
        see(&mut trend, 0, 50, 100);
        assert_eq!((trend.consumed(), trend.produced()), (None, None));
    }
}
