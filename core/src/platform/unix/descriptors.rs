//! Opening and closing for SQLite. A descriptor is not closed while another user in this process
//! has its file open, since that would drop the other's POSIX locks. It is parked, reused when the
//! file is next opened, and closed when the other user is gone.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::locks::{self, PENDING};
use super::others;
use super::table::{
    self, Descriptor, DescriptorTable, FileId, FileKind, NOBODY, POSIX, Parked, set_known_owner,
    set_ours,
};

/// How many descriptors are parked, so that nobody searches when there are none.
static PARKED: AtomicUsize = AtomicUsize::new(0);
/// Calls of `open` in progress: what they open is not yet known as ours.
static OPENING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What the file is for that this thread is opening.
    static KIND: Cell<FileKind> = const { Cell::new(FileKind::Outside) };
    /// What `open` returned to it.
    static LAST: Cell<c_int> = const { Cell::new(NOBODY) };
}

/// Sets the kind of file that this thread is about to open.
pub(super) fn expect(kind: FileKind) -> FileKind {
    LAST.set(NOBODY);
    KIND.replace(kind)
}

/// Ends what [`expect`] began, and returns the opened descriptor.
pub(super) fn expected(before: FileKind) -> c_int {
    KIND.set(before);
    LAST.replace(NOBODY)
}

