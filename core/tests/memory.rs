//! A database in memory behaves as one in a file does, and so does one in another journal
//! mode, on both backends.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use support::{NEVER, number, within};
use tokio::task::JoinSet;
use ubiqlite::{Database, Error, ErrorKind, JournalMode, Key, Options, Result, Row, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));";

const INSERT: &str = "INSERT INTO items (name) VALUES (?)";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_whole_or_not_at_all_in_memory_too() {
    let db = Database::open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let script = "INSERT INTO items (name) VALUES ('a'); INSERT INTO items (name) VALUES ('b');";
    db.batch(script).await.unwrap();
    let script = "INSERT INTO items (name) VALUES ('c'); INSERT INTO accounts VALUES (1, -1);";
    let error = db.batch(script).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::CheckViolation, Some(1)));
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_tasks_share_a_database_in_memory() {
    let db = Database::options().busy_timeout(NEVER).open(":memory:").await.unwrap();
    for table in SCHEMA.split_inclusive(';') {
        db.execute(table, ()).await.unwrap();
    }
    db.execute_many("INSERT INTO accounts VALUES (?, 1000)", (0..10).map(|id| (id,)))
        .await
        .unwrap();
    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    for task in 0..100i64 {
        let db = db.clone();
        tasks.spawn(async move {
            for round in 0..20i64 {
                db.execute(INSERT, params![format!("{task}-{round}")]).await?;
                let total: i64 = db.query_value("SELECT sum(balance) FROM accounts", ()).await?;
                assert_eq!(total, 10_000, "nobody sees half a transaction");
                let (from, to) = ((task + round) % 10, (task + 3 * round + 1) % 10);
                let mut tx = db.begin().await?;
                let take = "UPDATE accounts SET balance = balance - 1 WHERE id = ?";
                tx.execute(take, params![from]).await?;
                tokio::task::yield_now().await;
                let give = "UPDATE accounts SET balance = balance + 1 WHERE id = ?";
                tx.execute(give, params![to]).await?;
                if round % 3 == 0 { drop(tx) } else { tx.commit().await? }
            }
            Ok(())
        });
    }
    while let Some(task) = within("the tasks", tasks.join_next()).await {
        task.unwrap().unwrap();
    }
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 2_000);
    assert_eq!(number(&db, "SELECT count(DISTINCT name) FROM items").await, 2_000);
    assert_eq!(number(&db, "SELECT sum(balance) FROM accounts").await, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_after_many_rows() {
    let db = Database::open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let mut session = within("a session", db.acquire()).await.unwrap();
    // More than one chunk, so that it takes a savepoint of its own.
    let many = session.execute_many(INSERT, (0..2_000).map(|row| (row,)));
    assert_eq!(within("many rows", many).await.unwrap(), 2_000);
    within("a write", session.execute(INSERT, params!["after"])).await.unwrap();
    within("a transaction", session.transaction(async |_| Ok(()))).await.unwrap();
    drop(session);
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 2_001);
}

/// A database, and the directory of its file.
struct Place {
    name: &'static str,
    wal: bool,
    single_thread: bool,
    db: Database,
    _dir: tempfile::TempDir,
}

const PARENTS: &str = "CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents);";

