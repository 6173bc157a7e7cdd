//! Which descriptors are this SQLite's, and who owns their locks.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_int};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file that a name or a descriptor refers to: its device and inode. No other file gets the
/// inode while a descriptor of it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A database: connections of one file share what they have locked.
    Database,
    /// A write-ahead log, on which nobody takes a lock.
    Log,
    /// Opened by means other than `xOpen`: the shared memory of a log, a directory.
    Outside,
    /// Journals and temporary files.
    Other,
}

/// SQLite's own locks are used on this file: it was open before, or its file system has no others.
pub(super) const POSIX: c_int = -1;
/// Nobody owns locks yet.
pub(super) const NOBODY: c_int = 0;

/// One of this SQLite's descriptors.
#[derive(Debug)]
pub(super) struct Descriptor {
    pub(super) file: FileId,
    pub(super) kind: FileKind,
    pub(super) writable: bool,
    pub(super) path: Arc<CStr>,
    /// It has taken locks through the owner shared by all descriptors of its file.
    pub(super) shares: bool,
    /// The owner of its locks that it shares with no other descriptor.
    pub(super) own: c_int,
}

/// The owner of the locks of all connections of one database file.
#[derive(Debug)]
pub(super) struct Owner {
    /// The descriptor, or [`POSIX`], or [`NOBODY`] after a fork.
    pub(super) fd: c_int,
    pub(super) users: usize,
    /// It was opened for writing; otherwise there is no exclusive lock.
    pub(super) writable: bool,
    /// It holds the lock that readers share; tracked only for owners that can't write.
    pub(super) shared: bool,
}

/// A descriptor that could not be closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parked {
    pub(super) fd: c_int,
    pub(super) file: FileId,
    /// The same file, or the database whose log's shared memory it is.
    pub(super) database: FileId,
    pub(super) writable: bool,
    /// It owned locks, and is reserved for an owner again: SQLite never had it, so nothing maps it,
    /// and no child of a fork has kept it.
    pub(super) owner: bool,
}

/// What `xOpen` has opened.
#[derive(Debug, Clone)]
pub(super) struct OpenFile {
    pub(super) file: FileId,
    pub(super) kind: FileKind,
    /// [`NOBODY`] for a descriptor that SQLite had kept and reused.
    pub(super) fd: c_int,
    pub(super) path: Arc<CStr>,
    /// For a log: the database next to it when it was opened.
    pub(super) database: Option<FileId>,
}

#[derive(Debug)]
pub(super) struct DescriptorTable {
    pub(super) descriptors: BTreeMap<c_int, Descriptor>,
    pub(super) owners: BTreeMap<FileId, Owner>,
    pub(super) parked: Vec<Parked>,
    /// By the address of SQLite's own structure.
    pub(super) files: BTreeMap<usize, OpenFile>,
    /// Open in this process before the system calls were replaced.
    pub(super) used: BTreeSet<FileId>,
    /// Another user in this process was seen to have one of these files open.
    pub(super) met: bool,
}

static STATE: Mutex<DescriptorTable> = Mutex::new(DescriptorTable {
    descriptors: BTreeMap::new(),
    owners: BTreeMap::new(),
    parked: Vec::new(),
    files: BTreeMap::new(),
    used: BTreeSet::new(),
    met: false,
});

/// Locks the table. The lock is held only briefly, and never while a file is opened by its path.
pub(super) fn state() -> MutexGuard<'static, DescriptorTable> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of descriptors whose owner is found without the table.
const NEAR: usize = 4_096;

/// The owner of each descriptor's locks, once known: a lock is taken at both ends of a read, and
/// finding its owner must cost nothing.
static NEAR_OWNERS: [AtomicI32; NEAR] = [const { AtomicI32::new(NOBODY) }; NEAR];

/// Returns the owner of this descriptor's locks, if known.
#[inline]
pub(super) fn known_owner(fd: c_int) -> c_int {
    let index = usize::try_from(fd).unwrap_or(NEAR);
    NEAR_OWNERS.get(index).map_or(NOBODY, |owner| owner.load(Ordering::Acquire))
}

pub(super) fn set_known_owner(fd: c_int, owner: c_int) {
    let index = usize::try_from(fd).unwrap_or(NEAR);
    if let Some(place) = NEAR_OWNERS.get(index) {
        place.store(owner, Ordering::Release);
    }
}

/// Forgets all owners after a fork: nobody owns a lock here.
pub(super) fn forget_known_owners() {
    for place in &NEAR_OWNERS {
        place.store(NOBODY, Ordering::Release);
    }
}

/// A bit for each descriptor of this SQLite. Those beyond count as somebody else's, so that they
/// are parked where they could be closed.
static OURS: [AtomicU64; 1_024] = [const { AtomicU64::new(0) }; 1_024];

fn place(fd: c_int) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((OURS.get(fd / 64)?, 1 << (fd % 64)))
}

pub(super) fn is_ours(fd: c_int) -> bool {
    place(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

pub(super) fn set_ours(fd: c_int, ours: bool) {
    let Some((word, bit)) = place(fd) else { return };
    if ours {
        word.fetch_or(bit, Ordering::Relaxed);
    } else {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
}

impl FileId {
    /// Returns the file of a descriptor.
    pub(super) fn of(fd: c_int) -> Option<Self> {
        // SAFETY: all zeros is a valid `stat`, which the call fills.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            (libc::fstat(fd, &raw mut stat) == 0).then(|| Self::from(&stat))
        }
    }

    /// Returns the file of a descriptor, if it is no directory or device.
    pub(super) fn of_regular(fd: c_int) -> Option<Self> {
        // SAFETY: as above.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let code = libc::fstat(fd, &raw mut stat);
            let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
            (code == 0 && regular).then(|| Self::from(&stat))
        }
    }

    /// Returns the file of a path, following links.
    pub(super) fn at(path: &CStr) -> Option<Self> {
        // SAFETY: as above, and the path is a C string.
        unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            (libc::stat(path.as_ptr(), &raw mut stat) == 0).then(|| Self::from(&stat))
        }
    }
}

impl From<&libc::stat> for FileId {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the types differ between systems"
    )]
    fn from(stat: &libc::stat) -> Self {
        Self { device: stat.st_dev as u64, inode: stat.st_ino as u64 }
    }
}

impl DescriptorTable {
    /// Records what `xOpen` has opened; `fd` is [`NOBODY`] if it reused a descriptor that it had
    /// kept.
    pub(super) fn note_file(&mut self, address: usize, kind: FileKind, fd: c_int, path: &CStr) {
        let known = self.descriptors.get(&fd).map(|it| (it.file, Arc::clone(&it.path)));
        let (file, path) = match known {
            Some((file, path)) => (file, path),
            None => {
                let Some(file) = FileId::at(path) else {
                    self.files.remove(&address);
                    return;
                };
                (file, Arc::from(CString::from(path)))
            }
        };
        let name = path.to_bytes().strip_suffix(b"-wal").filter(|_| kind == FileKind::Log);
        let database =
            name.and_then(|name| CString::new(name).ok()).and_then(|name| FileId::at(&name));
        self.files.insert(address, OpenFile { file, kind, fd, path, database });
    }

    /// Lets files that are now open keep their POSIX locks: an existing connection holds some.
    pub(super) fn note_used(&mut self) {
        super::others::each(|file| {
            self.used.insert(file);
        });
    }

    pub(super) fn coexists(&self, file: FileId) -> bool {
        self.owners.get(&file).is_some_and(|owner| owner.fd != POSIX)
    }
}
