//! One connection as SQLite itself provides it, for callers with rules of their own: Python's
//! `sqlite3` begins transactions by itself, keeps cursors open over other statements and reports
//! what each change changed.
//!
//! A [`DbapiConnection`] begins, retries and checks nothing by itself. What this library adds is
//! how its work runs: in the order it was requested, on a thread of its own, except for short work
//! that waits for nothing, which runs within the call.

mod changes;
mod connection;
mod connection_thread;
mod inline;
mod log;
mod pair;
mod recorded;
mod statement;
#[cfg(test)]
mod tests;

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

pub use connection_thread::Receiving;
pub use statement::Shape;

use crate::backend::{Reply, call};
use crate::error::{Error, Result};
use crate::ffi;
use crate::row::Page;
use crate::sql::Params;
use crate::value::Value;
use connection::DbapiInner;
use connection_thread::{ConnectionThread, InterruptHandle};
use statement::DbapiStatement;

/// How a DB-API connection is opened.
#[derive(Debug, Clone)]
pub struct DbapiOptions {
    /// Whether the path may be a URI (`file:app.db?mode=ro`).
    pub uri: bool,
    /// How long a statement waits for a lock of another connection.
    pub busy_timeout: Duration,
    /// How many prepared statements are kept for the next use; of 4 MiB at most.
    pub cached_statements: usize,
    /// Whether named parameters may be given by position, as Python's `sqlite3` allows before 3.14.
    pub named_by_position: bool,
}

impl Default for DbapiOptions {
    fn default() -> Self {
        Self {
            uri: false,
            busy_timeout: Duration::from_secs(5),
            cached_statements: 128,
            named_by_position: true,
        }
    }
}

/// A request to a DB-API connection. A cursor is a number of the caller's choice; a statement begun
/// on it ends the one before.
#[derive(Debug)]
pub enum DbapiRequest {
    /// Runs one statement up to its first rows.
    Execute {
        /// The cursor.
        cursor: u32,
        /// One statement.
        sql: String,
        /// Its parameters.
        params: Params,
        /// The statement that begins a transaction, if this one changes rows
        /// (`INSERT`, `UPDATE`, `DELETE`, `REPLACE`) and none is open.
        begin: Option<&'static str>,
        /// The most rows to return.
        most: usize,
    },
    /// Runs one statement for each row of parameters; its rows are not kept.
    ExecuteMany {
        /// The cursor.
        cursor: u32,
        /// One statement.
        sql: String,
        /// The parameters of each run.
        each: Vec<Params>,
        /// As in [`DbapiRequest::Execute`].
        begin: Option<&'static str>,
    },
    /// The next rows of a cursor.
    Fetch {
        /// The cursor.
        cursor: u32,
        /// The most rows to return.
        most: usize,
    },
    /// Ends a cursor's statement.
    Reset {
        /// The cursor.
        cursor: u32,
    },
    /// Runs all statements of a text, without parameters; rows are not kept.
    Script {
        /// The statements.
        sql: String,
        /// Whether an open transaction is committed first.
        commit: bool,
    },
    /// Runs a statement if a transaction is open: `COMMIT` or `ROLLBACK`.
    End {
        /// The statement.
        sql: &'static str,
    },
}

impl DbapiRequest {
    /// Whether it may attach a database in a shared cache.
    fn shares_cache(&self) -> bool {
        match self {
            Self::Execute { sql, params, .. } => {
                let texts = params.values().iter().filter_map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                DbapiStatement::attaches(sql) && texts.chain([sql.as_str()]).any(shares_cache)
            }
            Self::Script { sql, .. } => shares_cache(sql),
            _ => false,
        }
    }
}

/// Whether a URI may request a shared cache.
fn shares_cache(uri: &str) -> bool {
    uri.contains("cache=")
}

