//! Whether open files are still those of their names.

use std::ffi::{CStr, CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use super::locks::{self, PRESENT, SHARED};
use super::table::{self, FileId, FileKind, OpenFile};
use crate::ffi;

/// Returns the main database's file: `None` in memory, and for one that has moved.
///
/// # Safety
/// `db` is open, and this thread alone uses it.
pub(crate) unsafe fn identity(db: *mut ffi::sqlite3) -> Option<FileId> {
    // SAFETY: by the contract; the name lives as long as the connection.
    unsafe {
        let name = ffi::sqlite3_db_filename(db, c"main".as_ptr());
        if name.is_null() || *name == 0 {
            return None;
        }
        let file = FileId::at(CStr::from_ptr(name));
        file.filter(|_| !database_has_moved(db, c"main"))
    }
}

/// Whether the open transaction has written to a file that is no longer the one of its name, or
/// whose log is not.
///
/// # Safety
/// As [`identity`].
pub(crate) unsafe fn has_moved(db: *mut ffi::sqlite3) -> bool {
    // SAFETY: by the contract.
    unsafe { ffi::any_written(db, |name| database_has_moved(db, name) || log_has_moved(db, name)) }
}

/// Whether the main database, or its log, is no longer the one of its name.
///
/// # Safety
/// As [`identity`].
pub(crate) unsafe fn is_astray(db: *mut ffi::sqlite3) -> bool {
    // SAFETY: by the contract.
    unsafe { database_has_moved(db, c"main") || log_has_moved(db, c"main") }
}

/// Whether a connection of this process has a log of this database open that is no longer the one
/// of its name: another connection would create a second one.
pub(crate) fn has_lost_log(database: FileId) -> bool {
    table::state().files.values().any(|it| {
        it.kind == FileKind::Log
            && it.database == Some(database)
            && FileId::at(&it.path) != Some(it.file)
    })
}

/// # Safety
/// As [`identity`].
unsafe fn database_has_moved(db: *mut ffi::sqlite3, schema: &CStr) -> bool {
    let mut moved: c_int = 0;
    // SAFETY: by the contract; the file control writes an integer.
    let code = unsafe {
        ffi::sqlite3_file_control(
            db,
            schema.as_ptr(),
            ffi::SQLITE_FCNTL_HAS_MOVED,
            (&raw mut moved).cast::<c_void>(),
        )
    };
    code == ffi::SQLITE_OK && moved != 0
}

/// # Safety
/// As [`identity`].
unsafe fn log_has_moved(db: *mut ffi::sqlite3, schema: &CStr) -> bool {
    // SAFETY: by the contract.
    let log = unsafe { opened(db, schema, ffi::SQLITE_FCNTL_JOURNAL_POINTER) };
    log.is_some_and(|log| log.kind == FileKind::Log && FileId::at(&log.path) != Some(log.file))
}

/// # Safety
/// As [`identity`]; `what` is a file control that writes a file's address.
unsafe fn opened(db: *mut ffi::sqlite3, schema: &CStr, what: c_int) -> Option<OpenFile> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: by the contract.
    let code = unsafe {
        ffi::sqlite3_file_control(db, schema.as_ptr(), what, (&raw mut file).cast::<c_void>())
    };
    if code != ffi::SQLITE_OK || file.is_null() {
        return None;
    }
    table::state().files.get(&(file as usize)).cloned()
}

/// Whether this process may write neither the file nor its directory, and no log has content: then
/// what the file contains is all there is.
pub(crate) fn is_unwritable(path: &Path) -> bool {
    let may_write = |path: &Path| {
        // SAFETY: the path is a C string.
        CString::new(path.as_os_str().as_bytes())
            .is_ok_and(|path| unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 })
    };
    let Ok(path) = path.canonicalize() else { return false };
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).map_or(0, |data| data.len())
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    !may_write(&path) && !may_write(directory) && beside("-wal") == 0 && beside("-journal") == 0
}

/// A guard: nobody else, in this process or another, has the main database or the shared memory of
/// its log open, and nobody can open it while this lives.
#[derive(Debug)]
pub(crate) struct Alone {
    database: c_int,
    memory: c_int,
}

impl Alone {
    /// Takes the guard. Returns `None` if somebody has the database open, or may have.
    ///
    /// # Safety
    /// As [`identity`]; the database is in WAL mode and no transaction is open.
    pub(crate) unsafe fn take(db: *mut ffi::sqlite3) -> Option<Self> {
        // SAFETY: by the contract.
        let (database, log, moved) = unsafe {
            (
                opened(db, c"main", ffi::SQLITE_FCNTL_FILE_POINTER)?,
                opened(db, c"main", ffi::SQLITE_FCNTL_JOURNAL_POINTER)?,
                database_has_moved(db, c"main"),
            )
        };
        let memory_path = [database.path.to_bytes(), b"-shm"].concat();
        let (memory_fd, memory_file, database_fd) = {
            let state = table::state();
            let mut memory = state.descriptors.iter().filter(|(_, it)| {
                it.kind == FileKind::Outside && it.path.to_bytes() == memory_path
            });
            let (fd, first) = memory.next()?;
            if memory.next().is_some() {
                return None;
            }
            let main = state
                .descriptors
                .iter()
                .find(|(_, it)| it.kind == FileKind::Database && it.file == database.file)?;
            (*fd, first.file, *main.0)
        };
        if !moved {
            // A process that created its own log next to this file may have changed the file.
            let strange = |path: &CStr, ours| FileId::at(path).is_some_and(|file| file != ours);
            let memory_path = CString::new(memory_path).ok()?;
            if strange(&log.path, log.file) || strange(&memory_path, memory_file) {
                return None;
            }
        }
        let exclusive = |fd, bytes| set(fd, libc::F_WRLCK, bytes);
        if !exclusive(memory_fd, PRESENT) {
            return None;
        }
        let alone = Self { database: database_fd, memory: memory_fd };
        // The drop repairs what a failure leaves.
        exclusive(database_fd, SHARED).then_some(alone)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Every connection in WAL mode holds both for as long as it is open.
        set(self.memory, libc::F_RDLCK, PRESENT);
        set(self.database, libc::F_RDLCK, SHARED);
    }
}

/// Locks as SQLite does, through the owner of this descriptor's locks.
fn set(fd: c_int, kind: c_int, bytes: (i64, i64)) -> bool {
    let mut lock = locks::lock(kind, bytes);
    // SAFETY: the command takes a lock.
    unsafe { locks::control(fd, libc::F_SETLK, (&raw mut lock).cast::<c_void>()) == 0 }
}
