//! A dead letter as the record that is put back.

use super::super::park;
use super::{REPLAY_PREFIX, Resolved, Resolver, Route, Stamp};
use crate::model::dead_letter::{DeadLetter, eda, is_diagnostic};
use crate::model::record::{Header, OutgoingRecord, Record};

impl Resolver {
    /// The record as it is put back; `None` when it is not.
    pub(in crate::ops::dlq) fn outgoing(
        &self,
        record: &Record,
        resolved: &Resolved,
        stamp: Stamp<'_>,
    ) -> Option<OutgoingRecord> {
        let Route::To(topic, partition) = &resolved.route else {
            return None;
        };
        let unknown;
        let letter = match &resolved.letter {
            Some(letter) => letter,
            None => {
                unknown = nothing_told(record);
                &unknown
            }
        };
        let (id, now) = (stamp.replay_id, stamp.now_ms);
        let mut outgoing = match &resolved.original {
            None => eda::revive_to(&topic.name, record, letter, *partition, id, now),
            Some(original) => OutgoingRecord {
                partition: *partition,
                ..eda::revive_original(&topic.name, original.clone(), record, letter, id, now)
            },
        };
        if self.manner.keep_diagnostics {
            let of_replay = |header: &Header| header.name.starts_with(REPLAY_PREFIX);
            let all = std::mem::take(&mut outgoing.headers).into_iter();
            let (added, own): (Vec<_>, Vec<_>) = all.partition(of_replay);
            let kept = record.headers.iter().filter(|header| !of_replay(header));
            outgoing.headers = match &resolved.original {
                None => kept.cloned().collect(),
                // It is not the letter's, which has nothing more but the story.
                Some(_) => {
                    let tells = |header: &&Header| is_diagnostic(letter.convention, &header.name);
                    own.into_iter().chain(kept.filter(tells).cloned()).collect()
                }
            };
            outgoing.headers.extend(added);
        }
        let mark = resolved
            .repaired
            .map(|how| Header::text(eda::REPLAY_REPAIRED, how));
        outgoing.headers.extend(mark);
        if record.headers.iter().any(park::is_note) {
            outgoing.headers.retain(|header| !park::is_note(header));
        }
        if self.manner.preserve_timestamp {
            let own = record.timestamp.map(|(milliseconds, _)| milliseconds);
            outgoing.timestamp = letter.origin.timestamp.or(own);
        }
        Some(outgoing)
    }
}

/// What a record tells that is no dead letter we know: that it was put back before.
fn nothing_told(record: &Record) -> DeadLetter {
    DeadLetter {
        replays: eda::replays(record),
        ..DeadLetter::new("")
    }
}
