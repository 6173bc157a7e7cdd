//! A bare connection for Python's `sqlite3` rules: what `ubiqlite.aiosqlite` is
//! made of.
//!
//! It is a client as a database's is: requests by `ubiqlite_call`, later replies by
//! `ubiqlite_take`, both in the format of `marshal` (`request.rs`, `reply.rs`).

mod backup;
mod callbacks;
mod reply;
mod request;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ubiqlite::bare::{Ask, Bare};
use ubiqlite::wire::Host;
use ubiqlite::{BoxFuture, Error, ErrorKind, Result};
use ubiqlite_shared::{Bell, Hosted};

use self::backup::Backup;
use self::callbacks::Callbacks;
use self::reply::{Answered, Told};
use self::request::{Request, What};
use crate::client::{Called, Endpoint, Taken};
use crate::engine::CLIENTS;
use crate::signal::Driver;

/// One connection and who asks it.
pub(crate) struct BareClient {
    shared: Arc<Shared>,
}

struct Shared {
    bare: OnceLock<Bare>,
    driver: Arc<Driver>,
    told: Mutex<Told>,
    backup: Mutex<Option<Backup>>,
    callbacks: Callbacks,
}

type Work = BoxFuture<'static, Result<Answered>>;

impl BareClient {
    fn new() -> Self {
        let shared = Shared {
            bare: OnceLock::new(),
            driver: Arc::default(),
            told: Mutex::default(),
            backup: Mutex::default(),
            callbacks: Callbacks::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl Shared {
    fn bare(&self) -> Result<&Bare> {
        self.bare.get().ok_or_else(closed)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backup(&self) -> MutexGuard<'_, Option<Backup>> {
        self.backup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request answers at once, or the work that will answer it.
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
                let backup = self.backup().take();
                let closing = bare.close();
                Err(Box::pin(async move {
                    if let Some(backup) = backup {
                        backup.finish().await?;
                    }
                    closing.await.map(|()| Answered::Done)
                }))
            }
            (What::Callback(callback), Some(bare)) => {
                let installing = self.callbacks.install(bare, callback);
                Err(Box::pin(async move { installing.await.map(|()| Answered::Done) }))
            }
            (What::Extensions(extensions), Some(bare)) => {
                let done = callbacks::extensions(bare, extensions);
                Err(Box::pin(async move { done.await.map(|()| Answered::Done) }))
            }
            (What::Backup { target, name, pages }, Some(_)) => {
                Err(Box::pin(async move { this.back_up(target, name, pages).await }))
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

    /// Copies some pages to another connection's database.
    async fn back_up(self: &Arc<Self>, target: u64, name: String, pages: i32) -> Result<Answered> {
        let begun = self.backup().take();
        let backup = match begun {
            Some(backup) => backup,
            None => {
                let target = CLIENTS.get(target).ok_or_else(closed)?;
                Backup::begin(self, target, name).await?
            }
        };
        let (backup, progress) = backup.step(pages).await?;
        if progress.done {
            backup.finish().await?;
        } else {
            *self.backup() = Some(backup);
        }
        Ok(Answered::Progress(progress))
    }
}

impl Endpoint for BareClient {
    fn call(&self, bytes: &[u8], room: &mut [u8]) -> Called {
        let Some(Request { id, what }) = request::read(bytes) else { return Called::Malformed };
        let shared = &self.shared;
        match shared.start(what) {
            Ok(answer) => {
                let state = shared.bare.get().map(Bare::state);
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

    fn as_bare(&self) -> Option<&Bare> {
        self.shared.bare.get()
    }
}

impl Drop for BareClient {
    fn drop(&mut self) {
        self.shared.driver.end();
        // Its own end would wait for a connection that has been let go.
        drop(self.shared.backup().take());
    }
}

/// A connection for the rules of Python's `sqlite3`, not open yet; ended by
/// [`ubiqlite_release`](crate::raw::ubiqlite_release).
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_bare() -> u64 {
    CLIENTS.put(Box::new(BareClient::new()))
}

/// The version of SQLite that is inside, as a number: 3054001 for 3.54.1.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_sqlite() -> i64 {
    // SAFETY: it takes nothing.
    i64::from(unsafe { libsqlite3_sys::sqlite3_libversion_number() })
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "Cannot operate on a closed database.")
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
