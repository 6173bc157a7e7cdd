//! A session object that an extension of the program's attaches to a connection of the library.
//! SQLite has one preupdate hook a connection, for which the two compete, and takes the other's
//! context for a session. <https://sqlite.org/session/sqlite3session_create.html>

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, Once};

use rusqlite::ffi;
use ubiqlite::{Database, Transaction};

use super::{next, open, quiet};

unsafe extern "C" {
    fn sqlite3session_create(
        db: *mut ffi::sqlite3,
        database: *const c_char,
        session: *mut *mut c_void,
    ) -> c_int;
    fn sqlite3session_attach(session: *mut c_void, table: *const c_char) -> c_int;
    fn sqlite3session_changeset(
        session: *mut c_void,
        size: *mut c_int,
        changes: *mut *mut c_void,
    ) -> c_int;
    fn sqlite3session_delete(session: *mut c_void);
}

/// The sessions by their connection.
static SESSIONS: Mutex<Option<HashMap<usize, usize>>> = Mutex::new(None);

/// The function `user_session(what)`: begins a session on the connection that runs it, or ends it
/// and returns how many bytes of changes it has recorded.
unsafe extern "C" fn user_session(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes one argument; the session is deleted once, before its connection goes.
    unsafe {
        let what = CStr::from_ptr(ffi::sqlite3_value_text(*arguments).cast());
        let db = ffi::sqlite3_context_db_handle(context);
        let mut sessions = SESSIONS.lock().unwrap();
        let sessions = sessions.get_or_insert_default();
        let mut size = 0;
        if what == c"begin" {
            let mut session = ptr::null_mut();
            assert_eq!(sqlite3session_create(db, c"main".as_ptr(), &raw mut session), 0);
            assert_eq!(sqlite3session_attach(session, ptr::null()), 0);
            assert!(sessions.insert(db as usize, session as usize).is_none());
        } else {
            let session = sessions.remove(&(db as usize)).unwrap() as *mut c_void;
            let mut changes = ptr::null_mut();
            assert_eq!(sqlite3session_changeset(session, &raw mut size, &raw mut changes), 0);
            ffi::sqlite3_free(changes);
            sqlite3session_delete(session);
        }
        ffi::sqlite3_result_int(context, size);
    }
}

unsafe extern "C" fn extension(
    db: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: SQLite passes a connection that it opens.
    unsafe {
        ffi::sqlite3_create_function_v2(
            db,
            c"user_session".as_ptr(),
            1,
            ffi::SQLITE_UTF8,
            ptr::null_mut(),
            Some(user_session),
            None,
            None,
            None,
        )
    }
}

async fn with_extension() -> super::Place {
    static ONCE: Once = Once::new();
    // SAFETY: the function is an extension's entry point, and only adds a function.
    ONCE.call_once(|| unsafe {
        assert_eq!(ffi::sqlite3_auto_extension(Some(extension)), 0);
    });
    let place = open().await;
    let schema =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2);";
    place.db.batch(schema).await.unwrap();
    place
}

/// Calls the function on the connection that writes.
async fn call(db: &Database, what: &str) -> i64 {
    let mut tx = db.begin().await.unwrap();
    let size = call_within(&mut tx, what).await;
    tx.commit().await.unwrap();
    size
}

async fn call_within(tx: &mut Transaction<'_>, what: &str) -> i64 {
    tx.query_value("SELECT user_session(?)", ubiqlite::params![what]).await.unwrap()
}

/// Changes that have been compiled before, and ones that have not.
async fn changes_are_seen(db: &Database, live: &mut ubiqlite::Watch, round: i64) {
    for _ in 0..3 {
        db.execute("UPDATE t SET v = v + 1 WHERE id = 1", ()).await.unwrap();
        next(live).await;
    }
    db.execute(&format!("UPDATE t SET v = v + {} WHERE id = 2", round + 1), ()).await.unwrap();
    next(live).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("UPDATE t SET v = v + 1 WHERE id = 1", ()).await.unwrap();
    tx.commit().await.unwrap();
    next(live).await;
    quiet(live).await;
}

#[tokio::test]
async fn a_session_that_begins_and_ends_while_somebody_watches_hides_no_change() {
    let place = with_extension().await;
    let db = &place.db;
    let mut live = db.watch("SELECT id, v FROM t", ());
    next(&mut live).await;
    for round in 0..3 {
        changes_are_seen(db, &mut live, round * 10).await;
        call(db, "begin").await;
        changes_are_seen(db, &mut live, round * 10 + 1).await;
        call(db, "end").await;
        changes_are_seen(db, &mut live, round * 10 + 2).await;
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_session_from_before_the_first_watch_hides_no_change() {
    let place = with_extension().await;
    let db = &place.db;
    for round in 0..3 {
        call(db, "begin").await;
        db.execute("UPDATE t SET v = v + 1 WHERE id = 1", ()).await.unwrap();
        let mut live = db.watch("SELECT id, v FROM t", ());
        next(&mut live).await;
        changes_are_seen(db, &mut live, round * 10).await;
        if round == 1 {
            // It ends when nobody watches any more.
            drop(live);
            call(db, "end").await;
            continue;
        }
        call(db, "end").await;
        changes_are_seen(db, &mut live, round * 10 + 1).await;
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_session_that_begins_in_a_transaction_hides_nothing_of_it() {
    let place = with_extension().await;
    let db = &place.db;
    let mut live = db.watch("SELECT id, v FROM t", ());
    next(&mut live).await;
    for _ in 0..3 {
        let mut tx = db.begin().await.unwrap();
        call_within(&mut tx, "begin").await;
        tx.execute("UPDATE t SET v = v + 1 WHERE id = 1", ()).await.unwrap();
        tx.commit().await.unwrap();
        next(&mut live).await;
        let mut tx = db.begin().await.unwrap();
        tx.execute("UPDATE t SET v = v + 1 WHERE id = 2", ()).await.unwrap();
        call_within(&mut tx, "end").await;
        tx.commit().await.unwrap();
        next(&mut live).await;
        quiet(&mut live).await;
    }
    // Without a watcher a session has everything.
    drop(live);
    call(db, "begin").await;
    db.execute("UPDATE t SET v = v + 1 WHERE id = 1", ()).await.unwrap();
    assert!(call(db, "end").await > 0);
    db.close().await.unwrap();
}
