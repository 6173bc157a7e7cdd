//! SQLite's methods for a VFS, and its registration.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Mutex;
use std::time::Duration;

use crate::ffi;
use crate::ffi::{sqlite3_file, sqlite3_int64, sqlite3_vfs};

use super::codes::{Act, code};
use super::io::{Named, SqliteFile};
use super::memory;
use super::nodes::{Nodes, OpenMode};
use super::{FileError, Files, lock};
use crate::error::{Error, Result};
use crate::platform::{self, page_reads};

/// How many bytes a name may have, with a zero at its end.
const MOST_BYTES: usize = 4096;

/// How many bytes a database's name may have: SQLite appends `-journal`.
pub(crate) const LONGEST_NAME: usize = MOST_BYTES - 9;

/// What the methods of a registered VFS find behind it.
struct VfsHost {
    nodes: Nodes,
    name: &'static CStr,
    /// SQLite's own VFS, for the time and random bytes.
    default: *mut sqlite3_vfs,
}

/// Registers files with SQLite under a name, for [`Options::vfs`](crate::Options::vfs). They stay
/// registered until the process ends.
///
/// # Errors
/// `InvalidArgument` for a name that is taken, empty, or has a zero byte in it.
///
/// # Example
/// ```no_run
/// # async fn example(files: impl ubiqlite::ext::vfs::Files) -> ubiqlite::Result<()> {
/// ubiqlite::ext::vfs::register("cupboard", files)?;
/// let db = ubiqlite::Database::options().vfs("cupboard").open("app.db").await?;
/// # Ok(()) }
/// ```
pub fn register(name: &str, files: impl Files) -> Result<()> {
    register_nodes(name, Nodes::new(files))
}

/// See [`register`].
pub(super) fn register_nodes(name: &str, nodes: Nodes) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = lock(&ONE_AT_A_TIME);
    page_reads::install();
    if name.is_empty() {
        return Err(Error::invalid("a VFS needs a name"));
    }
    if is_registered(name) {
        return Err(Error::invalid(format!("a VFS named {name} already exists")));
    }
    let name = CString::new(name)
        .map_err(|_| Error::invalid("the name of a VFS can't contain a zero byte"))?;
    // SQLite keeps these until the process ends.
    let name: &'static CStr = Box::leak(name.into_boxed_c_str());
    // SAFETY: null asks for the default VFS.
    let default = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: SQLite's default VFS lives as long as SQLite.
    let (room, longest) = match unsafe { default.as_ref() } {
        // It may have to open a file instead of us, in the room that we request.
        Some(default) if nodes.are_in_memory() => (default.szOsFile, default.mxPathname),
        _ => (0, MOST_BYTES as c_int),
    };
    let host = Box::leak(Box::new(VfsHost { nodes, name, default }));
    let vfs = Box::leak(Box::new(sqlite3_vfs {
        iVersion: 2,
        szOsFile: room.max(size_of::<SqliteFile>() as c_int),
        mxPathname: longest,
        pNext: ptr::null_mut(),
        zName: name.as_ptr(),
        pAppData: ptr::from_mut(host).cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: Some(dl_open),
        xDlError: Some(dl_error),
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    // SAFETY: all of it lives as long as the process.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 0) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(Error::new(
            crate::error::ErrorKind::Internal,
            format!("SQLite refused the VFS with code {code}"),
        )),
    }
}

/// Whether there is a VFS of this name.
pub(crate) fn is_registered(name: &str) -> bool {
    // SAFETY: the name is a C string, and only compared.
    CString::new(name).is_ok_and(|name| unsafe { !ffi::sqlite3_vfs_find(name.as_ptr()).is_null() })
}

/// Returns the open files of a VFS that was registered here.
pub(super) fn nodes_of(name: &CStr) -> Option<&'static Nodes> {
    // SAFETY: the caller's VFS is one of ours, and lives as long as the process.
    unsafe {
        let vfs = ffi::sqlite3_vfs_find(name.as_ptr());
        (!vfs.is_null()).then(|| &host(vfs).nodes)
    }
}

/// # Safety
/// `vfs` was made by `register`.
unsafe fn host(vfs: *mut sqlite3_vfs) -> &'static VfsHost {
    // SAFETY: by the contract; hosts live as long as the process.
    unsafe { &*(*vfs).pAppData.cast::<VfsHost>() }
}

/// # Safety
/// `name` is null or a C string that lives long enough.
unsafe fn text<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the contract.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

