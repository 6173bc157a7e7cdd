//! **For authors of storage backends and of bindings for other languages.** Programs that
//! use a database need none of this, and it changes more often than the rest.

pub use crate::platform::{BoxFuture, MaybeSend, MaybeSync};

/// What a storage backend implements and receives: see
/// [`Database::with_backend`](crate::Database::with_backend).
pub mod backend {
    #[cfg(not(target_family = "wasm"))]
    pub use crate::backend::replica::{ReplicaControl, ReplicaOptions, ReplicaOrder};
    pub use crate::backend::{
        Backend, BackendSession, Capabilities, ChunkSink, Control, CopyOrder, CopyProgress, CopyTo,
        Intent, Pages, Reply, RestoreFrom,
    };
    pub use crate::changes::{
        ColumnSet, Commit, CommitObserver, Followed, Interest, Observation, PageSet, ReadSet,
        Reads, RowChange, RowChangeKind, TableChange, TableInterest, TableRead, WrittenPages,
    };
    pub use crate::program::{
        Access, Begin, Description, Expect, Extra, Fetch, Output, PageSink, ParamRows, Program,
        Reference, Step, StepOutcome,
    };
    pub use crate::row::{Page, PageBuilder, Rows};
}

/// One connection with SQLite's own rules, for a driver that has rules of its own, such as
/// Python's `sqlite3`.
#[cfg(not(target_family = "wasm"))]
pub mod dbapi {
    pub use crate::dbapi::{
        ConnectionState, DbapiConnection, DbapiOptions, DbapiRequest, DbapiResult, Receiving,
        Serving, Shape, error,
    };
}

/// Databases on files that the caller provides.
pub mod vfs {
    pub use crate::vfs::{FileError, FileNumber, Files, register};
    #[cfg(not(target_family = "wasm"))]
    pub use crate::vfs::{Guard, Kept, guard};
}

/// The protocol between bindings and the core: requests and replies as bytes.
pub mod wire {
    pub use crate::wire::{Host, Server, Settings, Sink, numbers};
}
