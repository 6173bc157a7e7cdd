//! SQLite's types.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::marker::{PhantomData, PhantomPinned};

macro_rules! opaque {
    ($($(#[$about:meta])* $name:ident;)+) => {$(
        $(#[$about])*
        #[repr(C)]
        #[derive(Debug)]
        pub(crate) struct $name {
            _opaque: [u8; 0],
            // Nobody here owns one, moves it, or may assume that a thread can use it.
            _unknown: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )+};
}

opaque! {
    /// A connection.
    sqlite3;
    /// A prepared statement.
    sqlite3_stmt;
    /// A value.
    sqlite3_value;
    /// The call of a function that SQL calls.
    sqlite3_context;
    /// A page cache.
    sqlite3_pcache;
    /// A page in a page cache.
    sqlite3_pcache_page;
    /// Change sets that are put together.
    sqlite3_changegroup;
    /// A place in a change set.
    sqlite3_changeset_iter;
    /// A copy of a database that is under way.
    sqlite3_backup;
}

pub(crate) type sqlite3_int64 = i64;
pub(crate) type sqlite3_uint64 = u64;
pub(crate) type sqlite3_filename = *const c_char;
pub(crate) type sqlite3_syscall_ptr = Option<unsafe extern "C" fn()>;
pub(crate) type sqlite3_function =
    Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>;
pub(crate) type sqlite3_destructor_type = Option<unsafe extern "C" fn(*mut c_void)>;

/// The beginning of an open file; the VFS that opened it has the rest.
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case, reason = "the names are SQLite's")]
pub(crate) struct sqlite3_file {
    pub(crate) pMethods: *const sqlite3_io_methods,
}

/// What SQLite calls to use an open file.
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case, reason = "the names are SQLite's")]
pub(crate) struct sqlite3_io_methods {
    pub(crate) iVersion: c_int,
    pub(crate) xClose: Option<unsafe extern "C" fn(*mut sqlite3_file) -> c_int>,
    pub(crate) xRead:
        Option<unsafe extern "C" fn(*mut sqlite3_file, *mut c_void, c_int, sqlite3_int64) -> c_int>,
    pub(crate) xWrite: Option<
        unsafe extern "C" fn(*mut sqlite3_file, *const c_void, c_int, sqlite3_int64) -> c_int,
    >,
    pub(crate) xTruncate: Option<unsafe extern "C" fn(*mut sqlite3_file, sqlite3_int64) -> c_int>,
    pub(crate) xSync: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub(crate) xFileSize:
        Option<unsafe extern "C" fn(*mut sqlite3_file, *mut sqlite3_int64) -> c_int>,
    pub(crate) xLock: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub(crate) xUnlock: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub(crate) xCheckReservedLock:
        Option<unsafe extern "C" fn(*mut sqlite3_file, *mut c_int) -> c_int>,
    pub(crate) xFileControl:
        Option<unsafe extern "C" fn(*mut sqlite3_file, c_int, *mut c_void) -> c_int>,
    pub(crate) xSectorSize: Option<unsafe extern "C" fn(*mut sqlite3_file) -> c_int>,
    pub(crate) xDeviceCharacteristics: Option<unsafe extern "C" fn(*mut sqlite3_file) -> c_int>,
    pub(crate) xShmMap: Option<
        unsafe extern "C" fn(*mut sqlite3_file, c_int, c_int, c_int, *mut *mut c_void) -> c_int,
    >,
    pub(crate) xShmLock:
        Option<unsafe extern "C" fn(*mut sqlite3_file, c_int, c_int, c_int) -> c_int>,
    pub(crate) xShmBarrier: Option<unsafe extern "C" fn(*mut sqlite3_file)>,
    pub(crate) xShmUnmap: Option<unsafe extern "C" fn(*mut sqlite3_file, c_int) -> c_int>,
    pub(crate) xFetch: Option<
        unsafe extern "C" fn(*mut sqlite3_file, sqlite3_int64, c_int, *mut *mut c_void) -> c_int,
    >,
    pub(crate) xUnfetch:
        Option<unsafe extern "C" fn(*mut sqlite3_file, sqlite3_int64, *mut c_void) -> c_int>,
}

