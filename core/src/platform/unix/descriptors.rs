//! Opening and closing for SQLite: a descriptor is not closed while somebody else in
//! this process has its file open, since that would drop the other's POSIX locks. It
//! is parked, taken again by whoever opens the file next, and closed when the other
//! is gone.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::locks::{self, PENDING};
use super::others;
use super::table::{
    self, Descriptor, FileId, Kind, NOBODY, POSIX, Parked, State, set_known_owner, set_ours,
};

/// What is parked, so that nobody looks where nothing is.
static PARKED: AtomicUsize = AtomicUsize::new(0);
/// Calls of `open` that are under way: what they open is not yet known as ours.
static OPENING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What the file is for that this thread opens.
    static KIND: Cell<Kind> = const { Cell::new(Kind::Outside) };
    /// What `open` has returned to it.
    static LAST: Cell<c_int> = const { Cell::new(NOBODY) };
}

/// This thread opens a file of this kind now.
pub(super) fn expect(kind: Kind) -> Kind {
    LAST.set(NOBODY);
    KIND.replace(kind)
}

/// Ends what [`expect`] began; returns the descriptor that was opened.
pub(super) fn expected(before: Kind) -> c_int {
    KIND.set(before);
    LAST.replace(NOBODY)
}

/// `open` for SQLite.
pub(super) unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    let kind = KIND.get();
    if kind == Kind::Other {
        // SAFETY: by SQLite's contract.
        return unsafe { libc::open(path, flags, mode) };
    }
    // SAFETY: SQLite passes a C string.
    let name = unsafe { CStr::from_ptr(path) };
    if PARKED.load(Ordering::Acquire) > 0
        && let Some(fd) = table::state().unpark(name, kind, flags)
    {
        LAST.set(fd);
        return fd;
    }
    OPENING.fetch_add(1, Ordering::SeqCst);
    // SAFETY: by SQLite's contract.
    let fd = unsafe { libc::open(path, flags, mode) };
    if fd >= 0 && flags & libc::O_DIRECTORY == 0 {
        table::state().register(fd, kind, flags, name);
        LAST.set(fd);
    }
    OPENING.fetch_sub(1, Ordering::SeqCst);
    fd
}

/// `close` for SQLite.
pub(super) unsafe extern "C" fn close(fd: c_int) -> c_int {
    table::state().close(fd)
}

impl State {
    fn register(&mut self, fd: c_int, kind: Kind, flags: c_int, path: &CStr) {
        let Some(file) = FileId::of_regular(fd) else { return };
        let writable = flags & libc::O_ACCMODE == libc::O_RDWR;
        let path = Arc::from(CString::from(path));
        set_known_owner(fd, NOBODY);
        set_ours(fd, true);
        let descriptor = Descriptor { file, kind, writable, path, shares: false, own: NOBODY };
        self.descriptors.insert(fd, descriptor);
    }

    /// A parked descriptor for this opening.
    fn unpark(&mut self, path: &CStr, kind: Kind, flags: c_int) -> Option<c_int> {
        self.sweep();
        if flags & (libc::O_EXCL | libc::O_TRUNC | libc::O_DIRECTORY) != 0 {
            return None;
        }
        let file = FileId::at(path)?;
        let writable = flags & libc::O_ACCMODE == libc::O_RDWR;
        let fits = |it: &Parked| !it.owner && it.file == file && it.writable == writable;
        let fd = take_parked(&mut self.parked, fits)?.fd;
        self.register(fd, kind, flags, path);
        Some(fd)
    }

    fn close(&mut self, fd: c_int) -> c_int {
        set_known_owner(fd, NOBODY);
        let Some(descriptor) = self.descriptors.remove(&fd) else {
            set_ours(fd, false);
            // SAFETY: SQLite closes what it has opened.
            return unsafe { libc::close(fd) };
        };
        self.files.retain(|_, opened| opened.fd != fd);
        let (owner, writable) = self.leave(&descriptor);
        let posix = self.used.contains(&descriptor.file)
            || self.owners.get(&descriptor.file).is_some_and(|owner| owner.fd == POSIX)
            || owner == Some(POSIX);
        if descriptor.kind == Kind::Log || posix {
            set_ours(fd, false);
            // SAFETY: as above.
            return unsafe { libc::close(fd) };
        }
        let file = descriptor.file;
        let mut closing =
            vec![Parked { fd, file, writable: descriptor.writable, owner: false }];
        if let Some(owner) = owner {
            locks::release(owner);
            closing.push(Parked { fd: owner, file, writable, owner: true });
        }
        self.give_back(&closing, &descriptor);
        if !self.parked.is_empty() {
            self.sweep();
        }
        0
    }

