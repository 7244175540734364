//! Whose transactions a member's are: the first slot of its group on this machine that nobody has.
//!
//! A slot is a lock on a file, which the system takes back however the process ends. So a member that is started again
//! after it was killed gets the id of the one that died, whose transaction it ends at once (KIP-98); and of two that run
//! side by side neither fences the other. The lock is the group's alone, not the cluster's: an address can be written in
//! many ways, and members of groups of the same name on two clusters only share their numbers.

use super::super::TransactionalId;
use crate::error::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// More members of one group than run on any machine.
const SLOTS: u32 = 4096;

/// A slot that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    id: TransactionalId,
    _lock: File,
}

impl Slot {
    /// Takes the first free slot of the group, with its lock in `folder`.
    ///
    /// # Errors
    /// The folder cannot be made, or is somebody else's.
    pub(super) fn take(folder: &Path, group: &str) -> Result<Slot> {
        let shown = folder.display();
        let cannot = |error: io::Error| {
            Error::failed(format!("cannot keep the locks of transactions in `{shown}`"))
                .caused_by(error)
                .hint("set XDG_RUNTIME_DIR to a folder of your own, or the id with `-X transactional.id=…`")
        };
        prepare(folder).map_err(cannot)?;
        // Two groups whose sums are the same share their numbers, which harms neither.
        let sum = crc32c::crc32c(group.as_bytes());
        for slot in 0..SLOTS {
            let path = folder.join(format!("{sum:08x}-{slot}.lock"));
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)
                .map_err(cannot)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    return Ok(Slot {
                        id: TransactionalId {
                            prefix: format!("eda-{group}-"),
                            rest: format!("{}-{slot}", host()),
                        },
                        _lock: file,
                    });
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => return Err(cannot(error.into())),
            }
        }
        Err(Error::failed(format!(
            "group `{group}` has {SLOTS} members on this machine already"
        )))
    }

    pub(super) fn id(&self) -> &TransactionalId {
        &self.id
    }
}

fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// The folder is there, and nobody else can put anything in it: it may stand where everybody writes.
fn prepare(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = folder.symlink_metadata()?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    match found.is_dir() && is_ours && found.mode() & 0o077 == 0 {
        true => Ok(()),
        false => Err(io::Error::other("it is not a folder that is yours alone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn the_first_slot_that_is_free_is_taken_and_given_back() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("eda");
        let take = |group: &str| Slot::take(&folder, group).unwrap();
        let number = |slot: &Slot| slot.id.rest.rsplit_once('-').unwrap().1.to_owned();
        let (first, second) = (take("billing"), take("billing"));
        assert_eq!(first.id.prefix, "eda-billing-");
        assert_eq!((number(&first), number(&second)), ("0".into(), "1".into()));
        assert_eq!(number(&take("audit")), "0");
        drop(first);
        let third = take("billing");
        assert_eq!(number(&third), "0");
        assert_eq!(number(&take("billing")), "2");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        create_dir(&open).unwrap();
        set_permissions(&open, Permissions::from_mode(0o770)).unwrap();
        let link = home.path().join("link");
        symlink(home.path(), &link).unwrap();
        for folder in [open, link, home.path().join("missing/eda")] {
            let error = Slot::take(&folder, "billing").unwrap_err();
            assert!(
                error.message().contains("cannot keep the locks"),
                "{error:?}"
            );
        }
    }
}
