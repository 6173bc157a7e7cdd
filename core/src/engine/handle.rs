//! Opening and closing SQLite's connections: the only code that does so.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::fmt;
use std::path::Path;
use std::ptr;

use super::last_error;
use crate::error::{Phase, Result};
use crate::ffi;
use crate::platform;

/// An open SQLite connection, closed when dropped.
///
/// Only one thread at a time may use it, which its owner must ensure: it is opened without a mutex
/// in SQLite (`SQLITE_OPEN_NOMUTEX`).
#[derive(Debug)]
pub(crate) struct DatabaseHandle(ptr::NonNull<ffi::sqlite3>);

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum OpenFailure {
    /// SQLite's extended code, and its message.
    Code(c_int, String),
    /// The name can't be a file name: it contains a NUL, or is not text where it must be.
    Name,
    /// The linked SQLite was compiled without threads.
    Threads,
}

impl DatabaseHandle {
    /// Opens `name` with `SQLITE_OPEN_*` flags, using the named VFS or the default one. Codes are
    /// extended ones.
    pub(crate) fn open(name: &Path, flags: c_int, vfs: Option<&str>) -> Result<Self, OpenFailure> {
        // SAFETY: it takes nothing.
        if platform::THREADS && unsafe { ffi::sqlite3_threadsafe() } == 0 {
            return Err(OpenFailure::Threads);
        }
        let name = platform::file_name(name)
            .and_then(|name| CString::new(name).ok())
            .ok_or(OpenFailure::Name)?;
        let vfs = vfs.map(CString::new).transpose().map_err(|_| OpenFailure::Name)?;
        let flags = flags | ffi::SQLITE_OPEN_NOMUTEX | ffi::SQLITE_OPEN_EXRESCODE;
        let mut db = ptr::null_mut();
        #[cfg(not(target_family = "wasm"))]
        let _chosen = crate::vfs::GuardChoice::begin();
        // SAFETY: the names are C strings that live on, and null asks for the default.
        let code = unsafe {
            let vfs = vfs.as_ref().map_or(ptr::null(), |vfs| vfs.as_ptr());
            ffi::sqlite3_open_v2(name.as_ptr(), &raw mut db, flags, vfs)
        };
        // A connection that failed to open must be closed too. If there was no memory for one,
        // there is none.
        let handle = ptr::NonNull::new(db).map(Self);
        match handle {
            Some(handle) if code == ffi::SQLITE_OK => Ok(handle),
            Some(handle) => {
                // SAFETY: it exists until `handle` goes, and its last call returned `code`.
                let (code, message) = unsafe { last_error(handle.raw(), code) };
                Err(OpenFailure::Code(code, message.into_owned()))
            }
            None => Err(OpenFailure::Code(code, text_of(code).into_owned())),
        }
    }

    /// Runs statements that return nothing of interest.
    ///
    /// # Errors
    /// That of the first statement that fails.
    pub(super) fn execute(&self, sql: &CStr) -> Result<()> {
        // SAFETY: the connection is open and its owner alone uses it; nothing is called back.
        unsafe {
            let (none, null) = (ptr::null_mut(), ptr::null_mut());
            match ffi::sqlite3_exec(self.raw(), sql.as_ptr(), None, none, null) {
                ffi::SQLITE_OK => Ok(()),
                code => Err(super::failure(self.raw(), code, Phase::Run)),
            }
        }
    }

    /// Returns the connection, which is open as long as this lives.
    pub(crate) fn raw(&self) -> *mut ffi::sqlite3 {
        self.0.as_ptr()
    }
}

impl Drop for DatabaseHandle {
    fn drop(&mut self) {
        // Its statements were finalized before. If one is left, or a copy of the database is in
        // progress, the connection ends with the last of them. `sqlite3_close` would refuse, and
        // nothing would close it after that.
        // SAFETY: it is open, and nobody uses it after this.
        unsafe { ffi::sqlite3_close_v2(self.raw()) };
    }
}

impl fmt::Display for OpenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_, message) => message,
            Self::Name => "the path can't be a file name",
            Self::Threads => {
                "the linked SQLite was compiled without thread support (SQLITE_THREADSAFE=0); \
                 link one that has it"
            }
        })
    }
}

pub(super) fn text_of(code: c_int) -> Cow<'static, str> {
    // SAFETY: SQLite's texts are C strings that are never freed.
    unsafe { CStr::from_ptr(ffi::sqlite3_errstr(code)).to_string_lossy() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: c_int = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE;

    fn refused(name: &str, flags: c_int) -> OpenFailure {
        DatabaseHandle::open(Path::new(name), flags, None).unwrap_err()
    }

    #[test]
    fn what_can_not_be_opened_says_why_in_sqlites_words() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none/a.db");
        match refused(missing.to_str().unwrap(), WRITE) {
            OpenFailure::Code(code, message) => {
                assert_eq!(code & 0xff, ffi::SQLITE_CANTOPEN);
                assert_eq!(message, "unable to open database file");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_with_a_nul_is_refused_and_not_cut_short() {
        assert!(matches!(refused("a\0b", WRITE), OpenFailure::Name));
        assert!(matches!(
            DatabaseHandle::open(Path::new(":memory:"), WRITE, Some("unix\0")).unwrap_err(),
            OpenFailure::Name
        ));
    }

    /// Returns how many descriptors of this process refer to the file, if the system can tell.
    fn descriptors(file: &Path) -> Option<usize> {
        let all = std::fs::read_dir("/proc/self/fd").ok()?;
        Some(
            all.flatten()
                .filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == file))
                .count(),
        )
    }

    #[test]
    fn a_statement_that_was_left_does_not_keep_the_file_open_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("a.db");
        let db = DatabaseHandle::open(&path, WRITE, None).unwrap();
        let mut statement = ptr::null_mut();
        // SAFETY: the connection is open, the SQL a C string, and the pointers are ours.
        unsafe {
            let sql = c"SELECT count(*) FROM sqlite_schema";
            let code = ffi::sqlite3_prepare_v3(
                db.raw(),
                sql.as_ptr(),
                -1,
                0,
                &raw mut statement,
                ptr::null_mut(),
            );
            assert_eq!(code, ffi::SQLITE_OK);
            assert_eq!(ffi::sqlite3_step(statement), ffi::SQLITE_ROW);
        }
        drop(db);
        // SAFETY: the statement exists until here, and its connection with it.
        unsafe { ffi::sqlite3_finalize(statement) };
        if let Some(left) = descriptors(&path) {
            assert_eq!(left, 0);
        }
    }
}
