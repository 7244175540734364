//! What a replay has put back of a dead-letter topic: everything before an offset, and some of what lies beyond it.
//!
//! The offset is what the replay's group has committed. A replay that leaves records behind (it was to put back others,
//! or nobody knows where they came from) cannot commit past the first of them, or they would be hidden for ever. What it
//! puts back beyond that record is remembered by the block, a bit an offset, in a compacted topic: the ledger.

use super::topic::{TopicName, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Offsets a block.
pub const OFFSETS_A_BLOCK: i64 = 4096;

/// Bytes a block: a bit an offset, the lowest bit of the first byte first.
pub const BYTES_A_BLOCK: usize = 512;

const WORDS: usize = BYTES_A_BLOCK / 8;

/// What a ledger's topic is called: the replay's group, and this.
const SUFFIX: &str = ".ledger";

/// What the groups are called that replays choose themselves, and so their ledgers.
pub const GROUP_PREFIX: &str = "eda-replay.";

/// The ledger of a replay's group: a topic cannot be called whatever a group can.
pub fn topic_for(group: &str) -> String {
    let name = format!("{group}{SUFFIX}");
    match name.parse::<TopicName>() {
        Ok(_) => name,
        Err(_) => format!("{GROUP_PREFIX}{:016x}{SUFFIX}", hash(group)),
    }
}

/// FNV-1a, of 64 bits: the same for all time.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether a topic of this name is the ledger of a group that a replay chose itself.
pub fn is_ledger(topic: &str) -> bool {
    topic.starts_with(GROUP_PREFIX) && topic.ends_with(SUFFIX)
}

/// The key of a block in the ledger: `order-created.dlq/0/17`.
pub fn key(place: &TopicPartition, block: i64) -> String {
    format!("{}/{}/{block}", place.topic, place.partition)
}

/// The partition and the number of a block, by its key. A topic's name has no `/`.
pub fn parse_key(key: &[u8]) -> Option<(TopicPartition, i64)> {
    let text = std::str::from_utf8(key).ok()?;
    let mut parts = text.split('/');
    let (topic, partition, block) = (parts.next()?, parts.next()?, parts.next()?);
    if topic.is_empty() || parts.next().is_some() {
        return None;
    }
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    let partition = i32::try_from(number(partition)?).ok()?;
    Some((TopicPartition::new(topic, partition), number(block)?))
}

/// A bit for each of [`OFFSETS_A_BLOCK`] offsets: whether it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block([u64; WORDS]);

impl Block {
    const EMPTY: Block = Block([0; WORDS]);

    /// As it is in the ledger; `None` for another number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES_A_BLOCK] = bytes.try_into().ok()?;
        let mut block = Block::EMPTY;
        for (word, bytes) in block.0.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut eight = [0; 8];
            eight.copy_from_slice(bytes);
            *word = u64::from_le_bytes(eight);
        }
        Some(block)
    }

    /// For the ledger.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn has(&self, bit: usize) -> bool {
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Sets the bits from the first to before the last; whether any of them was not set.
    fn set(&mut self, from: usize, to: usize) -> bool {
        let mut is_new = false;
        for word in from / 64..to.div_ceil(64) {
            let mask = mask(word, from, to);
            is_new |= self.0[word] & mask != mask;
            self.0[word] |= mask;
        }
        is_new
    }

    fn count(&self, from: usize, to: usize) -> u32 {
        (from / 64..to.div_ceil(64))
            .map(|word| (self.0[word] & mask(word, from, to)).count_ones())
            .sum()
    }

    /// The first bit from `from` on that is not set.
    fn first_clear(&self, from: usize) -> Option<usize> {
        (from / 64..WORDS).find_map(|word| {
            let clear = !self.0[word] & mask(word, from, BYTES_A_BLOCK * 8);
            (clear != 0).then(|| word * 64 + clear.trailing_zeros() as usize)
        })
    }
}

/// The bits of a word that lie between two bits of its block.
fn mask(word: usize, from: usize, to: usize) -> u64 {
    let low = from.saturating_sub(word * 64).min(64);
    let high = to.saturating_sub(word * 64).min(64);
    let below = |bit: usize| match bit {
        64 => u64::MAX,
        bit => (1 << bit) - 1,
    };
    below(high) & !below(low)
}

