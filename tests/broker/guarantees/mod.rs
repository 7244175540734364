//! What the modes of delivery promise, over 20,000 records of which some fail: whoever is killed, restarted, or joins.

mod killed;
mod replayed;
pub(super) mod restarted;
mod sharing;
mod work;

pub(super) use work::LONG;
