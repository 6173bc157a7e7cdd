//! What this module's connections do to tables that are recorded for an outbox: nothing.

use super::*;
use crate::Database;

const SCHEMA: &str =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, x); CREATE TABLE others (id INTEGER PRIMARY KEY);
     CREATE TRIGGER t AFTER INSERT ON others WHEN new.id > 100 BEGIN INSERT INTO items VALUES (new.id, 't'); END;
     INSERT INTO items VALUES (1, 'a');";

struct Both {
    db: Database,
    dbapi: DbapiConnection,
    _folder: tempfile::TempDir,
}

/// A database, and a connection of this module that has its statements compiled.
async fn both() -> Both {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = Database::open(&path).await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let dbapi = open(path.to_str().unwrap()).await;
    for sql in ["DELETE FROM items", "INSERT INTO items VALUES (1, 'a')", "DELETE FROM others"] {
        dbapi.request(execute(1, sql, params![], None)).await.unwrap();
    }
    Both { db, dbapi, _folder: folder }
}

impl Both {
    async fn items(&self) -> String {
        let sql = "SELECT coalesce(group_concat(id || x), '') FROM items";
        self.db.query_value(sql, ()).await.unwrap()
    }
}

fn is_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("items"), "{error}");
}

#[tokio::test]
async fn a_statement_by_itself_is_refused_and_changes_nothing() {
    for sql in [
        "INSERT INTO items VALUES (2, 'b')",
        "INSERT INTO items VALUES (2, 'b'), (3, 'c') RETURNING id",
        "INSERT INTO others VALUES (101)",
        "REPLACE INTO items VALUES (1, 'b')",
        "UPDATE items SET x = 'b'",
        "DELETE FROM items",
        "DELETE FROM items WHERE id = 1",
    ] {
        let both = both().await;
        let mut outbox = both.db.outbox(["items"]).await.unwrap();
        for round in 0..2 {
            let error = both.dbapi.request(execute(1, sql, params![], None)).await.expect_err(sql);
            is_refused(&error);
            let _ = both.dbapi.request(DbapiRequest::Reset { cursor: 1 }).await;
            assert_eq!(both.items().await, "1a", "{sql}, round {round}");
        }
        let many = DbapiRequest::ExecuteMany {
            cursor: 1,
            sql: "INSERT INTO items VALUES (?, 'm')".into(),
            each: vec![params![7], params![8]],
            begin: None,
        };
        is_refused(&both.dbapi.request(many).await.unwrap_err());
        let script = DbapiRequest::Script { sql: format!("SELECT 1; {sql}"), commit: true };
        is_refused(&both.dbapi.request(script).await.unwrap_err());
        assert_eq!(both.items().await, "1a", "{sql}");
        assert!(outbox.next().await.unwrap().is_none());
        // Others may be changed, and all of them when nothing is recorded any more.
        both.dbapi
            .request(execute(1, "INSERT INTO others VALUES (5)", params![], None))
            .await
            .unwrap();
        both.db.outbox([]).await.unwrap();
        both.dbapi.request(execute(1, "DELETE FROM items", params![], None)).await.unwrap();
        assert_eq!(both.items().await, "", "{sql}");
        both.dbapi.close().await.unwrap();
    }
}

