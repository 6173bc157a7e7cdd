//! What JavaScript sees of it.

use std::rc::Rc;

use napi::bindgen_prelude::{Function, Object, Uint8Array};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::attached;
use crate::beside::CompanionFiles;
use crate::client::{NodeClient, OpenOutcome};
use crate::hot::{self, Hot};
use crate::wakeup::Wakeup;

/// The version of the library, which is the package's: only then do their messages fit.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Runs the shell with the arguments of a command line on the standard streams of this process, and
/// returns the exit code when it is left.
#[napi(catch_unwind)]
pub fn shell(arguments: Vec<String>) -> u32 {
    ubiqlite_shell::run(arguments.into_iter().map(Into::into)).into()
}

#[napi(module_exports)]
fn exports(exports: Object<'_>, env: Env) -> Result<()> {
    hot::export(env, exports)
}

/// A database of one thread.
#[napi]
pub struct Engine(Rc<Hot>);

#[napi]
impl Engine {
    /// Begins to open a database. `wake` is called when there is something to take (by `hot`'s
    /// `run`), or an [`outcome`](Self::outcome) to get.
    ///
    /// `room` is where replies are written; it must not be detached. `presence` and `record` are
    /// the path and the line of the file that keeps the wasm engine away. `lock` is the path of
    /// that engine's lock; if it is empty, the lock is not looked for. A database in memory has
    /// neither file; attached files have lines like `record`.
    #[napi(factory, catch_unwind)]
    pub fn open(
        path: String,
        settings: String,
        presence: String,
        record: String,
        lock: String,
        room: Uint8Array,
        wake: Function<'_, (), ()>,
    ) -> Result<Self> {
        attached::watch(&record);
        let beside = (!presence.is_empty()).then(|| CompanionFiles {
            presence: presence.into(),
            record,
            lock: (!lock.is_empty()).then(|| lock.into()),
        });
        let client = NodeClient::open(Wakeup::new(&wake)?, path, settings, beside);
        match Hot::new(client, room) {
            Some(hot) => Ok(Self(hot)),
            None => Err(Error::from_reason("this thread has too many databases open")),
        }
    }

    /// The number by which `submit` and `run` know it.
    #[napi(catch_unwind)]
    pub fn number(&self) -> u32 {
        self.0.number()
    }

    /// Sets the memory that `submit` reads requests from; it must not be detached.
    #[napi(catch_unwind)]
    pub fn set_requests(&self, requests: Uint8Array) {
        self.0.set_requests(requests);
    }

    /// The outcome of the opening or the closing: `undefined` while it is under way, an empty text
    /// when it is done, `locked` if there is a lock of the wasm engine's, or the error's fields as
    /// JSON.
    #[napi(catch_unwind)]
    pub fn outcome(&self) -> Option<String> {
        match self.0.client.outcome() {
            OpenOutcome::Pending => None,
            OpenOutcome::Locked => Some("locked".into()),
            OpenOutcome::Done => Some(String::new()),
            OpenOutcome::Failed(fields) => Some(fields),
        }
    }

    /// The replies that did not fit.
    #[napi(catch_unwind)]
    pub fn rest(&self) -> Uint8Array {
        Uint8Array::from(self.0.client.rest())
    }

    /// Sets whether it keeps the process alive.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env, wanted: bool) {
        self.0.client.driver.signal.hold(&env, wanted);
    }

    /// Cancels what runs, rolls back what is open, and begins to close.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.client.close();
    }
}
