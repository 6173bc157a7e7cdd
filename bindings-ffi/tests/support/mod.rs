//! Opens and closes databases as a binding does.

use std::sync::Arc;

use ubiqlite_ffi::{EngineHandle, Pending, start_open};

/// Opens a database.
pub(crate) fn open(path: &str) -> Arc<EngineHandle> {
    settled(&start_open(path.into(), "{}".into())).unwrap()
}

/// Waits until the operation is done, and returns what was opened.
pub(crate) fn settled(pending: &Pending) -> Option<Arc<EngineHandle>> {
    loop {
        let polled = pending.poll().unwrap();
        if polled.done {
            return polled.engine;
        }
        assert!(pending.wait(10_000), "nobody told that it can go on");
    }
}
