//! The system's SQLite library, alongside the one that is linked into this program.

use std::ffi::{CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use libloading::Library;

type Open = unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int;
type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
type Timeout = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
type Exec = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    *const c_void,
    *const c_void,
    *mut *mut c_char,
) -> c_int;

/// Another copy of SQLite.
pub(crate) struct Another {
    open: Open,
    close: Close,
    timeout: Timeout,
    exec: Exec,
    _library: Library,
}

/// One of its connections.
pub(crate) struct Theirs<'a> {
    raw: *mut c_void,
    of: &'a Another,
}

impl Another {
    pub(crate) fn load() -> Self {
        // SAFETY: the functions are those of SQLite's documentation.
        unsafe {
            let library = Library::new("libsqlite3.so.0").expect(
                "this test needs SQLite as a library of the system: install Debian's libsqlite3-0",
            );
            Self {
                open: *library.get(b"sqlite3_open\0").unwrap(),
                close: *library.get(b"sqlite3_close\0").unwrap(),
                timeout: *library.get(b"sqlite3_busy_timeout\0").unwrap(),
                exec: *library.get(b"sqlite3_exec\0").unwrap(),
                _library: library,
            }
        }
    }

    pub(crate) fn open(&self, path: &Path) -> Theirs<'_> {
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        let mut raw = ptr::null_mut();
        // SAFETY: the path is a C string, and the handle is closed by the drop.
        let code = unsafe { (self.open)(path.as_ptr(), &raw mut raw) };
        assert_eq!(code, 0);
        let theirs = Theirs { raw, of: self };
        theirs.set_busy_timeout(30_000);
        theirs
    }
}

impl Theirs<'_> {
    pub(crate) fn set_busy_timeout(&self, millis: c_int) {
        // SAFETY: the connection is open.
        unsafe { (self.of.timeout)(self.raw, millis) };
    }

    /// Runs statements; the error is SQLite's code.
    pub(crate) fn run(&self, sql: &str) -> Result<(), c_int> {
        let sql = CString::new(sql).unwrap();
        // SAFETY: the connection is open, and what is not wanted may be null.
        let code = unsafe {
            (self.of.exec)(self.raw, sql.as_ptr(), ptr::null(), ptr::null(), ptr::null_mut())
        };
        if code == 0 { Ok(()) } else { Err(code) }
    }
}

impl Drop for Theirs<'_> {
    fn drop(&mut self) {
        // SAFETY: the connection is open.
        unsafe { (self.of.close)(self.raw) };
    }
}