/// What SQLite calls to keep pages.
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case, reason = "the names are SQLite's")]
pub(crate) struct sqlite3_pcache_methods2 {
    pub(crate) iVersion: c_int,
    pub(crate) pArg: *mut c_void,
    pub(crate) xInit: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    pub(crate) xShutdown: Option<unsafe extern "C" fn(*mut c_void)>,
    pub(crate) xCreate: Option<unsafe extern "C" fn(c_int, c_int, c_int) -> *mut sqlite3_pcache>,
    pub(crate) xCachesize: Option<unsafe extern "C" fn(*mut sqlite3_pcache, c_int)>,
    pub(crate) xPagecount: Option<unsafe extern "C" fn(*mut sqlite3_pcache) -> c_int>,
    pub(crate) xFetch: Option<
        unsafe extern "C" fn(*mut sqlite3_pcache, c_uint, c_int) -> *mut sqlite3_pcache_page,
    >,
    pub(crate) xUnpin:
        Option<unsafe extern "C" fn(*mut sqlite3_pcache, *mut sqlite3_pcache_page, c_int)>,
    pub(crate) xRekey:
        Option<unsafe extern "C" fn(*mut sqlite3_pcache, *mut sqlite3_pcache_page, c_uint, c_uint)>,
    pub(crate) xTruncate: Option<unsafe extern "C" fn(*mut sqlite3_pcache, c_uint)>,
    pub(crate) xDestroy: Option<unsafe extern "C" fn(*mut sqlite3_pcache)>,
    pub(crate) xShrink: Option<unsafe extern "C" fn(*mut sqlite3_pcache)>,
}

/// What SQLite calls to open files.
#[repr(C)]
#[derive(Debug)]
#[allow(non_snake_case, reason = "the names are SQLite's")]
pub(crate) struct sqlite3_vfs {
    pub(crate) iVersion: c_int,
    pub(crate) szOsFile: c_int,
    pub(crate) mxPathname: c_int,
    pub(crate) pNext: *mut sqlite3_vfs,
    pub(crate) zName: *const c_char,
    pub(crate) pAppData: *mut c_void,
    pub(crate) xOpen: Option<
        unsafe extern "C" fn(
            *mut sqlite3_vfs,
            sqlite3_filename,
            *mut sqlite3_file,
            c_int,
            *mut c_int,
        ) -> c_int,
    >,
    pub(crate) xDelete:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int) -> c_int>,
    pub(crate) xAccess:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int, *mut c_int) -> c_int>,
    pub(crate) xFullPathname:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, c_int, *mut c_char) -> c_int>,
    pub(crate) xDlOpen:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char) -> *mut c_void>,
    pub(crate) xDlError: Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char)>,
    pub(crate) xDlSym: Option<
        unsafe extern "C" fn(
            *mut sqlite3_vfs,
            *mut c_void,
            *const c_char,
        ) -> Option<
            unsafe extern "C" fn(*mut sqlite3_vfs, *mut c_void, *const c_char),
        >,
    >,
    pub(crate) xDlClose: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut c_void)>,
    pub(crate) xRandomness:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char) -> c_int>,
    pub(crate) xSleep: Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int) -> c_int>,
    pub(crate) xCurrentTime: Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut f64) -> c_int>,
    pub(crate) xGetLastError:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, c_int, *mut c_char) -> c_int>,
    pub(crate) xCurrentTimeInt64:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *mut sqlite3_int64) -> c_int>,
    pub(crate) xSetSystemCall:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, sqlite3_syscall_ptr) -> c_int>,
    pub(crate) xGetSystemCall:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char) -> sqlite3_syscall_ptr>,
    pub(crate) xNextSystemCall:
        Option<unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char) -> *const c_char>,
}
