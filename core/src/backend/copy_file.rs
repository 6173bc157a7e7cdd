//! The file that a copy is written into: it gets its name when it is complete, and never before.
//!
//! A copy to `copy.db` is written into `copy.db.part`, which whoever writes it has locked. So a
//! part that nobody has locked is left by somebody who was killed, and is written anew.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CopyProgress;
use crate::engine::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::disk::{self, parent, with_suffix};
use crate::program::Interrupt;

/// How often a copy begins anew because of others, before it is made in one read transaction.
pub(crate) const RESTARTS: u32 = 2;

/// What SQLite keeps next to a database.
const BESIDE: [&str; 3] = ["-wal", "-journal", "-shm"];

/// A file that is being written. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct CopyFile {
    part: PathBuf,
    /// Its name when it is complete; `None`: it gets none.
    target: Option<PathBuf>,
    overwrite: bool,
    /// Those of the database, which it gets with its name.
    permissions: Option<Permissions>,
    file: Option<File>,
}

impl CopyFile {
    /// Creates the file next to `target`, for a copy of the file `database`, if that is one.
    ///
    /// # Errors
    /// `InvalidArgument` if `target` exists and must not be overwritten, is one of the database's
    /// own files, or has a log or journal of another database next to it; `Busy` while another copy
    /// is written to the same place; `CannotOpen` and others. Each has the path.
    pub(crate) fn create(target: &Path, overwrite: bool, database: Option<&Path>) -> Result<Self> {
        let target = resolve(target)?;
        let part = with_suffix(&target, ".part");
        if let Some(database) = database {
            check_own(&target, database)?;
            check_own(&part, database)?;
        }
        check_target(&target, overwrite)?;
        if disk::is_same_file(&part, &target) {
            // Whoever was killed between two steps of giving it its name has left a whole copy, which
            // would be emptied by its other name.
            fs::remove_file(&part).map_err(|error| failed(&error, &part))?;
        }
        let file = Some(open_locked(&part)?);
        let permissions = database.and_then(|path| fs::metadata(path).ok());
        let permissions = permissions.map(|database| database.permissions());
        let made = Self { part, target: Some(target), overwrite, permissions, file };
        made.clear()?;
        Ok(made)
    }

    /// Creates a file that is read and then removed, next to the file `database`, or where that is
    /// not possible, among the system's temporary files.
    ///
    /// # Errors
    /// `CannotOpen` and others, with the path.
    pub(crate) fn temporary(database: &Path) -> Result<Self> {
        let database = resolve(database)?;
        let mut error = None;
        let elsewhere = std::env::temp_dir().join(database.file_name().unwrap_or_default());
        for base in [&database, &elsewhere] {
            // As many as there may be at once.
            for number in 0..64 {
                let part = with_suffix(base, &format!(".copy-{number}.part"));
                match open_locked(&part) {
                    Ok(file) => {
                        let (target, permissions, file) = (None, None, Some(file));
                        let made = Self { part, target, overwrite: false, permissions, file };
                        made.clear()?;
                        return Ok(made);
                    }
                    Err(failed) => {
                        let taken = failed.kind() == ErrorKind::Busy;
                        error = Some(failed);
                        if !taken {
                            break;
                        }
                    }
                }
            }
        }
        Err(error.unwrap_or_else(|| Error::new(ErrorKind::CannotOpen, "no temporary file")))
    }

    /// Returns the path to write to.
    pub(crate) fn path(&self) -> &Path {
        &self.part
    }

