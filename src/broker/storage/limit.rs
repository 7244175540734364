//! A disk that is full, and a process that is killed, for tests.

use std::io::{Error, Result};
use std::sync::Mutex;

use super::super::sync::lock;

/// How much may still be written.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    /// `None`: as much as the disk takes.
    room: Mutex<Option<usize>>,
    killed: Mutex<bool>,
}

impl Limit {
    /// From here on the disk takes this much.
    pub(crate) fn set(&self, room: Option<usize>) {
        *lock(&self.room) = room;
    }

    /// From here on this much is written, and then the process is killed: nothing it does reaches the disk any more.
    pub(crate) fn kill_after(&self, room: usize) {
        self.set(Some(room));
        *lock(&self.killed) = true;
    }

    /// How much of a write fits, where not all of it does.
    pub(super) fn fits(&self, size: usize) -> Option<usize> {
        let mut room = lock(&self.room);
        let left = (*room)?;
        match left.checked_sub(size) {
            Some(left) => {
                *room = Some(left);
                None
            }
            None => {
                if *lock(&self.killed) {
                    *room = Some(0);
                }
                Some(left)
            }
        }
    }

    /// An error when the process is as good as dead.
    pub(super) fn check_alive(&self) -> Result<()> {
        match *lock(&self.killed) {
            true => Err(Error::other("killed")),
            false => Ok(()),
        }
    }
}
