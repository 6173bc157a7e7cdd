//! Locks that belong to a descriptor: `fcntl` as SQLite calls it.
//!
//! All connections of a database file share one owner, since SQLite keeps what they have locked in
//! one place, and asks the system only for the first of them. The shared memory of a log has one
//! descriptor per process. Its locks have an owner of their own, so that two files that use one log
//! see each other's.
//!
//! An owner is a separately opened description. It is never mapped, and a child of a fork closes
//! its copy (`fork`), so no lock outlives its process there.

use std::ffi::{CStr, CString, c_int, c_void};

use super::descriptors::{note_parked, take_parked};
use super::table::{
    self, Descriptor, DescriptorTable, FileId, FileKind, NOBODY, Owner, POSIX, Parked,
    set_known_owner, set_ours,
};

#[cfg(any(target_os = "linux", target_os = "android"))]
use libc::{F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};

#[cfg(target_vendor = "apple")]
const F_OFD_SETLK: c_int = 90;
#[cfg(target_vendor = "apple")]
const F_OFD_SETLKW: c_int = 91;
#[cfg(target_vendor = "apple")]
const F_OFD_GETLK: c_int = 92;

/// Commands that no system knows, so every file keeps its POSIX locks.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const F_OFD_GETLK: c_int = -2;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const F_OFD_SETLK: c_int = -3;
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const F_OFD_SETLKW: c_int = -4;

/// Where SQLite locks a database file, <https://sqlite.org/fileformat2.html#the_lock_byte_page>.
pub(super) const PENDING: i64 = 0x4000_0000;
pub(super) const SHARED: (i64, i64) = (PENDING + 2, 510);
/// The byte of the shared memory that each of its users has locked.
pub(super) const PRESENT: (i64, i64) = (128, 1);

/// `fcntl` for SQLite. Apple's ARM passes variadic arguments on the stack, after the eight
/// registers.
#[cfg(all(target_vendor = "apple", target_arch = "aarch64"))]
pub(super) unsafe extern "C" fn fcntl(
    fd: c_int,
    command: c_int,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: by SQLite's contract.
    unsafe { control(fd, command, argument) }
}

/// `fcntl` for SQLite.
#[cfg(not(all(target_vendor = "apple", target_arch = "aarch64")))]
pub(super) unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: by SQLite's contract.
    unsafe { control(fd, command, argument) }
}

/// # Safety
/// Like the system's `fcntl`.
pub(super) unsafe fn control(fd: c_int, command: c_int, argument: *mut c_void) -> c_int {
    let ours = match command {
        libc::F_SETLK => F_OFD_SETLK,
        libc::F_SETLKW => F_OFD_SETLKW,
        libc::F_GETLK => F_OFD_GETLK,
        // SAFETY: by the contract.
        _ => return unsafe { libc::fcntl(fd, command, argument) },
    };
    let lock = argument.cast::<libc::flock>();
    // SAFETY: these three commands take a lock.
    unsafe {
        let owner = match table::known_owner(fd) {
            // At its first lock, and where the owner can't be found quickly.
            NOBODY => return slow(fd, command, ours, &mut *lock),
            owner => owner,
        };
        if owner == POSIX {
            return libc::fcntl(fd, command, lock);
        }
        (*lock).l_pid = 0;
        libc::fcntl(owner, ours, lock)
    }
}

/// # Safety
/// `lock` is what SQLite passed.
#[cold]
unsafe fn slow(fd: c_int, command: c_int, ours: c_int, lock: &mut libc::flock) -> c_int {
    let mut state = table::state();
    let owner = state.owner(fd, lock);
    // SAFETY: both commands take a lock.
    unsafe {
        match owner {
            None => -1,
            Some(POSIX) => libc::fcntl(fd, command, &raw mut *lock),
            Some(owner) => {
                lock.l_pid = 0;
                let code = libc::fcntl(owner, ours, &raw mut *lock);
                if code == 0 && ours == F_OFD_SETLK {
                    state.note_shared(fd, lock);
                }
                code
            }
        }
    }
}

/// Returns a lock of this type on these bytes.
pub(super) fn lock(kind: c_int, (start, length): (i64, i64)) -> libc::flock {
    // SAFETY: all zeros is a valid `flock`.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock.l_start = start as _;
    lock.l_len = length as _;
    lock
}

#[allow(clippy::useless_conversion, reason = "the type differs between systems")]
fn start(lock: &libc::flock) -> i64 {
    i64::from(lock.l_start)
}

/// Locks through the owner itself, and returns whether it has the lock.
pub(super) fn set(owner: c_int, kind: c_int, bytes: (i64, i64)) -> bool {
    let mut lock = lock(kind, bytes);
    // SAFETY: the command takes a lock.
    unsafe { libc::fcntl(owner, F_OFD_SETLK, &raw mut lock) == 0 }
}

/// Releases everything that an owner has locked. Closing is not enough: a process that is just
/// starting may have a copy of its descriptor.
pub(super) fn release(owner: c_int) {
    set(owner, libc::F_UNLCK, (0, 0));
}