/// The result of a request.
#[derive(Debug, Clone, Default)]
pub struct DbapiResult {
    /// What the rows look like; none for a statement that yields none.
    pub shape: Option<Arc<Shape>>,
    /// The next rows.
    pub page: Option<Page>,
    /// Whether there are more.
    pub more: bool,
    /// Whether there was a statement: a text may hold none.
    pub ran: bool,
    /// How many rows were changed, for a statement that is done and changes rows.
    pub changed: Option<u64>,
    /// The connection afterwards.
    pub state: ConnectionState,
}

/// What SQLite reports about a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionState {
    /// Whether a transaction is open.
    pub in_transaction: bool,
    /// How many rows were changed since the connection was opened.
    pub total_changes: u64,
    /// The row id of the last row inserted.
    pub last_row_id: i64,
}

/// Returns the error for SQLite's extended result code and message, unchanged: without advice from
/// this library.
pub fn error(code: i32, message: &str) -> Error {
    crate::error::without_advice(code, message, crate::error::Phase::Run)
}

impl ConnectionState {
    /// # Safety
    /// `raw` is open.
    unsafe fn of(raw: *mut ffi::sqlite3) -> Self {
        // SAFETY: by the contract.
        unsafe {
            Self {
                in_transaction: ffi::sqlite3_get_autocommit(raw) == 0,
                total_changes: ffi::sqlite3_total_changes64(raw).cast_unsigned(),
                last_row_id: ffi::sqlite3_last_insert_rowid(raw),
            }
        }
    }
}

/// One connection as SQLite itself provides it. Dropping it closes it once all requests are done.
#[derive(Debug)]
pub struct DbapiConnection(Arc<ConnectionThread>);

impl DbapiConnection {
    /// Opens a connection, on its own thread.
    ///
    /// # Errors
    /// Those of SQLite, with its own messages.
    pub fn open(path: String, options: DbapiOptions) -> Reply<Self> {
        let (completer, call) = call();
        let thread = Arc::new(ConnectionThread::default());
        let opening = Arc::clone(&thread);
        thread.submit(Box::new(move |connection| {
            let opened = DbapiInner::open(&path, &options).map(|open| {
                opening.set_stop(Some(InterruptHandle::new(open.raw)));
                *connection = Some(open);
                Self(Arc::clone(&opening))
            });
            Box::new(move || drop(completer.complete(opened)))
        }));
        Reply::call(call)
    }

    /// Makes a request. It runs after earlier requests, whether its reply is awaited or dropped.
    ///
    /// # Errors
    /// Those of SQLite, with its own messages; `InvalidArgument` for parameters
    /// that do not fit; `Busy` while the connection [receives](Self::receive) a backup; `Closed`.
    pub fn request(&self, ask: DbapiRequest) -> Reply<DbapiResult> {
        let mut ask = Some(ask);
        let now = self.0.with_idle(|connection| {
            let ready = ask.take()?;
            if connection.needs_database(&ready)
                && let Err(error) = self.0.check_free()
            {
                return Some(Err(error));
            }
            match connection.try_now(ready) {
                Ok(result) => Some(result),
                Err(back) => {
                    ask = Some(back);
                    None
                }
            }
        });
        match (now.flatten(), ask) {
            (Some(result), _) => Reply::ready(result),
            (None, Some(ask)) => {
                let thread = Arc::clone(&self.0);
                self.run(move |connection| {
                    if connection.needs_database(&ask) {
                        thread.check_free()?;
                    }
                    connection.run(ask)
                })
            }
            (None, None) => Reply::err(closed()),
        }
    }

