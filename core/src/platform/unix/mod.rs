//! Files that another copy of SQLite in this process may have open as well.
//!
//! POSIX locks belong to the process: two copies of SQLite in one process do not see each other's,
//! and each drops the other's by closing any descriptor of the file. So this library's SQLite
//! instead takes open-file-description locks, which belong to a descriptor, conflict with POSIX
//! locks even of the same process, and survive every `close` but their own (`locks`). It also does
//! not close a descriptor of a file that another user in this process has open (`descriptors`).
//! Both are system calls of SQLite's `unix` VFS, replaced by `xSetSystemCall` before the first file
//! is opened.
//!
//! `moved` tracks which files are open, so that a commit into one that was deleted or replaced is
//! noticed.

mod descriptors;
mod fork;
mod locks;
mod moved;
mod others;
mod table;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, c_int};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::ffi;

pub(crate) use moved::{Alone, has_lost_log, has_moved, identity, is_astray, is_unwritable};
pub(crate) use table::FileId;

use table::FileKind;

/// Whether `PRAGMA fullfsync` has an effect here: Apple's `fsync` does not wait for the disk
/// itself.
pub(crate) const FULL_FSYNC: bool = cfg!(target_vendor = "apple");

/// If set to `posix`, this leaves SQLite's own locks in place, for a file system on which the
/// others fail.
const CHOICE: &str = "UBIQLITE_LOCKS";

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Replaces the system calls, once per process. Must be called before a database file is opened.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let wanted = std::env::var_os(CHOICE).is_none_or(|choice| choice != "posix");
        // On 32 bits SQLite passes a lock with another layout.
        if wanted && cfg!(target_pointer_width = "64") {
            // SAFETY: called once, before this library opens a file.
            INSTALLED.store(unsafe { replace() }, Ordering::Release);
        }
    });
}

/// Whether another copy of SQLite in this process may also use this connection's main database:
/// false if the file system has no locks for that.
///
/// # Safety
/// `db` is open, used by this thread alone, and has read from its main database.
pub(crate) unsafe fn coexists(db: *mut ffi::sqlite3) -> bool {
    if !INSTALLED.load(Ordering::Acquire) {
        return false;
    }
    // SAFETY: by the contract.
    match unsafe { identity(db) } {
        Some(file) => table::state().coexists(file),
        // In memory.
        None => true,
    }
}

type SetSystemCall = unsafe extern "C" fn(
    *mut ffi::sqlite3_vfs,
    *const std::ffi::c_char,
    ffi::sqlite3_syscall_ptr,
) -> c_int;

type XOpen = unsafe extern "C" fn(
    *mut ffi::sqlite3_vfs,
    *const std::ffi::c_char,
    *mut ffi::sqlite3_file,
    c_int,
    *mut c_int,
) -> c_int;

/// SQLite's own way to open a file, the same for all `unix` VFSes.
static OPEN: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// # Safety
/// Called once.
unsafe fn replace() -> bool {
    // SAFETY: these are called in the order that SQLite demands; a VFS that it has
    // found lives as long as the process.
    unsafe {
        // Earlier users of this copy of SQLite have files open that are unknown here.
        let used = super::page_reads::was_in_use();
        if ffi::sqlite3_initialize() != ffi::SQLITE_OK {
            return false;
        }
        let vfs = ffi::sqlite3_vfs_find(c"unix".as_ptr());
        let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else { return false };
        if !fork::install() {
            return false;
        }
        // `open` last: files opened before it continue with POSIX locks.
        if !set_call(set, vfs, c"fcntl", locks::fcntl as *const ())
            || !set_call(set, vfs, c"close", descriptors::close as *const ())
            || !set_call(set, vfs, c"open", descriptors::open as *const ())
        {
            return false;
        }
        if used {
            table::state().note_used();
        }
        for name in [c"unix", c"unix-excl", c"unix-dotfile", c"unix-none"] {
            let vfs = ffi::sqlite3_vfs_find(name.as_ptr());
            watch_opening(vfs);
        }
        true
    }
}

/// # Safety
/// `set` belongs to `vfs`, and `call` has the type of the system call.
unsafe fn set_call(
    set: SetSystemCall,
    vfs: *mut ffi::sqlite3_vfs,
    name: &CStr,
    call: *const (),
) -> bool {
    // SAFETY: by the contract; SQLite casts it back before it calls it.
    unsafe {
        let call = std::mem::transmute::<*const (), unsafe extern "C" fn()>(call);
        set(vfs, name.as_ptr(), Some(call)) == ffi::SQLITE_OK
    }
}

/// Makes this VFS call `opened` for each file that it opens: `open` receives only a path, and what
/// the file is for is known one level above.
///
/// # Safety
/// `vfs` is one of SQLite's own for Unix, or null.
unsafe fn watch_opening(vfs: *mut ffi::sqlite3_vfs) {
    if vfs.is_null() {
        return;
    }
    // SAFETY: the structure is SQLite's own and may be written; others may read the
    // pointer at the same moment, so it is exchanged as a whole.
    unsafe {
        let Some(theirs) = (*vfs).xOpen else { return };
        OPEN.store(theirs as *mut (), Ordering::Release);
        let place = (&raw mut (*vfs).xOpen).cast::<*mut ()>();
        AtomicPtr::from_ptr(place).store(opened as *mut (), Ordering::Release);
    }
}

unsafe extern "C" fn opened(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const std::ffi::c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let kind = match flags & 0x000f_ff00 {
        ffi::SQLITE_OPEN_MAIN_DB => FileKind::Database,
        ffi::SQLITE_OPEN_WAL => FileKind::Log,
        _ => FileKind::Other,
    };
    // SAFETY: stored before this function could be called; the arguments are passed on unchanged.
    unsafe {
        let theirs = std::mem::transmute::<*mut (), XOpen>(OPEN.load(Ordering::Acquire));
        let before = descriptors::expect(kind);
        let code = theirs(vfs, name, file, flags, out);
        let descriptor = descriptors::expected(before);
        if code == ffi::SQLITE_OK && kind != FileKind::Other && !name.is_null() {
            table::state().note_file(file as usize, kind, descriptor, CStr::from_ptr(name));
        }
        code
    }
}
