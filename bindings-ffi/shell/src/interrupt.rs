//! Ctrl-C: a flag that whoever runs a statement or writes rows looks at.
//!
//! The handler does nothing but count, which is all that a signal handler may do. Between two
//! statements the count is set to 0.

use std::sync::atomic::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether Ctrl-C was pressed since [`reset`].
pub(crate) fn requested() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Whether it was pressed again.
pub(crate) fn insisted() -> bool {
    COUNT.load(Ordering::Relaxed) > 1
}

/// Forgets what was pressed.
pub(crate) fn reset() {
    COUNT.store(0, Ordering::Relaxed);
}

/// Counts Ctrl-C until the result is dropped, in place of what would happen.
pub(crate) fn handle() -> Handled {
    reset();
    Handled(system::install())
}

/// While it lives, Ctrl-C is counted.
pub(crate) struct Handled(Option<system::Before>);

impl Drop for Handled {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            system::restore(&before);
        }
    }
}

#[cfg(unix)]
mod system {
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::atomic::Ordering;

    pub(super) type Before = libc::sigaction;

    extern "C" fn count(_signal: libc::c_int) {
        super::COUNT.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn install() -> Option<Before> {
        let mut before = MaybeUninit::uninit();
        // SAFETY: the handler does only what a signal handler may. Zero is a valid value of every
        // field of the structure; the system fills `before` if it returns 0.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = count as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigemptyset(&raw mut action.sa_mask);
            (libc::sigaction(libc::SIGINT, &raw const action, before.as_mut_ptr()) == 0)
                .then(|| before.assume_init())
        }
    }

    pub(super) fn restore(before: &Before) {
        // SAFETY: it is what the system returned.
        unsafe { libc::sigaction(libc::SIGINT, before, ptr::null_mut()) };
    }
}

#[cfg(windows)]
mod system {
    use std::sync::atomic::Ordering;

    pub(super) struct Before;

    const CTRL_C_EVENT: u32 = 0;

    type Handler = unsafe extern "system" fn(u32) -> i32;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn SetConsoleCtrlHandler(handler: Option<Handler>, add: i32) -> i32;
    }

    unsafe extern "system" fn count(event: u32) -> i32 {
        if event != CTRL_C_EVENT {
            return 0;
        }
        super::COUNT.fetch_add(1, Ordering::Relaxed);
        1
    }

    pub(super) fn install() -> Option<Before> {
        // SAFETY: the handler may be called on any thread, and only counts.
        (unsafe { SetConsoleCtrlHandler(Some(count), 1) } != 0).then_some(Before)
    }

    pub(super) fn restore(_before: &Before) {
        // SAFETY: it removes what was added.
        unsafe { SetConsoleCtrlHandler(Some(count), 0) };
    }
}

#[cfg(not(any(unix, windows)))]
mod system {
    pub(super) struct Before;

    pub(super) fn install() -> Option<Before> {
        None
    }

    pub(super) fn restore(_before: &Before) {}
}
