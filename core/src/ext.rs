//! **For authors of storage backends and of bindings for other languages.** Programs that
//! use a database need none of this, and it changes more often than the rest.

pub use crate::platform::{BoxFuture, MaybeSend, MaybeSync};

/// What a storage backend implements and receives: see
/// [`Database::with_backend`](crate::Database::with_backend).
pub mod backend {
    pub use crate::backend::{Backend, Capabilities, Control, Intent, Pages, Reply, Session};
    pub use crate::program::{
        Access, Begin, Description, Early, Expect, Extra, Keep, Outcome, Output, ParamRows,
        Program, Reference, Step,
    };
    pub use crate::row::{Page, PageBuilder, Rows};
}

/// One connection with SQLite's own rules, for a driver that has rules of its own, such as
/// Python's `sqlite3`.
#[cfg(not(target_family = "wasm"))]
pub mod bare {
    pub use crate::bare::{Answer, Ask, Bare, BareOptions, Serving, Shape, State, error};
}

/// Databases on files that the caller provides.
pub mod vfs {
    pub use crate::vfs::{FileError, FileId, Files, register};
    #[cfg(not(target_family = "wasm"))]
    pub use crate::vfs::{Guard, Kept, guard};
}

/// The protocol between bindings and the core: requests and replies as bytes.
pub mod wire {
    pub use crate::wire::{Host, Server, Settings, Sink, numbers};
}
