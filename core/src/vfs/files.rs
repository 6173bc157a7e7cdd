//! What the VFS asks of whoever has the files.

use std::fmt;

use crate::platform::{MaybeSend, MaybeSync};

/// An open file, as [`Files::open`] numbers it.
pub type FileId = u32;

/// Files by name, for [`register`](super::register).
///
/// Each call is done when it returns. A file is open at most once at a time: its
/// connections share it. Names are the database's own, and that with `-wal` or
/// `-journal` at its end, or with `-mj` and nine characters: the journal of a
/// transaction over several databases.
pub trait Files: MaybeSend + MaybeSync + 'static {
    /// Opens a file, which is created if it is missing and `create` is true.
    ///
    /// # Errors
    /// `NotFound`, `Directory`, `Denied`, and `Held` where somebody outside this
    /// process has the file.
    fn open(&self, name: &str, create: bool, read_only: bool) -> Result<FileId, FileError>;

    /// Closes it.
    fn close(&self, file: FileId);

    /// Reads into the whole buffer, or up to the end of the file, and returns how
    /// many bytes there were.
    ///
    /// # Errors
    /// `Io`.
    fn read(&self, file: FileId, into: &mut [u8], at: u64) -> Result<usize, FileError>;

    /// Writes all of it or fails. What is written past the end leaves zeros before it.
    ///
    /// # Errors
    /// `Full` and others; the bytes there are then undefined.
    fn write(&self, file: FileId, from: &[u8], at: u64) -> Result<(), FileError>;

    /// Cuts the file to this size, or extends it with zeros.
    ///
    /// # Errors
    /// `Io` and others.
    fn truncate(&self, file: FileId, size: u64) -> Result<(), FileError>;

    /// Ends when all that was written would survive a power failure: the content,
    /// the size, and of a new file that it is there.
    ///
    /// # Errors
    /// `Io`, `Full`.
    fn sync(&self, file: FileId) -> Result<(), FileError>;

    /// How many bytes the file has.
    ///
    /// # Errors
    /// `Io`.
    fn size(&self, file: FileId) -> Result<u64, FileError>;

    /// Removes a file that is not open. A missing one is no error.
    ///
    /// The removal of a rollback journal is the commit: where it may come back
    /// after a power failure, the transaction is then undone.
    ///
    /// # Errors
    /// `Io`, `Denied`.
    fn remove(&self, name: &str) -> Result<(), FileError>;

    /// Whether there is such a file.
    fn exists(&self, name: &str) -> bool;

    /// The one name of a file that may have several, such as a path by way of a link;
    /// `None`: as it is. A database that is attached is known by it, and one name is one
    /// file for all connections.
    fn full_name(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// Whether an open file is no longer the one of the name that it was opened by: somebody
    /// outside has removed, renamed or replaced it. Asked before each commit, which is
    /// refused then. False where nobody outside can.
    fn has_moved(&self, file: FileId) -> bool {
        let _ = file;
        false
    }
}

/// Why a file could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileError {
    /// It could not be read or written, for no reason of the others.
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
