//! Shows that the crash tests can fail: with a VFS that always reports that another connection
//! holds a reserved lock, as some VFSs do, they find torn databases.

use std::ffi::c_int;
use std::sync::OnceLock;

use rusqlite::ffi;
use ubiqlite::JournalMode;

use crate::accounts::Accounts;
use crate::crash_points::every_kind;

type Open = unsafe extern "C" fn(
    *mut ffi::sqlite3_vfs,
    ffi::sqlite3_filename,
    *mut ffi::sqlite3_file,
    c_int,
    *mut c_int,
) -> c_int;

static SEEING_OPEN: OnceLock<Open> = OnceLock::new();
static METHODS: OnceLock<ffi::sqlite3_io_methods> = OnceLock::new();

unsafe extern "C" fn always(_file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: SQLite lends the place for the result.
    unsafe { *reserved = 1 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let open = SEEING_OPEN.get().expect("it was set at registering");
    // SAFETY: the VFS is a copy of the one whose method this is; what it opened
    // has methods that live as long as the process.
    unsafe {
        let code = open(vfs, name, file, flags, out_flags);
        if code == ffi::SQLITE_OK {
            let methods = METHODS.get_or_init(|| {
                let mut methods = *(*file).pMethods;
                methods.xCheckReservedLock = Some(always);
                methods
            });
            (*file).pMethods = methods;
        }
        code
    }
}

#[test]
fn a_vfs_that_lies_about_reserved_locks_is_found_out() {
    let mut accounts = Accounts::new("seeing", JournalMode::Delete);
    // SAFETY: the VFS was registered, and the copy lives as long as the process.
    unsafe {
        let seeing = ffi::sqlite3_vfs_find(c"seeing".as_ptr());
        let mut blind = std::ptr::read(seeing);
        SEEING_OPEN.set(blind.xOpen.unwrap()).unwrap();
        blind.xOpen = Some(open);
        blind.zName = c"blind".as_ptr();
        blind.pNext = std::ptr::null_mut();
        let blind = Box::leak(Box::new(blind));
        assert_eq!(ffi::sqlite3_vfs_register(blind, 0), ffi::SQLITE_OK);
    }
    accounts.vfs = "blind".to_owned();
    let (wrong, crashes) = accounts.crash(every_kind);
    println!("{} of {crashes} crashes tear the database, e.g. {:?}", wrong.len(), wrong.first());
    assert!(wrong.len() > 50, "only {} of {crashes}", wrong.len());
    assert!(wrong.iter().any(|what| what.contains("generations 1 to 2")), "{wrong:?}");
}
