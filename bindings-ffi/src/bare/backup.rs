//! Copying a database to another connection's, some pages at a time.

use std::ffi::{CStr, CString, c_int};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use libsqlite3_sys as ffi;
use ubiqlite::{Error, Result};

use super::Shared;
use crate::client::Endpoint;

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) done: bool,
    pub(super) remaining: i32,
    pub(super) pages: i32,
}

/// A backup under way.
pub(super) struct Backup {
    source: Arc<Shared>,
    target: Arc<Box<dyn Endpoint>>,
    handle: Handle,
}

#[derive(Clone, Copy)]
struct Handle(*mut ffi::sqlite3_backup);

#[derive(Clone, Copy)]
struct Raw(*mut ffi::sqlite3);

// SAFETY: both are used only while the two connections are held, by one thread at a
// time; SQLite's handles belong to no thread.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}
// SAFETY: as above.
unsafe impl Send for Raw {}

/// Two that copy to each other would wait for each other for ever.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs `work` with both connections held, each by its own thread.
async fn with_both<T: Send + 'static>(
    source: &Arc<Shared>,
    target: &Arc<Box<dyn Endpoint>>,
    work: impl FnOnce(Raw, Raw) -> Result<T> + Send + 'static,
) -> Result<T> {
    let to = target.as_bare().ok_or_else(super::closed)?;
    let from = Arc::clone(source);
    // SAFETY: the work leaves both connections open and installs nothing.
    let copying = unsafe {
        to.with_handle(move |to| {
            let to = Raw(to.cast());
            let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            let (told, answer) = mpsc::channel();
            let copying = from.bare()?.with_handle(move |from| {
                let to = to;
                let _ = told.send(work(Raw(from.cast()), to));
                Ok(())
            });
            // What is dropped without an answer was closed.
            let answer = answer.recv().unwrap_or_else(|_| Err(super::closed()));
            drop(copying);
            answer
        })
    };
    copying.await
}

impl Backup {
    pub(super) async fn begin(
        source: &Arc<Shared>,
        target: Arc<Box<dyn Endpoint>>,
        name: String,
    ) -> Result<Self> {
        let name = CString::new(name).map_err(|_| super::invalid("the name holds a NUL"))?;
        let handle = with_both(source, &target, move |from, to| {
            // SAFETY: both connections are open and held.
            let handle =
                unsafe { ffi::sqlite3_backup_init(to.0, c"main".as_ptr(), from.0, name.as_ptr()) };
            if handle.is_null() {
                // SAFETY: the target is open, and its last call failed.
                return Err(unsafe { failed(to, ffi::sqlite3_errcode(to.0)) });
            }
            Ok(Handle(handle))
        });
        let handle = handle.await?;
        Ok(Self { source: Arc::clone(source), target, handle })
    }

    /// Copies so many pages; all, if the number is negative.
    pub(super) async fn step(self, pages: i32) -> Result<(Self, Progress)> {
        let handle = self.handle;
        let stepped = with_both(&self.source, &self.target, move |_, to| {
            let handle = handle;
            // SAFETY: the backup was begun on these two, and is not finished.
            unsafe {
                match ffi::sqlite3_backup_step(handle.0, pages) {
                    code @ (ffi::SQLITE_OK
                    | ffi::SQLITE_DONE
                    | ffi::SQLITE_BUSY
                    | ffi::SQLITE_LOCKED) => Ok(Progress {
                        done: code == ffi::SQLITE_DONE,
                        remaining: ffi::sqlite3_backup_remaining(handle.0),
                        pages: ffi::sqlite3_backup_pagecount(handle.0),
                    }),
                    code => Err(failed(to, code)),
                }
            }
        });
        match stepped.await {
            Ok(progress) => Ok((self, progress)),
            Err(error) => {
                // It repeats the error.
                let _ = self.finish().await;
                Err(error)
            }
        }
    }

    pub(super) async fn finish(self) -> Result<()> {
        let handle = self.handle;
        with_both(&self.source, &self.target, move |_, _| {
            let handle = handle;
            // SAFETY: the backup was begun on these two, and is finished once.
            unsafe { ffi::sqlite3_backup_finish(handle.0) };
            Ok(())
        })
        .await
    }
}

/// # Safety
/// The connection is open, and a call on it answered `code`.
unsafe fn failed(connection: Raw, code: c_int) -> Error {
    // SAFETY: by the contract; both are C strings of SQLite's.
    let message = unsafe {
        let message = if ffi::sqlite3_errcode(connection.0) == code {
            ffi::sqlite3_errmsg(connection.0)
        } else {
            ffi::sqlite3_errstr(code)
        };
        CStr::from_ptr(message).to_string_lossy().into_owned()
    };
    Error::from_code(code, &message)
}
