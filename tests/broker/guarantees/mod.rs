//! What the modes of delivery promise, over 20,000 records of which some fail: whoever is killed, restarted, or joins.

mod killed;
mod replayed;
mod restarted;
mod sharing;
mod work;
