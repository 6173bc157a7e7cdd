//! Read leases: a read transaction kept open between statements.
//!
//! Four fifths of a cached point read in WAL mode are the system calls that begin and end its read
//! transaction. A lease keeps the transaction open. Before the next statement it compares the
//! header of the wal-index with the one from before the transaction began. SQLite's writers, in any
//! process, change that header at the end of every commit (`walIndexWriteHdr` in wal.c), so an
//! equal header means that the snapshot is still the newest.
//!
//! The header is read through the mapping that SQLite itself made. Opening the `-shm` file here
//! would, when that descriptor closes, drop all POSIX locks that this process has on it, whether
//! ours or those of another copy of SQLite.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::changes::LogPosition;
use crate::ffi;

/// Words of the first copy of the wal-index header: 48 bytes,
/// <https://sqlite.org/walformat.html#the_wal_index_header>.
const WORDS: usize = 6;

/// The size of a region of the wal-index, as wal.c maps them.
const REGION: c_int = 32_768;

/// How often a header that somebody is writing is read again.
const TRIES: u32 = 100;

/// The wal-index header as it was at some moment.
pub(super) type Header = [u64; WORDS];

/// The wal-index header in the memory shared by all processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct WalIndex(*const AtomicU64);

impl WalIndex {
    /// Returns the mapping that this connection already has, or `None` if there is no shared
    /// wal-index (another journal mode, exclusive locking).
    ///
    /// # Safety
    /// `db` is open in WAL mode and has read from its main database, so that SQLite has mapped the
    /// wal-index. The result is used only until it closes.
    pub(super) unsafe fn of(db: *mut ffi::sqlite3) -> Option<Self> {
        // SAFETY: by the contract.
        let region = unsafe { main_file(db).and_then(|file| region(file, 0))? };
        region.cast::<AtomicU64>().is_aligned().then_some(Self(region.cast_const().cast()))
    }

    /// Returns the current header.
    #[inline]
    pub(super) fn header(self) -> Header {
        let mut header = [0; WORDS];
        for (index, word) in header.iter_mut().enumerate() {
            // SAFETY: the region is mapped while the connection is open, is
            // longer than this, and other processes write it at any time, hence
            // the atomic reads.
            *word = unsafe { (*self.0.add(index)).load(Ordering::Relaxed) };
        }
        // What follows must not be read before the header was.
        fence(Ordering::Acquire);
        header
    }

    /// Returns the current header, if nobody is writing it just now.
    pub(super) fn whole_header(self) -> Option<Header> {
        // There are two copies, of which SQLite writes the second one first: if they are equal,
        // both are whole.
        let header = self.header();
        let mut second = [0; WORDS];
        for (index, word) in second.iter_mut().enumerate() {
            // SAFETY: as in `header`.
            *word = unsafe { (*self.0.add(WORDS + index)).load(Ordering::Relaxed) };
        }
        fence(Ordering::Acquire);
        (header == second).then_some(header)
    }

    /// Returns where the log ends.
    pub(super) fn position(self) -> LogPosition {
        for _ in 0..TRIES {
            if let Some(header) = self.whole_header() {
                let half = |word: u64, index: usize| {
                    let bytes = word.to_ne_bytes();
                    let at = index * 4;
                    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
                };
                return LogPosition {
                    commits: half(header[1], 0),
                    frames: half(header[2], 0),
                    log: Some(header[4]),
                };
            }
            std::hint::spin_loop();
        }
        LogPosition { commits: self.commits(), frames: 0, log: None }
    }

    /// Returns how many of the log's frames are in the database: `nBackfill`, at byte 96, which
    /// follows the two copies of the header.
    pub(super) fn copied(self) -> u32 {
        // SAFETY: as in `header`.
        let word = unsafe { (*self.0.add(2 * WORDS)).load(Ordering::Relaxed) };
        let bytes = word.to_ne_bytes();
        u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// Returns how many pages the database has: `nPage`, at byte 20 of the header.
    pub(super) fn pages(self) -> u32 {
        let [_, _, frames_and_pages, ..] = self.header();
        let bytes = frames_and_pages.to_ne_bytes();
        u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])
    }

    /// Returns how many commits there have been, as SQLite counts them: `iChange`, at byte 8 of the
    /// header. It wraps around, and begins anew when the log is recovered.
    pub(super) fn commits(self) -> u32 {
        let [_, change, ..] = self.header();
        let bytes = change.to_ne_bytes();
        u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// Returns how many frames the log holds: `mxFrame`, at byte 16 of the header.
    pub(super) fn frames(self) -> u32 {
        let [_, _, frames_and_pages, ..] = self.header();
        let bytes = frames_and_pages.to_ne_bytes();
        u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

/// Returns the file of the main database.
///
/// # Safety
/// `db` is open, and this thread alone uses it.
pub(super) unsafe fn main_file(db: *mut ffi::sqlite3) -> Option<*mut ffi::sqlite3_file> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: by the contract; the file control writes one pointer.
    let code = unsafe {
        ffi::sqlite3_file_control(
            db,
            // The main database, without a search for its name.
            ptr::null(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast::<c_void>(),
        )
    };
    (code == ffi::SQLITE_OK && !file.is_null()).then_some(file)
}

/// Returns where a region of the wal-index is mapped.
///
/// # Safety
/// `file` is the open main file of a database in WAL mode that has mapped its wal-index.
pub(super) unsafe fn region(file: *mut ffi::sqlite3_file, index: c_int) -> Option<*mut c_void> {
    let mut region: *mut c_void = ptr::null_mut();
    // SAFETY: an open file has methods; xShmMap came with version 2 of them. Asked not to
    // extend, it maps no more than there is.
    unsafe {
        let methods = (*file).pMethods.as_ref()?;
        if methods.iVersion < 2 {
            return None;
        }
        let map = methods.xShmMap?;
        if map(file, index, REGION, 0, &raw mut region) != ffi::SQLITE_OK {
            return None;
        }
    }
    (!region.is_null()).then_some(region)
}
