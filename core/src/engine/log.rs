//! The write-ahead log as a replica reads it: the pages of each commit, in the order of commits.
//!
//! A frame is read where SQLite has written it, through SQLite's own file, and belongs to the log
//! only if the log's running checksum says so: whatever happened in between, no page of another
//! moment is taken for one of this. <https://sqlite.org/fileformat2.html#walformat>

use std::collections::HashMap;
use std::ffi::c_void;

use super::Connection;
use super::lease::{Header, main_file};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi;

/// The header of a log, and that of a frame.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: usize = 24;

/// How often a header that somebody is writing is read again.
const TRIES: u32 = 100;

/// Where a log ends, as far as somebody has read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogEnd {
    /// What tells this log from those before and after it: its salts, as the file has them.
    salts: [u8; 8],
    pub(crate) frames: u32,
    /// How many commits there have been, as SQLite counts them.
    pub(crate) commits: u32,
    /// The running checksum of all frames.
    checksum: [u32; 2],
    /// Its checksums are of big-endian words.
    big_endian: bool,
    pub(crate) page_size: u32,
}

impl LogEnd {
    fn of(header: &Header) -> Self {
        let mut bytes = [0; 48];
        for (word, to) in header.iter().zip(bytes.chunks_exact_mut(8)) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        let half = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|it| bytes[at + it]));
        let size = u16::from_ne_bytes([bytes[14], bytes[15]]);
        Self {
            salts: std::array::from_fn(|it| bytes[32 + it]),
            frames: half(16),
            commits: half(8),
            checksum: [half(24), half(28)],
            big_endian: bytes[13] != 0,
            // 64 KiB do not fit: they are written as 1.
            page_size: if size == 1 { 65_536 } else { size.into() },
        }
    }

    /// Whether both are ends of the same log.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.salts == other.salts
    }

    /// Whether this is the log that followed `before`: SQLite counts them.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        let count = |it: &Self| u32::from_be_bytes([0, 1, 2, 3].map(|at| it.salts[at]));
        // A log that has no frame has not got its salts yet, if it is the first.
        before.frames == 0 || count(self) == count(before).wrapping_add(1)
    }

    /// Returns the beginning of the same log, before which there were so many commits.
    pub(crate) fn start(&self, commits: u32) -> Self {
        Self { frames: 0, checksum: [0; 2], commits, ..*self }
    }

    /// Takes over how the log is written, which one without frames does not know.
    pub(crate) fn take_form(&mut self, end: &Self) {
        (self.big_endian, self.page_size) = (end.big_endian, end.page_size);
    }

    fn offset(&self, frame: u32) -> u64 {
        LOG_HEADER + u64::from(frame) * (FRAME_HEADER as u64 + u64::from(self.page_size))
    }
}

/// A page that a transaction has written.
#[derive(Debug)]
pub(crate) struct LogFrame {
    pub(crate) page: u32,
    /// With the last one of a commit: the pages that the database has then.
    pub(crate) commit: Option<u32>,
    pub(crate) data: Box<[u8]>,
}

/// What became of reading a frame.
#[derive(Debug)]
pub(crate) enum LogRead {
    Frame(LogFrame),
    /// The log has begun anew meanwhile, and its frame is another.
    Gone,
}

/// The pages of a database at the moment of a read transaction.
#[derive(Debug)]
pub(crate) struct LogPages {
    end: LogEnd,
    /// The last frame that has the page.
    frames: HashMap<u32, u32>,
    /// How many pages there are.
    pub(crate) count: u32,
}

impl Connection {
    /// Returns where the log ends now; `None` without a log that processes share.
    pub(crate) fn log_end(&mut self) -> Option<LogEnd> {
        // The index is mapped by this.
        self.wal_frames()?;
        let index = self.wal_index?;
        (0..TRIES).find_map(|_| {
            let header = index.whole_header();
            std::hint::spin_loop();
            let mut end = LogEnd::of(&header?);
            // A log that has had no frame does not know.
            if end.page_size == 0 {
                end.page_size = self.page_size;
            }
            Some(end)
        })
    }

