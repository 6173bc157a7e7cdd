//! The options of opening hold on every connection, and change no existing file.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{kind, number};
use ubiqlite::{AutoVacuum, Database, ErrorKind, TempStore};

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_a_new_file_is_set_there_and_an_existing_one_keeps_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    let new = Database::options()
        .page_size(8192)
        .auto_vacuum(AutoVacuum::Incremental)
        .application_id(77)
        .pragma("encoding", "UTF-16le");
    let db = new.open(&path).await.unwrap();
    db.batch("CREATE TABLE t (x); INSERT INTO t VALUES ('ä')").await.unwrap();
    let encoding: String = db.query_value("PRAGMA encoding", ()).await.unwrap();
    let mode: String = db.query_value("PRAGMA journal_mode", ()).await.unwrap();
    assert_eq!(mode, "wal", "as without these settings");
    db.close().await.unwrap();
    let other = Database::options()
        .page_size(1024)
        .auto_vacuum(AutoVacuum::Full)
        .pragma("encoding", "UTF-8");
    let db = other.open(&path).await.unwrap();
    assert_eq!(encoding, "UTF-16le");
    assert_eq!(db.query_value::<String>("PRAGMA encoding", ()).await.unwrap(), "UTF-16le");
    assert_eq!(number(&db, "PRAGMA page_size").await, 8192);
    assert_eq!(number(&db, "PRAGMA auto_vacuum").await, 2);
    assert_eq!(number(&db, "PRAGMA application_id").await, 77);
    assert_eq!(db.query_value::<String>("SELECT x FROM t", ()).await.unwrap(), "ä");
    db.close().await.unwrap();
    let foreign = Database::options().application_id(78).open(&path).await;
    assert_eq!(foreign.map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::InvalidArgument));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sqlite_takes_for_no_file_is_refused() {
    for name in ["", "file:x?mode=memory", "file:x", ":memory:x"] {
        for read_only in [false, true] {
            let opened = Database::options().read_only(read_only).open(name).await;
            assert_eq!(kind(opened.map(|_| ())), ErrorKind::InvalidArgument, "{name:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_a_connection_holds_on_each() {
    let dir = tempfile::tempdir().unwrap();
    let options = Database::options()
        .mmap_size(1 << 20)
        .temp_store(TempStore::Memory)
        .pragma("recursive_triggers", "1")
        .pragma("Cell_Size_Check", "on");
    let db = options.open(dir.path().join("app.db")).await.unwrap();
    db.execute("CREATE TABLE t (x)", ()).await.unwrap();
    let asked = [
        ("PRAGMA mmap_size", 1 << 20),
        ("PRAGMA temp_store", 2),
        ("PRAGMA recursive_triggers", 1),
        ("PRAGMA cell_size_check", 1),
    ];
    for (sql, wanted) in asked {
        assert_eq!(number(&db, sql).await, wanted, "a reader: {sql}");
        let mut tx = db.begin().await.unwrap();
        assert_eq!(tx.query_value::<i64>(sql, ()).await.unwrap(), wanted, "the writer: {sql}");
        tx.rollback().await.unwrap();
        let mut session = db.acquire().await.unwrap();
        let found: i64 = session.query_value(sql, ()).await.unwrap();
        assert_eq!(found, wanted, "a session: {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_would_not_be_made_is_refused() {
    for (name, value) in [
        ("recursive_trigers", "1"),
        ("foreign_keys", "off"),
        ("Journal_Mode", "wal"),
        ("wal_checkpoint", "full"),
        ("user_version", "3"),
        ("x; DROP TABLE t", "1"),
        ("table_info", "t"),
        ("locking_mode", "exclusive"),
        ("query_only", "on"),
    ] {
        let opened = Database::options().pragma(name, value).open(":memory:").await;
        assert_eq!(kind(opened.map(|_| ())), ErrorKind::InvalidArgument, "{name}");
    }
    // A value stays a value, whatever it looks like.
    let value = "1'; CREATE TABLE gone (x); --";
    let db =
        Database::options().pragma("recursive_triggers", value).open(":memory:").await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM sqlite_schema").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_file_is_read_without_a_lock_and_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b?c#.db");
    let db = Database::open(&path).await.unwrap();
    db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").await.unwrap();
    db.close().await.unwrap();
    let db = Database::options().immutable(true).open(&path).await.unwrap();
    assert_eq!(number(&db, "SELECT x FROM t").await, 1);
    let mut session = db.acquire().await.unwrap();
    assert_eq!(session.query_value::<i64>("SELECT x FROM t", ()).await.unwrap(), 1);
    assert_eq!(kind(db.execute("INSERT INTO t VALUES (2)", ()).await), ErrorKind::ReadOnly);
    drop(session);
    let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "no log, no shared memory");
    db.close().await.unwrap();
}
