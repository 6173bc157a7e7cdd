//! What a VFS asks of whoever keeps the files.

use std::ffi::c_int;

use rusqlite::ffi;

use crate::platform::{MaybeSend, MaybeSync};

/// Files that are kept elsewhere. Each call is done when it returns.
///
/// Names are those of a database, and the same with `-journal` or `-wal` at the
/// end. A file is open once, however many connections use it.
pub trait Files: MaybeSend + MaybeSync + 'static {
    /// Opens a file, or makes it where `create`, and answers its number.
    ///
    /// # Errors
    /// Why it can't be opened.
    fn open(&self, name: &str, create: bool, read_only: bool) -> Result<u32, FileError>;

    /// Closes a file.
    fn close(&self, file: u32);

    /// Reads what there is from this place on, and answers how many bytes: fewer
    /// than asked for at the file's end.
    ///
    /// # Errors
    /// Why it can't be read.
    fn read(&self, file: u32, into: &mut [u8], at: u64) -> Result<usize, FileError>;

    /// Writes all of it at this place.
    ///
    /// # Errors
    /// `Full` if there is no room; why else it can't be written.
    fn write(&self, file: u32, from: &[u8], at: u64) -> Result<(), FileError>;

    /// Cuts the file, or makes it longer with zeros.
    ///
    /// # Errors
    /// Why it can't.
    fn truncate(&self, file: u32, size: u64) -> Result<(), FileError>;

    /// Waits until everything that was written survives a loss of power.
    ///
    /// # Errors
    /// Why it can't.
    fn sync(&self, file: u32) -> Result<(), FileError>;

    /// The file's size in bytes.
    ///
    /// # Errors
    /// Why it can't be told.
    fn size(&self, file: u32) -> Result<u64, FileError>;

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// Why it can't be removed.
    fn remove(&self, name: &str) -> Result<(), FileError>;

    /// Whether there is a file of this name with anything in it.
    fn exists(&self, name: &str) -> bool;
}

/// Why something can't be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileError {
    /// The system reported an input or output error.
    Io,
    /// There is no such file, or directory to make it in.
    NotFound,
    /// The disk, or the quota, is full.
    Full,
    /// It is not permitted, or can only be read.
    Denied,
    /// This is a directory.
    Directory,
    /// Somebody else has it open.
    Held,
    /// There are no files of such names here.
    Unavailable,
}

impl FileError {
    /// SQLite's code, `io` where it is an error of input or output.
    pub(super) fn code(self, io: c_int) -> c_int {
        match self {
            Self::Full => ffi::SQLITE_FULL,
            Self::Held => ffi::SQLITE_BUSY,
            Self::Denied if io == ffi::SQLITE_IOERR_WRITE => ffi::SQLITE_READONLY,
            _ => io,
        }
    }

    /// SQLite's code where a file is opened.
    pub(super) fn opening(self) -> c_int {
        match self {
            Self::Full => ffi::SQLITE_FULL,
            Self::Held => ffi::SQLITE_BUSY,
            Self::Directory => ffi::SQLITE_CANTOPEN_ISDIR,
            Self::Io | Self::NotFound | Self::Denied | Self::Unavailable => ffi::SQLITE_CANTOPEN,
        }
    }
}
