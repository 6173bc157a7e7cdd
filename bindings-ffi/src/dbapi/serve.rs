//! The thread of Python's that does a connection's work, if that calls functions of Python: only
//! threads that Python made may run them, and they end as Python requires.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ubiqlite::ext::dbapi::Serving;

use crate::engine::CLIENTS;
use crate::raw::{GONE, guarded};

/// The connections that threads of Python's have, by their clients' numbers, including those whose
/// clients have gone.
static SERVED: Mutex<Option<HashMap<u64, Serving>>> = Mutex::new(None);

fn served() -> MutexGuard<'static, Option<HashMap<u64, Serving>>> {
    SERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does the work of a DB-API connection for which a thread was requested (`request.rs`), until the
/// connection has ended. The caller keeps its functions until this returns. [`GONE`]: there is no
/// such connection, or it has a thread.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_serve(client: u64) -> i64 {
    guarded(|| {
        // The thread does not keep the client alive: the client's end is the thread's.
        let serving = CLIENTS.get(client).and_then(|client| client.dbapi()?.take_serving());
        let Some(serving) = serving else { return GONE };
        served().get_or_insert_default().insert(client, serving.clone());
        serving.run();
        if let Some(served) = &mut *served() {
            served.remove(&client);
        }
        0
    })
}

/// Ends the connection of a thread in [`ubiqlite_serve`] without the requests that have not begun,
/// and stops what is running. Must be called repeatedly until the thread has ended.
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