    /// Begins a read transaction, and returns where the log ended at its moment; `None` if somebody
    /// committed just then, and there is no transaction.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn begin_log_pages(&mut self) -> Result<Option<LogEnd>> {
        let before = self.log_end();
        self.begin_snapshot()?;
        let after = self.log_end();
        if before.is_none() || before != after {
            self.end_snapshot();
            return Ok(None);
        }
        Ok(after)
    }

    /// Returns the pages of the read transaction that `end` is the moment of.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn log_pages(&mut self, end: LogEnd) -> Result<LogPages> {
        let count = u32::try_from(self.integer("PRAGMA page_count")?).unwrap_or(u32::MAX);
        let mut frames = HashMap::new();
        for frame in 0..end.frames {
            match self.frame_header(&end, frame)? {
                Some(header) => frames.insert(page_of(&header), frame),
                // Then this transaction does not read the log, as `page_at` says.
                None => break,
            };
        }
        Ok(LogPages { end, frames, count })
    }

    /// Reads a page of that read transaction, which must still be open.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn page_at(&self, pages: &LogPages, page: u32, data: &mut [u8]) -> Result<()> {
        if let Some(frame) = pages.frames.get(&page) {
            let offset = pages.end.offset(*frame) + FRAME_HEADER as u64;
            let read = self.read_log(data, offset)?;
            // A log begins anew under a transaction only if that reads nothing of it: all that was
            // committed by its moment is in the database then.
            if read && self.frame_header(&pages.end, *frame)?.is_some() {
                return Ok(());
            }
        }
        // SAFETY: the connection is open, and this thread alone uses it.
        let file = unsafe { main_file(self.raw) };
        let file = file.ok_or_else(|| unreadable("the database", ffi::SQLITE_IOERR))?;
        // SAFETY: it is an open file.
        let code = unsafe { read(file, data, u64::from(page - 1) * data.len() as u64) };
        match code {
            // What is missing at the end of a file is zeros, which SQLite has written.
            ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok(()),
            code => Err(unreadable("the database", code)),
        }
    }

    /// Counts the commits that a log has up to `end`; `None` if it has begun anew meanwhile.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn commits_in_log(&self, end: &LogEnd) -> Result<Option<u32>> {
        let mut commits = 0;
        for frame in 0..end.frames {
            match self.frame_header(end, frame)? {
                Some(header) => commits += u32::from(pages_after(&header) > 0),
                None => return Ok(None),
            }
        }
        Ok(Some(commits))
    }

    /// Reads the frame that follows `at`, which is then behind it. There must be one.
    ///
    /// # Errors
    /// Those of a read.
    pub(crate) fn read_frame(&self, at: &mut LogEnd) -> Result<LogRead> {
        if at.frames == 0 {
            let mut header = [0; LOG_HEADER as usize];
            if !self.read_log(&mut header, 0)? || header[16..24] != at.salts {
                return Ok(LogRead::Gone);
            }
            at.checksum = [24, 28].map(|from| number(&header[from..]));
        }
        let mut header = [0; FRAME_HEADER];
        let mut data = vec![0; at.page_size as usize].into_boxed_slice();
        let offset = at.offset(at.frames);
        let whole = self.read_log(&mut header, offset)?
            && self.read_log(&mut data, offset + FRAME_HEADER as u64)?;
        let mut sum = at.checksum;
        add_to_checksum(&mut sum, &header[..8], at.big_endian);
        add_to_checksum(&mut sum, &data, at.big_endian);
        let written = [16, 20].map(|from| number(&header[from..]));
        if !whole || header[8..16] != at.salts || sum != written {
            return Ok(LogRead::Gone);
        }
        at.checksum = sum;
        at.frames += 1;
        let commit = Some(pages_after(&header)).filter(|pages| *pages > 0);
        Ok(LogRead::Frame(LogFrame { page: page_of(&header), commit, data }))
    }

    /// Returns the header of a frame, if it is of this log.
    fn frame_header(&self, end: &LogEnd, frame: u32) -> Result<Option<[u8; FRAME_HEADER]>> {
        let mut header = [0; FRAME_HEADER];
        let whole = self.read_log(&mut header, end.offset(frame))?;
        Ok((whole && header[8..16] == end.salts).then_some(header))
    }

    /// Reads from the log; false: it is not so long.
    fn read_log(&self, data: &mut [u8], offset: u64) -> Result<bool> {
        let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
        // SAFETY: the connection is open; the file control writes one pointer.
        let code = unsafe {
            ffi::sqlite3_file_control(
                self.raw,
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_JOURNAL_POINTER,
                (&raw mut file).cast::<c_void>(),
            )
        };
        // SAFETY: SQLite has returned one of its files, whose methods are null while it is closed.
        let open = code == ffi::SQLITE_OK
            && unsafe { file.as_ref().is_some_and(|file| !file.pMethods.is_null()) };
        if !open {
            return Err(unreadable("the log", ffi::SQLITE_IOERR));
        }
        // SAFETY: it is an open file.
        match unsafe { read(file, data, offset) } {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_IOERR_SHORT_READ => Ok(false),
            code => Err(unreadable("the log", code)),
        }
    }
}

/// # Safety
/// `file` is open, and this thread alone uses it.
unsafe fn read(file: *mut ffi::sqlite3_file, data: &mut [u8], offset: u64) -> i32 {
    let (Ok(length), Ok(offset)) = (i32::try_from(data.len()), i64::try_from(offset)) else {
        return ffi::SQLITE_IOERR;
    };
    // SAFETY: by the contract; an open file has methods, and the buffer is as long as it says.
    unsafe {
        let method = (*file).pMethods.as_ref().and_then(|methods| methods.xRead);
        let Some(method) = method else { return ffi::SQLITE_IOERR };
        method(file, data.as_mut_ptr().cast::<c_void>(), length, offset)
    }
}

#[cold]
fn unreadable(what: &str, code: i32) -> Error {
    Error::new(ErrorKind::Io, format!("{what} can't be read for the replica (code {code})"))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |it| u32::from_be_bytes(*it))
}

fn page_of(header: &[u8; FRAME_HEADER]) -> u32 {
    number(header)
}

/// The pages that the database has after the commit that the frame ends; 0: it ends none.
fn pages_after(header: &[u8; FRAME_HEADER]) -> u32 {
    number(&header[4..])
}

fn add_to_checksum(sum: &mut [u32; 2], bytes: &[u8], big_endian: bool) {
    let [mut a, mut b] = *sum;
    let word = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    for pair in bytes.chunks_exact(8) {
        a = a.wrapping_add(word(pair)).wrapping_add(b);
        b = b.wrapping_add(word(&pair[4..])).wrapping_add(a);
    }
    *sum = [a, b];
}