/// The block an offset is in, and its bit.
fn locate(offset: i64) -> (i64, usize) {
    let bit = usize::try_from(offset.rem_euclid(OFFSETS_A_BLOCK)).unwrap_or_default();
    (offset.div_euclid(OFFSETS_A_BLOCK), bit)
}

/// The parts of `[from, to)` by block: its number, the first bit, the bit after the last.
fn parts(from: i64, to: i64) -> impl Iterator<Item = (i64, usize, usize)> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let (number, first) = locate(at);
        let end = to.min((number + 1).saturating_mul(OFFSETS_A_BLOCK));
        let length = usize::try_from(end - at).unwrap_or_default();
        at = end;
        Some((number, first, first + length))
    })
}

/// What is over of one partition, and which blocks the ledger is to learn of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    next: i64,
    /// None lies wholly before `next`.
    blocks: BTreeMap<i64, Block>,
    /// Those that the ledger does not have as they are.
    changed: BTreeSet<i64>,
    /// Those that the ledger has in some state.
    stored: BTreeSet<i64>,
}

impl Progress {
    /// Everything before `next` is over, and what the ledger's blocks say.
    pub fn new(next: i64, blocks: BTreeMap<i64, Block>) -> Self {
        let mut progress = Progress {
            next,
            stored: blocks.keys().copied().collect(),
            blocks,
            changed: BTreeSet::new(),
        };
        progress.absorb();
        progress
    }

    /// The first offset that is not over: what is committed.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// The same within a stretch: where to go on reading it.
    pub fn next_in(&self, (start, end): (i64, i64)) -> i64 {
        // Not `clamp`, which panics when the start is past the end.
        self.next.min(end).max(start)
    }

    /// Whether this offset need not be looked at again.
    pub fn is_over(&self, offset: i64) -> bool {
        let (number, bit) = locate(offset);
        offset < self.next || self.blocks.get(&number).is_some_and(|block| block.has(bit))
    }

    /// From now on the offsets from the first to before the last are over.
    pub fn mark(&mut self, from: i64, to: i64) {
        if from <= self.next {
            if to > self.next {
                self.next = to;
                self.absorb();
            }
            return;
        }
        for (number, first, end) in parts(from, to) {
            let block = self.blocks.entry(number).or_insert(Block::EMPTY);
            if block.set(first, end) {
                self.changed.insert(number);
            }
        }
    }

    /// How many offsets between these are over.
    pub fn count(&self, from: i64, to: i64) -> i64 {
        let before = self.next.min(to).saturating_sub(from).max(0);
        let beyond = parts(from.max(self.next), to).map(|(number, first, end)| {
            let block = self.blocks.get(&number);
            block.map_or(0, |block| i64::from(block.count(first, end)))
        });
        before + beyond.sum::<i64>()
    }

    /// What the ledger is to be told: blocks as they are now, and none where one has become superfluous.
    pub fn untold(&self) -> impl Iterator<Item = (i64, Option<&Block>)> {
        let current = self.changed.iter();
        let current = current.filter_map(|number| Some((*number, Some(self.blocks.get(number)?))));
        let gone = self.stored.iter().filter(|number| self.is_past(**number));
        current.chain(gone.map(|number| (*number, None)))
    }

    /// The ledger was told.
    pub fn told(&mut self) {
        let next = self.next;
        let is_past = |number: &i64| (number + 1).saturating_mul(OFFSETS_A_BLOCK) <= next;
        self.stored.retain(|number| !is_past(number));
        let changed = std::mem::take(&mut self.changed);
        self.stored.extend(changed);
    }

    fn is_past(&self, number: i64) -> bool {
        (number + 1).saturating_mul(OFFSETS_A_BLOCK) <= self.next
    }

    /// Goes on over what is marked right behind `next`, and forgets the blocks before it.
    fn absorb(&mut self) {
        let (mut number, mut bit) = locate(self.next);
        while let Some(block) = self.blocks.get(&number) {
            match block.first_clear(bit) {
                Some(clear) => {
                    bit = clear;
                    break;
                }
                None => (number, bit) = (number + 1, 0),
            }
        }
        self.next = number * OFFSETS_A_BLOCK + i64::try_from(bit).unwrap_or_default();
        self.blocks = self.blocks.split_off(&number);
        self.changed = self.changed.split_off(&number);
    }
}

#[cfg(test)]
mod tests;
