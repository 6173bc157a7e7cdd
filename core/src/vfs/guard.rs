//! A check before SQLite opens a file that a statement names.
//!
//! Where an engine without SQLite's locks may have files open (Node's wasm engine), an `ATTACH` or
//! a `VACUUM INTO` must not open them as well: reading one in WAL mode writes next to it, and
//! closing it may copy its log and remove that. So a VFS that asks first is put in front of
//! SQLite's default one. Its files are the default one's own: nothing comes between them and SQLite
//! except at opening and closing.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, OnceLock};

use super::codes::{Act, code};
use super::{FileError, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};
use crate::platform::page_reads;

/// What is kept while a file is open.
pub type Kept = Box<dyn Any + Send>;

/// Consulted for every database file that a statement opens, by its full path.
pub trait Guard: Send + Sync + 'static {
    /// Admits the file; what it returns is dropped when the file is closed.
    ///
    /// # Errors
    /// `Held` if another holder must have it alone: the statement fails with `Busy`.
    fn admit(&self, path: &str) -> std::result::Result<Kept, FileError>;
}

struct GuardedVfs {
    guard: Box<dyn Guard>,
    /// The VFS that asks it.
    asking: *mut sqlite3_vfs,
    /// SQLite's own.
    behind: *mut sqlite3_vfs,
}

// SAFETY: both VFS live as long as SQLite, and their functions are for any thread.
unsafe impl Send for GuardedVfs {}
// SAFETY: as above.
unsafe impl Sync for GuardedVfs {}

static GUARDED: OnceLock<GuardedVfs> = OnceLock::new();

thread_local! {
    /// Set while this thread opens a database of its own choice.
    static CHOSEN: Cell<bool> = const { Cell::new(false) };
}

/// Consults `guard` before a statement opens another database file, by `ATTACH` or `VACUUM INTO`,
/// on every connection that this process opens from now on. A database opened by
/// [`Options`](crate::Options) is not checked: its opener has looked.
///
/// # Errors
/// `InvalidArgument` if there is a guard already; `Internal` if SQLite refuses.
pub fn guard(guard: impl Guard) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = lock(&ONE_AT_A_TIME);
    if GUARDED.get().is_some() {
        return Err(Error::invalid("a guard for files is already set"));
    }
    page_reads::install();
    // SAFETY: null asks for the default VFS, which lives as long as SQLite.
    let behind = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: as above.
    let Some(default) = (unsafe { behind.as_ref() }) else {
        return Err(Error::new(ErrorKind::Internal, "SQLite has no VFS for files"));
    };
    // It does everything but `xOpen` as the default one does.
    let asking = Box::leak(Box::new(sqlite3_vfs {
        pNext: ptr::null_mut(),
        zName: c"ubiqlite-guarded".as_ptr(),
        xOpen: Some(open),
        ..*default
    }));
    let _ = GUARDED.set(GuardedVfs { guard: Box::new(guard), asking, behind });
    // SAFETY: all of it lives as long as the process.
    match unsafe { ffi::sqlite3_vfs_register(asking, 1) } {
        ffi::SQLITE_OK => Ok(()),
        code => {
            let message = format!("SQLite refused the VFS with code {code}");
            Err(Error::new(ErrorKind::Internal, message))
        }
    }
}

/// The VFS that asks, once there is a guard. Its files need as much room as the default one's.
pub(super) fn guarded() -> Option<*mut sqlite3_vfs> {
    GUARDED.get().map(|guarded| guarded.asking)
}

/// While it lives, what this thread opens is this library's choice, not a statement's.
pub(crate) struct GuardChoice {
    before: bool,
}

impl GuardChoice {
    pub(crate) fn begin() -> Self {
        Self { before: CHOSEN.replace(true) }
    }
}

impl Drop for GuardChoice {
    fn drop(&mut self) {
        CHOSEN.set(self.before);
    }
}

/// The methods of an admitted file: the default VFS's, except for closing.
#[repr(C)]
struct Admitted {
    /// First: SQLite knows the file by this.
    methods: sqlite3_io_methods,
    own: *const sqlite3_io_methods,
    kept: Option<Kept>,
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite provides room for a file. Without methods it is not closed.
    unsafe { (*file).pMethods = ptr::null() };
    let Some(GuardedVfs { guard, behind, .. }) = GUARDED.get() else { return ffi::SQLITE_CANTOPEN };
    let named = flags & ffi::SQLITE_OPEN_MAIN_DB != 0 && !name.is_null();
    let asked = named && !CHOSEN.get();
    let kept = if asked {
        // SAFETY: a name of SQLite's is a C string.
        let path = unsafe { CStr::from_ptr(name) }.to_string_lossy();
        // A panic must not cross SQLite.
        match catch_unwind(AssertUnwindSafe(|| guard.admit(&path))) {
            Ok(Ok(kept)) => Some(kept),
            Ok(Err(error)) => return code(Act::OpenMain, error),
            Err(_) => return ffi::SQLITE_CANTOPEN,
        }
    } else {
        None
    };
    // SAFETY: as SQLite itself calls it: with the VFS that it belongs to, which requires as much
    // room as this one.
    let opened = unsafe {
        match (**behind).xOpen {
            Some(open) => open(*behind, name, file, flags, out_flags),
            None => ffi::SQLITE_CANTOPEN,
        }
    };
    if opened == ffi::SQLITE_OK && kept.is_some() {
        // SAFETY: it is open, and SQLite calls its methods through this pointer until it is closed.
        unsafe {
            let own = (*file).pMethods;
            if !own.is_null() {
                let methods = methods_of(own);
                let admitted = Box::new(Admitted { methods, own, kept });
                (*file).pMethods = Box::into_raw(admitted).cast_const().cast();
            }
        }
    }
    opened
}

