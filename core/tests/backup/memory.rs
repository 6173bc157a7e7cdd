//! Databases in memory.

use std::path::Path;

use ubiqlite::{Database, ErrorKind};

use super::{ACCOUNTS, fill, open_with, options, seen, transfer};

use super::support::{kind, number, within};

async fn in_memory() -> Database {
    let db = open_with(options(), Path::new(":memory:")).await;
    fill(&db).await;
    db
}

#[tokio::test]
async fn a_database_in_memory_is_copied_into_a_file_and_back() {
    let db = in_memory().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    within("the copy", db.backup(&path).into_future()).await.unwrap();
    assert_eq!(seen(&path).sum, 100 * ACCOUNTS);
    let other = open_with(options(), Path::new(":memory:")).await;
    within("restoring", other.restore(&path)).await.unwrap();
    assert_eq!(number(&other, "SELECT sum(balance) FROM accounts").await, 100 * ACCOUNTS);
}

#[tokio::test]
async fn what_is_serialized_is_deserialized() {
    let db = in_memory().await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
               INSERT INTO accounts (balance, note) SELECT 0, hex(randomblob(1000)) FROM n";
    db.execute(sql, ()).await.unwrap();
    let bytes = within("serializing", db.serialize()).await.unwrap();
    assert!(bytes.len() > 4 << 20);
    let copy = within("deserializing", Database::deserialize(bytes)).await.unwrap();
    let sql = "SELECT group_concat(note || balance) FROM accounts";
    let (one, two): (String, String) =
        (db.query_value(sql, ()).await.unwrap(), copy.query_value(sql, ()).await.unwrap());
    assert!(one == two);
    assert_eq!(copy.query_value::<String>("PRAGMA quick_check", ()).await.unwrap(), "ok");
    transfer(&copy, 1).await;
}

#[tokio::test]
async fn a_stream_of_a_database_in_memory_is_one_moment_under_a_writer() {
    let db = in_memory().await;
    let mut stream = db.backup_stream();
    let (mut bytes, mut number) = (Vec::new(), 0);
    while let Some(chunk) = within("a chunk", stream.try_next()).await.unwrap() {
        bytes.extend(chunk);
        number += 1;
        transfer(&db, number).await;
    }
    let copy = within("deserializing", Database::deserialize(bytes)).await.unwrap();
    let sum = super::support::number(&copy, "SELECT sum(balance) FROM accounts").await;
    assert_eq!(sum, 100 * ACCOUNTS);
}

#[tokio::test]
async fn bytes_of_another_page_size_and_encoding_are_deserialized() {
    let folder = tempfile::tempdir().unwrap();
    for (number, setup) in [
        "PRAGMA page_size = 512",
        "PRAGMA page_size = 65536",
        "PRAGMA encoding = 'UTF-16le'",
        "PRAGMA encoding = 'UTF-16be'; PRAGMA journal_mode = WAL",
        "PRAGMA auto_vacuum = FULL",
    ]
    .iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{number}.db"));
        let plain = rusqlite::Connection::open(&path).unwrap();
        plain.execute_batch(setup).unwrap();
        plain.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES ('grün')").unwrap();
        plain.close().unwrap();
        let db = Database::deserialize(std::fs::read(&path).unwrap()).await.expect(setup);
        assert_eq!(db.query_value::<String>("SELECT x FROM t", ()).await.unwrap(), "grün");
        db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
        assert_eq!(db.query_value::<String>("PRAGMA journal_mode", ()).await.unwrap(), "wal");
    }
}

#[tokio::test]
async fn bytes_that_are_no_database_are_refused() {
    let mut damaged = in_memory().await.serialize().await.unwrap();
    let middle = damaged.len() / 2 / 4096 * 4096;
    damaged[middle..middle + 8192].fill(0xaa);
    for (bytes, wanted) in [
        (Vec::new(), ErrorKind::NotADatabase),
        (b"garbage".to_vec(), ErrorKind::NotADatabase),
        (vec![0; 8192], ErrorKind::NotADatabase),
        (damaged, ErrorKind::Corrupt),
    ] {
        assert_eq!(kind(Database::deserialize(bytes).await), wanted);
    }
}

#[tokio::test]
async fn a_stream_whose_reader_stalls_while_the_log_is_beyond_its_limit_ends_with_timeout() {
    let limits = options().wal_limit(64 << 10).stall_timeout(std::time::Duration::from_millis(20));
    let db = open_with(limits, Path::new(":memory:")).await;
    fill(&db).await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
               INSERT INTO accounts (balance, note) SELECT 0, hex(randomblob(1000)) FROM n";
    db.execute(sql, ()).await.unwrap();
    let mut stream = db.backup_stream();
    within("a chunk", stream.try_next()).await.unwrap().unwrap();
    // The log grows, and nobody reads on.
    db.execute("UPDATE accounts SET note = hex(randomblob(1000))", ()).await.unwrap();
    let error = loop {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        db.execute("UPDATE accounts SET balance = balance WHERE id < 100", ()).await.unwrap();
        match within("the end", stream.try_next()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it is complete, however long its reader has done nothing"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("stalled"), "{error}");
}
