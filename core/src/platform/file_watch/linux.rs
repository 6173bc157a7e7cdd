//! By inotify, and a look now and then.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Woken;

/// Waits until one of some files is written to.
#[derive(Debug)]
pub(crate) struct FileWatch {
    /// `None` if the system has no more of these to give: then by looking again and again.
    changes: Option<OwnedFd>,
    stop: OwnedFd,
    paths: Vec<CString>,
    /// The system reports the next write to one of the files, at least.
    reports: AtomicBool,
}

/// How many milliseconds to wait before the next look, without a watch.
const PAUSE: libc::c_int = 5;

/// The same with one. A commit whose frames are long written, since it waited for the disk, shows in
/// shared memory alone, which nothing reports.
const LONG_PAUSE: libc::c_int = 100;

impl FileWatch {
    /// Begins to watch these files; those that do not exist are left out until the next
    /// [`arm`](Self::arm). `None` if the system has no descriptors left.
    pub(crate) fn new(paths: &[&Path]) -> Option<Self> {
        // SAFETY: these take nothing and return descriptors, or less than zero.
        let (changes, stop) = unsafe {
            let changes = libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC);
            (owned(changes), owned(libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC))?)
        };
        let paths = paths.iter().filter_map(|path| CString::new(path.as_os_str().as_bytes()).ok());
        let watch = Self { changes, stop, paths: paths.collect(), reports: AtomicBool::new(false) };
        watch.arm();
        Some(watch)
    }

    /// Makes the next write to a file end the wait. After that one the system reports no more, so
    /// that each further one costs its writer nothing: what was written since is to be looked for.
    pub(crate) fn arm(&self) {
        let Some(changes) = &self.changes else { return };
        let mask = libc::IN_MODIFY | libc::IN_ONESHOT;
        let added = self.paths.iter().filter(|path| {
            // SAFETY: the name is a C string, and the descriptor is open.
            unsafe { libc::inotify_add_watch(changes.as_raw_fd(), path.as_ptr(), mask) >= 0 }
        });
        self.reports.store(added.count() > 0, Ordering::Relaxed);
    }

    /// Whether [`stop`](Self::stop) was called.
    pub(crate) fn is_stopped(&self) -> bool {
        let mut polled =
            libc::pollfd { fd: self.stop.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: it is one entry.
        unsafe { libc::poll(&raw mut polled, 1, 0) };
        polled.revents != 0
    }

    /// Waits until a file is written to.
    pub(crate) fn wait(&self) -> Woken {
        let changes = self.changes.as_ref().map(AsRawFd::as_raw_fd);
        let entry = |descriptor| libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        // A negative descriptor is left out.
        let mut polled = [entry(self.stop.as_raw_fd()), entry(changes.unwrap_or(-1))];
        let limit = if self.reports.load(Ordering::Relaxed) { LONG_PAUSE } else { PAUSE };
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

/// # Safety
/// `descriptor` belongs to nobody else, or is less than zero.
unsafe fn owned(descriptor: i32) -> Option<OwnedFd> {
    // SAFETY: by the contract.
    (descriptor >= 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) })
}