/// `open` for SQLite.
pub(super) unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
    let kind = KIND.get();
    if kind == FileKind::Other {
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

impl DescriptorTable {
    fn register(&mut self, fd: c_int, kind: FileKind, flags: c_int, path: &CStr) {
        let Some(file) = FileId::of_regular(fd) else { return };
        let writable = flags & libc::O_ACCMODE == libc::O_RDWR;
        let path = Arc::from(CString::from(path));
        set_known_owner(fd, NOBODY);
        set_ours(fd, true);
        let descriptor = Descriptor { file, kind, writable, path, shares: false, own: NOBODY };
        self.descriptors.insert(fd, descriptor);
    }

    /// Returns a parked descriptor for this opening.
    fn unpark(&mut self, path: &CStr, kind: FileKind, flags: c_int) -> Option<c_int> {
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
        let file = descriptor.file;
        let (owner, can_lock) = self.leave(&descriptor);
        let posix = owner == Some(POSIX)
            || self.used.contains(&file)
            || self.owners.get(&file).is_some_and(|owner| owner.fd == POSIX);
        if descriptor.kind == FileKind::Log || posix {
            set_ours(fd, false);
            // SAFETY: as above.
            return unsafe { libc::close(fd) };
        }
        let database = self.database_of(&descriptor);
        let writable = descriptor.writable;
        self.parked.push(Parked { fd, file, database, writable, owner: false });
        if let Some(owner) = owner {
            locks::release(owner);
            let writable = can_lock;
            self.parked.push(Parked { fd: owner, file, database, writable, owner: true });
        }
        self.sweep();
        0
    }

    /// Ends the descriptor's use of its owner. Returns the owner if nobody uses it any more, and
    /// whether it can write.
    fn leave(&mut self, descriptor: &Descriptor) -> (Option<c_int>, bool) {
        if descriptor.own != NOBODY {
            return (Some(descriptor.own), descriptor.writable);
        }
        let file = descriptor.file;
        let Some(owner) = self.owners.get_mut(&file).filter(|_| descriptor.shares) else {
            return (None, false);
        };
        owner.users -= 1;
        let (fd, writable, users) = (owner.fd, owner.writable, owner.users);
        if users > 0 {
            return (None, false);
        }
        self.owners.remove(&file);
        ((fd != NOBODY).then_some(fd), writable)
    }

    /// Returns the database that a file belongs to: itself, or the one whose log has its shared
    /// memory there.
    fn database_of(&self, descriptor: &Descriptor) -> FileId {
        let name = descriptor.path.to_bytes().strip_suffix(b"-shm");
        let of = name.filter(|_| descriptor.kind != FileKind::Database).and_then(|name| {
            let mut all = self.descriptors.values();
            all.find(|it| it.kind == FileKind::Database && it.path.to_bytes() == name)
        });
        of.map_or(descriptor.file, |database| database.file)
    }

    /// Closes what is parked for files that nobody else has open.
    fn sweep(&mut self) {
        let mut open = Vec::new();
        others::each(|file| open.push(file));
        // A file without a name gets no new users: shared memory, after its last user.
        self.parked.retain(|it| {
            let keep = it.file == it.database || open.contains(&it.file) || has_name(it.fd);
            if !keep {
                shut(it.fd);
            }
            keep
        });
        let mut databases: Vec<_> = self.parked.iter().map(|it| it.database).collect();
        databases.sort_unstable();
        databases.dedup();
        for database in databases {
            let mut files = vec![database];
            files.extend(self.parked.iter().filter(|it| it.database == database).map(|it| it.file));
            if files.iter().any(|file| open.contains(file)) {
                // A file that another thread of this SQLite is just opening looks the same.
                self.met |= OPENING.load(Ordering::SeqCst) == 0;
            } else {
                self.close_parked(database, &files);
            }
        }
        note_parked(&self.parked);
    }

    /// Closes what is parked for a database that nobody else seemed to have open.
    ///
    /// Somebody may open it between the check and the closing. If somebody was met before, the
    /// database's pending byte is locked during that time, and the check repeated: nobody gets a
    /// lock past that byte, so a newcomer has none to lose.
    fn close_parked(&mut self, database: FileId, files: &[FileId]) {
        let mut guard = None;
        if self.met {
            let staying = self.owners.get(&database).map(|it| (it.fd, it.writable));
            let mut parked = self.parked.iter().filter(|it| it.owner && it.file == database);
            let going = || parked.find(|it| it.writable).map(|it| (it.fd, it.writable));
            let owner = staying.or_else(going).filter(|it| it.0 > NOBODY && it.1);
            guard = owner.map(|it| it.0);
            if let Some(owner) = guard
                && !hold(owner)
            {
                // Others are about to write: try another time.
                return;
            }
            if others::have_open(files) {
                if let Some(owner) = guard {
                    locks::set(owner, libc::F_UNLCK, (PENDING, 1));
                }
                return;
            }
        }
        let mut last = None;
        self.parked.retain(|it| {
            let keep = it.database != database;
            if Some(it.fd) == guard {
                last = guard;
            } else if !keep {
                shut(it.fd);
            }
            keep
        });
        match (last, guard) {
            // Its lock ends with it.
            (Some(owner), _) => shut(owner),
            (None, Some(owner)) => {
                locks::set(owner, libc::F_UNLCK, (PENDING, 1));
            }
            (None, None) => {}
        }
    }
}

/// Takes one of the parked descriptors.
pub(super) fn take_parked(
    parked: &mut Vec<Parked>,
    fits: impl FnMut(&Parked) -> bool,
) -> Option<Parked> {
    let index = parked.iter().position(fits)?;
    let taken = parked.swap_remove(index);
    note_parked(parked);
    Some(taken)
}

/// Must be called when the list has changed.
pub(super) fn note_parked(parked: &[Parked]) {
    PARKED.store(parked.len(), Ordering::Release);
}

/// Locks the pending byte, which others hold only briefly.
fn hold(owner: c_int) -> bool {
    (0..50).any(|_| {
        let held = locks::set(owner, libc::F_WRLCK, (PENDING, 1));
        if !held {
            std::thread::yield_now();
        }
        held
    })
}

fn has_name(fd: c_int) -> bool {
    // SAFETY: all zeros is a valid `stat`, which the call fills.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat) != 0 || stat.st_nlink > 0
    }
}

fn shut(fd: c_int) {
    set_ours(fd, false);
    // SAFETY: nobody uses it any more.
    unsafe { libc::close(fd) };
}
