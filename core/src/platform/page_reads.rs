//! Which pages of a database a statement reads.
//!
//! SQLite fetches each page that it reads or writes from its page cache, by `xFetch`. This puts a
//! function in front of that one, which notes the pages while a recording runs on its thread.
//! SQLite's own page cache does the work. <https://sqlite.org/c3ref/pcache_methods2.html>
//!
//! One kind of page passes by the cache: of a long value, SQLite reads the overflow pages straight
//! from the file where the VFS reports `SQLITE_IOCAP_SUBPAGE_READ` (`sqlite3PagerDirectReadOk` in
//! pager.c). While a recording runs, no file reports it: neither those of this library's VFSes, by
//! [`characteristics`], nor those of SQLite's own, once they are [`prepare`]d.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_uint};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crate::ffi;

type FetchFunction =
    unsafe extern "C" fn(*mut ffi::sqlite3_pcache, c_uint, c_int) -> *mut ffi::sqlite3_pcache_page;

/// Whether SQLite refused since it was in use.
static WAS_IN_USE: AtomicBool = AtomicBool::new(false);

/// SQLite's own `xFetch`; null if the page cache is not replaced.
static FETCH: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// The recordings that run now, on all threads.
static RECORDINGS: AtomicUsize = AtomicUsize::new(0);

/// From this many notes on, those of one page are made one.
const FEW: usize = 4096;

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Off) };
    static NOTES: RefCell<Notes> = const { RefCell::new(Notes { pages: Vec::new(), limit: FEW }) };
}

/// The page cache of one database of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageCache(*mut ffi::sqlite3_pcache);

/// What a thread notes.
#[derive(Clone, Copy)]
enum Mode {
    Off,
    /// Which cache is used first.
    First(Option<PageCache>),
    /// The pages of this cache.
    Pages(PageCache),
}

struct Notes {
    pages: Vec<u32>,
    limit: usize,
}

/// Versions before this read long values from the file whatever the VFS reports.
const FIRST_VERSION: c_int = 3_048_000;

/// Puts the function in front of SQLite's. Must be called before SQLite is used; where a program
/// has used it already, nothing can be recorded.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    // SAFETY: `replace` is called once.
    ONCE.call_once(|| unsafe { replace() });
}

/// # Safety
/// Called once.
unsafe fn replace() {
    let mut methods = MaybeUninit::<ffi::sqlite3_pcache_methods2>::uninit();
    // SAFETY: SQLite fills the methods, unless it refuses since it is in use; it copies those that
    // it is given.
    unsafe {
        if ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETPCACHE2, methods.as_mut_ptr())
            != ffi::SQLITE_OK
        {
            WAS_IN_USE.store(true, Ordering::Relaxed);
            return;
        }
        if ffi::sqlite3_libversion_number() < FIRST_VERSION {
            return;
        }
        let mut methods = methods.assume_init();
        let Some(own) = methods.xFetch.replace(fetch) else { return };
        FETCH.store(own as *mut (), Ordering::Release);
        if ffi::sqlite3_config(ffi::SQLITE_CONFIG_PCACHE2, &raw mut methods) != ffi::SQLITE_OK {
            FETCH.store(std::ptr::null_mut(), Ordering::Release);
        }
    }
}

/// Whether the program used this copy of SQLite before this library did, as far as is known: it may
/// have files open.
#[cfg(unix)]
pub(crate) fn was_in_use() -> bool {
    WAS_IN_USE.load(Ordering::Relaxed)
}

/// Whether pages can be recorded.
pub(crate) fn is_installed() -> bool {
    !FETCH.load(Ordering::Relaxed).is_null()
}

unsafe extern "C" fn fetch(
    cache: *mut ffi::sqlite3_pcache,
    key: c_uint,
    create: c_int,
) -> *mut ffi::sqlite3_pcache_page {
    if RECORDINGS.load(Ordering::Relaxed) > 0 {
        note(PageCache(cache), key);
    }
    let own = FETCH.load(Ordering::Relaxed);
    // SAFETY: SQLite has got this function only with `FETCH` set to its own, of the same type.
    unsafe { std::mem::transmute::<*mut (), FetchFunction>(own)(cache, key, create) }
}

#[inline(never)]
fn note(cache: PageCache, page: u32) {
    match MODE.get() {
        Mode::Pages(wanted) if wanted == cache => {
            NOTES.with_borrow_mut(|notes| notes.add(page));
        }
        Mode::First(None) => MODE.set(Mode::First(Some(cache))),
        _ => {}
    }
}

