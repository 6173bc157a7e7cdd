//! The thread that keeps a replica up to date.

use std::io::{self, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use super::batch::Batch;
use super::hold::Hold;
use super::keep::Kept;
use super::pages::AllPages;
use super::{Following, LOOK};
use crate::backend::replica::SnapshotReason;
use crate::backend::threaded::Shared;
use crate::backend::{Completer, copy_file::CopyFile, database_file};
use crate::engine::LogEnd;
use crate::error::{Error, ErrorKind, Result};
use crate::platform;
use crate::replicate::{Encoder, FileName, Header, PageChecksums, SNAPSHOTS, milliseconds};

/// The pauses between two tries to store something.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// How often the beginning of a read transaction is tried, if others commit all the time.
const TRIES: u32 = 10_000;

/// Follows the database until the replica is stopped.
pub(super) fn follow(shared: &Arc<Shared>, replica: &Arc<Following>, begun: Completer<()>) {
    let followed = catch_unwind(AssertUnwindSafe(|| {
        let mut follower = match Follower::begin(shared, replica) {
            Ok(follower) => follower,
            Err(error) => {
                begun.complete(Err(error.duplicate()));
                return Some(error);
            }
        };
        begun.complete(Ok(()));
        let error = follower.run();
        follower.release();
        error
    }));
    let error = followed.unwrap_or_else(|_| {
        Some(Error::new(ErrorKind::Internal, "the replica has ended because of a defect"))
    });
    if let Some(error) = &error {
        replica.control.note(|state| state.error = Some(error.to_string()));
    }
    // No connection is left when whoever closes goes on.
    replica.capture().close();
    shared.replicas.remove(replica);
    replica.control.end(error);
}

/// What the thread knows of its replica.
pub(super) struct Follower<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) replica: &'a Arc<Following>,
    /// The pages of the database after the last transaction that is stored.
    pub(super) pages: PageChecksums,
    pub(super) page_size: u32,
    /// The number of that transaction, its time, and the checksum of the database then, if that is
    /// known.
    pub(super) stored: u64,
    pub(super) time: u64,
    pub(super) checksum: Option<u64>,
    /// What the next transaction's number follows: that of the last one that is stored, unless another
    /// replica may be storing something.
    pub(super) after: u64,
    /// A file that could not be stored.
    pub(super) unstored: Option<(FileName, Vec<u8>, u64)>,
    /// The last transaction for which all pages are stored, and when they were.
    pub(super) snapshot: (u64, Instant),
    /// Why older files could not be removed after that.
    pub(super) unremoved: Option<String>,
    /// Whose the storage is.
    pub(super) hold: Hold,
}

