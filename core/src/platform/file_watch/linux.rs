//! By inotify, and a look now and then.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Woken;

/// Waits until one of some files is written to.
#[derive(Debug)]
pub(crate) struct FileWatch {
    /// `None` if the system has no more watches to give: then by looking again and again.
    changes: Option<OwnedFd>,
    stop: OwnedFd,
}

/// How many milliseconds to wait before the next look, without a watch.
const PAUSE: libc::c_int = 5;

/// The same with one. A commit whose frames are long written, since it waited for the disk, shows in
/// shared memory alone, which nothing reports.
const LONG_PAUSE: libc::c_int = 100;

impl FileWatch {
    /// Begins to watch these files. Those that do not exist are left out. `None` if the system has
    /// no descriptors left.
    pub(crate) fn new(paths: &[&Path]) -> Option<Self> {
        // SAFETY: these take nothing and return descriptors, or less than zero.
        let (changes, stop) = unsafe {
            let changes = libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC);
            (owned(changes), owned(libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC))?)
        };
        let watches = |changes: &OwnedFd| {
            let added = paths.iter().map(|path| add(changes, path)).filter(|added| *added).count();
            added > 0
        };
        Some(Self { changes: changes.filter(watches), stop })
    }

    /// Waits until a file is written to.
    pub(crate) fn wait(&self) -> Woken {
        let changes = self.changes.as_ref().map(AsRawFd::as_raw_fd);
        let entry = |descriptor| libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        // A negative descriptor is left out.
        let mut polled = [entry(self.stop.as_raw_fd()), entry(changes.unwrap_or(-1))];
        let limit = if changes.is_some() { LONG_PAUSE } else { PAUSE };
        // SAFETY: the array has two entries.
        unsafe { libc::poll(polled.as_mut_ptr(), 2, limit) };
        if polled[0].revents != 0 {
            return Woken::Stopped;
        }
        if polled[1].revents == 0 {
            return Woken::Waited;
        }
        let mut events = [0_u8; 4096];
        while let Some(changes) = changes {
            // SAFETY: it writes at most the buffer's length. The descriptor does not block.
            let read = unsafe { libc::read(changes, events.as_mut_ptr().cast(), events.len()) };
            if read <= 0 {
                break;
            }
        }
        Woken::Written
    }

    /// Ends the wait, and all later ones.
    pub(crate) fn stop(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: it reads eight bytes. A full counter is a stop already.
        unsafe { libc::write(self.stop.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

fn add(changes: &OwnedFd, path: &Path) -> bool {
    let Ok(name) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: the name is a C string, and the descriptor is open.
    unsafe { libc::inotify_add_watch(changes.as_raw_fd(), name.as_ptr(), libc::IN_MODIFY) >= 0 }
}

/// # Safety
/// `descriptor` belongs to nobody else, or is less than zero.
unsafe fn owned(descriptor: i32) -> Option<OwnedFd> {
    // SAFETY: by the contract.
    (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
}