#[tokio::test]
async fn in_a_transaction_the_statement_and_the_commit_are_refused() {
    for begin in ["BEGIN", "BEGIN IMMEDIATE"] {
        let both = both().await;
        let mut outbox = both.db.outbox(["items"]).await.unwrap();
        let other = execute(1, "INSERT INTO others VALUES (1)", params![], Some(begin));
        let known = both.dbapi.request(other).await.is_ok();
        let insert = execute(1, "INSERT INTO items VALUES (2, 'b')", params![], Some(begin));
        if known {
            is_refused(&both.dbapi.request(insert).await.unwrap_err());
        }
        // It has changed a row, or something when it was not known yet what is recorded.
        let refused = both.dbapi.request(DbapiRequest::End { sql: "COMMIT" }).await.unwrap_err();
        let kinds = [ErrorKind::Unsupported, ErrorKind::SchemaChanged];
        assert!(kinds.contains(&refused.kind()), "{refused}");
        let _ = both.dbapi.request(DbapiRequest::End { sql: "ROLLBACK" }).await;
        assert_eq!(both.items().await, "1a");
        // Now it is known.
        let other = execute(1, "INSERT INTO others VALUES (1)", params![], Some(begin));
        both.dbapi.request(other).await.unwrap();
        both.dbapi.request(DbapiRequest::End { sql: "COMMIT" }).await.unwrap();
        let insert = execute(1, "INSERT INTO items VALUES (2, 'b')", params![], Some(begin));
        is_refused(&both.dbapi.request(insert).await.unwrap_err());
        both.dbapi.request(DbapiRequest::End { sql: "ROLLBACK" }).await.unwrap();
        both.db.execute("INSERT INTO items VALUES (3, 'c')", ()).await.unwrap();
        assert!(outbox.next().await.unwrap().is_some());
        assert_eq!(both.items().await, "1a,3c");
        both.dbapi.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_first_statement_of_a_connection_is_refused_also_when_it_had_to_wait() {
    for mode in [crate::JournalMode::Wal, crate::JournalMode::Delete] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = crate::Options::default().journal_mode(mode).open(&path).await.unwrap();
        db.batch(SCHEMA).await.unwrap();
        db.outbox(["items"]).await.unwrap();
        let dbapi = open(path.to_str().unwrap()).await;
        let mut session = db.acquire().await.unwrap();
        session.execute("BEGIN EXCLUSIVE", ()).await.unwrap();
        let insert = execute(1, "INSERT INTO items VALUES (2, 'b')", params![], None);
        let waits = dbapi.request(insert);
        let ends = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            session.execute("COMMIT", ()).await.unwrap();
        };
        is_refused(&tokio::join!(waits, ends).0.unwrap_err());
        drop(session);
        let items: i64 = db.query_value("SELECT count(*) FROM items", ()).await.unwrap();
        assert_eq!(items, 1, "{mode:?}");
        dbapi.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_change_of_the_schema_elsewhere_disturbs_no_other_change() {
    let both = both().await;
    for (round, ddl) in
        ["CREATE TABLE a (x)", "CREATE INDEX i ON items (x)", "DROP TABLE a"].iter().enumerate()
    {
        both.db.execute(ddl, ()).await.unwrap();
        let insert =
            execute(1, "INSERT INTO items VALUES (?, 'n')", params![10 + round as i64], None);
        let changed = both.dbapi.request(insert).await.unwrap();
        assert_eq!(changed.changed, Some(1), "{ddl}");
        both.db.execute("UPDATE others SET id = id", ()).await.unwrap();
        let many = DbapiRequest::ExecuteMany {
            cursor: 1,
            sql: "UPDATE items SET x = ?".into(),
            each: vec![params!["o"], params!["n"]],
            begin: Some("BEGIN"),
        };
        both.dbapi.request(many).await.unwrap();
        both.dbapi.request(DbapiRequest::End { sql: "COMMIT" }).await.unwrap();
    }
    assert_eq!(both.items().await, "1n,10n,11n,12n");
    both.dbapi.close().await.unwrap();
}

/// The actions that an authorizer was asked about, by their first names.
static ASKED: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

unsafe extern "C" fn authorize(
    _context: *mut std::ffi::c_void,
    action: std::ffi::c_int,
    first: *const std::ffi::c_char,
    _second: *const std::ffi::c_char,
    _database: *const std::ffi::c_char,
    _trigger: *const std::ffi::c_char,
) -> std::ffi::c_int {
    // SAFETY: SQLite passes C strings, or null.
    let first = unsafe {
        let first = if first.is_null() { c"" } else { std::ffi::CStr::from_ptr(first) };
        first.to_string_lossy().into_owned()
    };
    ASKED.lock().unwrap().push(format!("{action} {first}"));
    0
}

#[tokio::test]
async fn whoever_watches_a_connection_sees_only_its_own_statements() {
    let both = both().await;
    both.dbapi.set_observed(true).await.unwrap();
    // SAFETY: the function lives as long as the program.
    let install = unsafe {
        both.dbapi.with_handle(|raw| {
            let code = rusqlite::ffi::sqlite3_set_authorizer(
                raw.cast(),
                Some(authorize),
                std::ptr::null_mut(),
            );
            assert_eq!(code, 0);
            Ok(())
        })
    };
    install.await.unwrap();
    both.db.execute("CREATE TABLE more (x)", ()).await.unwrap();
    both.dbapi.request(execute(1, "INSERT INTO others VALUES (1)", params![], None)).await.unwrap();
    both.db.outbox(["items"]).await.unwrap();
    let insert = "INSERT INTO items VALUES (2, 'b')";
    for begin in [None, Some("BEGIN IMMEDIATE"), None] {
        is_refused(&both.dbapi.request(execute(1, insert, params![], begin)).await.unwrap_err());
        let _ = both.dbapi.request(DbapiRequest::End { sql: "ROLLBACK" }).await;
    }
    assert_eq!(both.items().await, "1a");
    let asked = ASKED.lock().unwrap().clone();
    assert!(asked.iter().any(|it| it.ends_with(" items")), "{asked:?}");
    let strange = |it: &&String| it.contains("ubiqlite") || it.contains("schema_version");
    assert_eq!(asked.iter().find(strange), None);
    both.dbapi.close().await.unwrap();
}

#[tokio::test]
async fn a_part_of_a_value_is_not_written_into_a_recorded_table() {
    use rusqlite::ffi;

    let both = both().await;
    both.db.execute("UPDATE items SET x = x'000000'", ()).await.unwrap();
    let write = async |both: &Both| {
        // SAFETY: the blob is closed before the call ends.
        let write = unsafe {
            both.dbapi.with_handle(|raw| {
                let mut blob = std::ptr::null_mut();
                let code = ffi::sqlite3_blob_open(
                    raw.cast(),
                    c"main".as_ptr(),
                    c"items".as_ptr(),
                    c"x".as_ptr(),
                    1,
                    1,
                    &raw mut blob,
                );
                assert_eq!(code, 0);
                assert_eq!(ffi::sqlite3_blob_write(blob, c"abc".as_ptr().cast(), 3, 0), 0);
                Ok(ffi::sqlite3_blob_close(blob))
            })
        };
        write.await
    };
    assert_eq!(write(&both).await.unwrap(), 0);
    both.db.outbox(["items"]).await.unwrap();
    // What is known changes with the next statement that changes something, at the latest.
    let other = execute(1, "INSERT INTO others VALUES (1)", params![], None);
    both.dbapi.request(other).await.unwrap();
    both.db.execute("UPDATE items SET x = x'000000'", ()).await.unwrap();
    assert_ne!(write(&both).await.unwrap(), 0, "the commit is refused");
    let bytes: Vec<u8> = both.db.query_value("SELECT x FROM items", ()).await.unwrap();
    assert_eq!(bytes, [0, 0, 0]);
    both.dbapi.close().await.unwrap();
}
