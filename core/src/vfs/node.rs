//! One open file, shared by all connections that have it open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::locks::Locks;
use super::log::LogBuffer;
use super::shm::Shm;
use super::temporary::Temporary;
use super::window::Window;
use super::{FileError, FileNumber, Files, lock};

/// An open file.
pub(super) struct Node {
    pub(super) name: Box<str>,
    pub(super) locks: Mutex<Locks>,
    pub(super) shm: Mutex<Shm>,
    store: Store,
}

/// Where its bytes are.
enum Store {
    Hosted(HostedFile),
    /// Read by many at once.
    Memory(RwLock<Temporary>),
    /// What is written into it is taken out.
    Window(Mutex<Window>),
}

/// A file of the host's.
struct HostedFile {
    files: Arc<dyn Files>,
    content: Mutex<HostedContent>,
}

struct HostedContent {
    /// `None` if the file was lost when it was reopened.
    file: Option<FileNumber>,
    read_only: bool,
    log: Option<LogBuffer>,
    /// The size of a file that is not a log, if known: a writable file is held, so nobody else
    /// changes it. SQLite requests it before each read of a database whose log is empty, and for
    /// some hosts that is a request to another process.
    size: Option<u64>,
}

/// A file that can be read and written.
#[derive(Clone, Copy)]
pub(super) struct OpenNode<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) file: FileNumber,
}

impl OpenNode<'_> {
    pub(super) fn write(self, from: &[u8], at: u64) -> Result<(), FileError> {
        self.files.write(self.file, from, at)
    }

    pub(super) fn size(self) -> Result<u64, FileError> {
        self.files.size(self.file)
    }
}

impl Node {
    /// Opens a file, and returns whether it is read-only.
    pub(super) fn open(
        files: Arc<dyn Files>,
        name: &str,
        create: bool,
        read_only: bool,
        is_log: bool,
    ) -> Result<(Self, bool), FileError> {
        let (file, read_only) = open(&*files, name, create, read_only)?;
        let content = HostedContent {
            file: Some(file),
            read_only,
            log: is_log.then(LogBuffer::default),
            size: None,
        };
        let hosted = HostedFile { files, content: Mutex::new(content) };
        Ok((Self::new(name, Store::Hosted(hosted)), read_only))
    }

    /// A new, empty file.
    pub(super) fn in_memory(name: &str) -> Self {
        Self::new(name, Store::Memory(RwLock::default()))
    }

    /// A new, empty file of which only what was written last is kept.
    pub(super) fn window(name: &str) -> Self {
        Self::new(name, Store::Window(Mutex::default()))
    }

    /// Returns the part of the file that is kept, if it is such a file.
    pub(super) fn as_window(&self) -> Option<MutexGuard<'_, Window>> {
        match &self.store {
            Store::Window(window) => Some(lock(window)),
            _ => None,
        }
    }

    fn new(name: &str, store: Store) -> Self {
        Self { name: name.into(), locks: Mutex::default(), shm: Mutex::default(), store }
    }

    /// Reopens the file for writing if it was open read-only. Returns whether it is still
    /// read-only.
    pub(super) fn permit(&self, read_only: bool) -> Result<bool, FileError> {
        match &self.store {
            Store::Hosted(hosted) => hosted.permit(&self.name, read_only),
            Store::Memory(_) | Store::Window(_) => Ok(read_only),
        }
    }

    /// Reads up to the end of the file, and returns how many bytes there were.
    pub(super) fn read(&self, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        match &self.store {
            Store::Hosted(hosted) => hosted.read(into, at),
            Store::Memory(bytes) => {
                Ok(bytes.read().unwrap_or_else(PoisonError::into_inner).read(into, at))
            }
            Store::Window(window) => lock(window).read(into, at),
        }
    }

    pub(super) fn write(&self, from: &[u8], at: u64) -> Result<(), FileError> {
        match &self.store {
            Store::Hosted(hosted) => hosted.write(from, at),
            Store::Memory(bytes) => {
                bytes.write().unwrap_or_else(PoisonError::into_inner).write(from, at)
            }
            Store::Window(window) => {
                lock(window).write(from, at);
                Ok(())
            }
        }
    }

    pub(super) fn truncate(&self, size: u64) -> Result<(), FileError> {
        match &self.store {
            Store::Hosted(hosted) => hosted.truncate(size),
            Store::Memory(bytes) => {
                bytes.write().unwrap_or_else(PoisonError::into_inner).truncate(size)
            }
            // Nothing is written beyond the end of a database.
            Store::Window(_) => Ok(()),
        }
    }

    pub(super) fn sync(&self) -> Result<(), FileError> {
        match &self.store {
            Store::Hosted(hosted) => hosted.sync(),
            Store::Memory(_) | Store::Window(_) => Ok(()),
        }
    }

    pub(super) fn size(&self) -> Result<u64, FileError> {
        match &self.store {
            Store::Hosted(hosted) => hosted.size(),
            Store::Memory(bytes) => Ok(bytes.read().unwrap_or_else(PoisonError::into_inner).size()),
            Store::Window(window) => Ok(lock(window).size()),
        }
    }

    /// See [`Files::has_moved`].
    pub(super) fn has_moved(&self) -> bool {
        match &self.store {
            Store::Hosted(hosted) => hosted.has_moved(),
            Store::Memory(_) | Store::Window(_) => false,
        }
    }

    /// Forgets what a transaction wrote that ended without a commit.
    pub(super) fn forget(&self) {
        if let Store::Hosted(hosted) = &self.store
            && let Some(log) = &mut lock(&hosted.content).log
        {
            log.forget();
        }
    }

    /// Closes the file, after the last connection released it.
    pub(super) fn close(&self) {
        if let Store::Hosted(hosted) = &self.store {
            hosted.close();
        }
    }
}

