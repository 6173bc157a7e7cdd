//! A disk in memory that tracks what was synced, and can crash or be full.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use ubiqlite::ext::vfs::{FileError, FileNumber, Files};

/// The unit in which a crash tears writes.
const SECTOR: u64 = 512;

/// The content of files, by name.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// The disk. Clones refer to the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<DiskState>>);

#[derive(Debug, Default)]
struct DiskState {
    files: BTreeMap<String, File>,
    open: HashMap<FileNumber, String>,
    next: FileNumber,
    /// The number of calls that changed something since the last `insert`.
    changes: usize,
    /// The change that fails, as does everything after it.
    crash_at: Option<usize>,
    full: Full,
    /// The number of writes since the last `set_full`.
    writes: usize,
}

#[derive(Debug, Default)]
struct File {
    content: Vec<u8>,
    /// The content that is certain to survive; `None` if even the file may be lost.
    synced: Option<Vec<u8>>,
    /// The changes since then.
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

/// When the disk has no room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Full {
    #[default]
    Never,
    /// From this write on, for all writes that make a file larger.
    Growing(usize),
    /// For this write alone.
    Once(usize),
}

/// How a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Crash {
    /// The process is killed: the system still writes all that it was given.
    Killed,
    /// The power fails, and only synced data was written.
    PowerNothing,
    /// The power fails, and some sectors were written, in any order.
    PowerSome(u64),
}

impl Disk {
    fn state(&self) -> MutexGuard<'_, DiskState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restores what an earlier crash left, all of it as synced.
    pub(crate) fn insert(&self, image: &Image) {
        let files = image.iter().map(|(name, content)| {
            let file = File {
                content: content.clone(),
                synced: Some(content.clone()),
                pending: Vec::new(),
            };
            (name.clone(), file)
        });
        *self.state() = DiskState { files: files.collect(), ..DiskState::default() };
    }

    /// Makes the disk fail at a change, counted from 0 since `insert`.
    pub(crate) fn crash_at(&self, change: usize) {
        self.state().crash_at = Some(change);
    }

    /// Returns whether the disk has failed.
    pub(crate) fn has_crashed(&self) -> bool {
        let state = self.state();
        state.crash_at.is_some_and(|at| state.changes > at)
    }

    /// Removes the room, or restores it.
    pub(crate) fn set_full(&self, full: Full) {
        let mut state = self.state();
        state.writes = 0;
        state.full = full;
    }

    /// Returns whether there were enough writes to reach the one in `Full`.
    pub(crate) fn was_full(&self) -> bool {
        let state = self.state();
        match state.full {
            Full::Never => false,
            Full::Growing(at) | Full::Once(at) => state.writes > at,
        }
    }

    /// Returns the number of open files.
    pub(crate) fn open_files(&self) -> usize {
        self.state().open.len()
    }

    /// Returns what would be found after a crash now.
    pub(crate) fn image(&self, crash: Crash) -> Image {
        let state = self.state();
        let mut rng = match crash {
            Crash::PowerSome(seed) => Some(Rng::with_seed(seed)),
            _ => None,
        };
        let files = state.files.iter().filter_map(|(name, file)| {
            let content = match (crash, &mut rng) {
                (Crash::Killed, _) => Some(file.content.clone()),
                (_, Some(rng)) => file.torn(rng),
                _ => file.synced.clone(),
            };
            Some((name.clone(), content?))
        });
        files.collect()
    }
}

impl File {
    /// Returns the content with a random part of the changes that were not synced.
    fn torn(&self, rng: &mut Rng) -> Option<Vec<u8>> {
        let mut content = match &self.synced {
            Some(content) => content.clone(),
            None if rng.bool() => return None,
            None => Vec::new(),
        };
        for change in &self.pending {
            match change {
                Change::Truncate(size) if rng.bool() => content.resize(to_usize(*size), 0),
                Change::Truncate(_) => {}
                Change::Write(at, data) => {
                    let mut from = 0;
                    while from < data.len() {
                        let place = at + from as u64;
                        let count = to_usize(SECTOR - place % SECTOR).min(data.len() - from);
                        if rng.bool() {
                            write(&mut content, place, &data[from..from + count], rng);
                        }
                        from += count;
                    }
                }
            }
        }
        Some(content)
    }
}

