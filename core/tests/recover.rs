//! Damaged databases: what is saved of them.

#![cfg(feature = "recover")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use ubiqlite::{Database, ErrorKind, Options, recover};

const ROWS: u64 = 400;

/// A database of many pages with a table, an index, a view and a table without rowids.
fn sound(path: &Path) -> Vec<u8> {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT);
        CREATE INDEX by_name ON items (name);
        CREATE TABLE kv (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
        CREATE VIEW names AS SELECT name FROM items;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
            INSERT INTO items SELECT i, 'item ' || i, printf('%.200c', 'x') FROM n;
        INSERT INTO kv VALUES ('a', 1), ('b', x'00ff');",
    )
    .unwrap();
    db.close().unwrap();
    std::fs::read(path).unwrap()
}

fn paths() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("damaged.db"), folder.path().join("saved.db"));
    (folder, from, to)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn all_of_a_sound_database_is_saved() {
    let (_folder, from, to) = paths();
    sound(&from);
    let saved = recover(&from, &to).await.unwrap();
    assert_eq!(saved.tables, [("items".to_owned(), ROWS), ("kv".to_owned(), 2)]);
    assert_eq!(saved.lost_and_found, 0);
    let db = Database::open(&to).await.unwrap();
    assert_eq!(db.check().await.unwrap(), []);
    let name: String = db.query_value("SELECT name FROM items WHERE id = 7", ()).await.unwrap();
    assert_eq!(name, "item 7");
    assert_eq!(db.query_value::<u64>("SELECT count(*) FROM names", ()).await.unwrap(), ROWS);
    db.close().await.unwrap();
}

#[tokio::test]
async fn of_a_database_with_any_page_destroyed_the_rows_of_the_others_are_saved() {
    let (_folder, from, to) = paths();
    let bytes = sound(&from);
    let pages = bytes.len() / 4096;
    for page in 0..pages {
        let mut damaged = bytes.clone();
        // Of the first page, all but the header of the file.
        let start = if page == 0 { 100 } else { page * 4096 };
        damaged[start..(page + 1) * 4096].fill(0x5a);
        std::fs::write(&from, &damaged).unwrap();
        let saved = recover(&from, &to).await.unwrap();
        let items = saved.tables.iter().find(|(name, _)| name == "items").map_or(0, |it| it.1);
        // A leaf has about 18 rows. Without the schema all rows are lost and found.
        let all = items + saved.lost_and_found;
        assert!(all + 20 >= ROWS, "page {page}: {saved:?}");
        let db = Database::open(&to).await.unwrap();
        assert_eq!(db.check().await.unwrap(), [], "page {page}");
        db.close().await.unwrap();
        assert_eq!(std::fs::read(&from).unwrap(), damaged, "page {page}: it was changed");
        std::fs::remove_file(&to).unwrap();
    }
}

#[tokio::test]
async fn tables_of_the_program_are_not_taken_for_the_lost_rows() {
    let (folder, from, to) = paths();
    sound(&from);
    let db = Connection::open(&from).unwrap();
    // The second is as a recovery makes it: the program uses what was saved once.
    db.execute_batch(
        "CREATE TABLE lost_and_found_items (x); INSERT INTO lost_and_found_items VALUES (1), (2);
        CREATE TABLE lost_and_found (rootpgno INTEGER, pgno INTEGER, nfield INTEGER, id INTEGER, c0, c1);
        INSERT INTO lost_and_found (c0) VALUES (1), (2), (3);",
    )
    .unwrap();
    db.close().unwrap();
    let saved = recover(&from, &to).await.unwrap();
    let rows = |saved: &ubiqlite::Recovered, table: &str| {
        saved.tables.iter().find(|(name, _)| name == table).map(|it| it.1)
    };
    assert_eq!(saved.lost_and_found, 0);
    assert_eq!(rows(&saved, "lost_and_found"), Some(3));
    assert_eq!(rows(&saved, "lost_and_found_items"), Some(2));
    std::fs::remove_file(&to).unwrap();

    // The root of the table that has the most pages: the leaves are nobody's then.
    let db = Connection::open(&from).unwrap();
    let root: u32 = db
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'items'", (), |it| it.get(0))
        .unwrap();
    db.close().unwrap();
    let mut damaged = std::fs::read(&from).unwrap();
    let end = root as usize * 4096;
    damaged[end - 4096..end].fill(0x5a);
    std::fs::write(&from, &damaged).unwrap();
    let saved = recover(&from, &to).await.unwrap();
    assert_eq!(rows(&saved, "lost_and_found"), Some(3), "{saved:?}");
    assert!(saved.lost_and_found > 300, "{saved:?}");
    let db = Database::open(&to).await.unwrap();
    let lost: u64 = db.query_value("SELECT count(*) FROM lost_and_found_0", ()).await.unwrap();
    assert_eq!(lost, saved.lost_and_found);
    db.close().await.unwrap();
    assert_eq!(names(folder.path()), ["damaged.db", "saved.db"]);
}

#[tokio::test]
async fn what_is_in_the_log_is_saved_and_the_log_stays() {
    let (folder, from, to) = paths();
    sound(&from);
    let other = Connection::open(&from).unwrap();
    other.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; INSERT INTO kv VALUES ('log', 3)").unwrap();
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        std::fs::copy(format!("{}{suffix}", from.display()), format!("{}{suffix}", copy.display()))
            .unwrap();
    }
    for from in [&from, &copy] {
        let saved = recover(from, &to).await.unwrap();
        assert_eq!(saved.tables[1], ("kv".to_owned(), 3));
        std::fs::remove_file(&to).unwrap();
    }
    let log = std::fs::metadata(folder.path().join("copy.db-wal")).unwrap();
    assert!(log.len() > 0, "the log was copied into the file");
}

#[tokio::test]
async fn an_open_database_saves_its_own_file_and_one_in_memory_says_that_it_has_none() {
    let (_folder, from, to) = paths();
    sound(&from);
    let db = Options::default().open(&from).await.unwrap();
    db.execute("INSERT INTO kv VALUES ('new', 1)", ()).await.unwrap();
    assert_eq!(db.recover(&to).await.unwrap().tables[1], ("kv".to_owned(), 3));
    let error = db.recover(&to).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "it exists: {error}");
    let error = db.recover(&from).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "it is the database itself: {error}");
    db.close().await.unwrap();
    let memory = Database::open(":memory:").await.unwrap();
    assert_eq!(memory.recover(&to).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    memory.close().await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_or_given_up_leaves_no_file() {
    let (folder, from, to) = paths();
    let error = recover(&from, &to).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotOpen, "{error}");
    assert!(names(folder.path()).is_empty());
    std::fs::write(&from, b"this is some text, which is no database at all").unwrap();
    if let Ok(saved) = recover(&from, &to).await {
        assert_eq!((saved.tables, saved.lost_and_found), (Vec::new(), 0));
        std::fs::remove_file(&to).unwrap();
    }
    assert_eq!(names(folder.path()), ["damaged.db"]);
    std::fs::remove_file(&from).unwrap();
    sound(&from);
    drop(recover(&from, &to));
    let begun = tokio::time::timeout(std::time::Duration::from_micros(1), recover(&from, &to));
    let given_up = begun.await.is_err();
    // Its thread ends by itself.
    for _ in 0..2_000 {
        if names(folder.path()).len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let left = names(folder.path());
    assert!(!given_up || left == ["damaged.db"], "{left:?}");
}
