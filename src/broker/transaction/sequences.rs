//! What idempotent producers wrote to one partition: enough to know a repeated batch from a new one, and a gap from
//! either (KIP-98; Kafka's `ProducerStateManager`).

use std::collections::{HashMap, HashSet, VecDeque};

use kafka_protocol::error::ResponseError;

use super::super::log::batch::Header;

/// Batches remembered for each producer: as many as a producer may have under way.
const REMEMBERED: usize = 5;
/// `producer.id.expiration.ms`: a producer silent for so long is forgotten.
const EXPIRATION_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;

/// What to do with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Append it.
    New,
    /// It is there already: answer these again.
    Duplicate {
        /// The offset it got the first time.
        base_offset: i64,
        /// The append time it got the first time, -1 when the topic keeps the producer's timestamps.
        append_time: i64,
    },
}

/// What a producer wrote last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastWritten {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    /// Sequence number of its last record, -1 when none of this epoch is known.
    pub(crate) sequence: i32,
    /// When it last wrote, in milliseconds since the Unix epoch.
    pub(crate) at: i64,
}

#[derive(Debug)]
struct Written {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    append_time: i64,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    written: VecDeque<Written>,
    last_used: i64,
}

/// The producers of one partition, by id.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    producers: HashMap<i64, Producer>,
}

impl Sequences {
    /// Judges a batch before it is appended. Errors: INVALID_PRODUCER_EPOCH for an epoch older than the last one seen,
    /// OUT_OF_ORDER_SEQUENCE_NUMBER for a gap. A producer not known here may start anywhere: its records may have been
    /// deleted.
    pub(crate) fn check(&self, header: &Header) -> Result<Verdict, ResponseError> {
        if header.producer_id < 0 {
            return Ok(Verdict::New);
        }
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return Ok(Verdict::New);
        };
        if header.producer_epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if header.producer_epoch > producer.epoch {
            return match header.base_sequence {
                0 => Ok(Verdict::New),
                _ => Err(ResponseError::OutOfOrderSequenceNumber),
            };
        }
        let last = last_sequence(header);
        let repeated = |written: &&Written| {
            written.first_sequence == header.base_sequence && written.last_sequence == last
        };
        if let Some(written) = producer.written.iter().find(repeated) {
            return Ok(Verdict::Duplicate {
                base_offset: written.base_offset,
                append_time: written.append_time,
            });
        }
        match producer.written.back() {
            Some(written) if after(written.last_sequence) == header.base_sequence => {
                Ok(Verdict::New)
            }
            // Its epoch came with a marker.
            None if header.base_sequence == 0 => Ok(Verdict::New),
            _ => Err(ResponseError::OutOfOrderSequenceNumber),
        }
    }

    /// Base offsets of the last batches of all producers.
    pub(crate) fn last_batches(&self) -> HashSet<i64> {
        let last = |producer: &Producer| producer.written.back().map(|written| written.base_offset);
        self.producers.values().filter_map(last).collect()
    }

    /// Remembers a batch that was appended at `base_offset`.
    pub(crate) fn record(&mut self, header: &Header, base_offset: i64, append_time: i64, now: i64) {
        if header.producer_id < 0 {
            return;
        }
        let producer = self.producer(header.producer_id, header.producer_epoch, now);
        if producer.written.len() == REMEMBERED {
            producer.written.pop_front();
        }
        producer.written.push_back(Written {
            first_sequence: header.base_sequence,
            last_sequence: last_sequence(header),
            base_offset,
            append_time,
        });
    }

    /// A marker of this producer's was written: what has an older epoch is refused from now on.
    pub(crate) fn ended(&mut self, producer_id: i64, epoch: i16, now: i64) {
        self.producer(producer_id, epoch, now);
    }

    /// The producer, with this epoch; a new epoch begins with nothing written.
    fn producer(&mut self, producer_id: i64, epoch: i16, now: i64) -> &mut Producer {
        let new = || Producer {
            epoch,
            written: VecDeque::new(),
            last_used: now,
        };
        let producer = self.producers.entry(producer_id).or_insert_with(new);
        if producer.epoch != epoch {
            producer.epoch = epoch;
            producer.written.clear();
        }
        producer.last_used = now;
        producer
    }

    /// What each producer wrote last, sorted by id.
    pub(crate) fn producers(&self) -> Vec<LastWritten> {
        let producers = self.producers.iter();
        let mut all: Vec<LastWritten> = producers
            .map(|(id, producer)| LastWritten {
                producer_id: *id,
                epoch: producer.epoch,
                sequence: producer
                    .written
                    .back()
                    .map_or(-1, |last| last.last_sequence),
                at: producer.last_used,
            })
            .collect();
        all.sort_by_key(|one| one.producer_id);
        all
    }

    /// Forgets producers that were silent for a day.
    pub(crate) fn expire(&mut self, now: i64) {
        self.producers
            .retain(|_, producer| now.saturating_sub(producer.last_used) < EXPIRATION_MILLISECONDS);
    }
}

