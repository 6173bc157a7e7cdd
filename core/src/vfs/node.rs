//! A file by its name, open once for all connections to it.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rusqlite::ffi;

use super::files::{FileError, Files};
use super::lock::Locks;
use super::log::Gathered;
use super::shm::Memory;

/// The files that one VFS has open.
pub(super) struct Host {
    pub(super) files: Box<dyn Files>,
    open: Mutex<HashMap<Box<str>, Weak<Node>>>,
}

/// An open file.
pub(super) struct Node {
    host: &'static Host,
    file: u32,
    pub(super) read_only: bool,
    pub(super) locks: Mutex<Locks>,
    pub(super) memory: Mutex<Memory>,
    /// `None` for what is no log.
    log: Option<Mutex<Gathered>>,
}

impl Host {
    pub(super) fn new(files: Box<dyn Files>) -> Self {
        Self { files, open: Mutex::default() }
    }

    /// Opens a file, or joins those who have it open.
    pub(super) fn open(
        &'static self,
        name: &str,
        create: bool,
        read_only: bool,
        log: bool,
    ) -> Result<Arc<Node>, FileError> {
        let mut open = lock(&self.open);
        if let Some(node) = open.get(name).and_then(Weak::upgrade) {
            return Ok(node);
        }
        // Who only reads may be joined by who writes.
        let (file, read_only) = match self.files.open(name, create && !read_only, false) {
            Err(FileError::Denied) => (self.files.open(name, false, true)?, true),
            opened => (opened?, false),
        };
        let node = Arc::new(Node {
            host: self,
            file,
            read_only,
            locks: Mutex::default(),
            memory: Mutex::default(),
            log: log.then(Mutex::default),
        });
        open.retain(|_, node| node.strong_count() > 0);
        open.insert(name.into(), Arc::downgrade(&node));
        Ok(node)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Done = Result<(), c_int>;

impl Node {
    fn files(&self) -> &dyn Files {
        &*self.host.files
    }

    /// Reads, with zeros for what is beyond the end.
    pub(super) fn read(&self, into: &mut [u8], at: u64) -> Done {
        if let Some(log) = &self.log
            && lock(log).overlaps(at, into.len())
        {
            self.flush()?;
        }
        let read = self
            .files()
            .read(self.file, into, at)
            .map_err(|error| error.code(ffi::SQLITE_IOERR_READ))?;
        if read < into.len() {
            into[read..].fill(0);
            return Err(ffi::SQLITE_IOERR_SHORT_READ);
        }
        Ok(())
    }

    pub(super) fn write(&self, from: &[u8], at: u64) -> Done {
        let Some(log) = &self.log else { return self.write_through(from, at) };
        let takes = lock(log).takes(from, at);
        if takes {
            let due = lock(log).add(from, at);
            return if due { self.flush() } else { Ok(()) };
        }
        self.flush()?;
        self.write_through(from, at)?;
        lock(log).passed(from, at);
        Ok(())
    }

    fn write_through(&self, from: &[u8], at: u64) -> Done {
        self.files().write(self.file, from, at).map_err(|error| error.code(ffi::SQLITE_IOERR_WRITE))
    }

    /// Writes what is gathered. What can't be written is forgotten: SQLite is
    /// told so, and will write it again or never.
    fn flush(&self) -> Done {
        let Some(log) = &self.log else { return Ok(()) };
        let mut log = lock(log);
        let written = match log.pending() {
            Some((bytes, at)) => self.write_through(bytes, at),
            None => return Ok(()),
        };
        log.clear();
        written
    }

    pub(super) fn truncate(&self, size: u64) -> Done {
        self.flush()?;
        if let Some(log) = &self.log {
            lock(log).cut();
        }
        self.files()
            .truncate(self.file, size)
            .map_err(|error| error.code(ffi::SQLITE_IOERR_TRUNCATE))
    }

    pub(super) fn sync(&self) -> Done {
        self.flush()?;
        self.files().sync(self.file).map_err(|error| error.code(ffi::SQLITE_IOERR_FSYNC))
    }

    pub(super) fn size(&self) -> Result<u64, c_int> {
        self.flush()?;
        self.files().size(self.file).map_err(|error| error.code(ffi::SQLITE_IOERR_FSTAT))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Frames of no commit, which nobody misses.
        let _ = self.flush();
        self.files().close(self.file);
    }
}