/// Opens the same database in every place: in memory, in a file in WAL mode and in files
/// that are not, on both backends.
async fn places(options: impl Fn() -> Options) -> Vec<Place> {
    let mut places = Vec::new();
    for single_thread in [false, true] {
        if single_thread && !cfg!(feature = "single-thread") {
            continue;
        }
        let modes = [JournalMode::Wal, JournalMode::Delete, JournalMode::Memory].map(Some);
        for mode in [None].into_iter().chain(modes) {
            if single_thread && mode == Some(JournalMode::Memory) {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            let path = match mode {
                None => ":memory:".into(),
                Some(_) => dir.path().join("app.db"),
            };
            let options = match mode {
                Some(mode) => options().journal_mode(mode),
                None => options(),
            };
            let db = if single_thread {
                open_single_thread(options, &path)
            } else {
                options.open(&path).await
            };
            let db = db.unwrap();
            db.batch(SCHEMA).await.unwrap();
            db.batch(PARENTS).await.unwrap();
            db.execute_many(INSERT, (0..3_000).map(|id| (id,))).await.unwrap();
            let name = match (single_thread, mode) {
                (false, None) => "memory",
                (false, Some(JournalMode::Wal)) => "WAL file",
                (false, Some(JournalMode::Delete)) => "DELETE file",
                (false, Some(_)) => "MEMORY file",
                (true, None) => "memory, single thread",
                (true, Some(JournalMode::Wal)) => "WAL file, single thread",
                (true, Some(_)) => "DELETE file, single thread",
            };
            places.push(Place {
                name,
                wal: matches!(mode, None | Some(JournalMode::Wal)),
                single_thread,
                db,
                _dir: dir,
            });
        }
    }
    places
}

#[cfg(feature = "single-thread")]
fn open_single_thread(options: Options, path: &std::path::Path) -> Result<Database> {
    options.open_single_thread(path)
}

#[cfg(not(feature = "single-thread"))]
fn open_single_thread(_: Options, _: &std::path::Path) -> Result<Database> {
    Err(Error::new(ErrorKind::Unsupported, "only with the feature `single-thread`"))
}

const HOLDERS: [&str; 7] = [
    "nobody",
    "a transaction that has written",
    "a stream half read",
    "a snapshot",
    "a session",
    "a session whose transaction has read",
    "a session whose transaction has written",
];

const CALLS: [&str; 8] = [
    "a query",
    "three queries at once",
    "a row by its key",
    "a stream",
    "a snapshot",
    "a session's query",
    "a write",
    "a transaction",
];

const COUNT: &str = "SELECT count(*) FROM items";

/// Returns whether the holder blocks the call.
fn is_busy(place: &Place, holder: &str, call: &str) -> bool {
    let writes = holder.ends_with("written");
    let reads = holder.ends_with("read") || holder == "a snapshot";
    match call {
        "a write" | "a transaction" => writes || (reads && !place.wal),
        // One thread can't wait for a lock, so these share the write permit.
        "a stream" | "a snapshot" => {
            place.single_thread && !place.wal && (writes || holder.starts_with("a session whose"))
        }
        _ => false,
    }
}

async fn make(db: &Database, call: &str) -> Result<i64> {
    match call {
        "a query" => db.query_value(COUNT, ()).await,
        "three queries at once" => {
            let query = || db.query_value::<i64>(COUNT, ());
            let (a, b, c) = tokio::join!(query(), query(), query());
            let (a, b, c) = (a?, b?, c?);
            assert!(a == b && b == c);
            Ok(a)
        }
        "a row by its key" => {
            assert!(db.table("items").get::<Row>(1).await?.is_some());
            db.query_value(COUNT, ()).await
        }
        "a stream" => {
            let rows: Vec<Row> = db.stream("SELECT * FROM items", ()).collect().await?;
            Ok(i64::try_from(rows.len()).unwrap())
        }
        "a snapshot" => db.snapshot().await?.query_value(COUNT, ()).await,
        "a session's query" => db.acquire().await?.query_value(COUNT, ()).await,
        "a write" => {
            db.execute(INSERT, params!["one more"]).await?;
            db.query_value(COUNT, ()).await
        }
        "a transaction" => {
            db.transaction(async |tx| tx.execute(INSERT, params!["one more"]).await.map(drop))
                .await?;
            db.query_value(COUNT, ()).await
        }
        other => unreachable!("{other}"),
    }
}

/// Makes the call while the holder is open. The holder then rolls back.
async fn beside(db: &Database, holder: &str, call: &str) -> Result<i64> {
    match holder {
        "nobody" => make(db, call).await,
        "a transaction that has written" => {
            let mut tx = db.begin().await?;
            tx.execute("DELETE FROM items", ()).await?;
            make(db, call).await
        }
        "a stream half read" => {
            let mut stream = db.stream("SELECT i.id FROM items AS i, items LIMIT 100000", ());
            stream.try_next().await?;
            let made = make(db, call).await;
            let mut rows = 1;
            while stream.try_next().await?.is_some() {
                rows += 1;
            }
            assert_eq!(rows, 100_000, "beside {call}");
            made
        }
        "a snapshot" => {
            let snapshot = db.snapshot().await?;
            let before: i64 = snapshot.query_value(COUNT, ()).await?;
            let made = make(db, call).await;
            assert_eq!(snapshot.query_value::<i64>(COUNT, ()).await?, before, "{call}");
            made
        }
        "a session" => {
            let mut session = db.acquire().await?;
            session.execute("CREATE TEMP TABLE own (id)", ()).await?;
            session.query_value::<i64>(COUNT, ()).await?;
            make(db, call).await
        }
        "a session whose transaction has read" => {
            let mut session = db.acquire().await?;
            session.execute("BEGIN", ()).await?;
            let before: i64 = session.query_value(COUNT, ()).await?;
            let made = make(db, call).await;
            assert_eq!(session.query_value::<i64>(COUNT, ()).await?, before, "{call}");
            session.execute("ROLLBACK", ()).await?;
            made
        }
        "a session whose transaction has written" => {
            let mut session = db.acquire().await?;
            let mut tx = session.begin().await?;
            tx.execute("DELETE FROM items", ()).await?;
            make(db, call).await
        }
        other => unreachable!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_goes_on_beside_every_holder_wherever_the_database_is() {
    // Long enough that a lock held only briefly causes no failure on a busy machine.
    let timeout = Duration::from_millis(400);
    // The wait for a lock is part of the wait for a connection, and must end before it.
    let options =
        || Database::options().readers(2).busy_timeout(timeout).acquire_timeout(timeout * 5);
    let mut checked = JoinSet::new();
    for place in places(options).await {
        checked.spawn(async move {
            let mut rows = 3_000;
            for holder in HOLDERS {
                for call in CALLS {
                    let what = format!("{}: {call} beside {holder}", place.name);
                    let made = within(&what, beside(&place.db, holder, call)).await;
                    if is_busy(&place, holder, call) {
                        let error = made.expect_err(&what);
                        assert_eq!(error.kind(), ErrorKind::Busy, "{what}: {error}");
                    } else {
                        rows += i64::from(matches!(call, "a write" | "a transaction"));
                        assert_eq!(made.map_err(|error| error.to_string()), Ok(rows), "{what}");
                    }
                    let after = within(&what, place.db.query_value::<i64>(COUNT, ())).await;
                    assert_eq!(after.unwrap(), rows, "{what}: afterwards");
                }
            }
            within("closing", place.db.close()).await.unwrap();
        });
    }
    while let Some(place) = checked.join_next().await {
        place.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_sets_goes_with_it_wherever_the_database_is() {
    for place in places(|| Database::options().busy_timeout(NEVER)).await {
        let Place { name, db, .. } = &place;
        let mut session = within(name, db.acquire()).await.unwrap();
        for sql in [
            "PRAGMA foreign_keys = OFF",
            "CREATE TEMP TABLE own (id)",
            "ATTACH ':memory:' AS side",
            "CREATE TABLE side.own (id)",
            "INSERT INTO own VALUES (1)",
            "INSERT INTO children VALUES (1, 99)",
        ] {
            within(name, session.execute(sql, ())).await.unwrap();
        }
        let orphan = "INSERT INTO children VALUES (2, 99)";
        let kind = |result: Result<_>| result.map(drop).map_err(|error: Error| error.kind());
        let refused = Err(ErrorKind::ForeignKeyViolation);
        assert_eq!(kind(within(name, db.execute(orphan, ())).await), refused, "{name}");
        drop(session);
        assert_eq!(kind(within(name, db.execute(orphan, ())).await), refused, "{name}");
        let mut next = within(name, db.acquire()).await.unwrap();
        assert_eq!(kind(within(name, next.execute(orphan, ())).await), refused, "{name}");
        for gone in ["SELECT * FROM temp.own", "SELECT * FROM side.own"] {
            let error = within(name, next.query::<Row>(gone, ())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NoSuchTable, "{name}: {gone}");
            let error = within(name, db.query::<Row>(gone, ())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NoSuchTable, "{name}: {gone}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_over_a_stream_writes_in_memory_as_in_a_file() {
    for place in places(|| Database::options().busy_timeout(NEVER)).await {
        if !place.wal {
            continue;
        }
        let Place { name, db, .. } = &place;
        let mut stream = db.stream("SELECT id FROM items", ());
        let mut seen = 0;
        while let Some(row) = within(name, stream.try_next()).await.unwrap() {
            let id: i64 = row.get(0).unwrap();
            let renamed = db.execute("UPDATE items SET name = 'new' WHERE id = ?", params![id]);
            within(name, renamed).await.unwrap();
            seen += 1;
        }
        assert_eq!(seen, 3_000, "{name}");
        let count = "SELECT count(*) FROM items WHERE name = 'new'";
        assert_eq!(number(db, count).await, 3_000, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_wal_mode_a_write_says_which_reader_it_waited_for() {
    let options = || Database::options().busy_timeout(Duration::from_millis(200));
    for place in places(options).await {
        if place.wal || place.single_thread {
            continue;
        }
        let db = &place.db;
        let write = || db.execute(INSERT, params!["late"]);
        let mut stream = db.stream("SELECT i.id FROM items AS i, items", ());
        stream.try_next().await.unwrap();
        let error = within("a write", write()).await.unwrap_err();
        assert_eq!((error.kind(), error.message().contains("a stream")), (ErrorKind::Busy, true));
        drop(stream);
        let snapshot = db.snapshot().await.unwrap();
        let error = within("a write", write()).await.unwrap_err();
        assert!(error.message().contains("a snapshot"), "{error}");
        drop(snapshot);
        let mut session = db.acquire().await.unwrap();
        session.execute("BEGIN", ()).await.unwrap();
        session.query_value::<i64>(COUNT, ()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, params!["late"]).await.unwrap();
        let error = within("a commit", tx.commit()).await.unwrap_err();
        assert!(error.message().contains("a session"), "{error}");
        session.execute("ROLLBACK", ()).await.unwrap();
        assert_eq!(number(db, COUNT).await, 3_000, "what was refused did not happen");
        within("a write", write()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_wal_mode_a_session_that_has_read_does_not_wait_for_who_waits_for_it() {
    for place in places(|| Database::options().busy_timeout(NEVER)).await {
        if place.wal || place.single_thread {
            continue;
        }
        let db = &place.db;
        let mut session = db.acquire().await.unwrap();
        session.execute("BEGIN", ()).await.unwrap();
        session.query_value::<i64>(COUNT, ()).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, params!["other"]).await.unwrap();
        // The transaction has the write permit, and its commit would wait for the session.
        let refused = within("a write", session.execute(INSERT, params!["own"])).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
        session.execute("ROLLBACK", ()).await.unwrap();
        within("a commit", tx.commit()).await.unwrap();
        within("a write", session.execute(INSERT, params!["own"])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_memory_is_copied_into_a_file_and_a_file_attached_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.db");
    let db = Database::open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    db.execute(INSERT, params!["kept"]).await.unwrap();
    db.execute("VACUUM INTO ?", params![path.to_str().unwrap()]).await.unwrap();
    let copy = rusqlite::Connection::open(&path).unwrap();
    let name = |sql: &str| copy.query_row(sql, (), |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(name("SELECT name FROM items"), "kept");
    let mut session = db.acquire().await.unwrap();
    let attach = "ATTACH ? AS copy";
    session.execute(attach, params![path.to_str().unwrap()]).await.unwrap();
    session.execute("UPDATE copy.items SET name = 'from memory'", ()).await.unwrap();
    assert_eq!(name("SELECT name FROM items"), "from memory");
    let both = "SELECT count(*) FROM main.items, copy.items";
    assert_eq!(session.query_value::<i64>(both, ()).await.unwrap(), 1);
    drop(session);
    let there = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(there, 1, "the copy, and nothing beside it");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_schema_changes_work_in_memory_beside_readers() {
    let db = Database::options().readers(2).busy_timeout(NEVER).open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let items = db.table("items");
    let key: Key = items.insert(ubiqlite::record! { "name" => "first" }).await.unwrap();
    let snapshot = db.snapshot().await.unwrap();
    db.execute("ALTER TABLE items ADD COLUMN size INTEGER DEFAULT 7", ()).await.unwrap();
    let row = within("a row", items.get::<Row>(&key)).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>("size").unwrap(), 7);
    let old: Vec<Row> = snapshot.query("SELECT * FROM items", ()).await.unwrap();
    assert_eq!(old[0].len(), 2);
    drop(snapshot);
    within("VACUUM", db.execute("VACUUM", ())).await.unwrap();
    assert_eq!(number(&db, COUNT).await, 1);
    let set: String = db.query_value("PRAGMA journal_mode = DELETE", ()).await.unwrap();
    assert_eq!(set, "delete");
    assert_eq!(number(&db, COUNT).await, 1);
    let set: String = db.query_value("PRAGMA journal_mode = WAL", ()).await.unwrap();
    assert_eq!(set, "wal");
    assert!(items.get::<Row>(&key).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_in_memory_that_is_only_read_is_empty_and_takes_no_write() {
    let db = Database::options().read_only(true).open(":memory:").await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM sqlite_schema").await, 0);
    let snapshot = db.snapshot().await.unwrap();
    assert_eq!(snapshot.query_value::<i64>("SELECT 1", ()).await.unwrap(), 1);
    let refused = db.execute("CREATE TABLE t (x)", ()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    db.close().await.unwrap();
}
