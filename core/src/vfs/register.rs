//! The VFS itself: opening, removing, looking for files.

use std::ffi::{CString, c_char, c_int};

use rusqlite::ffi;

use super::call::{Handle, Kind, Open, name};
use super::files::{FileError, Files};
use super::methods::METHODS;
use super::node::Host;
use super::temp::Temp;
use crate::error::{Error, Result};

/// The longest name of a file, in bytes: as long as any system's path.
const LONGEST_NAME: c_int = 4096;

/// Makes these files a VFS of this name, for
/// [`Options::vfs`](crate::Options::vfs). It stays until the process ends.
///
/// # Errors
/// `InvalidArgument` if the name is taken, or holds a NUL character; what SQLite
/// answers.
pub fn register(name: &str, files: impl Files) -> Result<()> {
    let name = CString::new(name).map_err(|_| Error::invalid("the name holds a NUL character"))?;
    // SAFETY: the name is a C string; SQLite initializes itself once.
    let (code, known, default) = unsafe {
        let code = ffi::sqlite3_initialize();
        let known = ffi::sqlite3_vfs_find(name.as_ptr());
        (code, known, ffi::sqlite3_vfs_find(std::ptr::null()))
    };
    if code != ffi::SQLITE_OK {
        return Err(Error::from_code(code, "SQLite can't be initialized"));
    }
    if !known.is_null() {
        return Err(Error::invalid(format!("there is a VFS named {name:?}")));
    }
    let app = Box::leak(Box::new(App { host: Host::new(Box::new(files)), default }));
    let vfs = ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<Handle>() as c_int,
        mxPathname: LONGEST_NAME,
        pNext: std::ptr::null_mut(),
        // Leaked: SQLite keeps the pointer.
        zName: name.into_raw(),
        pAppData: std::ptr::from_mut(app).cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_name),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: None,
        xGetLastError: None,
        xCurrentTimeInt64: Some(time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    // SAFETY: the VFS lives from now on for ever.
    match unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(Error::from_code(code, "the VFS can't be registered")),
    }
}

/// What the VFS knows.
struct App {
    host: Host,
    /// For what has nothing to do with files.
    default: *mut ffi::sqlite3_vfs,
}

type Vfs = *mut ffi::sqlite3_vfs;

/// # Safety
/// `vfs` was registered here.
unsafe fn app(vfs: Vfs) -> &'static App {
    // SAFETY: by the contract; it is never freed.
    unsafe { &*(*vfs).pAppData.cast::<App>() }
}

/// Files that go when they are closed, and need no name.
const TEMPORARY: c_int = ffi::SQLITE_OPEN_TEMP_DB
    | ffi::SQLITE_OPEN_TEMP_JOURNAL
    | ffi::SQLITE_OPEN_TRANSIENT_DB
    | ffi::SQLITE_OPEN_SUBJOURNAL
    | ffi::SQLITE_OPEN_DELETEONCLOSE;

unsafe extern "C" fn open(
    vfs: Vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let handle = file.cast::<Handle>();
    // SAFETY: SQLite passes this VFS, a C string or null, and room for a handle.
    let (app, path) = unsafe {
        (*handle).base.pMethods = std::ptr::null();
        (app(vfs), name(path))
    };
    let mut opened = flags;
    let kind = match path {
        Some(path) if flags & TEMPORARY == 0 => {
            let create = flags & ffi::SQLITE_OPEN_CREATE != 0;
            let read_only = flags & ffi::SQLITE_OPEN_READONLY != 0;
            let log = flags & ffi::SQLITE_OPEN_WAL != 0;
            match app.host.open(path, create, read_only, log) {
                Ok(node) => {
                    if node.read_only && !read_only {
                        opened &= !ffi::SQLITE_OPEN_READWRITE;
                        opened |= ffi::SQLITE_OPEN_READONLY;
                    }
                    Kind::Named(node)
                }
                Err(error) => return error.opening(),
            }
        }
        _ => Kind::Temp(Temp::default()),
    };
    let open = Box::new(Open { kind, lock: ffi::SQLITE_LOCK_NONE });
    // SAFETY: the handle has room for these, and the flags have, or are null.
    unsafe {
        (*handle).open = Box::into_raw(open);
        (*handle).base.pMethods = &METHODS;
        if !flags_out.is_null() {
            *flags_out = opened;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: Vfs, path: *const c_char, _sync: c_int) -> c_int {
    // SAFETY: SQLite passes this VFS and a C string.
    let (app, path) = unsafe { (app(vfs), name(path)) };
    match app.host.files.remove(path.unwrap_or_default()) {
        Ok(()) => ffi::SQLITE_OK,
        Err(FileError::NotFound) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(error) => error.code(ffi::SQLITE_IOERR_DELETE),
    }
}

unsafe extern "C" fn access(
    vfs: Vfs,
    path: *const c_char,
    flags: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes this VFS, a C string and a place for the answer.
    let (app, path, answer) = unsafe { (app(vfs), name(path), &mut *answer) };
    let asks_for_a_file = flags == ffi::SQLITE_ACCESS_EXISTS;
    let there = path.is_some_and(|path| app.host.files.exists(path));
    *answer = c_int::from(there || !asks_for_a_file);
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_name(
    _vfs: Vfs,
    path: *const c_char,
    room: c_int,
    answer: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a C string, and so much room for the answer.
    unsafe {
        let length = std::ffi::CStr::from_ptr(path).to_bytes_with_nul().len();
        if length > room.unsigned_abs() as usize {
            return ffi::SQLITE_CANTOPEN_FULLPATH;
        }
        std::ptr::copy_nonoverlapping(path, answer, length);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(vfs: Vfs, count: c_int, into: *mut c_char) -> c_int {
    // SAFETY: SQLite passes this VFS, and so much room; the default VFS is always
    // there, and has all these methods.
    unsafe {
        let default = app(vfs).default;
        (*default).xRandomness.map_or(0, |random| random(default, count, into))
    }
}

/// Nobody else could do on this thread what is waited for.
unsafe extern "C" fn sleep(_vfs: Vfs, _micros: c_int) -> c_int {
    0
}

unsafe extern "C" fn time(vfs: Vfs, answer: *mut i64) -> c_int {
    // SAFETY: as for `randomness`.
    unsafe {
        let default = app(vfs).default;
        if let Some(time) = (*default).xCurrentTimeInt64 {
            return time(default, answer);
        }
        let mut day = 0.0;
        let code =
            (*default).xCurrentTime.map_or(ffi::SQLITE_ERROR, |time| time(default, &raw mut day));
        *answer = (day * 86_400_000.0) as i64;
        code
    }
}
