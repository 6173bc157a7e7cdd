#[cfg(sqlite_session)]
mod recorded;

use super::*;
use crate::error::ErrorKind;
use crate::params;
use crate::value::ValueRef;

async fn open(path: &str) -> DbapiConnection {
    DbapiConnection::open(path.to_owned(), DbapiOptions::default()).await.unwrap()
}

fn execute(cursor: u32, sql: &str, params: Params, begin: Option<&'static str>) -> DbapiRequest {
    DbapiRequest::Execute { cursor, sql: sql.to_owned(), params, begin, most: 2 }
}

fn integers(result: &DbapiResult) -> Vec<i64> {
    let page = result.page.as_ref().unwrap();
    (0..page.cells())
        .map(|index| match page.cell(index) {
            ValueRef::Integer(value) => value,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn texts(result: &DbapiResult) -> Vec<&str> {
    let page = result.page.as_ref().expect("a page of rows");
    (0..page.cells()).filter_map(|index| page.cell(index).as_str()).collect()
}

#[tokio::test]
async fn a_cursor_stays_open_over_changes_and_commits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = open(path.to_str().unwrap()).await;
    let script = "CREATE TABLE t (id); INSERT INTO t VALUES (1), (2), (3), (4), (5);";
    db.request(DbapiRequest::Script { sql: script.to_owned(), commit: true }).await.unwrap();
    let first =
        db.request(execute(1, "SELECT id FROM t ORDER BY id", params![], None)).await.unwrap();
    assert_eq!((integers(&first), first.more), (vec![1, 2], true));
    let insert = execute(2, "INSERT INTO t VALUES (?)", params![6], Some("BEGIN"));
    let changed = db.request(insert).await.unwrap();
    assert_eq!((changed.changed, changed.state.in_transaction), (Some(1), true));
    assert_eq!((changed.state.total_changes, changed.state.last_row_id), (6, 6));
    let ended = db.request(DbapiRequest::End { sql: "COMMIT" }).await.unwrap();
    assert!(!ended.state.in_transaction);
    let rest = db.request(DbapiRequest::Fetch { cursor: 1, most: usize::MAX }).await.unwrap();
    assert_eq!((integers(&rest)[..3].to_vec(), rest.more), (vec![3, 4, 5], false));
    db.close().await.unwrap();
    let closed = db.request(DbapiRequest::Reset { cursor: 1 }).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_short_read_is_done_within_the_call_and_a_long_one_is_not() {
    let db = open(":memory:").await;
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);";
    db.request(DbapiRequest::Script { sql: script.to_owned(), commit: true }).await.unwrap();
    let short = execute(1, "SELECT id FROM t WHERE id = ?", params![1], None);
    let result = db.request(short).try_now().ok().unwrap().unwrap();
    assert_eq!((integers(&result), result.more), (vec![1], false));
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000)
                SELECT max(i) FROM n";
    for _ in 0..5 {
        let later = db.request(execute(1, long, params![], None)).try_now().err().unwrap();
        // A request behind it waits for it.
        let behind = db.request(execute(2, "SELECT 7", params![], None));
        assert_eq!(integers(&later.await.unwrap()), [300_000]);
        assert_eq!(integers(&behind.await.unwrap()), [7]);
    }
}

#[tokio::test]
async fn a_lock_of_another_connection_is_waited_for_elsewhere_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let path = path.to_str().unwrap();
    let options = DbapiOptions { busy_timeout: Duration::from_millis(30), ..Default::default() };
    let (one, two) =
        (open(path).await, DbapiConnection::open(path.to_owned(), options).await.unwrap());
    one.request(DbapiRequest::Script { sql: "CREATE TABLE t (id)".into(), commit: true })
        .await
        .unwrap();
    let insert = |begin| execute(1, "INSERT INTO t VALUES (1)", params![], Some(begin));
    one.request(insert("BEGIN IMMEDIATE")).await.unwrap();
    let refused = two.request(insert("BEGIN IMMEDIATE")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.message()), (ErrorKind::Busy, "database is locked"));
    assert_eq!(refused.code(), Some(5));
    one.request(DbapiRequest::End { sql: "ROLLBACK" }).await.unwrap();
    two.request(insert("BEGIN")).await.unwrap();
}

#[tokio::test]
async fn a_file_that_leaves_wal_mode_keeps_what_others_have_committed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    let schema = "PRAGMA journal_mode = wal; CREATE TABLE t (a, b); INSERT INTO t VALUES (0, 0)";
    other.execute_batch(schema).unwrap();
    let db = open(path.to_str().unwrap()).await;
    let run = |sql| db.request(execute(1, sql, params![], None));
    run("UPDATE t SET b = b + 1").await.unwrap();
    other.execute_batch("UPDATE t SET a = a + 1").unwrap();
    other.close().unwrap();
    run("PRAGMA journal_mode = DELETE").await.unwrap();
    run("UPDATE t SET b = b + 1").await.unwrap();
    let fresh = rusqlite::Connection::open(&path).unwrap();
    let found: String = fresh.query_row("SELECT a || b FROM t", (), |row| row.get(0)).unwrap();
    assert_eq!(found, "12");
}

