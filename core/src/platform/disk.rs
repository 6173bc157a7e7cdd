//! Files that are written whole before they get their name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Returns the folder that a file is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns a path with this after its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Creates a file that only its owner can read so far, or opens the one that is there, which must
/// not be a link.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|it| !it.is_file()) {
        return Err(Error::new(ErrorKind::InvalidInput, "this is not a plain file"));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whether both are the same file, by whatever names; false if one of them does not exist, or if
/// this system does not tell.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => is_same(&one, &other),
        _ => false,
    }
}

/// Whether an open file still has this name.
pub(crate) fn still_has_name(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(named)) => !CAN_TELL || is_same(&file, &named),
        _ => false,
    }
}

/// Whether files can be told from each other by more than their names.
const CAN_TELL: bool = cfg!(unix);

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_one: &fs::Metadata, _other: &fs::Metadata) -> bool {
    false
}

/// Whether a file that is open can be renamed.
pub(crate) const RENAMES_OPEN: bool = cfg!(unix);

/// Gives a file another name, and replaces the file that has it.
pub(crate) fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Gives a file another name that nobody has.
///
/// # Errors
/// `AlreadyExists`.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // Both names are the same file now: whoever is killed here leaves a whole one.
        Ok(()) => match fs::remove_file(from) {
            // Whoever found both has done it.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links.
        Err(_) if fs::symlink_metadata(to).is_err() => fs::rename(from, to),
        Err(_) => Err(Error::from(ErrorKind::AlreadyExists)),
    }
}

/// Makes the names in a folder survive a power failure, where that takes a request.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
