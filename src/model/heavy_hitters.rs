//! The commonest of many texts, counted in memory that does not follow them: Space-Saving (Metwally, Agrawal and
//! El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005).
//!
//! Of `capacity` counters, one a text, the smallest is taken over by a text that has none: it counts on from there, so no
//! count is ever too low, and how much too high it may be is known. Whatever makes up more than 1/`capacity` of all is
//! among them, and as long as there are no more texts than counters every count is exact.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Bytes of a text that are kept. It is told from others by the hash of all of it.
pub const KEPT_BYTES: usize = 256;

/// A text and how often it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hitter {
    /// No more than [`KEPT_BYTES`] of it.
    pub kept: Vec<u8>,
    /// How many bytes all of it has.
    pub length: usize,
    /// No less than the truth.
    pub count: u64,
    /// No more than the truth.
    pub at_least: u64,
}

/// Counts texts.
pub struct HeavyHitters {
    capacity: usize,
    /// A heap: none has a smaller count than the one at half its index, the first the smallest.
    counters: Vec<(u64, Hitter)>,
    /// Where the counter is, by the text's hash.
    places: HashMap<u64, usize>,
    hasher: RandomState,
}

impl HeavyHitters {
    /// With so many counters, at least one.
    pub fn new(capacity: usize) -> Self {
        HeavyHitters {
            capacity: capacity.max(1),
            counters: Vec::new(),
            places: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// It was met once more.
    pub fn add(&mut self, text: &[u8]) {
        let hash = self.hasher.hash_one(text);
        if let Some(&at) = self.places.get(&hash) {
            let (_, known) = &mut self.counters[at];
            known.count += 1;
            known.at_least += 1;
            return self.sink(at);
        }
        let before = match self.counters.len() < self.capacity {
            true => 0,
            false => self.counters[0].1.count,
        };
        let counter = (
            hash,
            Hitter {
                kept: text[..text.len().min(KEPT_BYTES)].to_vec(),
                length: text.len(),
                count: before + 1,
                at_least: 1,
            },
        );
        if before == 0 {
            self.places.insert(hash, self.counters.len());
            self.counters.push(counter);
            return self.rise(self.counters.len() - 1);
        }
        let (gone, _) = std::mem::replace(&mut self.counters[0], counter);
        self.places.remove(&gone);
        self.places.insert(hash, 0);
        self.sink(0);
    }

    /// The commonest, no more than so many, the commonest first and equally common ones in order.
    pub fn top(&self, most: usize) -> Vec<Hitter> {
        let mut all: Vec<&Hitter> = self.counters.iter().map(|(_, hitter)| hitter).collect();
        all.sort_by(|one, other| {
            let order = (other.count, other.at_least).cmp(&(one.count, one.at_least));
            order.then_with(|| one.kept.cmp(&other.kept))
        });
        all.into_iter().take(most).cloned().collect()
    }

    /// Its count has grown: down to where both below it are no smaller.
    fn sink(&mut self, mut at: usize) {
        loop {
            let below = (2 * at + 1)..(2 * at + 3).min(self.counters.len());
            let Some(least) = below.min_by_key(|at| self.counters[*at].1.count) else {
                return;
            };
            if self.counters[least].1.count >= self.counters[at].1.count {
                return;
            }
            self.swap(at, least);
            at = least;
        }
    }

    /// It is new: up to where the one above it is no greater.
    fn rise(&mut self, mut at: usize) {
        while at > 0 {
            let above = (at - 1) / 2;
            if self.counters[above].1.count <= self.counters[at].1.count {
                return;
            }
            self.swap(at, above);
            at = above;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.counters.swap(one, other);
        for at in [one, other] {
            self.places.insert(self.counters[at].0, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn few_are_counted_exactly() {
        let mut hitters = HeavyHitters::new(10);
        for text in ["b", "a", "c", "a", "b", "a", ""] {
            hitters.add(text.as_bytes());
        }
        let found: Vec<_> = hitters.top(3);
        let shape = |hitter: &Hitter| (hitter.kept.clone(), hitter.count, hitter.at_least);
        let expected = [
            (b"a".to_vec(), 3, 3),
            (b"b".to_vec(), 2, 2),
            (Vec::new(), 1, 1),
        ];
        assert_eq!(found.iter().map(shape).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn of_many_the_commonest_are_found_and_the_counts_are_bounds() {
        const CAPACITY: usize = 50;
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20 {
            let mut hitters = HeavyHitters::new(CAPACITY);
            let mut truth: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            const ALL: u64 = 20_000;
            for _ in 0..ALL {
                // To the fourth: few are common, and most are met once or twice.
                let number = (random.f64().powi(4) * 10_000.0).floor();
                let text = number.to_string().into_bytes();
                hitters.add(&text);
                *truth.entry(text).or_default() += 1;
            }
            let found = hitters.top(CAPACITY);
            assert_eq!(found.len(), CAPACITY);
            assert_eq!(found.iter().map(|hitter| hitter.count).sum::<u64>(), ALL);
            for hitter in &found {
                let true_count = truth[&hitter.kept];
                assert!(
                    hitter.at_least <= true_count && true_count <= hitter.count,
                    "{hitter:?}"
                );
            }
            let common = truth
                .iter()
                .filter(|(_, count)| **count > ALL / CAPACITY as u64);
            for (text, _) in common {
                assert!(found.iter().any(|hitter| hitter.kept == *text), "{text:?}");
            }
        }
    }

    #[test]
    fn long_ones_are_cut_and_yet_told_apart() {
        let mut hitters = HeavyHitters::new(10);
        let long = |end: u8| [vec![b'x'; 10_000], vec![end]].concat();
        hitters.add(&long(b'a'));
        hitters.add(&long(b'b'));
        hitters.add(&long(b'b'));
        let found = hitters.top(10);
        let shape = |hitter: &Hitter| (hitter.kept.len(), hitter.length, hitter.count);
        let shapes: Vec<_> = found.iter().map(shape).collect();
        assert_eq!(shapes, [(KEPT_BYTES, 10_001, 2), (KEPT_BYTES, 10_001, 1)]);
    }
}
