//! Which files of a replica are needed no more.

use std::io;

use crate::backend::replica_files::header_of;
use crate::replicate::{FileName, ReplicaStorage};

/// What is needed to go back to any moment from some time on.
pub(super) struct Kept {
    names: Vec<String>,
    /// The newest file with all pages that is not after that time.
    from: Option<FileName>,
}

impl Kept {
    /// Finds what is needed from `time` on, in milliseconds since 1970.
    pub(super) fn of(storage: &dyn ReplicaStorage, time: u64) -> io::Result<Self> {
        let names = storage.list()?;
        let mut from: Option<FileName> = None;
        for name in &names {
            let Some(file) = FileName::parse(name).filter(FileName::is_snapshot) else { continue };
            if from.is_none_or(|from| from.last < file.last)
                && header_of(storage, file)?.time <= time
            {
                from = Some(file);
            }
        }
        Ok(Self { names, from })
    }

    /// Removes all that is older.
    pub(super) fn remove_older(&self, storage: &dyn ReplicaStorage) -> io::Result<()> {
        let Some(from) = self.from else { return Ok(()) };
        for name in &self.names {
            if FileName::parse(name).is_some_and(|file| file.last <= from.last && file != from) {
                storage.remove(name)?;
            }
        }
        Ok(())
    }
}
