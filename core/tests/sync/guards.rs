//! What hides changes from the outbox, or commits behind its back, loses nothing: the commit fails.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, Once};

use rusqlite::ffi;
use ubiqlite::ErrorKind;

use super::{Place, rows, sent};

unsafe extern "C" {
    fn sqlite3session_create(
        db: *mut ffi::sqlite3,
        database: *const c_char,
        session: *mut *mut c_void,
    ) -> c_int;
    fn sqlite3session_attach(session: *mut c_void, table: *const c_char) -> c_int;
    fn sqlite3session_delete(session: *mut c_void);
}

/// The sessions by their connection.
static SESSIONS: Mutex<Option<HashMap<usize, usize>>> = Mutex::new(None);

/// The function `sync_session(begin)`: begins a session on the connection that runs it, or ends it.
unsafe extern "C" fn sync_session(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes one argument; the session is deleted once, before its connection goes.
    unsafe {
        let begin = ffi::sqlite3_value_int(*arguments) != 0;
        let db = ffi::sqlite3_context_db_handle(context);
        let mut sessions = SESSIONS.lock().unwrap();
        let sessions = sessions.get_or_insert_default();
        if begin {
            let mut session = ptr::null_mut();
            assert_eq!(sqlite3session_create(db, c"main".as_ptr(), &raw mut session), 0);
            assert_eq!(sqlite3session_attach(session, ptr::null()), 0);
            sessions.insert(db as usize, session as usize);
        } else if let Some(session) = sessions.remove(&(db as usize)) {
            sqlite3session_delete(session as *mut c_void);
        }
        ffi::sqlite3_result_int(context, 1);
    }
}

/// The function `sync_run(sql)`: runs it on the same connection.
unsafe extern "C" fn sync_run(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes one argument, and the connection is open.
    unsafe {
        let sql = CStr::from_ptr(ffi::sqlite3_value_text(*arguments).cast()).to_owned();
        let db = ffi::sqlite3_context_db_handle(context);
        let code = ffi::sqlite3_exec(db, sql.as_ptr(), None, ptr::null_mut(), ptr::null_mut());
        if code == ffi::SQLITE_OK {
            ffi::sqlite3_result_int(context, 1);
        } else {
            ffi::sqlite3_result_error_code(context, ffi::sqlite3_extended_errcode(db));
        }
    }
}

type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

unsafe extern "C" fn extension(
    db: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    for (name, function) in
        [(c"sync_session", sync_session as Function), (c"sync_run", sync_run as Function)]
    {
        // SAFETY: SQLite passes a connection that it opens.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                db,
                name.as_ptr(),
                1,
                ffi::SQLITE_UTF8,
                ptr::null_mut(),
                Some(function),
                None,
                None,
                None,
            )
        };
        if code != ffi::SQLITE_OK {
            return code;
        }
    }
    ffi::SQLITE_OK
}

async fn place() -> Place {
    static ONCE: Once = Once::new();
    // SAFETY: the function is an extension's entry point, and only adds functions.
    ONCE.call_once(|| unsafe {
        assert_eq!(ffi::sqlite3_auto_extension(Some(extension)), 0);
    });
    Place::new(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE more (id INTEGER PRIMARY KEY);
         CREATE TABLE log (x); CREATE TRIGGER t AFTER INSERT ON log BEGIN INSERT INTO items VALUES (new.x, 'log'); END;",
    )
    .await
}

#[tokio::test]
async fn a_session_object_between_two_statements_hides_nothing() {
    let place = place().await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let insert = "INSERT INTO items VALUES (?, 'x')";
    place.db.execute(insert, (1,)).await.unwrap();
    for (id, calls) in [(2, &[1][..]), (3, &[0]), (4, &[1, 0])] {
        let mut tx = place.db.begin().await.unwrap();
        for begin in calls {
            let _: i64 = tx.query_value("SELECT sync_session(?)", (*begin,)).await.unwrap();
        }
        // Compiled before.
        tx.execute(insert, (id,)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let expected = [["+items 1,x"], ["+items 2,x"], ["+items 3,x"], ["+items 4,x"]];
    assert_eq!(sent(&mut outbox).await, expected);
}

#[tokio::test]
async fn what_a_session_object_hides_within_a_statement_is_not_committed() {
    let place = place().await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let hiding = [
        "INSERT INTO items SELECT 10 + value, sync_session(1) FROM json_each('[1, 2, 3]')",
        "INSERT INTO log VALUES (sync_session(1))",
    ];
    for sql in hiding {
        let refused = place.db.execute(sql, ()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{sql}: {refused}");
        assert!(refused.message().contains("items"), "{refused}");
        let _: i64 = {
            let mut tx = place.db.begin().await.unwrap();
            let one = tx.query_value("SELECT sync_session(0)", ()).await.unwrap();
            tx.commit().await.unwrap();
            one
        };
        assert_eq!(rows(&place.db, "SELECT count(*) FROM items").await, ["Integer(0)"], "{sql}");
        assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
    }
    // Another table's rows may be hidden.
    place.db.execute("INSERT INTO more VALUES (sync_session(1))", ()).await.unwrap();
    place.db.execute("INSERT INTO items VALUES (1, 'x')", ()).await.unwrap();
    place.db.execute("DELETE FROM more WHERE sync_session(0)", ()).await.unwrap();
    place.db.execute("INSERT INTO items VALUES (2, 'x')", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 1,x"], ["+items 2,x"]]);
}

#[tokio::test]
async fn a_commit_from_within_a_statement_is_refused_and_says_why() {
    let place = place().await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let mut session = place.db.acquire().await.unwrap();
    let insert = "SELECT sync_run('INSERT INTO items VALUES (1, ''x'')')";
    let refused = session.query_value::<i64>(insert, ()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
    assert!(refused.message().contains("outbox"), "{refused}");
    session.execute("BEGIN", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (2, 'y')", ()).await.unwrap();
    let refused = session.query_value::<i64>("SELECT sync_run('COMMIT')", ()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
    assert_eq!(rows(&place.db, "SELECT count(*) FROM items").await, ["Integer(0)"]);
    assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
    let _ = session.execute("ROLLBACK", ()).await;
    session.execute("INSERT INTO items VALUES (3, 'z')", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 3,z"]]);
    drop(session);
}
