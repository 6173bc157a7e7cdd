//! Copies a database to another connection's, some pages at a time.

use std::collections::HashMap;
use std::ffi::{CStr, c_int};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use libsqlite3_sys as ffi;
use ubiqlite::ext::dbapi;
use ubiqlite::{Error, Result};

use super::DbapiShared;

/// The progress of a backup.
#[derive(Debug, Clone, Copy)]
pub(super) struct BackupProgress {
    /// SQLite's code: done, more to do, or blocked by somebody.
    pub(super) code: c_int,
    pub(super) remaining: c_int,
    pub(super) pages: c_int,
    /// The backup's number, to continue it; 0: it has ended.
    pub(super) number: u32,
}

/// The backups of a connection that are under way: its own, and those into it.
#[derive(Default)]
pub(super) struct Backups {
    own: Mutex<RunningBackups>,
    incoming: Mutex<Incoming>,
}

#[derive(Default)]
struct RunningBackups {
    /// The connection is about to be closed: none is begun or continued.
    closed: bool,
    made: u32,
    all: HashMap<u32, Backup>,
}

#[derive(Default)]
struct Incoming {
    closed: bool,
    all: Vec<(Weak<DbapiShared>, u32)>,
}

struct Backup {
    target: Arc<DbapiShared>,
    handle: BackupHandle,
    // Dropped once the backup is finished.
    _receiving: dbapi::Receiving,
}

#[derive(Clone, Copy)]
struct BackupHandle(*mut ffi::sqlite3_backup);

// SAFETY: it is used only while its two connections are held, by one thread at a time.
unsafe impl Send for BackupHandle {}

impl RunningBackups {
    fn number(&mut self) -> u32 {
        self.made = self.made.wrapping_add(1).max(1);
        self.made
    }
}

impl Incoming {
    fn forget(&mut self, source: &Arc<DbapiShared>, number: u32) {
        self.all
            .retain(|(other, its)| *its != number || Weak::as_ptr(other) != Arc::as_ptr(source));
    }
}

