//! What the VFS requires of the owner of the files.

use std::fmt;

use crate::platform::{MaybeSend, MaybeSync};

/// An open file, as [`Files::open`] numbers it.
pub type FileNumber = u32;

/// Files by name, for [`register`](super::register).
///
/// Each call is done when it returns. A file is open at most once at a time: its connections share
/// it. Names are the database's own, and the same with `-wal` or `-journal` at its end, or with
/// `-mj` and nine characters: the journal of a transaction over several databases.
pub trait Files: MaybeSend + MaybeSync + 'static {
    /// Opens a file, creating it if it is missing and `create` is true.
    ///
    /// # Errors
    /// `NotFound`, `Directory`, `Denied`, and `Held` where somebody outside this
    /// process has the file.
    fn open(&self, name: &str, create: bool, read_only: bool) -> Result<FileNumber, FileError>;

    /// Closes a file.
    fn close(&self, file: FileNumber);

    /// Reads into the whole buffer, or up to the end of the file, and returns how
    /// many bytes there were.
    ///
    /// # Errors
    /// `Io`.
    fn read(&self, file: FileNumber, into: &mut [u8], at: u64) -> Result<usize, FileError>;

    /// Writes all of it or fails. A write past the end leaves zeros before it.
    ///
    /// # Errors
    /// `Full` and others; the bytes there are then undefined.
    fn write(&self, file: FileNumber, from: &[u8], at: u64) -> Result<(), FileError>;

    /// Cuts the file to this size, or extends it with zeros.
    ///
    /// # Errors
    /// `Io` and others.
    fn truncate(&self, file: FileNumber, size: u64) -> Result<(), FileError>;

    /// Returns once everything written would survive a power failure: the content, the size, and
    /// the existence of a new file.
    ///
    /// # Errors
    /// `Io`, `Full`.
    fn sync(&self, file: FileNumber) -> Result<(), FileError>;

    /// Returns how many bytes the file has.
    ///
    /// # Errors
    /// `Io`.
    fn size(&self, file: FileNumber) -> Result<u64, FileError>;

    /// Removes a file that is not open. A missing one is no error.
    ///
    /// Removing a rollback journal is the commit: if it may come back after a power failure, the
    /// transaction is then undone.
    ///
    /// # Errors
    /// `Io`, `Denied`.
    fn remove(&self, name: &str) -> Result<(), FileError>;

    /// Whether there is such a file.
    fn exists(&self, name: &str) -> bool;

    /// Returns the one name of a file that may have several, such as a path through a link; `None`:
    /// the name as it is. An attached database is known by it, and one name is one file for all
    /// connections.
    fn full_name(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Whether an open file is no longer the one at the name that it was opened by: somebody
    /// outside has removed, renamed or replaced it. Called before each commit, which is then
    /// refused. False where nobody outside can do so.
    fn has_moved(&self, file: FileNumber) -> bool {
        let _ = file;
        false
    }
}

/// Why a file could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileError {
    /// It could not be read or written, for none of the other reasons.
    Io,
    /// There is no such file.
    NotFound,
    /// The disk, or the quota, is full.
    Full,
    /// It is not permitted, or the file can only be read.
    Denied,
    /// It is a directory.
    Directory,
    /// Somebody outside this process has it open.
    Held,
    /// Files are not available here.
    Unavailable,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io => "input or output failed",
            Self::NotFound => "there is no such file",
            Self::Full => "the disk, or the quota, is full",
            Self::Denied => "it is not permitted",
            Self::Directory => "this is a directory",
            Self::Held => "somebody else has the file open",
            Self::Unavailable => "files are not available here",
        })
    }
}

impl std::error::Error for FileError {}
