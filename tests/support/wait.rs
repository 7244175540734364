//! Waiting for a condition, and names nobody else has.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Asks until the condition has an answer, or until the deadline; the answer counts, not the time.
pub fn wait_for<T>(deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        // The one sleep of the tests: between two questions, so that asking leaves the processor to the asked.
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// As [`wait_for`], for a plain condition; fails the test with `what` when it does not come true.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let came = wait_for(deadline, || condition().then_some(()));
    assert!(came.is_some(), "waited {deadline:?} for {what}");
}

/// A name for a topic or group that no other test and no other run has, always as long as the next one, so that
/// columns line up: `order-created-k3x9q001`.
pub fn fresh(name: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{name}-{}{number:03}", run())
}

/// Five letters and digits that belong to this run, also on a cluster that outlives it.
pub(super) fn run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let mut number = since.as_nanos() as u64 ^ (u64::from(std::process::id()) << 24);
        let alphabet = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut letters = String::new();
        for _ in 0..5 {
            letters.push(char::from(alphabet[(number % 36) as usize]));
            number /= 36;
        }
        letters
    })
}

#[test]
fn names_are_unique_and_equally_long() {
    let (first, second) = (fresh("orders"), fresh("orders"));
    assert_ne!(first, second);
    assert_eq!(first.len(), "orders-k3x9q001".len());
    assert_eq!(first.len(), second.len());
}
