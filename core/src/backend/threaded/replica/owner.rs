//! Who keeps a replica in a storage that does not see to that itself.
//!
//! The owner's mark is a file of the storage. Whoever begins later puts its own in place of it, and the
//! one before sees that before it stores another file, and ends. What it was storing then may still
//! arrive, so the new owner numbers its transactions from far beyond: no file of both has the same
//! name, and for restoring, its files lead farther than those that arrive late.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::replicate::ReplicaStorage;

/// The name of the mark.
const NAME: &str = "ubiqlite.owner";

/// More transactions than anybody stores in one file.
const LEAP: u64 = 1 << 28;

/// The owners in this process.
static HERE: Mutex<BTreeSet<u128>> = Mutex::new(BTreeSet::new());

fn here() -> MutexGuard<'static, BTreeSet<u128>> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    owner: u128,
    /// The owner's transactions have numbers from here on.
    after: u64,
}

impl Mark {
    /// Returns the mark of a storage, if it has one.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn of(storage: &dyn ReplicaStorage) -> io::Result<Option<Self>> {
        let file = match storage.open(NAME) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // It has one line. What is none of ours may have any length.
        let mut bytes = Vec::new();
        file.take(100).read_to_end(&mut bytes)?;
        Ok(Some(Self::parse(&bytes).unwrap_or(Self { owner: 0, after: 0 })))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (owner, after) = std::str::from_utf8(bytes).ok()?.trim_end().split_once(' ')?;
        Some(Self { owner: u128::from_str_radix(owner, 16).ok()?, after: after.parse().ok()? })
    }

    /// Whether its owner is a replica of this process.
    pub(super) fn is_here(&self) -> bool {
        here().contains(&self.owner)
    }

    /// Returns a number that is beyond those of all files that its owner may be storing, if `last` is
    /// stored.
    pub(super) fn beyond(&self, last: u64) -> u64 {
        self.after.max(last).saturating_add(LEAP)
    }
}

/// A replica that a storage can belong to.
pub(super) struct Owner(u128);

impl Owner {
    pub(super) fn new() -> Self {
        // The keys of each are random.
        let half = |salt: u8| u128::from(RandomState::new().hash_one(salt));
        let id = (half(0) << 64) | half(1);
        here().insert(id);
        Self(id)
    }

    /// Whether this is its mark.
    pub(super) fn has(&self, mark: &Mark) -> bool {
        mark.owner == self.0
    }

    /// Makes the storage that of this replica, whose transactions have numbers after this one.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn mark(&self, storage: &dyn ReplicaStorage, after: u64) -> io::Result<()> {
        let line = format!("{:032x} {after}\n", self.0);
        storage.put(NAME, &mut line.as_bytes())
    }

    /// Removes its mark: nothing of it will arrive any more.
    ///
    /// # Errors
    /// Those of the storage.
    pub(super) fn release(&self, storage: &dyn ReplicaStorage) -> io::Result<()> {
        match Mark::of(storage)? {
            Some(mark) if self.has(&mark) => storage.remove(NAME),
            _ => Ok(()),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        here().remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::replicate::ReplicaFolder;

    #[test]
    fn a_mark_is_its_owners_until_another_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let storage = ReplicaFolder::new(folder.path());
        let (one, other) = (Owner::new(), Owner::new());
        assert_eq!(Mark::of(&storage).unwrap(), None);
        one.mark(&storage, 7).unwrap();
        let mark = Mark::of(&storage).unwrap().unwrap();
        assert!(one.has(&mark) && !other.has(&mark) && mark.is_here());
        assert_eq!((mark.beyond(3), mark.beyond(9)), (7 + LEAP, 9 + LEAP));
        other.mark(&storage, 9).unwrap();
        one.release(&storage).unwrap();
        assert!(other.has(&Mark::of(&storage).unwrap().unwrap()), "it is not one's to remove");
        other.release(&storage).unwrap();
        assert_eq!(Mark::of(&storage).unwrap(), None);
        drop(one);
        assert!(!mark.is_here());
    }

    #[test]
    fn a_mark_that_nobody_here_has_written_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let storage = ReplicaFolder::new(folder.path());
        for content in [&b""[..], b"\xff", b"7", &[b'7'; 1000]] {
            storage.put(NAME, &mut &*content).unwrap();
            let mark = Mark::of(&storage).unwrap().unwrap();
            assert!(!mark.is_here());
            assert_eq!(mark.beyond(1), 1 + LEAP);
        }
    }
}
