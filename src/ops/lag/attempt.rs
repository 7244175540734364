//! Asking again and again, also while nobody answers.
//!
//! librdkafka waits for a broker that was there once until the time-out, and reconnects ever more slowly. So when an
//! answer is late, a fresh client asks whether anybody is there, which is refused at once where nobody listens; and after
//! an outage the next question is a fresh client's, which connects at once.

use crate::error::{Kind, Result};
use crate::kafka::{Cluster, Connection};
use std::future::Future;
use std::time::Duration;

/// An answer that takes longer makes one ask whether anybody is there.
const LATE: Duration = Duration::from_secs(1);

/// A cluster that may go away and come back.
#[derive(Debug)]
pub(super) struct Attempts {
    connection: Connection,
    cluster: Cluster,
    /// Nobody answered the last time.
    is_away: bool,
}

impl Attempts {
    pub(super) fn at(cluster: &Cluster) -> Attempts {
        Attempts {
            connection: cluster.connection().clone(),
            cluster: cluster.clone(),
            is_away: false,
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// As the question; unreachable within about a second of it when every address refuses.
    pub(super) async fn ask<T, F>(&mut self, question: impl FnOnce(Cluster) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let answer = self.answer(question).await;
        if let Err(error) = &answer
            && error.kind() == Kind::Unreachable
        {
            self.cluster = Cluster::new(self.connection.clone())?;
            self.is_away = true;
        }
        answer
    }

    async fn answer<T, F>(&mut self, question: impl FnOnce(Cluster) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        if self.is_away {
            // Cheaper than the question, some of whose requests linger until their time-out.
            self.cluster.ping().await?;
            self.is_away = false;
        }
        let question = question(self.cluster.clone());
        tokio::pin!(question);
        loop {
            let late = tokio::time::sleep(LATE);
            tokio::select! {
                answer = &mut question => return answer,
                () = late => {}
            }
            let other = Cluster::new(self.connection.clone())?;
            tokio::select! {
                answer = &mut question => return answer,
                ping = other.ping() => match ping {
                    Err(error) if error.kind() == Kind::Unreachable => return Err(error),
                    _ => {}
                },
            }
        }
    }
}