#[tokio::test]
async fn a_check_after_others_have_committed_finds_a_sound_file_sound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE VIRTUAL TABLE ft USING fts5 (body)").unwrap();
    let db = open(path.to_str().unwrap()).await;
    for round in 0..40 {
        // A problem is told as text, no problem as "ok".
        let check = execute(1, "PRAGMA integrity_check", params![], None);
        let result = db.request(check).await.unwrap();
        assert_eq!(texts(&result), ["ok"], "round {round}");
        db.request(DbapiRequest::Reset { cursor: 1 }).await.unwrap();
        other.execute("INSERT INTO ft (body) VALUES (?)", [format!("w{round} x")]).unwrap();
    }
}

#[tokio::test]
async fn in_a_log_that_is_not_synced_a_commit_is_done_within_the_call_and_the_log_stays_small() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let db = open(path.to_str().unwrap()).await;
    for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"] {
        db.request(execute(1, pragma, params![], None)).await.unwrap();
    }
    let create = "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)";
    db.request(DbapiRequest::Script { sql: create.into(), commit: true }).await.unwrap();
    let mut within = 0;
    for _ in 0..1500 {
        let insert = "INSERT INTO t (b) VALUES (zeroblob(5000))";
        db.request(execute(1, insert, params![], Some("BEGIN"))).await.unwrap();
        match db.request(DbapiRequest::End { sql: "COMMIT" }).try_now() {
            Ok(done) => {
                done.unwrap();
                within += 1;
            }
            Err(later) => drop(later.await.unwrap()),
        }
    }
    assert!(within > 1000, "{within} commits");
    let log = std::fs::metadata(directory.path().join("a.db-wal")).unwrap().len();
    assert!(log < 12 << 20, "{log} bytes of log");
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_told_and_nothing_is_left_open() {
    let db = open(":memory:").await;
    for (sql, params, told) in [
        ("SELECT ?, ?", params![1], "uses 2, and there are 1 supplied"),
        ("SELECT :a", crate::named! { "b" => 1 }, "binding parameter :a"),
        ("SELECT ?", crate::named! { "b" => 1 }, "has no name"),
        ("SELECT 1; SELECT 2", params![], "one statement at a time"),
    ] {
        let error = db.request(execute(1, sql, params, None)).await.unwrap_err();
        assert!(error.message().contains(told), "{error:?}");
        assert_eq!(error.code(), None);
    }
    let many = |sql: &str, each| DbapiRequest::ExecuteMany {
        cursor: 1,
        sql: sql.into(),
        each,
        begin: None,
    };
    assert!(db.request(many("SELECT ?", vec![params![1]])).await.is_err());
    db.request(execute(1, "CREATE TABLE t (id UNIQUE)", params![], None)).await.unwrap();
    let insert = many("INSERT INTO t VALUES (?)", vec![params![1], params![2], params![1]]);
    let refused = db.request(insert).await.unwrap_err();
    assert_eq!(refused.message(), "UNIQUE constraint failed: t.id");
    assert_eq!(
        integers(&db.request(execute(1, "SELECT count(*) FROM t", params![], None)).await.unwrap()),
        [2]
    );
}

#[tokio::test]
async fn an_endless_statement_stops_when_it_is_interrupted() {
    let db = open(":memory:").await;
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let running = db.request(execute(1, endless, params![], None));
    tokio::time::sleep(Duration::from_millis(30)).await;
    db.interrupt();
    let error = running.await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "interrupted"));
}

/// A database of about 100 pages in a file, and a connection that keeps none of them.
async fn on_disk(directory: &tempfile::TempDir) -> DbapiConnection {
    let path = directory.path().join("a.db");
    let db = open(path.to_str().unwrap()).await;
    let script = "CREATE TABLE t (n INTEGER, text TEXT);
        WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100)
        INSERT INTO t SELECT 1, printf('%.3000c', 'x') FROM s;
        PRAGMA cache_size = 1;";
    db.request(DbapiRequest::Script { sql: script.into(), commit: true }).await.unwrap();
    db
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_of_a_slow_disk_goes_elsewhere_and_the_transaction_stays() {
    use crate::engine::disk_wait::tests::with_slow_disk;
    let directory = tempfile::tempdir().unwrap();
    let db = on_disk(&directory).await;
    let sum = || execute(2, "SELECT sum(n), count(text) FROM t", params![], None);
    let later = with_slow_disk(|| db.request(sum()).try_now()).expect_err("it waited for the disk");
    assert_eq!(integers(&later.await.unwrap()), [100, 100]);
    let insert = execute(1, "INSERT INTO t VALUES (5, 'y')", params![], Some("BEGIN"));
    db.request(insert).await.unwrap();
    let later = with_slow_disk(|| db.request(sum()).try_now()).expect_err("it waited for the disk");
    let read = later.await.unwrap();
    assert_eq!((integers(&read), read.state.in_transaction), (vec![105, 101], true));
    db.request(DbapiRequest::End { sql: "COMMIT" }).await.unwrap();
    assert_eq!(integers(&db.request(sum()).await.unwrap()), [105, 101]);
}