    /// The descriptor needs its owner no longer; returns the owner if nobody does.
    fn leave(&mut self, descriptor: &Descriptor) -> (Option<c_int>, bool) {
        if descriptor.own != NOBODY {
            return (Some(descriptor.own), descriptor.writable);
        }
        if !descriptor.shares {
            return (None, false);
        }
        let Some(owner) = self.owners.get_mut(&descriptor.file) else { return (None, false) };
        owner.users -= 1;
        if owner.users > 0 {
            return (None, false);
        }
        let (fd, writable) = (owner.fd, owner.writable);
        self.owners.remove(&descriptor.file);
        ((fd != NOBODY).then_some(fd), writable)
    }

    /// Closes descriptors of one file, or parks them.
    ///
    /// Somebody may open the file between the look around and the closing. Where
    /// somebody was met before, the database's pending byte is locked meanwhile:
    /// nobody gets a lock past it, so nobody new has one to lose.
    fn give_back(&mut self, closing: &[Parked], descriptor: &Descriptor) {
        let mut files = vec![descriptor.file];
        let mut guard = None;
        if self.met {
            if descriptor.kind == Kind::Database {
                // One that goes as well keeps the lock until it is closed.
                let going = closing.get(1).map(|owner| (owner.fd, owner.writable));
                let staying =
                    self.owners.get(&descriptor.file).map(|owner| (owner.fd, owner.writable));
                guard = going.or(staying);
            } else if let Some(database) = self.database_of(&descriptor.path) {
                files.push(database);
                guard = self.owners.get(&database).map(|owner| (owner.fd, owner.writable));
            }
        }
        let guard = guard
            .filter(|(owner, writable)| *owner > NOBODY && *writable)
            .map(|(owner, _)| owner)
            .filter(|owner| hold(*owner));
        let others = others::have_open(&files);
        // What another thread of this SQLite is just opening looks like another's.
        self.met |= others && OPENING.load(Ordering::SeqCst) == 0;
        for parked in closing {
            if others {
                self.parked.push(*parked);
            } else {
                shut(parked.fd);
            }
        }
        if let Some(owner) = guard
            && (others || closing.iter().all(|parked| parked.fd != owner))
        {
            locks::set(owner, libc::F_UNLCK, (PENDING, 1));
        }
        PARKED.store(self.parked.len(), Ordering::Release);
    }

    /// The file whose log has its shared memory at this path.
    fn database_of(&self, path: &CStr) -> Option<FileId> {
        let name = path.to_bytes().strip_suffix(b"-shm")?;
        self.descriptors
            .values()
            .find(|it| it.kind == Kind::Database && it.path.to_bytes() == name)
            .map(|it| it.file)
    }

    /// Closes what is parked of files that nobody else has open any more.
    fn sweep(&mut self) {
        let mut open = Vec::new();
        others::each(|file| open.push(file));
        self.parked.retain(|parked| {
            let keep = open.contains(&parked.file);
            if !keep {
                shut(parked.fd);
            }
            keep
        });
        PARKED.store(self.parked.len(), Ordering::Release);
    }
}

/// Takes one of those that are parked.
pub(super) fn take_parked(
    parked: &mut Vec<Parked>,
    fits: impl FnMut(&Parked) -> bool,
) -> Option<Parked> {
    let index = parked.iter().position(fits)?;
    let taken = parked.swap_remove(index);
    PARKED.store(parked.len(), Ordering::Release);
    Some(taken)
}

/// Locks the pending byte, which others hold for moments.
fn hold(owner: c_int) -> bool {
    (0..50).any(|_| {
        let held = locks::set(owner, libc::F_WRLCK, (PENDING, 1));
        if !held {
            std::thread::yield_now();
        }
        held
    })
}

fn shut(fd: c_int) {
    set_ours(fd, false);
    // SAFETY: nobody uses it any more.
    unsafe { libc::close(fd) };
}
