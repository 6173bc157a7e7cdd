//! SQLite's methods for an open file, one of `Files` or a temporary one.

use std::ffi::{CStr, c_int, c_void};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::ffi;
use crate::ffi::{sqlite3_file, sqlite3_int64, sqlite3_io_methods};

use super::codes::{Act, code};
use super::locks::LockLevel;
use super::node::Node;
use super::nodes::Nodes;
use super::shm::Share;
use super::temporary::Temporary;
use super::{FileError, lock};
use crate::platform::page_reads;

/// What SQLite keeps for an open file: its own part first.
#[repr(C)]
pub(super) struct SqliteFile {
    base: sqlite3_file,
    kind: FileBehind,
}

enum FileBehind {
    Named(Named),
    Temporary(Temporary),
}

/// A connection's part of an open file.
pub(super) struct Named {
    pub(super) nodes: &'static Nodes,
    pub(super) node: Arc<Node>,
    pub(super) read_only: bool,
    pub(super) remove_at_close: bool,
    pub(super) vfs: &'static CStr,
    held: LockLevel,
    share: Share,
    persist_wal: bool,
}

impl Named {
    pub(super) fn new(
        nodes: &'static Nodes,
        node: Arc<Node>,
        read_only: bool,
        remove_at_close: bool,
        vfs: &'static CStr,
    ) -> Self {
        Self {
            nodes,
            node,
            read_only,
            remove_at_close,
            vfs,
            held: LockLevel::default(),
            share: Share::default(),
            persist_wal: false,
        }
    }
}

impl SqliteFile {
    pub(super) fn named(named: Named) -> Self {
        Self { base: sqlite3_file { pMethods: &METHODS }, kind: FileBehind::Named(named) }
    }

    pub(super) fn temporary() -> Self {
        let kind = FileBehind::Temporary(Temporary::default());
        Self { base: sqlite3_file { pMethods: &METHODS }, kind }
    }
}

