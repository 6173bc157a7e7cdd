//! The thread of Python's that does a connection's work, where that calls functions of
//! Python: only threads that Python made may run them, and end as Python wants it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ubiqlite::ext::bare::Serving;

use crate::engine::CLIENTS;
use crate::raw::{GONE, guarded};

/// The connections that threads of Python's have, by their clients' numbers: also those
/// whose clients have gone.
static SERVED: Mutex<Option<HashMap<u64, Serving>>> = Mutex::new(None);

fn served() -> MutexGuard<'static, Option<HashMap<u64, Serving>>> {
    SERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the work of a bare connection that was asked for a thread (`request.rs`), until the
/// connection has ended. Whoever calls this keeps its functions until it returns. [`GONE`]:
/// there is no such connection, or it has a thread.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_serve(client: u64) -> i64 {
    guarded(|| {
        // The client is not kept alive by its thread: its end is the thread's.
        let serving = CLIENTS.get(client).and_then(|client| client.bare()?.take_serving());
        let Some(serving) = serving else { return GONE };
        served().get_or_insert_default().insert(client, serving.clone());
        serving.run();
        if let Some(served) = &mut *served() {
            served.remove(&client);
        }
        0
    })
}

/// Ends the connection of a thread in [`ubiqlite_serve`] without doing what was asked and has
/// not begun, and stops what runs: to be called until the thread has ended.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_abandon(client: u64) {
    guarded(|| {
        let serving = served().as_ref().and_then(|served| served.get(&client).cloned());
        if let Some(serving) = serving {
            serving.abandon();
        }
        0
    });
}
