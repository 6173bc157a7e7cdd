//! The files by which a native engine and the wasm one know of each other.

use std::path::PathBuf;

use crate::presence::Presence;

/// What is looked at beside a database's file before it is opened.
pub(crate) struct Beside {
    /// Says to the wasm engine who has the database open.
    pub(crate) presence: PathBuf,
    /// What it says of this one: a line.
    pub(crate) record: String,
    /// The wasm engine's lock; `None`: it was looked at, and holds nobody out.
    pub(crate) lock: Option<PathBuf>,
}

/// What there was.
pub(crate) enum Found {
    /// A lock of the wasm engine's: nothing is to be opened, and nothing is registered.
    Locked,
    /// None. The wasm engine knows of this one; not where no file can be made, where it
    /// can't make its lock either.
    Free(Option<Presence>),
}

impl Beside {
    /// Registers with the wasm engine, and looks for its lock. First shown, then looked
    /// for: of a native engine and a wasm one that come at once, one at least sees the
    /// other.
    pub(crate) fn look(&self) -> Found {
        let presence = Presence::announce(&self.presence, &self.record).ok();
        let locked = self.lock.as_ref().is_some_and(|lock| lock.exists());
        if locked { Found::Locked } else { Found::Free(presence) }
    }
}
