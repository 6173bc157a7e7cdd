//! Parts of a value, read and written in place: Python's `Blob`.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::{Arc, Mutex, PoisonError};

use libsqlite3_sys as ffi;
use ubiqlite::{Error, Result};

use super::callbacks::check;

/// A request for a blob.
pub(super) enum Blob {
    Open { database: String, table: String, column: String, row: i64, writes: bool },
    Read { blob: u32, at: i32, length: i32 },
    Write { blob: u32, at: i32, bytes: Vec<u8> },
    Close { blob: u32 },
}

/// The outcome of such a request.
pub(super) enum Did {
    /// The blob's number, and how many bytes it has.
    Opened(u32, i32),
    Read(Vec<u8>),
    Done,
}

/// The open blobs of a connection, by number. They are used by the thread that has the connection,
/// and end before the connection does.
#[derive(Debug, Default, Clone)]
pub(super) struct Blobs(Arc<Mutex<OpenBlobs>>);

#[derive(Debug, Default)]
struct OpenBlobs {
    made: u32,
    all: HashMap<u32, BlobHandle>,
}

#[derive(Debug)]
struct BlobHandle(*mut ffi::sqlite3_blob);

// SAFETY: it is used only by the thread that has the connection, one at a time.
unsafe impl Send for BlobHandle {}

impl Blobs {
    /// # Safety
    /// `raw` is open, used by this thread alone, and always the same.
    pub(super) unsafe fn apply(&self, raw: *mut ffi::sqlite3, blob: Blob) -> Result<Did> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = |blob: &u32| open.all.get(blob).map(|handle| handle.0).ok_or_else(closed);
        // SAFETY: by the contract; handles live until they are taken out.
        unsafe {
            match blob {
                Blob::Open { database, table, column, row, writes } => {
                    let text = |text: String| super::c_string(text, "embedded null character");
                    let (database, table, column) = (text(database)?, text(table)?, text(column)?);
                    let mut handle = std::ptr::null_mut();
                    let code = ffi::sqlite3_blob_open(
                        raw,
                        database.as_ptr(),
                        table.as_ptr(),
                        column.as_ptr(),
                        row,
                        c_int::from(writes),
                        &raw mut handle,
                    );
                    if code != ffi::SQLITE_OK {
                        let refused = check(raw, code);
                        // Null, or it must be closed too.
                        ffi::sqlite3_blob_close(handle);
                        refused?;
                    }
                    open.made = open.made.wrapping_add(1).max(1);
                    let number = open.made;
                    open.all.insert(number, BlobHandle(handle));
                    Ok(Did::Opened(number, ffi::sqlite3_blob_bytes(handle)))
                }
                Blob::Read { blob, at, length } => {
                    let handle = found(&blob)?;
                    let mut bytes = vec![0u8; usize::try_from(length).unwrap_or(0)];
                    let code =
                        ffi::sqlite3_blob_read(handle, bytes.as_mut_ptr().cast(), length, at);
                    check(raw, code)?;
                    Ok(Did::Read(bytes))
                }
                Blob::Write { blob, at, bytes } => {
                    let handle = found(&blob)?;
                    let length = c_int::try_from(bytes.len()).unwrap_or(c_int::MAX);
                    let code = ffi::sqlite3_blob_write(handle, bytes.as_ptr().cast(), length, at);
                    check(raw, code)?;
                    Ok(Did::Done)
                }
                Blob::Close { blob } => {
                    if let Some(handle) = open.all.remove(&blob) {
                        // The error that it repeats was reported before.
                        ffi::sqlite3_blob_close(handle.0);
                    }
                    Ok(Did::Done)
                }
            }
        }
    }

    /// Ends all that are open.
    ///
    /// # Safety
    /// Their connection is open, and used by this thread alone.
    pub(super) unsafe fn end(&self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, handle) in open.all.drain() {
            // SAFETY: by the contract; each is ended once.
            unsafe { ffi::sqlite3_blob_close(handle.0) };
        }
    }
}

fn closed() -> Error {
    super::invalid("Cannot operate on a closed blob.")
}
