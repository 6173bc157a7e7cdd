//! A copy as bytes.

use super::{ACCOUNTS, Place, open_with, options, seen, transfer};

use super::support::{eventually, within};

#[tokio::test]
async fn a_stream_has_the_bytes_of_a_file() {
    let place = Place::new().await;
    let bytes = within("the stream", place.db.serialize()).await.unwrap();
    std::fs::write(place.path("copy.db"), &bytes).unwrap();
    place.db.backup(place.path("file.db")).await.unwrap();
    place.db.close().await.unwrap();
    assert_eq!(seen(&place.path("copy.db")), seen(&place.path("app.db")));
    assert_eq!(place.path("file.db").metadata().unwrap().len(), bytes.len() as u64);
    assert_eq!(place.others(), ["copy.db", "file.db"]);
}

#[tokio::test]
async fn a_stream_that_is_read_slowly_is_one_moment() {
    let place = Place::new().await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
               INSERT INTO accounts (balance, note) SELECT 0, hex(randomblob(1000)) FROM n";
    place.db.execute(sql, ()).await.unwrap();
    let mut stream = place.db.backup_stream();
    let (mut bytes, mut number) = (Vec::new(), 0);
    while let Some(chunk) = within("a chunk", stream.try_next()).await.unwrap() {
        bytes.extend(chunk);
        number += 1;
        transfer(&place.db, number).await;
    }
    assert!(number > 10, "{number}");
    std::fs::write(place.path("copy.db"), &bytes).unwrap();
    assert_eq!(seen(&place.path("copy.db")).sum, 100 * ACCOUNTS);
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_nothing() {
    let place = Place::new().await;
    for chunks in 0..4 {
        let mut stream = place.db.backup_stream();
        for _ in 0..chunks {
            within("a chunk", stream.try_next()).await.unwrap();
        }
        drop(stream);
        eventually("nothing is left", || place.others().is_empty()).await;
    }
    within("closing", place.db.close()).await.unwrap();
}

#[tokio::test]
async fn databases_of_every_size_come_whole() {
    for page_size in [512, 4096, 65_536] {
        for rows in [0, 1, 300, 3_000] {
            let folder = tempfile::tempdir().unwrap();
            let db = open_with(options().page_size(page_size), &folder.path().join("a.db")).await;
            let sql = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                       INSERT INTO t SELECT i, randomblob(400) FROM n WHERE i > 0";
            db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)", ()).await.unwrap();
            db.execute(sql, (rows,)).await.unwrap();
            let bytes = within("the stream", db.serialize()).await.unwrap();
            let path = folder.path().join("copy.db");
            std::fs::write(&path, bytes).unwrap();
            let copy = rusqlite::Connection::open(path).unwrap();
            let count: i64 = copy.query_row("SELECT count(*) FROM t", (), |it| it.get(0)).unwrap();
            assert_eq!(count, rows, "{page_size}");
            let sound: String =
                copy.query_row("PRAGMA integrity_check", (), |it| it.get(0)).unwrap();
            assert_eq!(sound, "ok");
        }
    }
}
