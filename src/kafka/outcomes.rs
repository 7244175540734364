//! What a producer remembers of its records: failures with their tokens, and where the acknowledged ones went.

use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// How many failures are kept with their error; the rest is only counted.
const KEPT_FAILURES: usize = 1000;

/// A topic's number in the client and a partition.
type Place = (usize, i32);

/// First and last offset.
type Span = (i64, i64);

/// Acknowledged records of one partition, in a row.
pub(super) type Run = (Place, Span);

// A report carries a `usize`: twice a token plus one, or twice the number of a waiting delivery.
const _: () = assert!(usize::BITS == 64);

#[derive(Default)]
pub(super) struct Outcomes {
    failures: Vec<(u64, Error)>,
    spans: BTreeMap<Place, Span>,
}

impl Outcomes {
    pub(super) fn keep(&mut self, token: u64, error: Error) {
        if self.failures.len() < KEPT_FAILURES {
            self.failures.push((token, error));
        }
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    pub(super) fn take_failures(&mut self) -> Vec<(u64, Error)> {
        std::mem::take(&mut self.failures)
    }

    pub(super) fn note(&mut self, (place, (first, last)): Run) {
        // Without acknowledgements (`-X acks=0`) there are no offsets.
        if first < 0 {
            return;
        }
        let known = self.spans.entry(place).or_insert((first, last));
        *known = (known.0.min(first), known.1.max(last));
    }

    pub(super) fn offsets(&self) -> impl Iterator<Item = Run> + '_ {
        self.spans.iter().map(|(&place, &span)| (place, span))
    }
}

/// What a report carries: a token of [`Producer::enqueue`](super::Producer::enqueue), or the number of a delivery that somebody awaits.
pub(super) fn opaque(number: u64, is_token: bool) -> Result<usize> {
    usize::try_from(number)
        .ok()
        .filter(|number| number.leading_zeros() > 0)
        .map(|number| number << 1 | usize::from(is_token))
        .ok_or_else(|| Error::failed("a record's token must be below 2^63"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_partition_become_one_span() {
        let mut outcomes = Outcomes::default();
        outcomes.note(((1, 0), (10, 19)));
        outcomes.note(((1, 0), (0, 9)));
        outcomes.note(((1, 1), (-1, -1)));
        assert_eq!(outcomes.offsets().collect::<Vec<_>>(), [((1, 0), (0, 19))]);
    }

    #[test]
    fn failures_beyond_the_first_thousand_are_not_kept() {
        let mut outcomes = Outcomes::default();
        for token in 0..1500 {
            outcomes.keep(token, Error::failed("refused"));
        }
        assert_eq!(outcomes.take_failures().len(), KEPT_FAILURES);
        assert!(outcomes.take_failures().is_empty());
    }
}
