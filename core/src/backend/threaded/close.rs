//! Closing: accepted work is finished, then all connections and threads end.
//!
//! # What a call may wait for
//!
//! Every wait ends on its own, through the caller (the call is dropped, or its limit has passed),
//! or through closing. `busy` and `acquire` are the options `busy_timeout` and `acquire_timeout`.
//!
//! | call | waits for | how long | what ends the wait |
//! |---|---|---|---|
//! | a read, `get`, `count` | a reader | `acquire` | served in order of request; by the reserve when no reader came back for 10 ms; then `Timeout` |
//! | `stream` | a reader, which it keeps | `acquire` | the same; a kept reader is replaced at once |
//! | `snapshot` | a reader, which it keeps | `acquire` | the same |
//! | `acquire` | a session | `acquire` | a session is returned; then `Timeout` |
//! | a read inside a session or snapshot | earlier requests there | no limit | those calls end |
//! | a write of an unknown text, with no reader free | the planner, then as any write | `acquire` for the planner | the planner only prepares, one statement after another |
//! | a table's first write, with no reader free | the planner reads the schema; then as any write | the same | the same |
//! | a write, `begin`, a session's first write or `BEGIN IMMEDIATE` | its turn: earlier writes | no limit | those writes end; they proceed on their own |
//! | | its turn: an earlier transaction | no limit while that makes progress | it ends; `Busy` when for `busy` no call of it ran, waited or ended, and no row of its stream was read |
//! | | another process's write lock | `busy` | then `Busy` |
//! | a call inside a transaction or session | earlier requests there | no limit | those calls end |
//! | `execute_many`, `insert_many` | as `begin`, then as calls inside a transaction | | |
//! | a change of the journal mode | all other connections of the database | `busy` | then SQLite reports whether the file is locked |
//! | a write, after its commit is reported | the log's restart: running readers | 0.1 s, and at most 1.6 s after failures | the log keeps growing until the next try |
//! | `try_next` | rows | no limit | the statement yields some, or ends; `Timeout` after stalling for `stall_timeout` with the log beyond `wal_limit` |
//! | a result that is ready | others' turn | one poll | at once |
//! | `backup` | its turn to write, between two slices | `busy` without progress of a transaction | then it copies in one read transaction, which waits for nobody |
//! | `restore` | its turn to write, as a write | the same | the same |
//! | `close` | accepted calls, and sessions and snapshots in use | `busy` in total, counted once | then running work is stopped, waiting work never begins (`Closed`), what is open is rolled back, and the log is copied |
//! | | a connection that is being opened while another process has the file locked | `busy` more | |
//! | dropping the last handle | nothing | | a thread closes as `close` does |
//!
//! No write waits for a reader, and no reader for a writer. Nobody who holds one thing for long
//! keeps others waiting without a limit: readers have the reserve and `acquire`, the writer has
//! `busy`. A holder that runs forever (an endless `INSERT … SELECT`) does keep the other writers
//! waiting: their own limits (`Database::timeout`) end that, or closing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{CLOSED, CLOSING, OPEN, Shared};
use crate::backend::{Reply, call};
use crate::error::{Error, ErrorKind};

/// Closes. New calls are refused from now on; accepted work continues. Whatever is still out or
/// queued may take the busy timeout to end, counted from the request to close. Then running work is
/// stopped, waiting work never begins, and what is open is rolled back.
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
            && closing.dedicated.wait_idle(until)
            && closing.copies.wait_idle(until)
            && closing.writer.wait_idle(until);
        closing.replicas.finish();
        close(&closing);
        let closers = closing.closers.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(closing);
        for closer in closers.into_iter().flatten() {
            closer.complete(Ok(()));
        }
    });
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => {
            shared.life.store(OPEN, Ordering::Release);
            Reply::err(Error::new(
                ErrorKind::Io,
                format!("can't start a thread to close the database: {error}"),
            ))
        }
    }
}

/// Ends everything, without waiting for anybody outside.
fn close(shared: &Shared) {
    shared.life.store(CLOSED, Ordering::Release);
    shared.foreign.join();
    shared.dedicated.close();
    shared.readers.close();
    shared.planner.close();
    shared.copies.stop();
    // The last connection copies the log into the database and deletes it.
    shared.writer.close();
    // Each of them waits for the writer at most, which has refused it by now.
    shared.copies.join();
}

/// The same when the last handle was dropped without closing, with no result.
pub(super) fn abandon(shared: &Arc<Shared>) {
    if shared.life.load(Ordering::Acquire) == OPEN {
        // Nobody wants the result; the closing thread continues.
        drop(begin(shared));
    }
}
