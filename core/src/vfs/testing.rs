//! Files in memory that record what was done with them, for the tests here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{FileError, FileNumber, Files, lock};

#[derive(Debug, Default, Clone)]
pub(super) struct Memory(Arc<Mutex<MemoryFiles>>);

#[derive(Debug, Default)]
struct MemoryFiles {
    content: HashMap<String, Vec<u8>>,
    open: HashMap<FileNumber, String>,
    next: FileNumber,
    opened: usize,
    writes: Vec<(String, u64, usize)>,
    room: Option<usize>,
    sized: usize,
    moved: bool,
}

impl Memory {
    /// Returns the writes since the last call: the file, the offset and the length.
    pub(super) fn writes(&self) -> Vec<(String, u64, usize)> {
        std::mem::take(&mut lock(&self.0).writes)
    }

    /// Sets the limit on the total bytes of all files.
    pub(super) fn set_room(&self, room: Option<usize>) {
        lock(&self.0).room = room;
    }

    /// Pretends that another program has replaced all files.
    pub(super) fn set_moved(&self) {
        lock(&self.0).moved = true;
    }

    /// Replaces the content of a file, as another program would.
    pub(super) fn set_content(&self, name: &str, content: Vec<u8>) {
        lock(&self.0).content.insert(name.to_owned(), content);
    }

    /// Returns how often a file's size was requested.
    pub(super) fn sized(&self) -> usize {
        lock(&self.0).sized
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        lock(&self.0).content.get(name).cloned().unwrap_or_default()
    }

    /// Returns how often files were opened, and how many are open now.
    pub(super) fn opened(&self) -> (usize, usize) {
        let state = lock(&self.0);
        (state.opened, state.open.len())
    }
}

impl MemoryFiles {
    fn file(&mut self, file: FileNumber) -> Result<&mut Vec<u8>, FileError> {
        let name = self.open.get(&file).ok_or(FileError::Io)?;
        self.content.get_mut(name).ok_or(FileError::NotFound)
    }
}

impl Files for Memory {
    fn open(&self, name: &str, create: bool, _read_only: bool) -> Result<FileNumber, FileError> {
        let mut state = lock(&self.0);
        if state.open.values().any(|open| open == name) {
            return Err(FileError::Held);
        }
        if !state.content.contains_key(name) {
            if !create {
                return Err(FileError::NotFound);
            }
            state.content.insert(name.to_owned(), Vec::new());
        }
        state.next += 1;
        state.opened += 1;
        let file = state.next;
        state.open.insert(file, name.to_owned());
        Ok(file)
    }

    /// Strips `./`, as a path relative to its own folder is resolved.
    fn full_name(&self, name: &str) -> Option<String> {
        Some(name.trim_start_matches("./").to_owned())
    }

    fn close(&self, file: FileNumber) {
        lock(&self.0).open.remove(&file);
    }

    fn read(&self, file: FileNumber, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        let mut state = lock(&self.0);
        let content = state.file(file)?;
        let at = usize::try_from(at).unwrap().min(content.len());
        let count = into.len().min(content.len() - at);
        into[..count].copy_from_slice(&content[at..at + count]);
        Ok(count)
    }

    fn write(&self, file: FileNumber, from: &[u8], at: u64) -> Result<(), FileError> {
        let mut state = lock(&self.0);
        let at = usize::try_from(at).unwrap();
        let total: usize = state.content.values().map(Vec::len).sum();
        let room = state.room;
        let content = state.file(file)?;
        let end = content.len().max(at + from.len());
        if room.is_some_and(|room| total - content.len() + end > room) {
            return Err(FileError::Full);
        }
        content.resize(end, 0);
        content[at..at + from.len()].copy_from_slice(from);
        let name = state.open[&file].clone();
        state.writes.push((name, at as u64, from.len()));
        Ok(())
    }

    fn truncate(&self, file: FileNumber, size: u64) -> Result<(), FileError> {
        let mut state = lock(&self.0);
        state.file(file)?.resize(usize::try_from(size).unwrap(), 0);
        Ok(())
    }

    fn sync(&self, _file: FileNumber) -> Result<(), FileError> {
        Ok(())
    }

    fn size(&self, file: FileNumber) -> Result<u64, FileError> {
        let mut state = lock(&self.0);
        state.sized += 1;
        Ok(state.file(file)?.len() as u64)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        lock(&self.0).content.remove(name);
        Ok(())
    }

    fn has_moved(&self, _file: FileNumber) -> bool {
        lock(&self.0).moved
    }

    fn exists(&self, name: &str) -> bool {
        lock(&self.0).content.contains_key(name)
    }
}
