//! Closing: what was accepted is done, then all connections and threads end.
//!
//! # What a call may wait for
//!
//! Every wait ends by itself, by the caller (the call is dropped, its limit has
//! passed), or by closing. `busy` and `acquire` are the options
//! `busy_timeout` and `acquire_timeout`.
//!
//! | call | waits for | how long | what ends the wait |
//! |---|---|---|---|
//! | a read, `get`, `count` | a reader | `acquire` | in the order of asking; one of the reserve when no reader came back for 10 ms; then `Timeout` |
//! | `stream` | a reader, which it keeps | `acquire` | the same; a kept reader is stood in for at once |
//! | `snapshot` | a reader, which it keeps | `acquire` | the same |
//! | `acquire` | a session | `acquire` | one that is given back; then `Timeout` |
//! | a read inside what is lent | what was asked there before | no limit | those calls end |
//! | a write of a text that is not known, no reader being free | the planner, then as any write | `acquire` for the planner | the planner only prepares, one statement after another |
//! | a table's first write, no reader being free | the planner reads the schema; then as any write | the same | the same |
//! | a write, `begin`, a session's first write or `BEGIN IMMEDIATE` | its turn: writes before it | no limit | those writes end; they go on by themselves |
//! | | its turn: a transaction before it | no limit while that goes on | it ends; `Busy` when no call of it ran, waited or ended, and no row of its stream was read, for `busy` |
//! | | the write lock of another process | `busy` | then `Busy` |
//! | a call inside a transaction or session | what was asked there before | no limit | those calls end |
//! | `execute_many`, `insert_many` | as `begin`, then as calls inside a transaction | | |
//! | a change of the journal mode | all other connections of the database | `busy` | then SQLite tells whether the file is locked |
//! | a write, after its commit is told | the log's restart: readers that run | 0.1 s, and 1.6 s at most after failures | the log goes on growing until the next try |
//! | `try_next` | rows | no limit | the statement gives some, or ends; `Timeout` after `stall_timeout` of standing still with the log beyond `wal_limit` |
//! | an answer that is there | others' turn | one poll | at once |
//! | `close` | calls that were accepted, and whatever is lent | `busy` in all, counted once | then what runs is stopped, what waits never begins (`Closed`), what is open is rolled back, and the log is copied |
//! | | a connection that is being opened while another process has the file locked | `busy` more | |
//! | dropping the last handle | nothing | | a thread closes as `close` does |
//!
//! No write waits for a reader, and no reader for a writer. Nobody who holds one
//! thing for long keeps others waiting without a limit: readers have the reserve and
//! `acquire`, the writer has `busy`. A holder that goes on for ever (an endless
//! `INSERT … SELECT`) does keep the other writers waiting: their own limits
//! (`Database::timeout`) end that, or closing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{CLOSED, CLOSING, OPEN, Shared};
use crate::backend::{Reply, call};
use crate::error::{Error, ErrorKind};

/// Closes. New calls are refused from now on; what was accepted goes on.
/// Whatever is still out or queued has the busy timeout to end, counted from when
/// closing was asked for; then what runs is stopped, what waits never begins, and
/// what is open is rolled back.
pub(super) fn begin(shared: &Arc<Shared>) -> Reply<()> {
    let (completer, call) = call();
    match &mut *shared.closers.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(closers) => closers.push(completer),
        None => return Reply::ready(Ok(())),
    }
    let before = shared.life.compare_exchange(OPEN, CLOSING, Ordering::AcqRel, Ordering::Acquire);
    if before.is_err() {
        return Reply::call(call);
    }
    let closing = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("ubiqlite-close".into());
    let spawned = thread.spawn(move || {
        let since = *closing.closing_since.get_or_init(Instant::now);
        let until = since + closing.options.busy_timeout;
        let _ = closing.readers.wait_idle(until)
            && closing.own.wait_idle(until)
            && closing.writer.wait_idle(until);
        close(&closing);
        let closers = closing.closers.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(closing);
        for closer in closers.into_iter().flatten() {
            closer.answer(Ok(()));
        }
    });
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => {
            shared.life.store(OPEN, Ordering::Release);
            Reply::err(Error::new(ErrorKind::Io, format!("no thread to close with: {error}")))
        }
    }
}

/// Ends everything, waiting for nobody outside.
fn close(shared: &Shared) {
    shared.life.store(CLOSED, Ordering::Release);
    shared.own.close();
    shared.readers.close();
    shared.planner.close();
    // The last connection copies the log into the database and deletes it.
    shared.writer.close();
}

/// The last handle was dropped without closing: the same, without an answer.
pub(super) fn abandon(shared: &Arc<Shared>) {
    if shared.life.load(Ordering::Acquire) == OPEN {
        // Its answer is nobody's; the thread that closes goes on.
        drop(begin(shared));
    }
}