impl HostedFile {
    fn permit(&self, name: &str, read_only: bool) -> Result<bool, FileError> {
        let content = &mut *lock(&self.content);
        if read_only || !content.read_only {
            return Ok(read_only);
        }
        content.size = None;
        // A file is open only once, so the old one is closed first.
        if let Some(file) = content.file.take() {
            self.files.close(file);
        }
        let opened = open(&*self.files, name, false, false);
        let again = opened.or_else(|_| open(&*self.files, name, false, true));
        let (file, read_only) = again?;
        content.file = Some(file);
        content.read_only = read_only;
        opened.map(|(_, read_only)| read_only)
    }

    fn read(&self, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        let content = &mut *lock(&self.content);
        let opened = content.opened(&*self.files)?;
        if let Some(log) = &mut content.log {
            if log.read(into, at) {
                return Ok(into.len());
            }
            if log.covers(into.len(), at) {
                log.hand_over(opened)?;
            }
        }
        self.files.read(opened.file, into, at)
    }

    fn write(&self, from: &[u8], at: u64) -> Result<(), FileError> {
        let content = &mut *lock(&self.content);
        let opened = content.opened(&*self.files)?;
        match &mut content.log {
            Some(log) => log.write(opened, from, at),
            None => {
                // After a failure nobody knows how much was written.
                let before = content.size.take();
                opened.write(from, at)?;
                content.size = before.map(|before| before.max(at + from.len() as u64));
                Ok(())
            }
        }
    }

    fn has_moved(&self) -> bool {
        lock(&self.content).file.is_some_and(|file| self.files.has_moved(file))
    }

    fn truncate(&self, size: u64) -> Result<(), FileError> {
        let content = &mut *lock(&self.content);
        let opened = content.handed_over(&*self.files)?;
        if let Some(log) = &mut content.log {
            log.cut();
        }
        content.size = None;
        self.files.truncate(opened.file, size)
    }

    fn sync(&self) -> Result<(), FileError> {
        let content = &mut *lock(&self.content);
        let opened = content.handed_over(&*self.files)?;
        self.files.sync(opened.file)
    }

    fn size(&self) -> Result<u64, FileError> {
        let content = &mut *lock(&self.content);
        let opened = content.opened(&*self.files)?;
        if let Some(size) = content.size {
            return Ok(size);
        }
        let size = self.files.size(opened.file)?;
        match &content.log {
            Some(log) => Ok(size.max(log.gathered_end())),
            None => {
                content.size = (!content.read_only).then_some(size);
                Ok(size)
            }
        }
    }

    fn close(&self) {
        let content = &mut *lock(&self.content);
        // What is not handed over belongs to no commit: it may be lost.
        let _ = content.handed_over(&*self.files);
        if let Some(file) = content.file.take() {
            self.files.close(file);
        }
    }
}

impl HostedContent {
    fn opened<'a>(&self, files: &'a dyn Files) -> Result<OpenNode<'a>, FileError> {
        let file = self.file.ok_or(FileError::Unavailable)?;
        Ok(OpenNode { files, file })
    }

    fn handed_over<'a>(&mut self, files: &'a dyn Files) -> Result<OpenNode<'a>, FileError> {
        let opened = self.opened(files)?;
        if let Some(log) = &mut self.log {
            log.hand_over(opened)?;
        }
        Ok(opened)
    }
}

/// Opens a file, read-only if more is not permitted, and returns whether it is read-only.
fn open(
    files: &dyn Files,
    name: &str,
    create: bool,
    read_only: bool,
) -> Result<(FileNumber, bool), FileError> {
    match files.open(name, create && !read_only, read_only) {
        Err(FileError::Denied) if !read_only => match files.open(name, false, true) {
            Ok(file) => Ok((file, true)),
            Err(_) => Err(FileError::Denied),
        },
        opened => Ok((opened?, read_only)),
    }
}
