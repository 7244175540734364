//! What commands say that go on until somebody ends them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Said when a signal has asked it to stop.
pub const STOPPING: &str = "finishing what is in hand, once more ends it at once";

/// How many a second, over the last few looks.
#[derive(Default)]
pub struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    const SPAN: Duration = Duration::from_secs(2);

    /// So many by now.
    pub fn of(&mut self, count: u64) -> f64 {
        let now = Instant::now();
        self.0.push_back((now, count));
        while self.0.len() > 2 && now.duration_since(self.0[0].0) > Self::SPAN {
            self.0.pop_front();
        }
        let (then, before) = self.0[0];
        let seconds = now.duration_since(then).as_secs_f64();
        match seconds > 0.0 {
            true => count.saturating_sub(before) as f64 / seconds,
            false => 0.0,
        }
    }
}
