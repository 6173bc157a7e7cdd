//! ubiqlite's errors as Toasty's.

use toasty_core::Error;
use ubiqlite::ErrorKind;

/// Converts an error, which stays the cause: `source` of Toasty's error leads to it.
pub(crate) fn error(error: ubiqlite::Error) -> Error {
    let kind = error.kind();
    match kind {
        // The pool gives the connection up, and finds the database closed when it makes another.
        ErrorKind::Closed => Error::connection_lost(error),
        ErrorKind::Busy => Error::driver_operation_failed(error)
            .context(Error::serialization_failure("another writer was in the way")),
        ErrorKind::ReadOnly => Error::driver_operation_failed(error)
            .context(Error::read_only_transaction("nothing can be written here")),
        _ => Error::driver_operation_failed(error),
    }
}
