//! What a replica does to have its storage alone: before it begins, and before it stores a file.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Following;
use super::owner::{Mark, Owner};
use super::pages::AllPages;
use super::run::{Follower, refused};
use crate::backend::replica::SnapshotReason;
use crate::backend::replica_files::{self, Stored, stored};
use crate::backend::threaded::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::replicate::PageChecksums;

/// By what a replica has its storage alone.
pub(super) enum Hold {
    /// By the storage, which refuses others until this is dropped.
    Claim { _claim: Box<dyn Any + Send> },
    /// By its mark.
    Mark {
        owner: Owner,
        /// The mark that was there when this began.
        before: Option<Mark>,
        /// Whether its own is there, if nobody has replaced or removed it.
        marked: bool,
        /// Another replica has replaced it.
        lost: bool,
    },
}

impl Hold {
    /// Whether another replica has the storage now.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Mark { lost: true, .. })
    }
}

impl<'a> Follower<'a> {
    /// Looks at what is stored, and at the database.
    pub(super) fn begin(shared: &'a Arc<Shared>, replica: &'a Arc<Following>) -> Result<Self> {
        let storage = &*replica.storage;
        let claim = storage.claim().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => taken(),
            _ => refused("the replica's storage can't be used", &error),
        })?;
        // What is refused is refused now.
        AllPages::open(shared, replica)?.begin()?;
        let hold = match claim {
            Some(claim) => Hold::Claim { _claim: claim },
            None => {
                let before = Mark::of(storage).map_err(unreadable)?;
                if before.is_some_and(|mark| mark.is_here()) {
                    return Err(taken());
                }
                Hold::Mark { owner: Owner::new(), before, marked: false, lost: false }
            }
        };
        let mut follower = Self {
            shared,
            replica,
            pages: PageChecksums::default(),
            page_size: 0,
            stored: 0,
            time: 0,
            checksum: None,
            after: 0,
            unstored: None,
            snapshot: (0, Instant::now()),
            unremoved: None,
            hold,
        };
        follower.look()?;
        match follower.hold() {
            Err(error) if follower.hold.is_lost() => Err(error),
            // A storage that stores nothing now is tried again.
            _ => Ok(follower),
        }
    }

    /// Looks at what is stored, from which it is to go on.
    fn look(&mut self) -> Result<()> {
        let reason = match stored(&*self.replica.storage).map_err(unreadable)? {
            Stored::Nothing => {
                self.checksum = None;
                SnapshotReason::First
            }
            Stored::Broken { last } => {
                (self.stored, self.checksum) = (last, None);
                SnapshotReason::Gap
            }
            Stored::Whole { last, time, checksum, page_size, snapshot, age } => {
                (self.stored, self.page_size) = (last, page_size);
                self.time = self.time.max(time);
                self.checksum = checksum;
                let since = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
                self.snapshot = (snapshot, since);
                SnapshotReason::Differs
            }
        };
        self.after = match &self.hold {
            Hold::Mark { before: Some(mark), .. } => mark.beyond(self.stored),
            _ => self.stored,
        };
        self.unstored = None;
        let mut capture = self.replica.capture();
        capture.lose(reason);
        (capture.skipped, capture.storing) = (self.after - self.stored, 0);
        drop(capture);
        let (stored, time) = (self.stored, self.time);
        self.replica.control.note(|state| {
            state.transaction = stored;
            state.time = (time > 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_millis(time));
        });
        Ok(())
    }

    /// Makes sure that a file may be stored: the storage is still this replica's, and it need not end.
    ///
    /// # Errors
    /// `Busy` if the storage is another one's; those of the storage; `Io` past the close timeout.
    pub(super) fn hold(&mut self) -> Result<()> {
        if self.replica.control.stop_until().is_some_and(|until| until <= Instant::now()) {
            return Err(Error::new(ErrorKind::Io, "not all was stored within the close timeout"));
        }
        let storage = &*self.replica.storage;
        let Hold::Mark { owner, before, marked, lost } = &mut self.hold else { return Ok(()) };
        let found = Mark::of(storage).map_err(unreadable)?;
        match found {
            Some(mark) if owner.has(&mark) => return Ok(()),
            Some(_) if *marked || found != *before => {
                *lost = true;
                return Err(Error::busy_here(
                    "another replica has begun to write to this storage, so this one has ended",
                ));
            }
            _ => {}
        }
        // It is nobody's now.
        let marking = owner.mark(storage, self.after);
        marking.map_err(|error| refused("the storage can't be marked", &error))?;
        *marked = true;
        // Whoever had it meanwhile may have stored something.
        let files = replica_files::files(storage).map_err(unreadable)?;
        if files.iter().map(|file| file.last).max().unwrap_or(0) == self.stored {
            return Ok(());
        }
        self.look()?;
        Err(Error::busy_here("others have written to this storage meanwhile"))
    }

    /// Leaves the storage to others, unless there is no time left for that.
    pub(super) fn release(&self) {
        let Hold::Mark { owner, marked: true, lost: false, .. } = &self.hold else { return };
        if self.replica.control.stop_until().is_none_or(|until| Instant::now() < until) {
            // Otherwise the next one numbers its transactions from farther on.
            let _ = owner.release(&*self.replica.storage);
        }
    }
}

#[cold]
fn taken() -> Error {
    Error::busy_here("another process, or another replica, writes to this storage")
}

#[cold]
fn unreadable(error: io::Error) -> Error {
    refused("the replica's storage can't be read", &error)
}
