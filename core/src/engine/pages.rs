//! Which pages a query reads, and which ones commits have written.
//!
//! What a query reads goes through SQLite's page cache (`platform/page_reads.rs`). What commits
//! write is in the wal-index, which lists the page of each frame of the log, whoever wrote it.
//! <https://sqlite.org/walformat.html#wal_index_file_format>

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicU32, Ordering, fence};

use super::Connection;
use super::collect::collect;
use super::lease::{main_file, region};
use crate::changes::{LogFrames, LogPosition, PageSet, ReadSet, WrittenPages};
use crate::error::Result;
use crate::ffi;
use crate::platform::page_reads::{self, PageCache};
use crate::program::Fetch;
use crate::sql::Params;

/// Of commits with more frames than these, the pages are not looked up.
const MOST_FRAMES: u32 = 16_384;

/// The numbers of pages begin here in the first region of the wal-index, after two copies of the
/// header and the state of checkpoints; in the others they begin at 0.
const HEADER_WORDS: u32 = 34;

/// The frames that a region of the wal-index has room for, and the first one.
const FRAMES: u32 = 4096;
const FIRST_FRAMES: u32 = FRAMES - HEADER_WORDS;

/// A statement that uses no page cache but that of the main database.
const PROBE: &str = "SELECT 1 FROM sqlite_schema LIMIT 1";

/// Whether the pages that a connection's statements read can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum PageReads {
    /// Nobody has asked.
    #[default]
    Unknown,
    Known,
    Hidden,
}

impl Connection {
    /// Returns the page cache of the main database, if it sees all that is read.
    pub(super) fn page_cache(&mut self) -> Option<PageCache> {
        if self.page_reads == PageReads::Unknown {
            let known = page_reads::is_installed() && self.reads_through_cache();
            self.page_reads = if known { PageReads::Known } else { PageReads::Hidden };
        }
        if self.page_reads == PageReads::Hidden {
            return None;
        }
        // SQLite makes another cache when the size of the pages changes.
        let (found, cache) = page_reads::first_cache(|| self.probe());
        found.ok().and(cache)
    }

    fn probe(&mut self) -> Result<()> {
        if !self.cache.contains(PROBE) {
            self.statement(PROBE)?;
        }
        let Some(statement) = self.cache.get(PROBE) else { return Ok(()) };
        // SAFETY: the parameters outlive the reset.
        let run = unsafe { statement.bind(&Params::new()) }
            .and_then(|()| collect(statement, Fetch::First, None));
        statement.reset();
        run.map(drop)
    }

    /// Whether SQLite reads nothing of the main database but through its page cache.
    fn reads_through_cache(&mut self) -> bool {
        // A mapped file is read where it is mapped.
        if self.integer("PRAGMA mmap_size").is_ok_and(|bytes| bytes > 0) {
            return false;
        }
        // SAFETY: the connection is open, this thread alone uses it, and the VFS's name shows that
        // its files have methods that are constants.
        unsafe {
            let Some(file) = main_file(self.raw) else { return false };
            if is_sqlites_own(self.raw) {
                page_reads::prepare(file);
            }
            page_reads::is_complete(file)
        }
    }

    /// Returns the pages that these frames of a log hold, if the log is still the same.
    pub(crate) fn pages_of(&self, written: LogFrames) -> Option<WrittenPages> {
        let LogFrames { log, frames } = written.clone();
        if !page_reads::is_installed() {
            // Nobody knows which pages a query has read.
            return None;
        }
        let index = self.wal_index?;
        if frames.end.saturating_sub(frames.start) > MOST_FRAMES {
            return None;
        }
        // SAFETY: the connection is open in WAL mode and has its wal-index mapped.
        let file = unsafe { main_file(self.raw)? };
        let mut pages = Vec::with_capacity(frames.len());
        let mut next = frames.start;
        while next < frames.end {
            let (number, first, skipped, room) = match next.checked_sub(FIRST_FRAMES) {
                None => (0, 0, HEADER_WORDS, FIRST_FRAMES),
                Some(rest) => {
                    let before = rest / FRAMES;
                    (before + 1, FIRST_FRAMES + before * FRAMES, 0, FRAMES)
                }
            };
            // SAFETY: as above.
            let words = unsafe { region(file, i32::try_from(number).ok()?)?.cast::<AtomicU32>() };
            let end = frames.end.min(first + room);
            for frame in next..end {
                // SAFETY: the region stays mapped while the connection is open, and is longer than
                // this. Other processes write it at any time, hence the atomic reads.
                let page = unsafe { &*words.add((skipped + frame - first) as usize) };
                pages.push(page.load(Ordering::Relaxed));
            }
            next = end;
        }
        fence(Ordering::Acquire);
        // A writer that begins the log anew changes the header first.
        (index.position().log == Some(log)).then(|| WrittenPages::of(written, pages))
    }

    /// Returns where the log ends, in WAL mode.
    pub(crate) fn log_position(&mut self) -> Option<impl Fn() -> LogPosition + use<>> {
        // The index is mapped by the first of these.
        self.wal_frames()?;
        let index = self.wal_index?;
        Some(move || index.position())
    }
}

/// Runs `work`, and returns with its result which pages of the cache it read, if there is one.
pub(super) fn noted<T>(
    cache: Option<PageCache>,
    work: impl FnOnce() -> T,
) -> (T, Option<Box<ReadSet>>) {
    let Some(cache) = cache else { return (work(), None) };
    let (result, pages) = page_reads::record(cache, work);
    (result, Some(Box::new(ReadSet { tables: None, pages: Some(PageSet::of(pages)) })))
}

/// Whether the main database's file is of a VFS that SQLite itself brings.
///
/// # Safety
/// `db` is open, and this thread alone uses it.
unsafe fn is_sqlites_own(db: *mut ffi::sqlite3) -> bool {
    let mut vfs: *mut ffi::sqlite3_vfs = std::ptr::null_mut();
    // SAFETY: by the contract; the file control writes one pointer, and a VFS has a C string as its
    // name.
    unsafe {
        let code = ffi::sqlite3_file_control(
            db,
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_VFS_POINTER,
            (&raw mut vfs).cast::<c_void>(),
        );
        if code != ffi::SQLITE_OK || vfs.is_null() || (*vfs).zName.is_null() {
            return false;
        }
        let name = CStr::from_ptr((*vfs).zName).to_bytes();
        matches!(name, b"unix" | b"unix-excl" | b"unix-dotfile" | b"unix-none" | b"win32")
    }
}
