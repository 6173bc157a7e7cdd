//! One client's connection to a database.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use js_sys::Function;
use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::wire::{Host, Server, Settings};
use ubiqlite::{Database, Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::files;

/// An open database, shared by the clients that opened it the same way.
struct Opened {
    database: Database,
}

type Known = HashMap<(String, Settings), Weak<Opened>>;

thread_local! {
    static OPENED: RefCell<Known> = RefCell::default();
}

/// Bytes of a small batch, as in `ts/wire/latin1.ts`.
const ROOM: usize = 1024;

/// A client's requests and replies. Dropping it rolls back what the client has
/// open.
#[wasm_bindgen]
pub struct Port {
    server: Option<Server>,
    opened: Option<Rc<Opened>>,
    /// Where the host writes small batches of requests.
    room: RefCell<Vec<u8>>,
    /// The replies that were taken last.
    taken: RefCell<Vec<u8>>,
}

/// Opens a database for the client `options.client`, a number that no other client of this worker
/// has; equal paths and further options share one. `notify` is called when replies are ready that
/// were not at the last `take()`, and with `true` in the middle of a long reply or a long batch:
/// what is taken at once can be read while the rest is made.
///
/// # Errors
/// The fields of the core's error, as an object.
#[wasm_bindgen]
pub async fn connect(
    path: String,
    options: js_sys::Object,
    notify: Function,
) -> Result<Port, JsValue> {
    let client = js_sys::Reflect::get(&options, &"client".into())?.as_f64().unwrap_or_default();
    // The caller's options are not changed.
    let options = js_sys::Object::assign(&js_sys::Object::new(), &options);
    js_sys::Reflect::delete_property(&options, &"client".into())?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let client = client as u32;
    let opened = open(path, options.into()).await.map_err(|error| describe(&error))?;
    let server = Server::new(opened.database.clone(), client, Worker { notify });
    Ok(Port {
        server: Some(server),
        opened: Some(opened),
        room: vec![0; ROOM].into(),
        taken: RefCell::default(),
    })
}

async fn open(path: String, options: JsValue) -> ubiqlite::Result<Rc<Opened>> {
    let settings: Settings = serde_wasm_bindgen::from_value(options).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, format!("the options can't be used: {error}"))
    })?;
    // Each database in memory is one of its own.
    let shared = path != ":memory:";
    let key = (path, settings);
    if shared && let Some(opened) = OPENED.with_borrow(|known| known.get(&key)?.upgrade()) {
        return Ok(opened);
    }
    let mut options = key.1.options()?;
    if shared {
        options = options.vfs(files::VFS);
    }
    let database = options.open(&key.0).await?;
    let opened = Rc::new(Opened { database });
    if shared {
        OPENED.with_borrow_mut(|known| {
            known.retain(|_, opened| opened.strong_count() > 0);
            known.insert(key, Rc::downgrade(&opened));
        });
    }
    Ok(opened)
}

fn describe(error: &Error) -> JsValue {
    let json = Server::describe(error);
    js_sys::JSON::parse(&json).unwrap_or_else(|_| JsValue::from_str(&json))
}

#[wasm_bindgen]
impl Port {
    /// Takes a batch of requests; replies come later, by `take()`.
    ///
    /// # Errors
    /// The fields of the error, for bytes that are not requests.
    pub fn submit(&self, bytes: &[u8]) -> Result<(), JsValue> {
        match &self.server {
            Some(server) => server.submit(bytes).map_err(|error| describe(&error)),
            None => Ok(()),
        }
    }

    /// The address of the memory for a batch that [`submit_room`](Self::submit_room) takes.
    pub fn room(&self) -> *mut u8 {
        self.room.borrow_mut().as_mut_ptr()
    }

    /// Like `submit`, for `length` bytes that the host wrote into the room.
    ///
    /// # Errors
    /// As `submit`.
    #[wasm_bindgen(js_name = submitRoom)]
    pub fn submit_room(&self, length: usize) -> Result<(), JsValue> {
        // Requests are taken within one call of the host, which writes none in the meantime.
        let room = self.room.borrow();
        self.submit(&room[..length.min(ROOM)])
    }

    /// Whether requests wait for `resume()`, because earlier ones took long.
    #[wasm_bindgen(js_name = isBehind)]
    pub fn is_behind(&self) -> bool {
        self.server.as_ref().is_some_and(Server::is_behind)
    }

    /// Whether nothing that the client requested is under way and nothing is open for it.
    #[wasm_bindgen(js_name = isIdle)]
    pub fn is_idle(&self) -> bool {
        self.server.as_ref().is_none_or(Server::is_idle)
    }

    /// Makes the next requests wait for `resume()`: this thread was busy for long, and there may be
    /// messages that cancel them.
    #[wasm_bindgen(js_name = fallBehind)]
    pub fn fall_behind(&self) {
        if let Some(server) = &self.server {
            server.fall_behind();
        }
    }

    /// Continues with waiting requests. Must be called when the worker has looked for messages.
    pub fn resume(&self) {
        if let Some(server) = &self.server {
            server.resume();
        }
    }

    /// Takes the replies that are ready, and returns how many bytes they are. They
    /// stay at [`taken`](Self::taken) until the next call of this.
    pub fn take(&self) -> usize {
        let Some(server) = &self.server else { return 0 };
        let mut taken = self.taken.borrow_mut();
        server.take(&mut taken);
        taken.len()
    }

    /// The address of what was taken last.
    pub fn taken(&self) -> *const u8 {
        self.taken.borrow().as_ptr()
    }

    /// Rolls back what the client has open, and closes the database if no other client has it.
    ///
    /// # Errors
    /// The fields of the error that closing met.
    pub async fn close(&mut self) -> Result<(), JsValue> {
        self.server = None;
        let Some(opened) = self.opened.take() else { return Ok(()) };
        match Rc::try_unwrap(opened) {
            Ok(opened) => opened.database.close().await.map_err(|error| describe(&error)),
            Err(_) => Ok(()),
        }
    }
}

/// The worker that this module runs in.
struct Worker {
    notify: Function,
}

impl Host for Worker {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(future);
    }

    fn ready(&self) {
        // It only asks for a moment; nobody could handle what it throws.
        let _ = self.notify.call0(&JsValue::UNDEFINED);
    }

    fn part(&self) {
        let _ = self.notify.call1(&JsValue::UNDEFINED, &JsValue::TRUE);
    }
}