    /// Runs work that needs SQLite's own handle, a `sqlite3 *`: functions, hooks,
    /// limits.
    ///
    /// # Errors
    /// Those of the work; `Busy` while the connection [receives](Self::receive) a backup; `Closed`.
    ///
    /// # Safety
    /// The work leaves the connection open and its statements alone, and what it
    /// installs in it outlives it, and may be called on any thread.
    pub unsafe fn with_handle<T: Send + 'static>(
        &self,
        work: impl FnOnce(*mut c_void) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        let thread = Arc::clone(&self.0);
        self.run(move |connection| {
            thread.check_free()?;
            connection.with_raw(work)
        })
    }

    /// Runs work that leaves the connection alone, after earlier requests and before later ones.
    pub fn in_turn(&self, work: impl FnOnce() + Send + 'static) -> Reply<()> {
        self.run(move |_| {
            work();
            Ok(())
        })
    }

    /// Marks this connection as the target of a backup, until what is returned is dropped:
    /// statements are refused meanwhile. Must be called by work that holds it, of
    /// [`with_both`](Self::with_both), before the backup begins.
    pub fn receive(&self) -> Receiving {
        self.0.receive()
    }

    /// Sets whether statements may call code that is not this library's: then none runs within the
    /// call that requests it.
    pub fn set_observed(&self, observed: bool) -> Reply<()> {
        self.run(move |connection| {
            connection.set_observed(observed);
            Ok(())
        })
    }

    /// The state of the connection after the last work, whether that succeeded or not.
    pub fn state(&self) -> ConnectionState {
        self.0.state()
    }

    /// The same, including work in progress: a transaction that it began is open.
    pub fn state_now(&self) -> ConnectionState {
        self.0.state_now()
    }

    /// Leaves all further requests to a thread of the caller's, which must call [`Serving::run`]:
    /// for what may be called on certain threads only.
    pub fn serving(&self) -> Serving {
        self.0.reserve();
        Serving(Arc::clone(&self.0))
    }

    /// Runs `work` while this connection and another are held; neither does anything else in the
    /// meantime. It runs after earlier requests to both.
    ///
    /// # Errors
    /// Those of the work; `Closed`.
    ///
    /// # Safety
    /// As for [`with_handle`](Self::with_handle), for both; they are not the same.
    pub unsafe fn with_both<T: Send + 'static>(
        &self,
        other: &Self,
        work: impl FnOnce(*mut c_void, *mut c_void) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        pair::hold(self, other, work)
    }

    /// Must be asked by work that holds the connection, before it reads from it.
    ///
    /// # Errors
    /// `Busy` while it [receives](Self::receive) a backup.
    pub fn check_free(&self) -> Result<()> {
        self.0.check_free()
    }

    /// Interrupts the running statement, if there is one.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }

    /// Closes the connection once all requests are done. An open transaction is rolled back.
    pub fn close(&self) -> Reply<()> {
        let (completer, call) = call();
        let thread = Arc::clone(&self.0);
        self.0.submit(Box::new(move |connection| {
            thread.set_stop(None);
            *connection = None;
            Box::new(move || {
                completer.complete(Ok(()));
            })
        }));
        Reply::call(call)
    }

    /// Refuses further requests, completes earlier ones, and closes: as its drop does.
    pub fn end(&self) {
        self.0.close();
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut DbapiInner) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        let (completer, call) = call();
        self.0.submit(Box::new(move |connection| {
            let result = match connection {
                Some(connection) => work(connection),
                None => Err(closed()),
            };
            Box::new(move || drop(completer.complete(result)))
        }));
        Reply::call(call)
    }
}

/// The work of a connection, for the thread that does it.
#[derive(Debug, Clone)]
pub struct Serving(Arc<ConnectionThread>);

impl Serving {
    /// Does the requested work on this thread, until the connection has been dropped or abandoned;
    /// when this returns, it is closed.
    pub fn run(&self) {
        self.0.adopt();
    }

    /// Ends the connection without the requests that have not begun, and stops the one that has:
    /// for callers that can't wait. Further statements of the same piece of work still begin, so
    /// this must be called repeatedly until [`run`](Self::run) returns.
    pub fn abandon(&self) {
        self.0.abandon();
    }
}

impl Drop for DbapiConnection {
    fn drop(&mut self) {
        self.end();
    }
}

fn closed() -> Error {
    Error::closed("connection")
}
