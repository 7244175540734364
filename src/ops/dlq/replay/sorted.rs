//! Letters in an order of their own: kept until the last is read, then handed on.

use super::super::order::{self, Order, Rank};
use super::item::{Item, What};
use super::pipe::Pipe;
use super::{CHUNK, CHUNK_BYTES};
use crate::error::Result;

/// What is kept for the copies may be more than the letters were: what only points at a record is put back as the record.
const SPARE: u64 = 2;

/// Copies, with where they belong.
pub(super) struct Sorted {
    order: Order,
    kept: Vec<(Rank, Item)>,
    bytes: u64,
}

impl Sorted {
    /// None: they go in the order in which they lie there.
    pub(super) fn new(order: Order) -> Option<Self> {
        (order != Order::Partition).then(|| Sorted {
            order,
            kept: Vec::new(),
            bytes: 0,
        })
    }

    /// Keeps the copies among these items, of which the ranks are told in their order; what is no copy is in nobody's way.
    ///
    /// # Errors
    /// They are too many: the plan knew of fewer.
    pub(super) fn keep(&mut self, items: Vec<Item>, ranks: Vec<Rank>) -> Result<Vec<Item>> {
        let (copies, others) = items
            .into_iter()
            .partition::<Vec<Item>, _>(|item| item.what.is_copy());
        for (rank, item) in ranks.into_iter().zip(copies) {
            if let What::Replay(record) | What::Park(record) = &item.what {
                self.bytes += record.bytes() as u64;
            }
            self.kept.push((rank, item));
        }
        let letters = self.kept.len() as u64;
        order::check(self.order, letters, self.bytes / SPARE)?;
        Ok(others)
    }

    /// Hands them on, in order. Two that belong at the same place keep that of the dead-letter topic.
    pub(super) fn give(mut self, pipe: &Pipe<Item>) {
        self.kept.sort_unstable_by(|(rank, item), (other, than)| {
            let place = |item: &Item| (item.place, item.offset);
            rank.cmp(other).then_with(|| place(item).cmp(&place(than)))
        });
        let (mut chunk, mut bytes) = (Vec::with_capacity(CHUNK), 0);
        for (_, item) in self.kept {
            bytes += item.bytes();
            chunk.push(item);
            if chunk.len() == CHUNK || bytes >= CHUNK_BYTES {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK));
                if !pipe.give(full, std::mem::take(&mut bytes)) {
                    return;
                }
            }
        }
        if !chunk.is_empty() {
            pipe.give(chunk, bytes);
        }
    }
}
