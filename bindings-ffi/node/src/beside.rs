//! The files by which a native engine and the wasm one know of each other.

use std::path::PathBuf;

use crate::presence::Presence;

/// The files that are looked at next to a database's before it is opened.
pub(crate) struct CompanionFiles {
    /// Shows the wasm engine who has the database open.
    pub(crate) presence: PathBuf,
    /// What it says about this one: a line.
    pub(crate) record: String,
    /// The wasm engine's lock; `None`: it was looked at, and keeps nobody out.
    pub(crate) lock: Option<PathBuf>,
}

/// What was found.
pub(crate) enum Found {
    /// A lock of the wasm engine's: nothing may be opened, and nothing is registered.
    Locked,
    /// No lock. The wasm engine knows about this one, unless no file can be made; then it can't
    /// make its lock either.
    Free(Option<Presence>),
}

impl CompanionFiles {
    /// Registers with the wasm engine, and looks for its lock. It announces before it looks: if a
    /// native engine and a wasm one come at once, at least one sees the other.
    pub(crate) fn look(&self) -> Found {
        let presence = Presence::announce(&self.presence, &self.record).ok();
        let locked = self.lock.as_ref().is_some_and(|lock| lock.exists());
        if locked { Found::Locked } else { Found::Free(presence) }
    }
}