/// Returns the VFS of a file that is not ours: next to databases in memory, SQLite's default VFS,
/// for a file that is attached to one, or that one is copied into.
///
/// # Safety
/// `name` is null or a C string.
unsafe fn elsewhere(
    host: &VfsHost,
    name: *const c_char,
) -> Option<(*mut sqlite3_vfs, &sqlite3_vfs)> {
    if !host.nodes.are_in_memory() || name.is_null() {
        return None;
    }
    // SAFETY: by the contract; the default VFS lives as long as SQLite.
    unsafe {
        if memory::is_ours(CStr::from_ptr(name).to_bytes()) {
            return None;
        }
        #[cfg(not(target_family = "wasm"))]
        let default = super::guard::guarded().unwrap_or(host.default);
        #[cfg(target_family = "wasm")]
        let default = host.default;
        default.as_ref().map(|vfs| (default, vfs))
    }
}

const TEMPORARY: c_int = ffi::SQLITE_OPEN_TEMP_DB
    | ffi::SQLITE_OPEN_TEMP_JOURNAL
    | ffi::SQLITE_OPEN_TRANSIENT_DB
    | ffi::SQLITE_OPEN_SUBJOURNAL;

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with the VFS, and with room for a `SqliteFile`. Without
    // methods a file that failed to open is not closed.
    let host = unsafe {
        (*file).pMethods = ptr::null();
        host(vfs)
    };
    // SAFETY: the name is SQLite's. The room is as large as the default VFS requires.
    if let Some((vfs, methods)) = unsafe { elsewhere(host, name) } {
        // SQLite's default VFS in wasm has no files, and would keep this one in memory.
        if !platform::HAS_FILES {
            return ffi::SQLITE_NOLFS;
        }
        return match methods.xOpen {
            // SAFETY: as SQLite itself calls it.
            Some(open) => unsafe { open(vfs, name, file, flags, out_flags) },
            None => ffi::SQLITE_CANTOPEN,
        };
    }
    let (handle, flags) = if name.is_null() || flags & TEMPORARY != 0 {
        (SqliteFile::temporary(), flags)
    } else {
        // SAFETY: a name of SQLite's lives as long as the file is open.
        match open_named(host, unsafe { text(name) }, flags) {
            Ok(opened) => opened,
            Err(code) => return code,
        }
    };
    // SAFETY: the room is SQLite's, aligned for anything; the flags may be left
    // out.
    unsafe {
        file.cast::<SqliteFile>().write(handle);
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

fn open_named(
    host: &'static VfsHost,
    name: Option<&str>,
    flags: c_int,
) -> std::result::Result<(SqliteFile, c_int), c_int> {
    let name = name.ok_or(ffi::SQLITE_CANTOPEN)?;
    let has = |flag| flags & flag != 0;
    let wish = OpenMode {
        create: has(ffi::SQLITE_OPEN_CREATE),
        new: has(ffi::SQLITE_OPEN_EXCLUSIVE) && has(ffi::SQLITE_OPEN_CREATE),
        read_only: has(ffi::SQLITE_OPEN_READONLY),
        is_log: has(ffi::SQLITE_OPEN_WAL),
        is_main: has(ffi::SQLITE_OPEN_MAIN_DB),
    };
    let main = wish.is_main;
    let (node, read_only) = host.nodes.open(name, wish).map_err(|error| match error {
        FileError::Denied if !main && wish.create && !host.nodes.exists(name) => {
            ffi::SQLITE_READONLY_DIRECTORY
        }
        error => code(if main { Act::OpenMain } else { Act::OpenOther }, error),
    })?;
    let flags = if read_only && !wish.read_only {
        flags & !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE) | ffi::SQLITE_OPEN_READONLY
    } else {
        flags
    };
    let remove = has(ffi::SQLITE_OPEN_DELETEONCLOSE);
    Ok((SqliteFile::named(Named::new(&host.nodes, node, read_only, remove, host.name)), flags))
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite calls with the VFS and a C string, here as there.
    if let Some((vfs, methods)) = unsafe { elsewhere(host(vfs), name) } {
        let delete = methods.xDelete;
        // SAFETY: as above.
        return delete
            .map_or(ffi::SQLITE_IOERR_DELETE, |delete| unsafe { delete(vfs, name, sync) });
    }
    // SAFETY: SQLite calls with the VFS and a C string.
    let (host, name) = unsafe { (host(vfs), text(name)) };
    let removed = name.ok_or(FileError::Io).and_then(|name| host.nodes.remove(name));
    removed.map_or_else(|error| code(Act::Delete, error), |()| ffi::SQLITE_OK)
}

