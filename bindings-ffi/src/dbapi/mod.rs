//! A DB-API connection for Python's `sqlite3` rules: what `ubiqlite.aiosqlite` is built on.
//!
//! It is a client like a database's: requests by `ubiqlite_call`, later replies by `ubiqlite_take`,
//! both in the format of `marshal` (`request.rs`, `reply.rs`).

mod aggregates;
mod backup;
mod blobs;
mod callbacks;
mod collations;
mod reply;
mod request;
pub mod serve;
mod settings;

use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::dbapi::{DbapiConnection, DbapiRequest, Serving};
use ubiqlite::ext::wire::Host;
use ubiqlite::{Error, ErrorKind, Result};
use ubiqlite_shared::{Bell, DriverHost};

use self::backup::Backups;
use self::blobs::{Blob, Blobs};
use self::callbacks::Callbacks;
use self::reply::{ReplyBody, ReplyWriter};
use self::request::{Request, RequestKind};
use self::settings::Setting;
use crate::client::{CallStatus, DrainStatus, Endpoint};
use crate::engine::CLIENTS;
use crate::signal::ClientDriver;

/// One connection and its caller.
pub(crate) struct DbapiClient {
    shared: Arc<DbapiShared>,
}

struct DbapiShared {
    connection: OnceLock<DbapiConnection>,
    driver: Arc<ClientDriver>,
    replies: Mutex<ReplyWriter>,
    backups: Backups,
    blobs: Blobs,
    callbacks: Callbacks,
    /// Its work, until a thread of Python's comes for it.
    serving: Mutex<Option<Serving>>,
}

type ResultFuture = BoxFuture<'static, Result<ReplyBody>>;

