//! A bare connection for Python's `sqlite3` rules: what `ubiqlite.aiosqlite` is built on.
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
use ubiqlite::ext::bare::{Ask, Bare, Serving};
use ubiqlite::ext::wire::Host;
use ubiqlite::{Error, ErrorKind, Result};
use ubiqlite_shared::{Bell, Hosted};

use self::backup::Backups;
use self::blobs::{Blob, Blobs};
use self::callbacks::Callbacks;
use self::reply::{Answered, Told};
use self::request::{Request, What};
use self::settings::Setting;
use crate::client::{Called, Endpoint, Taken};
use crate::engine::CLIENTS;
use crate::signal::Driver;

/// One connection and its caller.
pub(crate) struct BareClient {
    shared: Arc<Shared>,
}

struct Shared {
    bare: OnceLock<Bare>,
    driver: Arc<Driver>,
    told: Mutex<Told>,
    backups: Backups,
    blobs: Blobs,
    callbacks: Callbacks,
    /// Its work, until a thread of Python's comes for it.
    serving: Mutex<Option<Serving>>,
}

type Work = BoxFuture<'static, Result<Answered>>;

impl BareClient {
    fn new() -> Self {
        let shared = Shared {
            bare: OnceLock::new(),
            driver: Arc::default(),
            told: Mutex::default(),
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

impl Shared {
    fn bare(&self) -> Result<&Bare> {
        self.bare.get().ok_or_else(closed)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serving(&self) -> MutexGuard<'_, Option<Serving>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a request's answer if it is there at once, or the work that will produce it.
    fn start(self: &Arc<Self>, what: What) -> Result<Result<Answered>, Work> {
        let bare = match (&what, self.bare()) {
            (What::Open { .. }, _) => None,
            (_, Ok(bare)) => Some(bare),
            (_, Err(error)) => return Ok(Err(error)),
        };
        let this = Arc::clone(self);
        match (what, bare) {
            (What::Open { path, options }, _) => {
                let opening = Bare::open(path, options);
                Err(Box::pin(async move {
                    let bare = opening.await?;
                    // A second opening would leave two connections under one number.
                    this.bare.set(bare).map_err(|_| invalid("it is open already"))?;
                    Ok(Answered::Done)
                }))
            }
            (What::Ask(ask), Some(bare)) => Self::ask(bare, ask),
            (What::Interrupt, Some(bare)) => {
                bare.interrupt();
                Ok(Ok(Answered::Done))
            }
            (What::Close, Some(bare)) => {
                backup::end_all(self);
                self.end_blobs(bare);
                let closing = bare.close();
                Err(Box::pin(async move { closing.await.map(|()| Answered::Done) }))
            }
            (What::State, Some(_)) => Ok(Ok(Answered::Done)),
            (What::Serving, Some(bare)) => {
                *self.serving() = Some(bare.serving());
                Ok(Ok(Answered::Done))
            }
            (What::Sleep(time), Some(bare)) => {
                // SAFETY: the connection is left alone.
                let slept = unsafe {
                    bare.with_handle(move |_| {
                        std::thread::sleep(time);
                        Ok(())
                    })
                };
                Err(Box::pin(async move { slept.await.map(|()| Answered::Done) }))
            }
            (What::Setting(setting), Some(bare)) => Err(Self::set(bare, setting)),
            (What::Blob(blob), Some(bare)) => Err(self.blob(bare, blob)),
            (What::Callback(callback), Some(bare)) => {
                let installing = self.callbacks.install(bare, callback);
                Err(Box::pin(async move { installing.await.map(|()| Answered::Done) }))
            }
            (What::Extensions(extensions), Some(bare)) => {
                let done = callbacks::extensions(bare, extensions);
                Err(Box::pin(async move { done.await.map(|()| Answered::Done) }))
            }
            (What::Backup { number, target, name, pages }, Some(_)) => {
                Err(Box::pin(async move { this.back_up(number, target, name, pages).await }))
            }
            (What::EndBackup { number }, Some(_)) => {
                backup::end(self, number);
                Ok(Ok(Answered::Done))
            }
            (_, None) => Ok(Err(closed())),
        }
    }

    fn ask(bare: &Bare, ask: Ask) -> Result<Result<Answered>, Work> {
        match bare.ask(ask).try_now() {
            Ok(answer) => Ok(answer.map(Answered::Asked)),
            Err(later) => Err(Box::pin(async move { later.await.map(Answered::Asked) })),
        }
    }

    fn set(bare: &Bare, setting: Setting) -> Work {
        // SAFETY: the connection stays open, and is asked or set by itself.
        let setting = unsafe { bare.with_handle(move |raw| setting.apply(raw.cast())) };
        Box::pin(async move { setting.await.map(Answered::Setting) })
    }

    fn blob(&self, bare: &Bare, blob: Blob) -> Work {
        let blobs = self.blobs.clone();
        // SAFETY: the connection stays open, and is always the same; its blobs end before it.
        let done = unsafe { bare.with_handle(move |raw| blobs.apply(raw.cast(), blob)) };
        Box::pin(async move { done.await.map(Answered::Blob) })
    }

    fn end_blobs(&self, bare: &Bare) {
        let blobs = self.blobs.clone();
        // SAFETY: the connection stays open until after this.
        drop(unsafe {
            bare.with_handle(move |_| {
                blobs.end();
                Ok(())
            })
        });
    }

    /// Copies some pages to another connection's database.
    async fn back_up(
        self: Arc<Self>,
        number: u32,
        target: u64,
        name: String,
        pages: i32,
    ) -> Result<Answered> {
        let progress = if number == 0 {
            let target = CLIENTS.get(target).ok_or_else(closed)?;
            let target = Arc::clone(&target.bare().ok_or_else(closed)?.shared);
            if Arc::ptr_eq(&self, &target) {
                return Err(invalid("target cannot be the same connection instance"));
            }
            backup::begin(self, target, name, pages).await?
        } else {
            backup::go_on(self, number, pages).await?
        };
        Ok(Answered::Progress(progress))
    }
}

impl Endpoint for BareClient {
    fn call(&self, bytes: &[u8], room: &mut [u8]) -> Called {
        let Some(Request { id, what }) = request::read(bytes) else { return Called::Malformed };
        let shared = &self.shared;
        // The reply includes what running work has begun.
        let asks = matches!(what, What::State);
        match shared.start(what) {
            Ok(answer) => {
                let state = shared.bare.get().map(if asks { Bare::state_now } else { Bare::state });
                shared.told().put(id, &answer, state, room)
            }
            Err(work) => {
                let this = Arc::clone(shared);
                let host = Hosted(Arc::clone(&shared.driver));
                host.spawn(Box::pin(async move {
                    let answer = work.await;
                    let state = this.bare.get().map(Bare::state);
                    this.told().keep(id, &answer, state);
                    this.driver.signal.raise();
                }));
                Called::Pending
            }
        }
    }

    fn take(&self, room: &mut [u8]) -> Taken {
        self.shared.driver.signal.lower();
        self.shared.driver.run();
        let taken = self.shared.told().take(room);
        if matches!(taken, Taken::NeedsRoom(_)) {
            self.shared.driver.signal.raise();
        }
        taken
    }

    fn driver(&self) -> &Arc<Driver> {
        &self.shared.driver
    }

    fn bare(&self) -> Option<&BareClient> {
        Some(self)
    }
}

impl Drop for BareClient {
    fn drop(&mut self) {
        self.shared.driver.end();
        backup::end_all(&self.shared);
        if let Ok(bare) = self.shared.bare() {
            self.shared.end_blobs(bare);
            // Work in progress keeps the rest of it alive.
            bare.end();
        }
        // The thread that should have come for it comes too late.
        if let Some(serving) = self.take_serving() {
            serving.abandon();
            let ending = std::thread::Builder::new().name("ubiqlite-bare".into());
            // Without a thread the connection stays open, and nobody uses it.
            drop(ending.spawn(move || serving.run()));
        }
    }
}

/// Makes a connection with the rules of Python's `sqlite3`, not open yet; ended by
/// [`ubiqlite_release`](crate::raw::ubiqlite_release).
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_bare() -> u64 {
    CLIENTS.put(Box::new(BareClient::new()))
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
