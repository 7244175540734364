//! A data directory: what a broker keeps beyond its life.
//!
//! ```text
//! DIR/.lock             held while a broker uses it
//! DIR/meta.properties   the version of this format and the cluster's id
//! DIR/journal           topics, configurations, groups, offsets, transactions: one line a change
//! DIR/topics/NAME/PARTITION/BASE-OFFSET.log   the batches as they came
//! DIR/deleted/ID        a topic on its way out
//! DIR/topics/NAME/PARTITION/BASE-OFFSET.log.torn-POSITION   what was cut off its end at a start
//! DIR/orphaned/         records of topics that the journal does not know, if there ever are any
//! ```
//!
//! Everything is written before it is acknowledged, so that a killed process loses nothing it acknowledged; a machine
//! that loses power may, unless `--fsync` has every acknowledgement wait for the disk.
//!
//! - [`directory`]: opening it: lock, version, and what a broker left that was killed.
//! - [`journal`]: changes, one line each: [`entry`] says which there are, [`image`] what they come to.
//! - [`folder`], [`files`]: a partition's segment files; [`scan`]: reading them all at the start.

pub(crate) mod directory;
pub(crate) mod entry;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod image;
pub(crate) mod journal;
#[cfg(test)]
pub(crate) mod limit;
pub(crate) mod scan;

pub(crate) use directory::Storage;
pub(crate) use journal::Journal;
