//! Shows that the crash tests can fail: with a VFS that always reports that another connection
//! holds a reserved lock, as some VFSs do, they find torn databases.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::sync::OnceLock;

use rusqlite::ffi;
use ubiqlite::{Database, ErrorKind, JournalMode, recover};

use crate::accounts::{Accounts, NAME, ROWS};
use crate::crash_points::every_kind;
use crate::wait;

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
    let mut torn = BTreeSet::new();
    let (wrong, crashes) = accounts.crash_each(every_kind, |image| {
        torn.extend(image.get(NAME).cloned());
    });
    println!("{} of {crashes} crashes tear the database, e.g. {:?}", wrong.len(), wrong.first());
    assert!(wrong.len() > 50, "only {} of {crashes}", wrong.len());
    assert!(wrong.iter().any(|what| what.contains("generations 1 to 2")), "{wrong:?}");
    examined_and_recovered(&torn);
}

/// A check finds what SQLite finds in each of these files, and what is recovered of it is sound. CI
/// looks at some 60 of them; `UBIQLITE_TORN=1` has all looked at.
fn examined_and_recovered(torn: &BTreeSet<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let (path, saved) = (folder.path().join("torn.db"), folder.path().join("saved.db"));
    let mut damaged = 0;
    let all = std::env::var_os("UBIQLITE_TORN").is_some();
    let step = if all { 1 } else { torn.len().div_ceil(60) };
    for bytes in torn.iter().step_by(step) {
        std::fs::write(&path, bytes).unwrap();
        let plain = rusqlite::Connection::open(&path).unwrap();
        let sound = plain
            .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
            .is_ok_and(|told| told == "ok");
        drop(plain);
        damaged += usize::from(!sound);
        let recovered = wait(recover(&path, &saved)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), *bytes, "recovering has changed the file");
        let after = wait(Database::open(&saved)).unwrap();
        assert_eq!(wait(after.check()).unwrap(), []);
        wait(after.close()).unwrap();
        let rows = recovered.tables.iter().find(|it| it.0 == "accounts").map_or(0, |it| it.1);
        if sound {
            // What is on free pages may be found as well.
            assert_eq!(rows, ROWS as u64);
        }
        assert!(rows + recovered.lost_and_found > 0, "nothing was saved: {recovered:?}");
        std::fs::remove_file(&saved).unwrap();
        let told = wait(async {
            let db = Database::open(&path).await?;
            let told = db.check().await;
            db.close().await?;
            told
        });
        match told {
            Ok(told) => assert_eq!(told.is_empty(), sound, "{told:?}"),
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::NotADatabase), "{error}");
                assert!(!sound, "{error}");
            }
        }
    }
    println!("of {} different torn files every {step}th: {damaged} are damaged", torn.len());
    assert!(damaged > 5, "only {damaged} are damaged");
}