impl DbapiClient {
    fn new() -> Self {
        let shared = DbapiShared {
            connection: OnceLock::new(),
            driver: Arc::default(),
            replies: Mutex::default(),
            backups: Backups::default(),
            blobs: Blobs::default(),
            callbacks: Callbacks::default(),
            serving: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes the work that a thread of Python's must do, once.
    fn take_serving(&self) -> Option<Serving> {
        self.shared.serving().take()
    }
}

impl DbapiShared {
    fn connection(&self) -> Result<&DbapiConnection> {
        self.connection.get().ok_or_else(closed)
    }

    fn replies(&self) -> MutexGuard<'_, ReplyWriter> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serving(&self) -> MutexGuard<'_, Option<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a request's reply if it is there at once, or the work that will produce it.
    fn start(self: &Arc<Self>, what: RequestKind) -> Result<Result<ReplyBody>, ResultFuture> {
        let connection = match (&what, self.connection()) {
            (RequestKind::Open { .. }, _) => None,
            (_, Ok(connection)) => Some(connection),
            (_, Err(error)) => return Ok(Err(error)),
        };
        let this = Arc::clone(self);
        match (what, connection) {
            (RequestKind::Open { path, options }, _) => {
                let opening = DbapiConnection::open(path, options);
                Err(Box::pin(async move {
                    let connection = opening.await?;
                    // A second opening would leave two connections under one number.
                    this.connection.set(connection).map_err(|_| invalid("it is open already"))?;
                    Ok(ReplyBody::Done)
                }))
            }
            (RequestKind::Ask(ask), Some(connection)) => Self::ask(connection, ask),
            (RequestKind::Interrupt, Some(connection)) => {
                connection.interrupt();
                Ok(Ok(ReplyBody::Done))
            }
            (RequestKind::Close, Some(connection)) => {
                backup::end_all(self);
                self.end_blobs(connection);
                let closing = connection.close();
                Err(Box::pin(async move { closing.await.map(|()| ReplyBody::Done) }))
            }
            (RequestKind::State, Some(_)) => Ok(Ok(ReplyBody::Done)),
            (RequestKind::Serving, Some(connection)) => {
                *self.serving() = Some(connection.serving());
                Ok(Ok(ReplyBody::Done))
            }
            (RequestKind::Sleep(time), Some(connection)) => {
                let slept = connection.in_turn(move || std::thread::sleep(time));
                Err(Box::pin(async move { slept.await.map(|()| ReplyBody::Done) }))
            }
            (RequestKind::Setting(setting), Some(connection)) => {
                Err(Self::set(connection, setting))
            }
            (RequestKind::Blob(blob), Some(connection)) => Err(self.blob(connection, blob)),
            (RequestKind::Callback(callback), Some(connection)) => {
                let installing = self.callbacks.install(connection, callback);
                Err(Box::pin(async move { installing.await.map(|()| ReplyBody::Done) }))
            }
            (RequestKind::Extensions(extensions), Some(connection)) => {
                let done = callbacks::extensions(connection, extensions);
                Err(Box::pin(async move { done.await.map(|()| ReplyBody::Done) }))
            }
            (RequestKind::Backup { number, target, name, pages }, Some(_)) => {
                Err(Box::pin(async move { this.back_up(number, target, name, pages).await }))
            }
            (RequestKind::EndBackup { number }, Some(_)) => {
                backup::end(self, number);
                Ok(Ok(ReplyBody::Done))
            }
            (_, None) => Ok(Err(closed())),
        }
    }

    fn ask(
        connection: &DbapiConnection,
        ask: DbapiRequest,
    ) -> Result<Result<ReplyBody>, ResultFuture> {
        match connection.request(ask).try_now() {
            Ok(result) => Ok(result.map(ReplyBody::Asked)),
            Err(later) => Err(Box::pin(async move { later.await.map(ReplyBody::Asked) })),
        }
    }

    fn set(connection: &DbapiConnection, setting: Setting) -> ResultFuture {
        // SAFETY: the connection stays open, and is asked or set by itself.
        let setting = unsafe { connection.with_handle(move |raw| setting.apply(raw.cast())) };
        Box::pin(async move { setting.await.map(ReplyBody::Setting) })
    }

    fn blob(&self, connection: &DbapiConnection, blob: Blob) -> ResultFuture {
        let blobs = self.blobs.clone();
        // SAFETY: the connection stays open, and is always the same; its blobs end before it.
        let done = unsafe { connection.with_handle(move |raw| blobs.apply(raw.cast(), blob)) };
        Box::pin(async move { done.await.map(ReplyBody::Blob) })
    }

    fn end_blobs(&self, connection: &DbapiConnection) {
        let blobs = self.blobs.clone();
        // SAFETY: the connection stays open until after this, and its thread alone uses it now.
        drop(connection.in_turn(move || unsafe { blobs.end() }));
    }

    /// Copies some pages to another connection's database.
    async fn back_up(
        self: Arc<Self>,
        number: u32,
        target: u64,
        name: String,
        pages: i32,
    ) -> Result<ReplyBody> {
        let progress = if number == 0 {
            let target = CLIENTS.get(target).ok_or_else(closed)?;
            let target = Arc::clone(&target.dbapi().ok_or_else(closed)?.shared);
            if Arc::ptr_eq(&self, &target) {
                return Err(invalid("target cannot be the same connection instance"));
            }
            backup::begin(self, target, name, pages).await?
        } else {
            backup::go_on(self, number, pages).await?
        };
        Ok(ReplyBody::Progress(progress))
    }
}

impl Endpoint for DbapiClient {
    fn call(&self, bytes: &[u8], room: &mut [u8]) -> CallStatus {
        let Some(Request { id, what }) = request::read(bytes) else { return CallStatus::Malformed };
        let shared = &self.shared;
        // The reply includes what running work has begun.
        let asks = matches!(what, RequestKind::State);
        match shared.start(what) {
            Ok(result) => {
                let state = shared.connection.get().map(if asks {
                    DbapiConnection::state_now
                } else {
                    DbapiConnection::state
                });
                shared.replies().put(id, &result, state, room)
            }
            Err(work) => {
                let this = Arc::clone(shared);
                let host = DriverHost(Arc::clone(&shared.driver));
                host.spawn(Box::pin(async move {
                    let result = work.await;
                    let state = this.connection.get().map(DbapiConnection::state);
                    this.replies().keep(id, &result, state);
                    this.driver.signal.raise();
                }));
                CallStatus::Pending
            }
        }
    }

    fn take(&self, room: &mut [u8]) -> DrainStatus {
        self.shared.driver.signal.lower();
        self.shared.driver.run();
        let taken = self.shared.replies().take(room);
        if matches!(taken, DrainStatus::NeedsRoom(_)) {
            self.shared.driver.signal.raise();
        }
        taken
    }

    fn driver(&self) -> &Arc<ClientDriver> {
        &self.shared.driver
    }

    fn dbapi(&self) -> Option<&DbapiClient> {
        Some(self)
    }
}

impl Drop for DbapiClient {
    fn drop(&mut self) {
        self.shared.driver.end();
        backup::end_all(&self.shared);
        if let Ok(connection) = self.shared.connection() {
            self.shared.end_blobs(connection);
            // Work in progress keeps the rest of it alive.
            connection.end();
        }
        // The thread that should have come for it comes too late.
        if let Some(serving) = self.take_serving() {
            serving.abandon();
            let ending = std::thread::Builder::new().name("ubiqlite-dbapi".into());
            // Without a thread the connection stays open, and nobody uses it.
            drop(ending.spawn(move || serving.run()));
        }
    }
}

/// Makes a connection with the rules of Python's `sqlite3`, not open yet; ended by
/// [`ubiqlite_release`](crate::raw::ubiqlite_release).
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_dbapi() -> u64 {
    CLIENTS.put(Box::new(DbapiClient::new()))
}

/// The version of the built-in SQLite, as a number: 3054001 for 3.54.1.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_sqlite() -> i64 {
    // SAFETY: it takes nothing.
    i64::from(unsafe { libsqlite3_sys::sqlite3_libversion_number() })
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "Cannot operate on a closed database.")
}

/// Converts a text for SQLite; `refused` is the error message for one with a NUL in it.
fn c_string(text: String, refused: &str) -> Result<CString> {
    CString::new(text).map_err(|_| invalid(refused))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
