//! One connection to a server, made when it is needed, and made again when it broke.

use super::Outage;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// The connection, when there is one. Who asks while it is being made waits, and shares what comes of it.
#[derive(Debug)]
pub struct Link<C>(Mutex<Slot<C>>);

#[derive(Debug)]
enum Slot<C> {
    Never,
    /// Since when.
    Up(Arc<C>, Instant),
    /// When it was found out.
    Down(Outage, Instant),
}

impl<C> Default for Link<C> {
    fn default() -> Self {
        Link(Mutex::new(Slot::Never))
    }
}

impl<C> Link<C> {
    /// The connection, made by `connect` when there is none. An attempt that failed counts for everyone who has waited
    /// for it since before it ended.
    pub async fn get(
        &self,
        connect: impl Future<Output = Result<C, Outage>>,
    ) -> Result<Arc<C>, Outage> {
        let asked = Instant::now();
        let mut slot = self.0.lock().await;
        match &*slot {
            Slot::Up(connection, _) => return Ok(Arc::clone(connection)),
            Slot::Down(outage, at) if *at >= asked => return Err(outage.clone()),
            _ => {}
        }
        match connect.await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *slot = Slot::Up(Arc::clone(&connection), Instant::now());
                Ok(connection)
            }
            Err(outage) => {
                *slot = Slot::Down(outage.clone(), Instant::now());
                Err(outage)
            }
        }
    }

    /// Lets go of a connection that is as old as this question or older: it broke, or did not answer. A newer one stays.
    pub async fn give_up(&self, asked: Instant) {
        let mut slot = self.0.lock().await;
        if matches!(&*slot, Slot::Up(_, since) if *since <= asked) {
            *slot = Slot::Never;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn those_who_wait_share_the_attempt_and_the_next_makes_another() {
        let link = Link::default();
        let attempts = AtomicU32::new(0);
        let (open_gate, gate) = tokio::sync::oneshot::channel::<()>();
        let failing = async {
            attempts.fetch_add(1, Ordering::Relaxed);
            let _ = gate.await;
            Err::<u32, _>(Outage::passing("down"))
        };
        let second = async {
            attempts.fetch_add(1, Ordering::Relaxed);
            Ok(7)
        };
        // Joined in order: the second waits for the first before the gate opens.
        let (first, second, _) = tokio::join!(link.get(failing), link.get(second), async {
            open_gate.send(())
        });
        assert_eq!(first.unwrap_err().message, "down");
        assert_eq!(second.unwrap_err().message, "down");
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
        let before = Instant::now();
        assert_eq!(*link.get(async { Ok(8) }).await.unwrap(), 8);
        // It is newer than that question.
        link.give_up(before).await;
        assert_eq!(*link.get(async { Ok(9) }).await.unwrap(), 8);
        link.give_up(Instant::now()).await;
        assert_eq!(*link.get(async { Ok(9) }).await.unwrap(), 9);
    }
}