/// Version 2: with shared memory, without mapped pages.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(raise_lock),
    xUnlock: Some(lower_lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// # Safety
/// `file` was opened by this VFS, and is used by this call alone.
unsafe fn kind<'a>(file: *mut sqlite3_file) -> &'a mut FileBehind {
    // SAFETY: by the contract; what was opened begins with a `SqliteFile`.
    unsafe { &mut (*file.cast::<SqliteFile>()).kind }
}

fn answer(act: Act, done: Result<(), FileError>) -> c_int {
    done.map_or_else(|error| code(act, error), |()| ffi::SQLITE_OK)
}

/// SQLite's offsets and sizes are never negative.
fn unsigned(at: sqlite3_int64) -> u64 {
    u64::try_from(at).unwrap_or(0)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes once what was opened, and uses it no more.
    let kind = unsafe { std::ptr::read(&raw const (*file.cast::<SqliteFile>()).kind) };
    // SAFETY: as before; a file without methods counts as closed.
    unsafe { (*file).pMethods = std::ptr::null() };
    let FileBehind::Named(mut named) = kind else { return ffi::SQLITE_OK };
    lock(&named.node.locks).lower(&mut named.held, ffi::SQLITE_LOCK_NONE);
    lock(&named.node.shm).unmap(&mut named.share);
    named.nodes.close(&named.node);
    if named.remove_at_close {
        return answer(Act::Delete, named.nodes.remove(&named.node.name));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    at: sqlite3_int64,
) -> c_int {
    let amount = usize::try_from(amount).unwrap_or(0);
    // SAFETY: SQLite passes a buffer of this length, and the file is its own.
    let (into, kind) =
        unsafe { (slice::from_raw_parts_mut(into.cast::<u8>(), amount), kind(file)) };
    let done = match kind {
        FileBehind::Named(named) => named.node.read(into, unsigned(at)),
        FileBehind::Temporary(temporary) => Ok(temporary.read(into, unsigned(at))),
    };
    match done {
        Ok(count) if count >= amount => ffi::SQLITE_OK,
        Ok(count) => {
            into[count..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(error) => code(Act::Read, error),
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: sqlite3_int64,
) -> c_int {
    let amount = usize::try_from(amount).unwrap_or(0);
    // SAFETY: SQLite passes `amount` bytes, and the file is its own.
    let (from, kind) = unsafe { (slice::from_raw_parts(from.cast::<u8>(), amount), kind(file)) };
    match kind {
        FileBehind::Named(named) if named.read_only => ffi::SQLITE_READONLY,
        FileBehind::Named(named) => answer(Act::Write, named.node.write(from, unsigned(at))),
        FileBehind::Temporary(temporary) => answer(Act::Write, temporary.write(from, unsigned(at))),
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    match unsafe { kind(file) } {
        FileBehind::Named(named) if named.read_only => ffi::SQLITE_READONLY,
        FileBehind::Named(named) => answer(Act::Truncate, named.node.truncate(unsigned(size))),
        FileBehind::Temporary(temporary) => {
            answer(Act::Truncate, temporary.truncate(unsigned(size)))
        }
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    match unsafe { kind(file) } {
        FileBehind::Named(named) => answer(Act::Sync, named.node.sync()),
        FileBehind::Temporary(_) => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    let found = match unsafe { kind(file) } {
        FileBehind::Named(named) => named.node.size(),
        FileBehind::Temporary(temporary) => Ok(temporary.size()),
    };
    match found {
        Ok(found) => {
            // SAFETY: SQLite provides the memory for the result.
            unsafe { *size = sqlite3_int64::try_from(found).unwrap_or(sqlite3_int64::MAX) };
            ffi::SQLITE_OK
        }
        Err(error) => code(Act::Size, error),
    }
}

unsafe extern "C" fn raise_lock(file: *mut sqlite3_file, to: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    match unsafe { kind(file) } {
        // A read-only connection has no business with it: otherwise the last reader would begin a
        // checkpoint when it closes.
        FileBehind::Named(named) if named.read_only && to > ffi::SQLITE_LOCK_SHARED => {
            ffi::SQLITE_READONLY
        }
        FileBehind::Named(named) => lock(&named.node.locks).raise(&mut named.held, to),
        FileBehind::Temporary(_) => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn lower_lock(file: *mut sqlite3_file, to: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    if let FileBehind::Named(named) = unsafe { kind(file) } {
        lock(&named.node.locks).lower(&mut named.held, to);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    let found = match unsafe { kind(file) } {
        FileBehind::Named(named) => lock(&named.node.locks).is_reserved(),
        FileBehind::Temporary(_) => false,
    };
    // SAFETY: SQLite provides the memory for the result.
    unsafe { *reserved = c_int::from(found) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(
    file: *mut sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    let FileBehind::Named(named) = (unsafe { kind(file) }) else { return ffi::SQLITE_NOTFOUND };
    let number = argument.cast::<c_int>();
    match operation {
        ffi::SQLITE_FCNTL_LOCKSTATE => {
            // SAFETY: the argument of this operation is an integer to be set.
            unsafe { *number = named.held.0 };
        }
        // It is in fact 1, and can't be set otherwise.
        ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE => {
            // SAFETY: the argument of this operation is an integer to be set.
            unsafe { *number = 1 };
        }
        ffi::SQLITE_FCNTL_PERSIST_WAL => {
            // SAFETY: the argument of this operation is an integer: what to set, or a query if
            // negative.
            unsafe {
                match *number {
                    wish if wish < 0 => *number = c_int::from(named.persist_wal),
                    wish => named.persist_wal = wish != 0,
                }
            }
        }
        ffi::SQLITE_FCNTL_HAS_MOVED => {
            // SAFETY: the argument of this operation is an integer to be set.
            unsafe { *number = c_int::from(named.node.has_moved()) };
        }
        ffi::SQLITE_FCNTL_VFSNAME => {
            // SAFETY: the argument of this operation is where a string of
            // SQLite's memory goes; the format takes one C string.
            unsafe {
                *argument.cast::<*mut std::ffi::c_char>() =
                    ffi::sqlite3_mprintf(c"%s".as_ptr(), named.vfs.as_ptr());
            }
        }
        ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE => {}
        _ => return ffi::SQLITE_NOTFOUND,
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn sector_size(_file: *mut sqlite3_file) -> c_int {
    4096
}

/// What is true of a file on an ordinary disk, and of a browser's. An append may
/// leave garbage, writes may come out of order, and none is atomic.
unsafe extern "C" fn device_characteristics(_file: *mut sqlite3_file) -> c_int {
    page_reads::characteristics(
        ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
            | ffi::SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN
            | ffi::SQLITE_IOCAP_SUBPAGE_READ,
    )
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    address: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    let FileBehind::Named(named) = (unsafe { kind(file) }) else { return ffi::SQLITE_IOERR_SHMMAP };
    match lock(&named.node.shm).map(&mut named.share, region, size, extend != 0) {
        Ok(found) => {
            // SAFETY: SQLite provides the memory for the result.
            unsafe { *address = found };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    let FileBehind::Named(named) = (unsafe { kind(file) }) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let ends = first == 0 && flags & ffi::SQLITE_SHM_UNLOCK != 0 && named.share.writes();
    if ends && !named.nodes.are_in_memory() {
        // A commit has been handed over. What the writer leaves behind is undone: it need not be
        // written, nor fail on a full disk later.
        if let Some(log) = named.nodes.find(&format!("{}-wal", named.node.name)) {
            log.forget();
        }
    }
    lock(&named.node.shm).lock(&mut named.share, first, count, flags)
}

unsafe extern "C" fn shm_barrier(_file: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite's own.
    if let FileBehind::Named(named) = unsafe { kind(file) } {
        lock(&named.node.shm).unmap(&mut named.share);
    }
    ffi::SQLITE_OK
}
