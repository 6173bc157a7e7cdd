//! The databases of a run, in a folder that is removed with it. It is under `target/`,
//! because the system's folder for temporary files may be in memory, where a commit waits
//! for nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::suite::Data;

/// The run's own folder, which is empty at its beginning and removed after it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn make(path: PathBuf) -> anyhow::Result<Self> {
        // A run that was stopped may have left files.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing needs it; the next run removes what this one could not.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The data set as a database file, and a file for works that write.
pub(crate) struct Files {
    folder: Folder,
}

impl Files {
    /// Makes the folder, and calls `make` to make the data set in the given file.
    pub(crate) fn make(
        folder: PathBuf,
        make: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let files = Self { folder: Folder::make(folder)? };
        make(&files.items())?;
        Ok(files)
    }

    fn items(&self) -> PathBuf {
        self.folder.join("items.db")
    }

    /// Returns the file for one run of a work, as if there had been no other run.
    pub(crate) fn prepare(&self, data: Data) -> anyhow::Result<PathBuf> {
        let own = self.folder.join("own.db");
        for suffix in ["", "-wal", "-shm"] {
            // Usually there is none.
            let _ = fs::remove_file(self.folder.join(&format!("own.db{suffix}")));
        }
        match data {
            Data::Shared => Ok(self.items()),
            Data::Empty => Ok(own),
            Data::Copy => {
                copy(&self.items(), &own)?;
                Ok(own)
            }
        }
    }
}

/// Copies, and waits for the disk, so that nothing is written back during the measurement.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy to {}", to.display()))?;
    Ok(File::open(to)?.sync_all()?)
}