#[tokio::test]
async fn a_read_beside_an_open_cursor_ends_none_of_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let db = on_disk(&directory).await;
    let first = db.request(execute(1, "SELECT n FROM t", params![], None)).await.unwrap();
    assert!(first.more);
    let beside = db.request(execute(2, "SELECT sum(n) FROM t", params![], None)).try_now();
    let beside = beside.expect_err("what stops it would stop the open cursor");
    assert_eq!(integers(&beside.await.unwrap()), [100]);
    let rest = db.request(DbapiRequest::Fetch { cursor: 1, most: usize::MAX }).await.unwrap();
    assert_eq!((integers(&rest).len(), rest.more), (98, false));
    let alone = db.request(execute(2, "SELECT n FROM t LIMIT 1", params![], None)).try_now();
    assert_eq!(integers(&alone.ok().expect("nothing is in its way").unwrap()), [1]);
}

#[tokio::test]
async fn a_change_whose_trigger_is_slow_is_not_done_within_a_call() {
    let db = open(":memory:").await;
    let script = "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (n);
        CREATE TRIGGER slow AFTER INSERT ON t BEGIN
            INSERT INTO u WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)
            SELECT n FROM s;
        END;";
    db.request(DbapiRequest::Script { sql: script.to_owned(), commit: true }).await.unwrap();
    for _ in 0..3 {
        let insert = execute(1, "INSERT INTO t VALUES (NULL)", params![], Some("BEGIN"));
        let later = db.request(insert).try_now().expect_err("it took milliseconds within the call");
        later.await.unwrap();
    }
}

#[tokio::test]
async fn pairs_that_hold_each_other_in_every_order_all_end() {
    let all = [open(":memory:").await, open(":memory:").await, open(":memory:").await];
    let mut held = Vec::new();
    for round in 0..600 {
        let (first, second) = (round % 3, (round + 1 + round / 3 % 2) % 3);
        // SAFETY: the two are not the same, and are only looked at.
        held.push(unsafe {
            all[first].with_both(&all[second], |one, other| Ok(!one.is_null() && one != other))
        });
        // SAFETY: as above.
        held.push(unsafe { all[second].with_both(&all[first], |_, _| Ok(true)) });
    }
    for held in held {
        assert!(held.await.unwrap());
    }
    // A closed one holds nobody up.
    all[2].close().await.unwrap();
    for (one, other) in [(0, 2), (2, 0)] {
        // SAFETY: as above.
        let refused = unsafe { all[one].with_both(&all[other], |_, _| Ok(())) }.await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
    }
    assert_eq!(
        integers(&all[0].request(execute(1, "SELECT 7", params![], None)).await.unwrap()),
        [7]
    );
}

#[tokio::test]
async fn what_receives_a_backup_runs_nothing_until_that_has_ended() {
    let db = open(":memory:").await;
    let receiving = db.receive();
    for ask in [
        execute(1, "SELECT 1", params![], None),
        DbapiRequest::Script { sql: "SELECT 1".to_owned(), commit: false },
        DbapiRequest::ExecuteMany {
            cursor: 1,
            sql: "SELECT 1".to_owned(),
            each: vec![params![]],
            begin: None,
        },
    ] {
        assert_eq!(db.request(ask).await.unwrap_err().kind(), ErrorKind::Busy);
    }
    // SAFETY: the connection is left alone.
    let refused = unsafe { db.with_handle(|_| Ok(())) }.await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
    // What does nothing to the database goes on, as do waits in its line.
    db.request(DbapiRequest::End { sql: "COMMIT" }).await.unwrap();
    db.request(DbapiRequest::Reset { cursor: 1 }).await.unwrap();
    db.in_turn(|| {}).await.unwrap();
    drop(receiving);
    let found = db.request(execute(1, "SELECT 7", params![], None)).await.unwrap();
    assert_eq!(integers(&found), [7]);
}

#[tokio::test]
async fn a_thread_that_takes_the_work_over_does_all_that_is_asked_from_then_on() {
    let db = open(":memory:").await;
    let name = || std::thread::current().name().map(str::to_owned);
    // SAFETY: the connection is left alone.
    let own = unsafe { db.with_handle(move |_| Ok(name())) }.await.unwrap();
    assert_eq!(own.as_deref(), Some("ubiqlite-dbapi"));
    let serving = db.serving();
    // Requested before the thread comes: it waits for it.
    // SAFETY: as above.
    let later = unsafe { db.with_handle(move |_| Ok(name())) };
    let server = std::thread::Builder::new().name("mine".into());
    let ending = serving.clone();
    let server = server.spawn(move || serving.run()).unwrap();
    assert_eq!(later.await.unwrap().as_deref(), Some("mine"));
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let begin = db.request(execute(1, "BEGIN", params![], None));
    let running = db.request(execute(1, endless, params![], None));
    let behind = db.request(execute(1, "SELECT 7", params![], None));
    begin.await.unwrap();
    assert!(db.state_now().in_transaction);
    std::thread::sleep(Duration::from_millis(20));
    ending.abandon();
    assert_eq!(running.await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(behind.await.is_err());
    server.join().unwrap();
}