impl Backups {
    fn own(&self) -> MutexGuard<'_, RunningBackups> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a backup and copies some pages; all, if `pages` is negative.
pub(super) async fn begin(
    source: Arc<DbapiShared>,
    target: Arc<DbapiShared>,
    name: String,
    pages: c_int,
) -> Result<BackupProgress> {
    let name = super::c_string(name, "the name holds a NUL")?;
    let (from, to) = (Arc::clone(&source), Arc::clone(&target));
    // SAFETY: the work leaves both connections open, which are not the same.
    let copying = unsafe {
        source.connection()?.with_both(target.connection()?, move |source, target| {
            let target = target.cast();
            // What it has is half of something else.
            from.connection()?.check_free()?;
            let receiving = to.connection()?.receive();
            let handle =
                ffi::sqlite3_backup_init(target, c"main".as_ptr(), source.cast(), name.as_ptr());
            if handle.is_null() {
                return Err(failed(target, ffi::sqlite3_errcode(target)));
            }
            let progress = step(handle, pages, target)?;
            let number = from.backups.own().number();
            let handle = BackupHandle(handle);
            let backup = Backup { target: Arc::clone(&to), handle, _receiving: receiving };
            keep(&from, number, backup, progress)
        })
    };
    copying.await
}

/// Copies some more pages.
pub(super) async fn go_on(
    source: Arc<DbapiShared>,
    number: u32,
    pages: c_int,
) -> Result<BackupProgress> {
    let target = source.backups.own().all.get(&number).map(|backup| Arc::clone(&backup.target));
    let target = target.ok_or_else(super::closed)?;
    let from = Arc::clone(&source);
    // SAFETY: as above.
    let copying = unsafe {
        source.connection()?.with_both(target.connection()?, move |_, target| {
            // It may have ended since the request.
            let backup = from.backups.own().all.remove(&number).ok_or_else(super::closed)?;
            let progress = match step(backup.handle.0, pages, target.cast()) {
                Ok(progress) => progress,
                Err(error) => {
                    backup.target.backups.incoming().forget(&from, number);
                    return Err(error);
                }
            };
            keep(&from, number, backup, progress)
        })
    };
    copying.await
}

/// Keeps a backup that has more to do, unless one of its connections is about to be closed:
/// what comes after that comes too late.
///
/// # Safety
/// Both connections are held.
unsafe fn keep(
    source: &Arc<DbapiShared>,
    number: u32,
    backup: Backup,
    progress: BackupProgress,
) -> Result<BackupProgress> {
    let done = progress.code == ffi::SQLITE_DONE;
    let mut own = source.backups.own();
    // Held until the backup is kept: whoever closes the target looks for it after that.
    let mut incoming = backup.target.backups.incoming();
    incoming.forget(source, number);
    if done || own.closed || incoming.closed {
        // SAFETY: by the contract; it is finished once.
        unsafe { ffi::sqlite3_backup_finish(backup.handle.0) };
        return if done { Ok(progress) } else { Err(super::closed()) };
    }
    incoming.all.push((Arc::downgrade(source), number));
    drop(incoming);
    own.all.insert(number, backup);
    Ok(BackupProgress { number, ..progress })
}

/// Ends a backup, done or not; what an unfinished one has copied is undone. This runs after earlier
/// requests, and nobody waits for it.
pub(super) fn end(source: &Arc<DbapiShared>, number: u32) {
    let target = source.backups.own().all.get(&number).map(|backup| Arc::clone(&backup.target));
    let Some(target) = target else { return };
    let (Ok(one), Ok(other)) = (source.connection(), target.connection()) else { return };
    let from = Arc::clone(source);
    // SAFETY: as above.
    let ending = unsafe {
        one.with_both(other, move |_, _| {
            let backup = from.backups.own().all.remove(&number);
            if let Some(backup) = backup {
                backup.target.backups.incoming().forget(&from, number);
                ffi::sqlite3_backup_finish(backup.handle.0);
            }
            Ok(())
        })
    };
    drop(ending);
}

/// Ends all backups of a connection, and those into it, since it is about to be closed.
pub(super) fn end_all(connection: &Arc<DbapiShared>) {
    let own: Vec<u32> = {
        let mut own = connection.backups.own();
        own.closed = true;
        own.all.keys().copied().collect()
    };
    for number in own {
        end(connection, number);
    }
    let incoming = {
        let mut incoming = connection.backups.incoming();
        incoming.closed = true;
        std::mem::take(&mut incoming.all)
    };
    for (source, number) in incoming {
        if let Some(source) = source.upgrade() {
            end(&source, number);
        }
    }
}

/// # Safety
/// The backup is not finished, and its connections are held; `target` is one of them.
unsafe fn step(
    handle: *mut ffi::sqlite3_backup,
    pages: c_int,
    target: *mut ffi::sqlite3,
) -> Result<BackupProgress> {
    // SAFETY: by the contract.
    unsafe {
        match ffi::sqlite3_backup_step(handle, pages) {
            code @ (ffi::SQLITE_OK | ffi::SQLITE_DONE | ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => {
                Ok(BackupProgress {
                    code,
                    remaining: ffi::sqlite3_backup_remaining(handle),
                    pages: ffi::sqlite3_backup_pagecount(handle),
                    number: 0,
                })
            }
            code => {
                let error = failed(target, code);
                // It repeats the error.
                ffi::sqlite3_backup_finish(handle);
                Err(error)
            }
        }
    }
}

/// # Safety
/// The connection is open, and a call on it returned `code`.
unsafe fn failed(connection: *mut ffi::sqlite3, code: c_int) -> Error {
    // SAFETY: by the contract; both are C strings of SQLite's.
    let message = unsafe {
        let message = if ffi::sqlite3_errcode(connection) == code {
            ffi::sqlite3_errmsg(connection)
        } else {
            ffi::sqlite3_errstr(code)
        };
        CStr::from_ptr(message).to_string_lossy().into_owned()
    };
    dbapi::error(code, &message)
}
