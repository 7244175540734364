//! Where to begin: after what was done already; and, exactly once, after the last transaction when one is lost.

use super::Notices;
use super::polling::{Polling, REFUSED_COMMITS};
use super::shared::lock;
use super::transfers::Setback;
use crate::error::{Error, Kind, Result};
use crate::kafka::Polled;
use crate::model::dead_letter::Failure;
use crate::model::topic::TopicPartition;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// How long to poll before another attempt to reach somebody.
const PAUSE: Duration = Duration::from_millis(500);

/// For so long it is tried to go back.
const SEEKING: Duration = Duration::from_secs(30);

/// Who waits longer than this for an answer is told so.
const LONG: Duration = Duration::from_secs(10);

/// Waiting for somebody to answer, which is told once when it lasts.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    since: Option<Instant>,
    is_told: bool,
}

impl Waiting {
    fn goes_on(&mut self, error: &Error, notices: &dyn Notices) {
        tracing::warn!("no answer yet: {}", error.one_line());
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() < LONG || self.is_told {
            return;
        }
        self.is_told = true;
        let hint = error.hint_text().map(|hint| format!(" ({hint})"));
        let hint = hint.unwrap_or_default();
        notices.warn(&format!("still waiting: {}{hint}", error.one_line()));
    }

    fn is_over(&mut self, notices: &dyn Notices) {
        if self.is_told {
            notices.warn("it is answered: going on");
        }
        *self = Waiting::default();
    }
}

impl Polling {
    /// Whether there are transactions, where there are to be; not when the member is to stop before.
    pub(super) fn prepare_transactions(&self) -> Result<bool> {
        match &self.assignment.transfers {
            Some(transfers) => lock(transfers).prepare(|| !self.shared.stopping()),
            None => Ok(true),
        }
    }

    /// Asks what was done already of the partitions that were just given; nothing is taken of them before.
    ///
    /// # Errors
    /// The group's coordinator refuses to say. While it does not answer, it is asked again.
    pub(super) fn ask_what_is_done(&mut self) -> Result<()> {
        let fresh = self.assignment.fresh();
        if fresh.is_empty() {
            // Those that were waited for may have been given away.
            self.waiting = Waiting::default();
            return Ok(());
        }
        match self.consumer.committed(&fresh) {
            Ok(committed) => {
                self.waiting.is_over(&*self.notices);
                self.assignment.begin(&fresh, committed);
            }
            Err(error) if error.kind() == Kind::Unreachable => {
                self.waiting.goes_on(&error, &*self.notices);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Ends the transaction, if one is open.
    pub(super) fn commit_transaction(&mut self) -> Result<()> {
        let Some(transfers) = &self.assignment.transfers else {
            return Ok(());
        };
        let committed = {
            let mut transfers = lock(transfers);
            if !transfers.is_open() {
                return Ok(());
            }
            transfers.commit(self.consumer.group_metadata())
        };
        if !committed.offsets.is_empty() {
            self.setbacks = 0;
            self.assignment.committed_together(&committed);
        }
        self.recover_if_lost()?;
        self.until_reached(|polling| polling.prepare_transactions())?;
        Ok(())
    }

    /// Begins again after the last transaction that was committed, when the present one is lost.
    pub(super) fn recover_if_lost(&mut self) -> Result<()> {
        match self.assignment.take_setback() {
            Some(setback) => self.recover(setback),
            None => Ok(()),
        }
    }

    fn recover(&mut self, setback: Setback) -> Result<()> {
        self.setbacks += 1;
        // Asked before any is noted: of what one record produced several may be refused.
        let known = |(place, offset, _): &&(TopicPartition, i64, Failure)| {
            self.shared.is_refused(place, *offset)
        };
        if let Some((place, offset, failure)) = setback.refused.iter().find(known) {
            // It failed already, for what it produced: this time it was its dead letter.
            return Err(Error::failed(format!(
                "the dead letter of `{place}:{offset}` was refused; the record was not committed"
            ))
            .caused_by(failure.message.clone()));
        }
        for (place, offset, failure) in setback.refused {
            self.shared.refuse_output(place, offset, failure);
        }
        let is_hopeless = !setback.is_being_cured
            && setback.error.kind() != Kind::Unreachable
            && self.setbacks > REFUSED_COMMITS;
        if setback.is_fenced || is_hopeless {
            return Err(setback.error);
        }
        self.notices.warn(&format!(
            "a transaction was lost, beginning again after the last one: {}",
            setback.error.one_line()
        ));
        self.assignment.abandon();
        // Only now is it known what the last one was: the coordinator has ended whatever was open.
        let ready = self.until_reached(|polling| polling.prepare_transactions())?;
        if ready != Some(true) {
            return Ok(());
        }
        let places = self.assignment.places();
        let Some(committed) = self.until_reached(|polling| polling.consumer.committed(&places))?
        else {
            return Ok(());
        };
        let committed: HashMap<_, _> = committed
            .into_iter()
            .map(|next| (next.place, next.offset))
            .collect();
        self.go_back(&committed)?;
        self.assignment.restart();
        Ok(())
    }

    /// Reads the abandoned partitions from where they begin anew. One that was just given may not be read yet, and is moved
    /// when it is.
    fn go_back(&self, committed: &HashMap<TopicPartition, i64>) -> Result<()> {
        let end = Instant::now() + SEEKING;
        let mut moved = HashSet::new();
        loop {
            let mut failure = None;
            for beginning in self.assignment.beginnings(committed) {
                if moved.contains(&beginning.0) {
                    continue;
                }
                match self.consumer.seek(std::slice::from_ref(&beginning)) {
                    Ok(()) => drop(moved.insert(beginning.0)),
                    Err(error) => failure = Some(error),
                }
            }
            match failure {
                None => return Ok(()),
                // What is not moved is not read any more.
                Some(_) if self.shared.stopping() => return Ok(()),
                Some(error) if Instant::now() >= end => return Err(error),
                Some(error) => tracing::debug!("not moved yet: {}", error.one_line()),
            }
            self.shared.wake.wait(PAUSE);
            while let Some(polled) = self.consumer.poll(Duration::ZERO)? {
                drop::<Polled>(polled);
            }
        }
    }

    /// Asks until somebody answers, and keeps the membership meanwhile; `None` when the member is to stop.
    fn until_reached<T>(&self, ask: impl Fn(&Self) -> Result<T>) -> Result<Option<T>> {
        let mut waiting = Waiting::default();
        while !self.shared.stopping() {
            match ask(self) {
                Err(error) if error.kind() == Kind::Unreachable => {
                    waiting.goes_on(&error, &*self.notices);
                }
                answer => {
                    waiting.is_over(&*self.notices);
                    return answer.map(Some);
                }
            }
            self.shared.wake.wait(PAUSE);
            while let Some(polled) = self.consumer.poll(Duration::ZERO)? {
                // Of a partition that begins anew: it comes again.
                drop::<Polled>(polled);
            }
        }
        Ok(None)
    }
}