impl DescriptorTable {
    /// Returns the owner of this descriptor's locks from now on, or `None` with the system's error
    /// set.
    fn owner(&mut self, fd: c_int, lock: &libc::flock) -> Option<c_int> {
        // A descriptor that was opened before the system calls were replaced.
        let Some(descriptor) = self.descriptors.get_mut(&fd) else { return Some(POSIX) };
        if self.used.contains(&descriptor.file) {
            set_known_owner(fd, POSIX);
            return Some(POSIX);
        }
        let file = descriptor.file;
        let alone =
            descriptor.kind != FileKind::Database && lock.l_len != 0 && start(lock) < PENDING;
        if alone {
            if descriptor.own == NOBODY {
                descriptor.own = new_owner(&mut self.parked, fd, descriptor)?.0;
            }
            set_known_owner(fd, descriptor.own);
            return Some(descriptor.own);
        }
        let owner = self.owners.entry(file).or_insert(Owner {
            fd: NOBODY,
            users: 0,
            writable: false,
            shared: false,
        });
        if owner.fd == NOBODY {
            match new_owner(&mut self.parked, fd, descriptor) {
                Some((new, writable)) => {
                    owner.fd = new;
                    owner.writable = writable;
                }
                None => {
                    if owner.users == 0 {
                        self.owners.remove(&file);
                    }
                    return None;
                }
            }
        }
        if !descriptor.shares {
            descriptor.shares = true;
            owner.users += 1;
        }
        if owner.fd != POSIX && !owner.writable {
            if lock.l_type != libc::F_WRLCK as libc::c_short || !descriptor.writable {
                // Not stored for quick lookup: it may have to give way.
                return Some(owner.fd);
            }
            replace(&mut self.parked, owner, fd, descriptor)?;
        }
        let owner = owner.fd;
        set_known_owner(fd, owner);
        Some(owner)
    }

    /// Remembers what an owner that can't write holds.
    fn note_shared(&mut self, fd: c_int, lock: &libc::flock) {
        let Some(file) = self.descriptors.get(&fd).filter(|it| it.shares).map(|it| it.file) else {
            return;
        };
        if let Some(owner) = self.owners.get_mut(&file) {
            let covers = lock.l_len == 0 || start(lock) == SHARED.0;
            if covers {
                owner.shared = lock.l_type != libc::F_UNLCK as libc::c_short;
            }
        }
    }
}

/// Replaces an owner that can't write with one that can, including the one lock that it may hold.
/// SQLite holds the mutex of the file's locks during this.
fn replace(
    parked: &mut Vec<Parked>,
    owner: &mut Owner,
    fd: c_int,
    descriptor: &Descriptor,
) -> Option<()> {
    let (new, writable) = new_owner(parked, fd, descriptor)?;
    if owner.shared && new != POSIX {
        // Both read, so this needs no waiting.
        set(new, libc::F_RDLCK, SHARED);
    }
    release(owner.fd);
    let old = std::mem::replace(&mut owner.fd, new);
    owner.writable = writable;
    // Closing it now would drop the locks of another SQLite in this process.
    let file = descriptor.file;
    parked.push(Parked { fd: old, file, database: file, writable: false, owner: true });
    note_parked(parked);
    Some(())
}

/// Returns a new owner of locks on the file of `fd`, and whether it can write; [`POSIX`] if the
/// file system has no such locks.
fn new_owner(
    parked: &mut Vec<Parked>,
    fd: c_int,
    descriptor: &Descriptor,
) -> Option<(c_int, bool)> {
    let fits = |it: &Parked| {
        it.owner && it.file == descriptor.file && (it.writable || !descriptor.writable)
    };
    if let Some(taken) = take_parked(parked, fits) {
        return Some((taken.fd, taken.writable));
    }
    let (owner, writable) = reopen(fd, descriptor)?;
    // A byte that nobody locks.
    let probe = (PENDING - 1, 1);
    if !set(owner, libc::F_RDLCK, probe) {
        let error = std::io::Error::last_os_error().raw_os_error();
        if matches!(error, Some(libc::EINVAL | libc::ENOSYS | libc::ENOTSUP)) {
            // SAFETY: nobody else knows it.
            unsafe { libc::close(owner) };
            return Some((POSIX, true));
        }
    }
    set(owner, libc::F_UNLCK, probe);
    set_ours(owner, true);
    Some((owner, writable))
}

/// Reopens the file of a descriptor, as a separate description.
fn reopen(fd: c_int, descriptor: &Descriptor) -> Option<(c_int, bool)> {
    let open = |path: &CStr| {
        [libc::O_RDWR, libc::O_RDONLY].into_iter().find_map(|mode| {
            // SAFETY: the path is a C string.
            let owner = unsafe { libc::open(path.as_ptr(), mode | libc::O_CLOEXEC) };
            (owner >= 0).then_some((owner, mode == libc::O_RDWR))
        })
    };
    if cfg!(any(target_os = "linux", target_os = "android"))
        && let Ok(link) = CString::new(format!("/proc/self/fd/{fd}"))
        && let Some((owner, writable)) = open(&link)
    {
        return Some((above_standard(owner)?, writable));
    }
    if FileId::at(&descriptor.path) == Some(descriptor.file)
        && let Some((owner, writable)) = open(&descriptor.path)
    {
        if FileId::of(owner) == Some(descriptor.file) {
            return Some((above_standard(owner)?, writable));
        }
        // SAFETY: nobody else knows it.
        unsafe { libc::close(owner) };
    }
    // The same description: the only loss is that a fork's child keeps its locks.
    // SAFETY: the command takes the least number.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    (copy >= 0).then_some((copy, descriptor.writable))
}

/// Moves a descriptor out of those that programs print to, which are not for a database.
fn above_standard(fd: c_int) -> Option<c_int> {
    if fd > 2 {
        return Some(fd);
    }
    // SAFETY: the command takes the least number; nobody else knows `fd`.
    unsafe {
        let copy = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3);
        libc::close(fd);
        (copy >= 0).then_some(copy)
    }
}
