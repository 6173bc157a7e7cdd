//! Reads of short work: none waits for the disk, and all together take a bounded
//! time.
//!
//! A statement on a caller's thread may be stopped between two steps of SQLite's
//! virtual machine; but a single step may visit a whole table, or a row of many
//! megabytes, page by page, and a page may have to come from the disk. So SQLite's
//! calls of `pread` go through here: of a thread that does short work, one fails where
//! the page is not in the system's memory (`RWF_NOWAIT`, on Linux), or when the reads
//! have taken too long. The statement fails, is undone, and runs again on a thread
//! that may wait. Inside a holder's transaction or snapshot nothing is refused, since
//! that would end it: there short work may have to wait for the disk.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::ffi;

/// How long the reads of short work may take, from the fifth on.
const PATIENCE: Duration = Duration::from_micros(300);

/// How many reads pass before the clock is looked at: a point read has no more, and
/// each takes about a microsecond where it does not wait.
const UNTIMED: u8 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Reads wait as long as they must.
    Off,
    /// So many reads were made, and the clock not looked at yet.
    Fresh(u8),
    /// The clock was looked at first then.
    Since(Instant),
    /// A read was refused. What undoes the work may read again.
    Stopped,
}

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State::Off) };
}

/// The reads of this thread are short work's from now on.
#[inline]
pub(super) fn begin() {
    STATE.set(State::Fresh(0));
}

/// Ends it. Returns whether a read was refused.
#[inline]
pub(super) fn end() -> bool {
    STATE.replace(State::Off) == State::Stopped
}

/// Whether short work may read more; to be asked before each read.
pub(crate) fn may_read() -> bool {
    match STATE.get() {
        State::Off | State::Stopped => true,
        State::Fresh(reads) => {
            STATE.set(if reads < UNTIMED {
                State::Fresh(reads + 1)
            } else {
                State::Since(Instant::now())
            });
            true
        }
        State::Since(start) if start.elapsed() < PATIENCE => true,
        State::Since(_) => {
            STATE.set(State::Stopped);
            false
        }
    }
}

/// Has SQLite read through here, from the first connection on.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite initializes itself when its default VFS is looked for, and a
        // system call of that has the signature of its name; a VFS without this call
        // refuses it.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
            let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else { return };
            let read: unsafe extern "C" fn(c_int, *mut c_void, usize, libc::off_t) -> isize = pread;
            let read = std::mem::transmute::<*const (), unsafe extern "C" fn()>(read as *const ());
            set(vfs, c"pread".as_ptr(), Some(read));
        }
    });
}

unsafe extern "C" fn pread(
    file: c_int,
    into: *mut c_void,
    length: usize,
    at: libc::off_t,
) -> isize {
    if STATE.get() != State::Off {
        if !may_read() {
            // SAFETY: it is this thread's own.
            unsafe { refuse() };
            return -1;
        }
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        if STATE.get() != State::Stopped
            // SAFETY: SQLite's own arguments.
            && let Some(read) = unsafe { read_now(file, into, length, at) }
        {
            if read < 0 {
                STATE.set(State::Stopped);
            }
            return read;
        }
    }
    // SAFETY: SQLite's own arguments.
    unsafe { libc::pread(file, into, length, at) }
}

/// Reads what is in the system's memory. `None`: the file system, the kernel or what
/// filters its calls can't tell, and nothing was read.
///
/// # Safety
/// As for `pread`.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
unsafe fn read_now(
    file: c_int,
    into: *mut c_void,
    length: usize,
    at: libc::off_t,
) -> Option<isize> {
    let piece = libc::iovec { iov_base: into, iov_len: length };
    // The bare call, since libc's is a cancellation point, which costs a tenth of it. The
    // offset is in one register here, and the one for its upper half is not looked at.
    // SAFETY: by this function's contract; the piece is described by what lives here.
    let read = unsafe {
        libc::syscall(
            libc::SYS_preadv2,
            file,
            &raw const piece,
            1 as libc::c_ulong,
            at,
            0 as libc::c_ulong,
            libc::RWF_NOWAIT,
        )
    };
    if read >= 0 {
        return isize::try_from(read).ok();
    }
    // SAFETY: it is this thread's own.
    let error = unsafe { *libc::__errno_location() };
    let cannot = [libc::EOPNOTSUPP, libc::ENOSYS, libc::EINVAL, libc::EPERM].contains(&error);
    (!cannot).then_some(-1)
}

/// # Safety
/// None needed; it sets the thread's own error number.
unsafe fn refuse() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the error number is this thread's.
    unsafe {
        *libc::__errno_location() = libc::EAGAIN;
    }
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    // SAFETY: the error number is this thread's.
    unsafe {
        *libc::__error() = libc::EAGAIN;
    }
}
