//! What SQLite does with an open file.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{Ordering, fence};

use rusqlite::ffi;

use super::call::{Handle, Kind, Open, code, open};
use super::node::{Node, lock};

/// A database's file, its journal and log, and temporary files.
pub(super) static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(raise),
    xUnlock: Some(lower),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// As large as a page of most disks: what one write may damage around it.
const SECTOR: c_int = 4096;

type File = *mut ffi::sqlite3_file;

unsafe extern "C" fn close(file: File) -> c_int {
    // SAFETY: SQLite closes a file that `xOpen` opened, once.
    unsafe {
        let open = Box::from_raw((*file.cast::<Handle>()).open);
        if let Kind::Named(node) = &open.kind {
            lock(&node.memory).unmap(open.owner());
            lock(&node.locks).lower(open.owner(), open.lock, ffi::SQLITE_LOCK_NONE);
        }
        drop(open);
        (*file).pMethods = std::ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: File, into: *mut c_void, amount: c_int, at: i64) -> c_int {
    let (amount, at) = (amount.unsigned_abs() as usize, at.unsigned_abs());
    // SAFETY: SQLite passes an open file and a buffer of this size, which may not
    // be initialized: zeros are as cheap as a promise.
    unsafe {
        let into = into.cast::<u8>();
        into.write_bytes(0, amount);
        let into = std::slice::from_raw_parts_mut(into, amount);
        match &open(file).kind {
            Kind::Named(node) => code(node.read(into, at)),
            Kind::Temp(temp) => {
                if temp.read(into, place(at)) < amount {
                    return ffi::SQLITE_IOERR_SHORT_READ;
                }
                ffi::SQLITE_OK
            }
        }
    }
}

unsafe extern "C" fn write(file: File, from: *const c_void, amount: c_int, at: i64) -> c_int {
    let at = at.unsigned_abs();
    // SAFETY: SQLite passes an open file and this many bytes.
    unsafe {
        let from = std::slice::from_raw_parts(from.cast::<u8>(), amount.unsigned_abs() as usize);
        match &mut open(file).kind {
            Kind::Named(node) => code(node.write(from, at)),
            Kind::Temp(temp) => {
                temp.write(from, place(at));
                ffi::SQLITE_OK
            }
        }
    }
}

/// A place in memory.
fn place(at: u64) -> usize {
    // Beyond it nothing could have been written.
    usize::try_from(at).unwrap_or(usize::MAX)
}

unsafe extern "C" fn truncate(file: File, size: i64) -> c_int {
    // SAFETY: SQLite passes an open file.
    match unsafe { &mut open(file).kind } {
        Kind::Named(node) => code(node.truncate(size.unsigned_abs())),
        Kind::Temp(temp) => {
            temp.truncate(place(size.unsigned_abs()));
            ffi::SQLITE_OK
        }
    }
}

unsafe extern "C" fn sync(file: File, _flags: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    match unsafe { &open(file).kind } {
        Kind::Named(node) => code(node.sync()),
        Kind::Temp(_) => ffi::SQLITE_OK,
    }
}

unsafe extern "C" fn size(file: File, size: *mut i64) -> c_int {
    // SAFETY: SQLite passes an open file, and a place for the answer.
    let (kind, size) = unsafe { (&open(file).kind, &mut *size) };
    let found = match kind {
        Kind::Named(node) => node.size(),
        Kind::Temp(temp) => Ok(temp.size() as u64),
    };
    match found {
        Ok(found) => {
            *size = i64::try_from(found).unwrap_or(i64::MAX);
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

/// The named file, and who asks: temporary files need no locks.
fn named(open: &mut Open) -> Option<(&Node, usize, &mut c_int)> {
    let owner = open.owner();
    match &open.kind {
        Kind::Named(node) => Some((node, owner, &mut open.lock)),
        Kind::Temp(_) => None,
    }
}

unsafe extern "C" fn raise(file: File, wanted: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let Some((node, owner, held)) = named(unsafe { open(file) }) else { return ffi::SQLITE_OK };
    let (reached, code) = lock(&node.locks).raise(owner, *held, wanted);
    *held = reached;
    code
}

unsafe extern "C" fn lower(file: File, wanted: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    if let Some((node, owner, held)) = named(unsafe { open(file) }) {
        *held = lock(&node.locks).lower(owner, *held, wanted);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: File, answer: *mut c_int) -> c_int {
    // SAFETY: SQLite passes an open file, and a place for the answer.
    let (open, answer) = unsafe { (open(file), &mut *answer) };
    let reserved = named(open).is_some_and(|(node, ..)| lock(&node.locks).is_reserved());
    *answer = c_int::from(reserved);
    ffi::SQLITE_OK
}

unsafe extern "C" fn control(file: File, what: c_int, argument: *mut c_void) -> c_int {
    let answer = match what {
        // SAFETY: SQLite passes an open file.
        ffi::SQLITE_FCNTL_LOCKSTATE => unsafe { open(file).lock },
        ffi::SQLITE_FCNTL_HAS_MOVED => 0,
        ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE => 1,
        // Hints, of which no use is made.
        ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE => return ffi::SQLITE_OK,
        _ => return ffi::SQLITE_NOTFOUND,
    };
    // SAFETY: for these SQLite passes a place for an integer.
    unsafe { *argument.cast::<c_int>() = answer };
    ffi::SQLITE_OK
}

unsafe extern "C" fn sector_size(_file: File) -> c_int {
    SECTOR
}

unsafe extern "C" fn characteristics(_file: File) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN
}

unsafe extern "C" fn shm_map(
    file: File,
    region: c_int,
    size: c_int,
    extend: c_int,
    answer: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes an open file, and a place for the answer.
    let (open, answer) = unsafe { (open(file), &mut *answer) };
    let Some((node, owner, _)) = named(open) else { return ffi::SQLITE_IOERR_SHMMAP };
    let (region, size) = (region.unsigned_abs() as usize, size.unsigned_abs() as usize);
    *answer = lock(&node.memory).map(owner, region, size, extend != 0).cast();
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: File, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    let Some((node, owner, _)) = named(unsafe { open(file) }) else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let (first, count) = (first.unsigned_abs() as usize, count.unsigned_abs() as usize);
    lock(&node.memory).lock(owner, first, count, flags)
}

unsafe extern "C" fn shm_barrier(_file: File) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: File, _delete: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    if let Some((node, owner, _)) = named(unsafe { open(file) }) {
        lock(&node.memory).unmap(owner);
    }
    ffi::SQLITE_OK
}
