//! Where something listens that will be away for a while, and then back at the same place.

use crate::error::{Error, Result};
use std::future::Future;
use std::time::{Duration, Instant};

/// Outgoing connections get none of these ports on most systems: somebody else would have it meanwhile, or a client that
/// connects to itself.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
const PORTS_TRIED: u32 = 20;

/// What was killed may hold its port and its files a moment longer.
const COMING_BACK: Duration = Duration::from_secs(10);
const ANOTHER_TRY: Duration = Duration::from_millis(50);

/// Starts it on a port that will be free when it comes back.
///
/// # Errors
/// The last of its own, when it starts on none of so many.
pub async fn start_on_a_port<T, F>(start: impl Fn(u16) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut tried = 0;
    loop {
        match start(fastrand::u16(PORTS)).await {
            Err(_) if tried < PORTS_TRIED => tried += 1,
            outcome => return outcome,
        }
    }
}

/// Starts it where it was.
///
/// # Errors
/// It does not start for ten seconds; `whom` is called by this name then.
pub async fn start_again<T, F>(whom: &str, start: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + COMING_BACK;
    loop {
        match start().await {
            Ok(started) => return Ok(started),
            Err(error) if Instant::now() >= deadline => {
                return Err(Error::context(error, format!("{whom} does not come back")));
            }
            Err(error) => {
                tracing::debug!("not started yet: {}", error.one_line());
                tokio::time::sleep(ANOTHER_TRY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over_so_often() {
        let tries = AtomicU32::new(0);
        let at_third = |port| {
            let is_third = tries.fetch_add(1, Ordering::Relaxed) == 2;
            async move {
                match is_third {
                    true => Ok(port),
                    false => Err(Error::failed("taken")),
                }
            }
        };
        assert!(PORTS.contains(&start_on_a_port(at_third).await.unwrap()));
        let never = |_| {
            tries.fetch_add(1, Ordering::Relaxed);
            async { Err::<(), _>(Error::failed("taken")) }
        };
        assert_eq!(start_on_a_port(never).await.unwrap_err().message(), "taken");
        assert_eq!(tries.load(Ordering::Relaxed), 3 + 1 + PORTS_TRIED);
    }

    #[tokio::test]
    async fn what_is_not_gone_yet_is_waited_for() {
        let tries = AtomicU32::new(0);
        let at_third = || {
            let is_third = tries.fetch_add(1, Ordering::Relaxed) == 2;
            async move {
                match is_third {
                    true => Ok(()),
                    false => Err(Error::failed("taken")),
                }
            }
        };
        start_again("it", at_third).await.unwrap();
        assert_eq!(tries.load(Ordering::Relaxed), 3);
    }
}