impl Notes {
    fn add(&mut self, page: u32) {
        if self.pages.last() == Some(&page) {
            return;
        }
        if self.pages.len() >= self.limit {
            self.pages.sort_unstable();
            self.pages.dedup();
            self.limit = FEW.max(self.pages.len() * 2);
        }
        self.pages.push(page);
    }
}

/// Ends a recording, however it ends.
struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        MODE.set(Mode::Off);
        RECORDINGS.fetch_sub(1, Ordering::Relaxed);
    }
}

fn with_mode<T>(mode: Mode, work: impl FnOnce() -> T) -> (T, Mode) {
    MODE.set(mode);
    RECORDINGS.fetch_add(1, Ordering::Relaxed);
    let ended = Ended;
    let result = work();
    let mode = MODE.get();
    drop(ended);
    (result, mode)
}

/// Returns which page cache `work` uses first.
pub(crate) fn first_cache<T>(work: impl FnOnce() -> T) -> (T, Option<PageCache>) {
    match with_mode(Mode::First(None), work) {
        (result, Mode::First(cache)) => (result, cache),
        (result, _) => (result, None),
    }
}

/// Returns the pages of a cache that `work` fetches, in any order, some perhaps several times.
pub(crate) fn record<T>(cache: PageCache, work: impl FnOnce() -> T) -> (T, Vec<u32>) {
    NOTES.with_borrow_mut(|notes| {
        notes.pages.clear();
        notes.limit = FEW;
    });
    let (result, _) = with_mode(Mode::Pages(cache), work);
    (result, NOTES.with_borrow_mut(|notes| std::mem::take(&mut notes.pages)))
}

/// Returns what a file can do, as SQLite may know it now.
#[inline]
pub(crate) fn characteristics(all: c_int) -> c_int {
    if matches!(MODE.get(), Mode::Off) { all } else { all & !ffi::SQLITE_IOCAP_SUBPAGE_READ }
}

/// Whether a file's long values are read through the page cache while a recording runs.
///
/// # Safety
/// `file` is an open file.
pub(crate) unsafe fn is_complete(file: *mut ffi::sqlite3_file) -> bool {
    // SAFETY: by the contract; an open file has methods.
    let all = || unsafe {
        let characteristics = (*file).pMethods.as_ref()?.xDeviceCharacteristics?;
        Some(characteristics(file))
    };
    let (all, _) = with_mode(Mode::First(None), all);
    all.is_some_and(|all| all & ffi::SQLITE_IOCAP_SUBPAGE_READ == 0)
}

/// The methods of a file, with one replaced.
#[repr(C)]
struct WrappedMethods {
    methods: ffi::sqlite3_io_methods,
    own: unsafe extern "C" fn(*mut ffi::sqlite3_file) -> c_int,
}

/// Makes a file read long values through the page cache while a recording runs.
///
/// # Safety
/// `file` is an open file of one of SQLite's own VFSes, whose methods are constants, and no other
/// thread uses its connection now.
pub(crate) unsafe fn prepare(file: *mut ffi::sqlite3_file) {
    // The methods of each kind of file, and those that replace them.
    static KNOWN: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());
    // SAFETY: by the contract; what replaces the methods is never freed.
    unsafe {
        let methods = (*file).pMethods;
        let Some(known) = methods.as_ref().filter(|it| it.iVersion >= 3) else { return };
        let Some(own) = known.xDeviceCharacteristics else { return };
        if own as usize == device_characteristics as *const () as usize {
            return;
        }
        let mut replaced = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = methods as usize;
        let found = replaced.iter().find(|(from, _)| *from == place).map(|(_, to)| *to);
        let to = found.unwrap_or_else(|| {
            let mut methods = std::ptr::read(methods);
            methods.xDeviceCharacteristics = Some(device_characteristics);
            let to =
                std::ptr::from_mut(Box::leak(Box::new(WrappedMethods { methods, own }))) as usize;
            replaced.push((place, to));
            to
        });
        (*file).pMethods = to as *const ffi::sqlite3_io_methods;
    }
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: only files with the methods of a `WrappedMethods` have this function.
    characteristics(unsafe { ((*(*file).pMethods.cast::<WrappedMethods>()).own)(file) })
}
