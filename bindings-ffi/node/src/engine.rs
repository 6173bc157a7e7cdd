//! What JavaScript has of it.

use std::cell::RefCell;

use napi::bindgen_prelude::{Function, Uint8Array};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::beside::Beside;
use crate::client::{Client, Outcome};
use crate::wakeup::Wakeup;

/// The version of the library, which is the package's: their messages fit only then.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// A database of one thread.
#[napi]
pub struct Engine {
    client: Client<Wakeup>,
    /// JavaScript's memory that replies are written to.
    room: RefCell<Uint8Array>,
}

#[napi]
impl Engine {
    /// Begins to open a database. `wake` is called when there is something to
    /// [`take`](Self::take), or an [`outcome`](Self::outcome) to be asked for.
    ///
    /// `room` is where replies are written; it must not be detached. `presence` and
    /// `record` are the path and the line of the file that keeps the wasm engine away, and
    /// `lock` is the path of that engine's lock, which is not looked for if it is empty; all are
    /// empty for a database in memory.
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
        let beside = (!presence.is_empty()).then(|| Beside {
            presence: presence.into(),
            record,
            lock: (!lock.is_empty()).then(|| lock.into()),
        });
        let client = Client::open(Wakeup::new(&wake)?, path, settings, beside);
        Ok(Self { client, room: RefCell::new(room) })
    }

    /// What the opening or the closing has come to: `undefined` while it goes on, an empty
    /// text when it is done, `locked` if there is a lock of the wasm engine's, or the
    /// error's fields as JSON.
    #[napi(catch_unwind)]
    pub fn outcome(&self) -> Option<String> {
        match self.client.outcome() {
            Outcome::Pending => None,
            Outcome::Locked => Some("locked".into()),
            Outcome::Done => Some(String::new()),
            Outcome::Failed(fields) => Some(fields),
        }
    }

    /// Takes the requests in `bytes` between two places. If `take` is set, returns as
    /// [`take`](Self::take) does.
    #[napi(catch_unwind)]
    pub fn submit(&self, bytes: &[u8], from: u32, to: u32, take: bool) -> Result<i64> {
        let requests = bytes.get(from as usize..to as usize);
        if !requests.is_some_and(|requests| self.client.submit(requests)) {
            return Err(Error::from_reason("these bytes are no requests, or it is closed"));
        }
        if take { self.fill() } else { Ok(0) }
    }

    /// Goes on with what can go on, on a wake-up. If `take` is set, returns as
    /// [`take`](Self::take) does.
    #[napi(catch_unwind)]
    pub fn run(&self, take: bool) -> Result<i64> {
        self.client.run();
        if take { self.fill() } else { Ok(0) }
    }

    /// Writes the replies that are ready to the room. Returns how many bytes they are;
    /// negative: they found no room, and are to be had by [`rest`](Self::rest).
    #[napi(catch_unwind)]
    pub fn take(&self) -> Result<i64> {
        self.fill()
    }

    /// The replies that found no room.
    #[napi(catch_unwind)]
    pub fn rest(&self) -> Uint8Array {
        Uint8Array::from(self.client.rest())
    }

    /// Whether the process lives on because of it.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env, wanted: bool) {
        self.client.driver.signal.hold(&env, wanted);
    }

    /// Gives up what runs, rolls back what is open, and begins to close.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.client.close();
    }

    fn fill(&self) -> Result<i64> {
        let Ok(mut room) = self.room.try_borrow_mut() else {
            return Err(Error::from_reason("the room is in use"));
        };
        // SAFETY: the memory is the engine's alone while this runs: JavaScript's one thread
        // is in this call, and gives the room to nobody else (`ts/node/native/channel.ts`).
        Ok(self.client.take(unsafe { room.as_mut() }))
    }
}