/// Sequence numbers run from 0 to `i32::MAX` and start again.
fn last_sequence(header: &Header) -> i32 {
    header.base_sequence.wrapping_add(header.last_offset_delta) & i32::MAX
}

fn after(sequence: i32) -> i32 {
    sequence.wrapping_add(1) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::super::super::log::batch::{fixture, validate};
    use super::*;

    fn header(epoch: i16, sequence: i32, count: usize) -> Header {
        validate(
            &fixture::idempotent(&vec![1; count], b"x", 9, epoch, sequence),
            i32::MAX,
        )
        .unwrap()
    }

    fn write(sequences: &mut Sequences, epoch: i16, sequence: i32, count: usize, offset: i64) {
        let header = header(epoch, sequence, count);
        assert_eq!(sequences.check(&header), Ok(Verdict::New));
        sequences.record(&header, offset, -1, 0);
    }

    #[test]
    fn duplicates_gaps_and_old_epochs() {
        let mut sequences = Sequences::default();
        for index in 0..7 {
            write(&mut sequences, 3, index * 2, 2, 100 + i64::from(index) * 2);
        }
        let again = sequences.check(&header(3, 4, 2));
        assert_eq!(
            again,
            Ok(Verdict::Duplicate {
                base_offset: 104,
                append_time: -1
            })
        );
        let forgotten = sequences.check(&header(3, 0, 2));
        assert_eq!(forgotten, Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(
            sequences.check(&header(3, 15, 1)),
            Err(ResponseError::OutOfOrderSequenceNumber)
        );
        assert_eq!(
            sequences.check(&header(2, 14, 1)),
            Err(ResponseError::InvalidProducerEpoch)
        );
        assert_eq!(
            sequences.check(&header(4, 14, 1)),
            Err(ResponseError::OutOfOrderSequenceNumber)
        );
        write(&mut sequences, 4, 0, 1, 200);
        assert_eq!(
            sequences.check(&header(3, 14, 1)),
            Err(ResponseError::InvalidProducerEpoch)
        );
        sequences.expire(EXPIRATION_MILLISECONDS);
        assert_eq!(sequences.check(&header(0, 14, 1)), Ok(Verdict::New));
    }

    #[test]
    fn a_marker_fences_older_epochs() {
        let mut sequences = Sequences::default();
        write(&mut sequences, 0, 0, 2, 0);
        sequences.ended(9, 0, 0);
        write(&mut sequences, 0, 2, 1, 3);
        sequences.ended(9, 1, 7);
        assert_eq!(
            sequences.check(&header(0, 3, 1)),
            Err(ResponseError::InvalidProducerEpoch)
        );
        assert_eq!(
            sequences.check(&header(1, 3, 1)),
            Err(ResponseError::OutOfOrderSequenceNumber)
        );
        let last = LastWritten {
            producer_id: 9,
            epoch: 1,
            sequence: -1,
            at: 7,
        };
        assert_eq!(sequences.producers(), [last]);
        write(&mut sequences, 1, 0, 1, 5);
    }

    #[test]
    fn sequence_numbers_wrap() {
        let mut sequences = Sequences::default();
        write(&mut sequences, 0, i32::MAX - 1, 3, 0);
        write(&mut sequences, 0, 1, 1, 3);
    }
}