unsafe extern "C" fn access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with the VFS, a C string and memory for the result, here as there.
    if let Some((vfs, methods)) = unsafe { elsewhere(host(vfs), name) } {
        let access = methods.xAccess;
        // SAFETY: as above.
        return access
            .map_or(ffi::SQLITE_IOERR_ACCESS, |access| unsafe { access(vfs, name, flags, found) });
    }
    // SAFETY: SQLite calls with the VFS, a C string and memory for the result.
    unsafe {
        *found = c_int::from(text(name).is_some_and(|name| host(vfs).nodes.exists(name)));
    }
    ffi::SQLITE_OK
}

/// Leaves names as they are, unless their host knows them by another.
unsafe extern "C" fn full_pathname(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    into: *mut c_char,
) -> c_int {
    // SAFETY: SQLite calls with the VFS, a C string and room for `room` bytes, here as there.
    if let Some((vfs, methods)) = unsafe { elsewhere(host(vfs), name) } {
        let full = methods.xFullPathname;
        // SAFETY: as above.
        return full.map_or(ffi::SQLITE_CANTOPEN, |full| unsafe { full(vfs, name, room, into) });
    }
    // SAFETY: SQLite calls with the VFS and a C string.
    let full = unsafe { text(name).and_then(|name| host(vfs).nodes.full_name(name)) };
    let full = match full.map(CString::new) {
        Some(Ok(full)) => Some(full),
        Some(Err(_)) => return ffi::SQLITE_CANTOPEN,
        None => None,
    };
    // SAFETY: SQLite calls with a C string.
    let name = full.as_deref().unwrap_or_else(|| unsafe { CStr::from_ptr(name) });
    let name = name.to_bytes_with_nul();
    if usize::try_from(room).map_or(true, |room| name.len() > room) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: SQLite passes `room` bytes, which do not overlap with the name.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr().cast(), into, name.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn dl_open(_vfs: *mut sqlite3_vfs, _name: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

unsafe extern "C" fn dl_error(_vfs: *mut sqlite3_vfs, room: c_int, into: *mut c_char) {
    let message = c"extensions can't be loaded from these files";
    // SAFETY: SQLite passes `room` bytes; the format takes one C string.
    unsafe { ffi::sqlite3_snprintf(room, into, c"%s".as_ptr(), message.as_ptr()) };
}

unsafe extern "C" fn randomness(vfs: *mut sqlite3_vfs, room: c_int, into: *mut c_char) -> c_int {
    // SAFETY: SQLite calls with the VFS; its default one lives as long as SQLite.
    unsafe {
        let default = host(vfs).default;
        match default.as_ref().and_then(|vfs| vfs.xRandomness) {
            Some(random) => random(default, room, into),
            None => 0,
        }
    }
}

unsafe extern "C" fn sleep(_vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    let wanted = Duration::from_micros(u64::try_from(microseconds).unwrap_or(0));
    c_int::try_from(crate::platform::block_for(wanted).as_micros()).unwrap_or(microseconds)
}

unsafe extern "C" fn current_time_int64(vfs: *mut sqlite3_vfs, now: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls with the VFS; its default one lives as long as SQLite.
    unsafe {
        let default = host(vfs).default;
        let clock = default.as_ref().filter(|vfs| vfs.iVersion >= 2);
        if let Some(clock) = clock.and_then(|vfs| vfs.xCurrentTimeInt64) {
            return clock(default, now);
        }
        let mut days = 0.0;
        let code = current_time(vfs, &raw mut days);
        *now = (days * 86_400_000.0) as sqlite3_int64;
        code
    }
}

unsafe extern "C" fn current_time(vfs: *mut sqlite3_vfs, days: *mut f64) -> c_int {
    // SAFETY: SQLite calls with the VFS; its default one lives as long as SQLite.
    unsafe {
        let default = host(vfs).default;
        match default.as_ref().and_then(|vfs| vfs.xCurrentTime) {
            Some(clock) => clock(default, days),
            None => ffi::SQLITE_ERROR,
        }
    }
}

unsafe extern "C" fn last_error(_vfs: *mut sqlite3_vfs, _room: c_int, _into: *mut c_char) -> c_int {
    0
}
