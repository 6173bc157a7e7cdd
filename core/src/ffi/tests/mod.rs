//! What is declared here is what `libsqlite3-sys` declares, whose functions a program links.

use std::mem::{align_of, offset_of, size_of};

use super::*;

#[test]
fn a_constant_has_the_value_of_the_library_that_is_linked() {
    let wrong: Vec<_> = codes::known().into_iter().filter(|(_, ours, its)| ours != its).collect();
    assert!(wrong.is_empty(), "name, here, there: {wrong:?}");
    assert_eq!(
        u64::from(SQLITE_PREPARE_PERSISTENT),
        libsqlite3_sys::SQLITE_PREPARE_PERSISTENT as u64
    );
    assert_eq!(SQLITE_STATIC().is_none(), libsqlite3_sys::SQLITE_STATIC().is_none());
}

/// For each type: its size, its alignment and where each field begins, here and there.
macro_rules! same_layout {
    ($($name:ident { $($field:ident),* };)+) => {$(
        assert_eq!(size_of::<$name>(), size_of::<libsqlite3_sys::$name>(), stringify!($name));
        assert_eq!(align_of::<$name>(), align_of::<libsqlite3_sys::$name>(), stringify!($name));
        $(assert_eq!(
            offset_of!($name, $field),
            offset_of!(libsqlite3_sys::$name, $field),
            concat!(stringify!($name), ".", stringify!($field)),
        );)*
    )+};
}

#[test]
fn a_field_of_a_vfs_lies_where_the_library_that_is_linked_reads_it() {
    same_layout! {
        sqlite3_int64 {};
        sqlite3_uint64 {};
        sqlite3_file { pMethods };
        sqlite3_io_methods {
            iVersion, xClose, xRead, xWrite, xTruncate, xSync, xFileSize, xLock, xUnlock,
            xCheckReservedLock, xFileControl, xSectorSize, xDeviceCharacteristics, xShmMap,
            xShmLock, xShmBarrier, xShmUnmap, xFetch, xUnfetch
        };
        sqlite3_vfs {
            iVersion, szOsFile, mxPathname, pNext, zName, pAppData, xOpen, xDelete, xAccess,
            xFullPathname, xDlOpen, xDlError, xDlSym, xDlClose, xRandomness, xSleep,
            xCurrentTime, xGetLastError, xCurrentTimeInt64, xSetSystemCall, xGetSystemCall,
            xNextSystemCall
        };
        sqlite3_pcache_methods2 {
            iVersion, pArg, xInit, xShutdown, xCreate, xCachesize, xPagecount, xFetch, xUnpin,
            xRekey, xTruncate, xDestroy, xShrink
        };
    }
}