impl Follower<'_> {
    /// Returns why it has ended before all was stored.
    fn run(&mut self) -> Option<Error> {
        let control = Arc::clone(&self.replica.control);
        let interval = self.replica.options.interval;
        let mut pause = SHORTEST;
        let mut last = Instant::now().checked_sub(interval);
        loop {
            // What follows soon goes into the same file.
            if let Some(left) = last.and_then(|last| interval.checked_sub(last.elapsed())) {
                control.wait(left, true);
            }
            last = Some(Instant::now());
            let ending = control.stop_until();
            self.replica.told.store(false, Ordering::Release);
            let flushes = control.take();
            let error = match self.step() {
                Ok(()) => {
                    let unremoved = self.unremoved.clone();
                    control.note(|state| state.error = unremoved);
                    for flush in flushes {
                        flush.complete(Ok(()));
                    }
                    pause = SHORTEST;
                    if ending.is_some() {
                        return None;
                    }
                    control.wait(LOOK.max(interval), false);
                    continue;
                }
                Err(error) => error,
            };
            control.give_back(flushes);
            if self.replica.must_leave() && ending.is_none() {
                // A statement that needs the file alone will be over soon.
                control.wait_again(SHORTEST);
                continue;
            }
            control.note(|state| state.error = Some(error.to_string()));
            if self.hold.is_lost() {
                return Some(error);
            }
            let now = Instant::now();
            if let Some(until) = control.stop_until()
                && (until <= now || self.replica.must_leave())
            {
                return Some(error);
            }
            match control.stop_until() {
                Some(until) => {
                    std::thread::sleep(pause.min(until - now));
                    if until <= Instant::now() {
                        return Some(error);
                    }
                }
                None => control.wait_again(pause),
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Stores all that is committed by now.
    fn step(&mut self) -> Result<()> {
        self.store_again()?;
        let lost = self.replica.capture().lost();
        if let Some(reason) = lost {
            self.begin_anew(reason)?;
        }
        self.catch_up(None)?;
        if self.replica.capture().lost().is_some() {
            return self.step_after_loss();
        }
        let every = self.replica.options.snapshot_every;
        if every.is_some_and(|every| self.snapshot.1.elapsed() >= every)
            && self.stored > self.snapshot.0
        {
            self.store_all_again()?;
        }
        Ok(())
    }

    /// What follows was lost while it was read: all pages are stored, once, before this is over.
    fn step_after_loss(&mut self) -> Result<()> {
        let lost = self.replica.capture().lost();
        if let Some(reason) = lost {
            self.begin_anew(reason)?;
        }
        self.catch_up(None)
    }

    /// Reads the log, up to `until` or its end, and stores what it has.
    fn catch_up(&mut self, until: Option<&LogEnd>) -> Result<()> {
        loop {
            let mut more = true;
            while more {
                let mut capture = self.replica.capture();
                if self.replica.must_leave() {
                    return Err(crate::backend::cancelled());
                }
                // So much is stored first.
                if capture.waiting() > self.replica.options.memory / 2 {
                    break;
                }
                more = capture.read(self.shared, &self.replica.options, until)?;
            }
            loop {
                let batch = self.replica.capture().pop();
                let Some(batch) = batch else { break };
                self.store_batch(&batch)?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn store_batch(&mut self, batch: &Batch) -> Result<()> {
        let header = Header {
            flags: 0,
            page_size: self.page_size,
            pages: batch.pages,
            first: self.stored + 1,
            last: batch.last,
            time: batch.time,
            before: self.pages.whole(),
        };
        let mut content = Vec::new();
        let source = batch.source(self.pages.len(), self.page_size);
        let encoded = Encoder::new(header, source, &mut self.pages).read_to_end(&mut content);
        encoded.map_err(|error| refused("the pages can't be encoded", &error))?;
        self.replica.capture().storing = content.len() as u64;
        let name = FileName { level: 0, first: header.first, last: batch.last };
        self.unstored = Some((name, content, batch.time));
        self.store_again()
    }

    /// Stores what could not be stored, if there is something.
    fn store_again(&mut self) -> Result<()> {
        if self.unstored.is_none() {
            return Ok(());
        }
        self.hold()?;
        let Some((name, content, time)) = &self.unstored else { return Ok(()) };
        let put = self.replica.storage.put(&name.to_string(), &mut Cursor::new(content));
        put.map_err(|error| refused(&format!("{name} can't be stored"), &error))?;
        let (last, time) = (name.last, *time);
        self.unstored = None;
        self.note_stored(last, time);
        Ok(())
    }

    fn note_stored(&mut self, last: u64, time: u64) {
        (self.stored, self.after, self.time) = (last, last, time);
        self.checksum = Some(self.pages.whole());
        self.replica.control.note(|state| {
            state.transaction = last;
            state.time = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(time));
        });
        let mut capture = self.replica.capture();
        (capture.storing, capture.skipped) = (0, 0);
    }

    /// Goes on from the database as it is now: with all its pages, unless it is what is stored.
    fn begin_anew(&mut self, reason: SnapshotReason) -> Result<()> {
        self.unstored = None;
        let (after, time) = (self.after, self.time);
        let (all, end) = self.moment(|capture, end| {
            // The number of the moment, if its pages are to be stored.
            capture.begin_at(*end, after + 1, time);
            capture.held = true;
            Ok(true)
        })?;
        let _held = Held(self.replica);
        let begun = self.begin_at(all, end, reason);
        match begun {
            Ok(Some(_all)) => {
                // The log grows until this has caught up, and loses nothing.
                self.catch_up(None)
            }
            Ok(None) => Ok(()),
            Err(error) => {
                self.replica.capture().lose(reason);
                Err(error)
            }
        }
    }

    /// Returns the read transaction if it is still open.
    fn begin_at(
        &mut self,
        mut all: AllPages,
        end: LogEnd,
        reason: SnapshotReason,
    ) -> Result<Option<AllPages>> {
        let pages = all.find(end)?;
        let may_be_stored = matches!(
            reason,
            SnapshotReason::Differs | SnapshotReason::JournalMode | SnapshotReason::Log
        );
        if let Some(checksum) = self.checksum
            && may_be_stored
            && self.page_size == end.page_size
        {
            let found = all.checksums(end.page_size).map_err(unread)?;
            if found.whole() == checksum {
                self.pages = found;
                self.replica.capture().take_number_back();
                return Ok(Some(all));
            }
        }
        self.page_size = end.page_size;
        self.store_all(all, pages, self.after + 1, reason)
    }

    /// Stores all pages once more, so that what was stored before is needed no more.
    fn store_all_again(&mut self) -> Result<()> {
        let (shared, replica) = (self.shared, self.replica);
        let (mut all, end) = self.moment(|capture, end| {
            // Up to this moment and no farther, so that it has a number.
            while capture.read(shared, &replica.options, Some(end))? {}
            capture.held = capture.is_at(end);
            Ok(capture.held)
        })?;
        let _held = Held(self.replica);
        self.catch_up(Some(&end))?;
        let pages = all.find(end)?;
        self.store_all(all, pages, self.stored, SnapshotReason::Due).map(drop)
    }

    /// Begins to read all pages at a moment that `take` has taken over.
    fn moment(
        &self,
        mut take: impl FnMut(&mut super::Capture, &LogEnd) -> Result<bool>,
    ) -> Result<(AllPages, LogEnd)> {
        let mut all = AllPages::open(self.shared, self.replica)?;
        for _ in 0..TRIES {
            let mut capture = self.replica.capture();
            if let Some(end) = all.begin()? {
                if take(&mut capture, &end)? {
                    return Ok((all, end));
                }
                drop(capture);
                return Err(Error::busy_here("the log was lost while it was read"));
            }
            drop(capture);
            std::thread::yield_now();
        }
        Err(Error::busy_here("others commit all the time"))
    }

    /// Stores all pages, as those after the transaction `number`. Returns the read transaction if it
    /// is still open.
    fn store_all(
        &mut self,
        all: AllPages,
        pages: u32,
        number: u64,
        reason: SnapshotReason,
    ) -> Result<Option<AllPages>> {
        self.hold()?;
        let time = self.time.max(milliseconds(SystemTime::now()));
        let header = Header {
            flags: 0,
            page_size: self.page_size,
            pages,
            first: 1,
            last: number,
            time,
            before: 0,
        };
        let name = FileName { level: SNAPSHOTS, first: 1, last: number };
        let mut checksums = PageChecksums::default();
        let mut encoder = Encoder::new(header, all.source(), &mut checksums);
        let storage = &*self.replica.storage;
        let (stored, all) = match database_file(&self.shared.options, &self.shared.path) {
            Some(database) if !storage.is_local() => {
                let part = CopyFile::temporary(database)?;
                let mut file = part.into_content()?;
                io::copy(&mut encoder, &mut file)
                    .and_then(|_| io::Seek::rewind(&mut file))
                    .map_err(|error| refused("the pages can't be written", &error))?;
                // The log may begin anew from here on, however long this takes.
                self.replica.capture().held = false;
                drop(all);
                (storage.put(&name.to_string(), &mut file), None)
            }
            None if !storage.is_local() => {
                // A database in memory, packed.
                let mut content = Vec::new();
                let read = encoder.read_to_end(&mut content);
                read.map_err(unread)?;
                self.replica.capture().held = false;
                drop(all);
                (storage.put(&name.to_string(), &mut Cursor::new(content)), None)
            }
            _ => (storage.put(&name.to_string(), &mut encoder), Some(all)),
        };
        stored.map_err(|error| refused(&format!("{name} can't be stored"), &error))?;
        self.pages = checksums;
        self.note_stored(number, time);
        self.snapshot = (number, Instant::now());
        self.replica.control.note(|state| {
            state.snapshots += 1;
            state.last_snapshot = Some((number, reason));
        });
        if let Some(keep) = self.replica.options.keep {
            let kept = Kept::of(storage, time.saturating_sub(platform::millis(keep)));
            let removed = kept.and_then(|kept| kept.remove_older(storage));
            // All is stored nevertheless. It is tried again with the next one.
            self.unremoved =
                removed.err().map(|error| format!("older files can't be removed: {error}"));
        }
        Ok(all)
    }
}

/// Lets the log lose what it has again when this is dropped.
struct Held<'a>(&'a Following);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.capture().held = false;
    }
}

fn unread(error: io::Error) -> Error {
    refused("the database can't be read", &error)
}

#[cold]
pub(super) fn refused(what: &str, error: &io::Error) -> Error {
    Error::new(crate::backend::replica_files::kind(error), format!("{what}: {error}"))
}