    /// Returns how many bytes it has.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn size(&self) -> Result<u64> {
        self.with_file(|file| file.metadata().map(|it| it.len()))
    }

    /// Waits until what was written is on the disk.
    ///
    /// # Errors
    /// `Io`, `DiskFull`.
    pub(crate) fn sync(&self) -> Result<()> {
        self.with_file(File::sync_data)
    }

    /// Writes a copy of the database of a connection into it, without unused space.
    ///
    /// # Errors
    /// `DiskFull` and others; `Cancelled` once `stop` is set.
    pub(crate) fn write_compact(
        &self,
        source: &mut Connection,
        progress: &CopyProgress,
        stop: &Arc<Interrupt>,
    ) -> Result<()> {
        source.vacuum_into(&self.part, Arc::clone(stop)).map_err(unwritten)?;
        let pages = self.size()? / u64::from(source.page_size());
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        progress.set(pages, pages);
        Ok(())
    }

    /// Empties the file.
    ///
    /// # Errors
    /// `Io` and others.
    pub(crate) fn clear(&self) -> Result<()> {
        self.with_file(|file| file.set_len(0))
    }

    fn with_file<T>(&self, work: impl FnOnce(&File) -> io::Result<T>) -> Result<T> {
        let file = self.file.as_ref().ok_or_else(|| Error::closed("copy"))?;
        work(file).map_err(|error| failed(&error, &self.part))
    }

    /// Makes the content survive a power failure and gives the file its name, then lets go of
    /// `writer`, which has it open.
    ///
    /// # Errors
    /// `InvalidArgument` if the name was taken in the meantime; `Io`, `DiskFull` and others.
    pub(crate) fn finish(mut self, writer: impl Sized) -> Result<()> {
        let Some(target) = self.target.take() else { return Ok(()) };
        // A copy is as readable as what it is a copy of.
        if let Some(permissions) = self.permissions.take() {
            self.with_file(|file| file.set_permissions(permissions))?;
        }
        self.with_file(File::sync_all)?;
        // A descriptor of SQLite's must not be the last to be closed, and on some systems a file
        // must be closed to be renamed.
        let mut writer = Some(writer);
        if !disk::RENAMES_OPEN {
            self.file = None;
            writer = None;
        }
        let renamed = check_target(&target, self.overwrite).and_then(|()| {
            let renamed = if self.overwrite {
                disk::rename_over(&self.part, &target)
            } else {
                disk::rename_new(&self.part, &target)
            };
            renamed.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => exists(&target),
                _ => failed(&error, &target),
            })
        });
        if renamed.is_ok() {
            // There is nothing to be removed any more.
            self.part = PathBuf::new();
        } else {
            self.remove();
        }
        self.file = None;
        drop(writer);
        renamed?;
        disk::sync_folder(parent(&target)).map_err(|error| failed(&error, &target))
    }

    /// Removes the name, and returns the file to be read.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn into_content(mut self) -> Result<File> {
        if disk::RENAMES_OPEN {
            self.remove();
        }
        self.file.take().ok_or_else(|| Error::closed("copy"))
    }

    fn remove(&mut self) {
        let part = std::mem::take(&mut self.part);
        if !part.as_os_str().is_empty() {
            // What is left is written anew by the next copy to this place.
            let _ = fs::remove_file(part);
        }
    }
}

impl Drop for CopyFile {
    fn drop(&mut self) {
        // Before the lock ends.
        self.remove();
    }
}

/// Opens the part and locks it, so that another copy to the same place is noticed.
fn open_locked(part: &Path) -> Result<File> {
    let busy = || Error::busy_here("another copy is being written to this place").with_path(part);
    // Whoever had it may have finished and renamed it in the meantime.
    for _ in 0..100 {
        let file = disk::create_private(part).map_err(|error| failed(&error, part))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(busy()),
            // A file system without locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        if disk::still_has_name(&file, part) {
            return Ok(file);
        }
    }
    Err(busy())
}

/// Returns the path of the file itself: a link is followed.
fn resolve(path: &Path) -> Result<PathBuf> {
    if let Ok(resolved) = path.canonicalize() {
        // Not even on request: a device is no file to be replaced.
        return match resolved.is_file() {
            true => Ok(resolved),
            false => {
                Err(Error::new(ErrorKind::CannotOpen, "this is not a plain file").with_path(path))
            }
        };
    }
    if fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink()) {
        return Err(Error::new(ErrorKind::CannotOpen, "the link leads nowhere").with_path(path));
    }
    let Some(name) = path.file_name() else {
        return Err(Error::invalid("this is no name of a file").with_path(path));
    };
    let folder = parent(path).canonicalize().map_err(|error| failed(&error, path))?;
    Ok(folder.join(name))
}

/// Refuses a name of the database's own files, by whatever way it leads there.
fn check_own(path: &Path, database: &Path) -> Result<()> {
    let database = resolve(database)?;
    let mut own = vec![database.clone()];
    own.extend(BESIDE.iter().map(|suffix| with_suffix(&database, suffix)));
    match own.iter().any(|own| own == path || disk::is_same_file(own, path)) {
        true => {
            Err(Error::invalid("this is the database itself, or one of its files").with_path(path))
        }
        false => Ok(()),
    }
}

/// Refuses a name that is taken, and one whose log or journal SQLite would take for the copy's.
fn check_target(target: &Path, overwrite: bool) -> Result<()> {
    if !overwrite && fs::symlink_metadata(target).is_ok() {
        return Err(exists(target));
    }
    for suffix in &BESIDE[..2] {
        let beside = with_suffix(target, suffix);
        if fs::symlink_metadata(&beside).is_ok() {
            let message = "this belongs to a database that is open, or was not closed, in the place of the copy; close that database, or remove its files";
            return Err(Error::invalid(message).with_path(&beside));
        }
    }
    Ok(())
}

fn exists(target: &Path) -> Error {
    Error::invalid("the file exists; allow it to be overwritten, or choose another name")
        .with_path(target)
}

/// Says of an error that a copy has ended with it.
#[cold]
pub(crate) fn unwritten(error: Error) -> Error {
    error.prefixed("the copy could not be written")
}

/// Returns the error of the operating system.
#[cold]
pub(crate) fn failed(error: &io::Error, path: &Path) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::InvalidInput => ErrorKind::CannotOpen,
        _ => ErrorKind::Io,
    };
    Error::new(kind, error.to_string()).with_path(path)
}
