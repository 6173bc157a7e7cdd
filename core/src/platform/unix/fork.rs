//! A child of a fork must not keep its parent's locks: those that belong to a
//! description last until its last copy is closed.

use std::cell::UnsafeCell;
use std::sync::MutexGuard;

use super::table::{self, NOBODY, POSIX, State, set_ours};

/// Held from before a fork until after it, so that the child finds the table whole.
struct Held(UnsafeCell<Option<MutexGuard<'static, State>>>);

// SAFETY: only the thread that forks reads or writes it, between the two calls that
// the system makes around a fork, and only one thread can be there: it has the lock.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

pub(super) fn install() -> bool {
    // SAFETY: the functions live as long as the code that registers them.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) == 0 }
}

unsafe extern "C" fn before() {
    let guard = table::state();
    // SAFETY: see `Held`.
    unsafe { *HELD.0.get() = Some(guard) };
}

unsafe extern "C" fn parent() {
    // SAFETY: see `Held`.
    drop(unsafe { (*HELD.0.get()).take() });
}

/// Only what may be done in a signal handler: no memory is allocated or freed.
unsafe extern "C" fn child() {
    // SAFETY: see `Held`.
    let Some(mut state) = (unsafe { (*HELD.0.get()).take() }) else { return };
    table::forget_known_owners();
    for owner in state.owners.values_mut() {
        if owner.fd != POSIX {
            shut(&mut owner.fd);
        }
    }
    for descriptor in state.descriptors.values_mut() {
        if descriptor.own != POSIX {
            shut(&mut descriptor.own);
        }
    }
    for parked in &mut state.parked {
        shut(&mut parked.fd);
    }
    state.parked.clear();
}

fn shut(fd: &mut libc::c_int) {
    if *fd > NOBODY {
        set_ours(*fd, false);
        // SAFETY: this is the child's own copy, which nothing here uses any more;
        // what was locked by it stays the parent's.
        unsafe { libc::close(*fd) };
        *fd = NOBODY;
    }
}
