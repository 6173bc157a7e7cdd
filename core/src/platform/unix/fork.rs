//! A child of a fork must not keep its parent's locks: locks that belong to a description last
//! until its last copy is closed.

use crate::platform::fork_lock::ForkLock;

use super::table::{self, DescriptorTable, NOBODY, POSIX, set_ours};

static HELD: ForkLock<DescriptorTable> = ForkLock::new();

pub(super) fn install() -> bool {
    // SAFETY: the functions live as long as the code that registers them.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) == 0 }
}

unsafe extern "C" fn before() {
    let guard = table::state();
    // SAFETY: it is called around a fork.
    unsafe { HELD.put(guard) };
}

unsafe extern "C" fn parent() {
    // SAFETY: it is called around a fork.
    drop(unsafe { HELD.take() });
}

/// Does only what a signal handler may do: no memory is allocated or freed.
unsafe extern "C" fn child() {
    // SAFETY: it is called around a fork.
    let Some(mut state) = (unsafe { HELD.take() }) else { return };
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
        // SAFETY: this is the child's own copy, which nothing here uses any more; its locks remain
        // the parent's.
        unsafe { libc::close(*fd) };
        *fd = NOBODY;
    }
}
