//! Where the files of a replica are kept.

use std::any::Any;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::ltx::{HEADER, Header};
use crate::platform::disk;

/// Where the files of a replica are kept: a folder, or whatever a program keeps files in, as an
/// object store.
///
/// The names are as `ltx/0/0000000000000002-0000000000000007.ltx`: they have two slashes, the
/// [layout of litestream](https://litestream.io). Unless it is [claimed](Self::claim), there is
/// `ubiqlite.owner` too. Its methods are called on a thread of the replica's
/// own, which may be kept waiting: whoever has an async client waits for it here. An error of any of
/// them is tried again later, and never concerns those who write to the database.
pub trait ReplicaStorage: Send + Sync + 'static {
    /// Stores a file, whole and lasting when this returns, in place of one that has the name.
    ///
    /// # Errors
    /// If it is not stored. If `content` can't be read, that error is to be returned as it is, and
    /// nothing stored.
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()>;

    /// Returns the names of all files.
    ///
    /// # Errors
    /// If they can't be listed. No files are no error.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file, to be read from its beginning.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Removes a file, if there is one.
    ///
    /// # Errors
    /// If it is still there.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes sure that nobody else writes to it, until the result is dropped. Default: `None`, it can't
    /// do that. The replica keeps a file `ubiqlite.owner` in it then, which it reads before it stores
    /// another one: see [`Database::replicate_to`](crate::Database::replicate_to).
    ///
    /// # Errors
    /// `WouldBlock` if somebody does.
    fn claim(&self) -> io::Result<Option<Box<dyn Any + Send>>> {
        Ok(None)
    }

    /// Whether it keeps up with reading a disk. If not, a file with all pages is first written to a
    /// temporary file next to the database, whose log would otherwise grow while it is stored.
    /// Default: false.
    fn is_local(&self) -> bool {
        false
    }
}

/// A folder with the files of a replica, as [`Database::replicate`](crate::Database::replicate)
/// uses it.
///
/// A file is written as `name.part`, and gets its name when it is on the disk. Its time of change is
/// that of its last transaction.
#[derive(Debug, Clone)]
pub struct ReplicaFolder(PathBuf);

impl ReplicaFolder {
    /// Names a folder, which is created when something is stored.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().to_owned())
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn place(&self, name: &str) -> PathBuf {
        name.split('/').fold(self.0.clone(), |path, part| path.join(part))
    }
}

/// Its lock is held by whoever writes to the folder.
const LOCK: &str = "ubiqlite.lock";

/// The end of the name of a file that is not whole yet.
const PART: &str = ".part";

impl ReplicaStorage for ReplicaFolder {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let place = self.place(name);
        let folder = disk::parent(&place);
        create_folder(folder)?;
        let part = disk::with_suffix(&place, PART);
        let written = write(&part, content).and_then(|()| disk::rename_over(&part, &place));
        if let Err(error) = written {
            // What is left is written anew by the next try.
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        disk::sync_folder(folder)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for level in entries(&self.0.join("ltx"))? {
            let level = level?;
            if !level.file_type()?.is_dir() {
                continue;
            }
            for file in entries(&level.path())? {
                let (level, file) = (level.file_name(), file?.file_name());
                names.push(format!("ltx/{}/{}", level.to_string_lossy(), file.to_string_lossy()));
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.place(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.place(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn claim(&self) -> io::Result<Option<Box<dyn Any + Send>>> {
        fs::create_dir_all(&self.0)?;
        let file =
            File::options().create(true).truncate(false).write(true).open(self.0.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => {
                // Those of a process that was killed.
                for name in self.list()?.iter().filter(|name| name.ends_with(PART)) {
                    self.remove(name)?;
                }
                Ok(Some(Box::new(file)))
            }
            Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// Creates a folder and those it is in, which survive a power failure then.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = disk::parent(folder);
    create_folder(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => disk::sync_folder(parent),
    }
}

fn entries(folder: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<fs::DirEntry>>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Box::new(entries)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Box::new(std::iter::empty())),
        Err(error) => Err(error),
    }
}

/// Writes a file, and waits until it is on the disk.
fn write(part: &Path, content: &mut dyn Read) -> io::Result<()> {
    let mut file = File::create(part)?;
    let mut chunk = vec![0; 256 * 1024];
    let mut header = Vec::with_capacity(HEADER);
    loop {
        let length = content.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        let missing = (HEADER - header.len()).min(length);
        header.extend_from_slice(&chunk[..missing]);
        io::Write::write_all(&mut file, &chunk[..length])?;
    }
    // litestream reads the time of the last transaction from here.
    if let Ok(bytes) = header.try_into()
        && let Ok(header) = Header::decode(&bytes)
    {
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(header.time))?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    struct Failing;

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if buffer.len() % 2 == 1 {
                return Ok(1);
            }
            Err(io::Error::other("no more"))
        }
    }

    #[test]
    fn a_file_that_could_not_be_written_whole_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let storage = ReplicaFolder::new(folder.path().join("new"));
        assert!(storage.list().unwrap().is_empty());
        let name = "ltx/0/0000000000000002-0000000000000002.ltx";
        assert_eq!(storage.put(name, &mut Failing).unwrap_err().to_string(), "no more");
        assert!(storage.list().unwrap().is_empty());
        storage.put(name, &mut &b"content"[..]).unwrap();
        assert_eq!(storage.list().unwrap(), [name]);
        let mut content = String::new();
        storage.open(name).unwrap().read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
        storage.remove(name).unwrap();
        storage.remove(name).unwrap();
        assert_eq!(storage.open(name).err().unwrap().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn only_one_writes_to_a_folder_and_removes_what_a_killed_one_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let storage = ReplicaFolder::new(folder.path());
        let claim = storage.claim().unwrap();
        let part = folder.path().join("ltx/0/0000000000000002-0000000000000002.ltx.part");
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(&part, "half").unwrap();
        assert_eq!(storage.claim().err().unwrap().kind(), ErrorKind::WouldBlock);
        drop(claim);
        assert!(part.exists());
        storage.claim().unwrap();
        assert!(!part.exists(), "whoever comes next removes what was left");
    }
}