/// Returns a copy of a file's methods, with our `close`.
///
/// # Safety
/// `own` points to methods, of which there are as many as their version says.
unsafe fn methods_of(own: *const sqlite3_io_methods) -> sqlite3_io_methods {
    // SAFETY: by the contract; those of its version are read, and no others.
    unsafe {
        let version = (*own).iVersion;
        let mut methods = sqlite3_io_methods {
            iVersion: version,
            xClose: Some(close),
            xRead: (*own).xRead,
            xWrite: (*own).xWrite,
            xTruncate: (*own).xTruncate,
            xSync: (*own).xSync,
            xFileSize: (*own).xFileSize,
            xLock: (*own).xLock,
            xUnlock: (*own).xUnlock,
            xCheckReservedLock: (*own).xCheckReservedLock,
            xFileControl: (*own).xFileControl,
            xSectorSize: (*own).xSectorSize,
            xDeviceCharacteristics: Some(device_characteristics),
            xShmMap: None,
            xShmLock: None,
            xShmBarrier: None,
            xShmUnmap: None,
            xFetch: None,
            xUnfetch: None,
        };
        if version >= 2 {
            methods.xShmMap = (*own).xShmMap;
            methods.xShmLock = (*own).xShmLock;
            methods.xShmBarrier = (*own).xShmBarrier;
            methods.xShmUnmap = (*own).xShmUnmap;
        }
        if version >= 3 {
            methods.xFetch = (*own).xFetch;
            methods.xUnfetch = (*own).xUnfetch;
        }
        methods
    }
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: only files that `open` gave these methods have this function.
    let all = unsafe {
        let own = (*(*file).pMethods.cast::<Admitted>()).own;
        (*own).xDeviceCharacteristics.map_or(0, |all| all(file))
    };
    page_reads::characteristics(all)
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: only a file that `open` gave these methods is closed by this, once; the default VFS
    // finds it with its own methods again.
    let (admitted, closed) = unsafe {
        let admitted = Box::from_raw((*file).pMethods.cast::<Admitted>().cast_mut());
        (*file).pMethods = admitted.own;
        let close = (*admitted.own).xClose;
        (admitted, close.map_or(ffi::SQLITE_OK, |close| close(file)))
    };
    // After the file is closed: until then nobody else may have it.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(admitted)));
    closed
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::api::database::Database;
    use crate::error::ErrorKind;
    use crate::params;

    static OPEN: AtomicUsize = AtomicUsize::new(0);

    /// Holds what its name says is held, and counts the others.
    struct Door;

    struct Inside;

    impl Drop for Inside {
        fn drop(&mut self) {
            OPEN.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Guard for Door {
        fn admit(&self, path: &str) -> std::result::Result<Kept, FileError> {
            if path.ends_with("held.db") {
                return Err(FileError::Held);
            }
            if path.contains("guarded") {
                OPEN.fetch_add(1, Ordering::SeqCst);
                return Ok(Box::new(Inside));
            }
            // For the other tests of this process.
            Ok(Box::new(()))
        }
    }

    #[tokio::test]
    async fn a_file_that_another_must_have_alone_is_not_opened_by_a_statement() {
        guard(Door).unwrap();
        let error = guard(Door).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);

        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("held.db"), "").unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        for own in [path("guarded.db"), ":memory:".to_owned()] {
            let db = Database::open(&own).await.unwrap();
            let mut session = db.acquire().await.unwrap();
            // However the name is given.
            for held in [path("held.db"), path("folder/../held.db")] {
                for (sql, name) in [
                    ("ATTACH ? AS o", held.as_str()),
                    ("ATTACH (SELECT ? || '.db') AS o", held.trim_end_matches(".db")),
                    (&format!("ATTACH '{held}' AS o"), ""),
                ] {
                    let params = if name.is_empty() { params![] } else { params![name] };
                    let error = session.execute(sql, params).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Busy, "{sql}: {error}");
                }
                let error = db.execute("VACUUM INTO ?", params![held]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
            }
            assert_eq!(std::fs::metadata(path("held.db")).unwrap().len(), 0);

            // Other files are opened, and what was kept for them goes with them.
            assert_eq!(OPEN.load(Ordering::SeqCst), 0);
            let other = path("guarded-other.db");
            session.execute("ATTACH ? AS o", params![other.clone()]).await.unwrap();
            assert_eq!(OPEN.load(Ordering::SeqCst), 1);
            session
                .batch("CREATE TABLE IF NOT EXISTS o.t (a); INSERT INTO o.t VALUES (1)")
                .await
                .unwrap();
            session.execute("DETACH o", ()).await.unwrap();
            assert_eq!(OPEN.load(Ordering::SeqCst), 0);
            session.execute("ATTACH ? AS o", params![other]).await.unwrap();
            drop(session);
            // A session's files go with its connection.
            db.close().await.unwrap();
            assert_eq!(OPEN.load(Ordering::SeqCst), 0);
            let missing = path("guarded-none/other.db");
            let db = Database::open(&own).await.unwrap();
            let mut session = db.acquire().await.unwrap();
            let error = session.execute("ATTACH ? AS o", params![missing]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CannotOpen);
            assert_eq!(OPEN.load(Ordering::SeqCst), 0);
            drop(session);
            db.close().await.unwrap();
        }
    }
}