/// Writes a sector. A gap beyond the end may hold anything.
fn write(content: &mut Vec<u8>, at: u64, data: &[u8], rng: &mut Rng) {
    let at = to_usize(at);
    while content.len() < at {
        content.push(if rng.bool() { 0 } else { rng.u8(..) });
    }
    let end = content.len().max(at + data.len());
    content.resize(end, 0);
    content[at..at + data.len()].copy_from_slice(data);
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).expect("a place in memory")
}

impl DiskState {
    fn alive(&self) -> Result<(), FileError> {
        match self.crash_at {
            Some(at) if self.changes > at => Err(FileError::Io),
            _ => Ok(()),
        }
    }

    /// Counts a change, and fails if it is the one to fail at, or a later one.
    fn change(&mut self) -> Result<(), FileError> {
        self.changes += 1;
        self.alive()
    }

    fn file(&mut self, file: FileNumber) -> Result<&mut File, FileError> {
        let name = self.open.get(&file).ok_or(FileError::Io)?;
        self.files.get_mut(name).ok_or(FileError::NotFound)
    }

    fn has_room(&mut self, grows: bool) -> Result<(), FileError> {
        let now = self.writes;
        self.writes += 1;
        match self.full {
            Full::Growing(at) if now >= at && grows => Err(FileError::Full),
            Full::Once(at) if now == at => Err(FileError::Full),
            _ => Ok(()),
        }
    }
}

impl Files for Disk {
    fn open(&self, name: &str, create: bool, _read_only: bool) -> Result<FileNumber, FileError> {
        let mut state = self.state();
        state.alive()?;
        assert!(!state.open.values().any(|open| open == name), "{name} is open twice");
        if !state.files.contains_key(name) {
            if !create {
                return Err(FileError::NotFound);
            }
            state.change()?;
            state.files.insert(name.to_owned(), File::default());
        }
        state.next += 1;
        let file = state.next;
        state.open.insert(file, name.to_owned());
        Ok(file)
    }

    fn close(&self, file: FileNumber) {
        self.state().open.remove(&file);
    }

    fn read(&self, file: FileNumber, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        let mut state = self.state();
        state.alive()?;
        let content = &state.file(file)?.content;
        let at = to_usize(at).min(content.len());
        let count = into.len().min(content.len() - at);
        into[..count].copy_from_slice(&content[at..at + count]);
        Ok(count)
    }

    fn write(&self, file: FileNumber, from: &[u8], at: u64) -> Result<(), FileError> {
        let mut state = self.state();
        let end = to_usize(at) + from.len();
        let grows = state.file(file)?.content.len() < end;
        state.alive()?;
        state.has_room(grows)?;
        let done = state.change();
        // The write at which the disk crashes may have been done in part.
        let count = if done.is_ok() { from.len() } else { from.len() / 2 };
        let target = state.file(file)?;
        target.pending.push(Change::Write(at, from[..count].to_vec()));
        let at = to_usize(at);
        let end = target.content.len().max(at + count);
        target.content.resize(end, 0);
        target.content[at..at + count].copy_from_slice(&from[..count]);
        done
    }

    fn truncate(&self, file: FileNumber, size: u64) -> Result<(), FileError> {
        let mut state = self.state();
        state.alive()?;
        state.change()?;
        let target = state.file(file)?;
        target.pending.push(Change::Truncate(size));
        target.content.resize(to_usize(size), 0);
        Ok(())
    }

    fn sync(&self, file: FileNumber) -> Result<(), FileError> {
        let mut state = self.state();
        state.alive()?;
        state.change()?;
        let target = state.file(file)?;
        target.pending.clear();
        target.synced = Some(target.content.clone());
        Ok(())
    }

    fn size(&self, file: FileNumber) -> Result<u64, FileError> {
        let mut state = self.state();
        state.alive()?;
        Ok(state.file(file)?.content.len() as u64)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        let mut state = self.state();
        state.alive()?;
        state.change()?;
        assert!(!state.open.values().any(|open| open == name), "{name} is removed while open");
        state.files.remove(name);
        Ok(())
    }

    fn exists(&self, name: &str) -> bool {
        let state = self.state();
        state.alive().is_ok() && state.files.contains_key(name)
    }
}
