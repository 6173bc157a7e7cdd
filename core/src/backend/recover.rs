//! The recovery of a damaged database, on a thread of its own.

use std::path::PathBuf;

use super::copy_file::CopyFile;
use super::{Reply, call};
use crate::engine;
use crate::error::{Error, ErrorKind};

/// Writes what can be read of the database `from` into the new file `to`. Dropping the reply ends
/// the work, and the file is not there then. Returns the table of the rows whose own is not known.
pub(crate) fn recover(from: PathBuf, to: PathBuf) -> Reply<Option<String>> {
    let (completer, call) = call();
    let thread = std::thread::Builder::new().name("ubiqlite-recover".into());
    let interrupt = completer.interrupt();
    let spawned = thread.spawn(move || {
        let done = CopyFile::create(&to, false, Some(&from)).and_then(|file| {
            let lost = engine::recover(&from, file.path(), &|| interrupt.is_set())?;
            file.finish(()).map(|()| lost)
        });
        completer.complete(done);
    });
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => Reply::err(Error::new(
            ErrorKind::Io,
            format!("can't start a thread to recover the database: {error}"),
        )),
    }
}
