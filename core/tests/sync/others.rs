//! What other connections begin to record: of another database object, and of another process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ubiqlite::{Database, ErrorKind};

use super::{Place, open, rows, sent, sorted};

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE more (id INTEGER PRIMARY KEY);";

const INSERT: &str = "INSERT INTO items VALUES ((SELECT count(*) FROM items) + 1, 'x')";

/// Lets a database object know the tables, and have its statements compiled.
async fn warm(db: &Database) {
    db.execute(INSERT, ()).await.unwrap();
    db.execute("DELETE FROM items", ()).await.unwrap();
    db.execute("DELETE FROM more", ()).await.unwrap();
}

#[tokio::test]
async fn another_database_object_records_from_its_first_statement_on() {
    for first in [
        INSERT,
        "DELETE FROM items",
        "UPDATE items SET name = 'y'",
        "REPLACE INTO items VALUES (1, 'z')",
    ] {
        let place = Place::new(ITEMS).await;
        let other = open(&place.folder).await;
        warm(&other).await;
        place.db.execute("INSERT INTO items VALUES (1, 'a')", ()).await.unwrap();
        let mut outbox = place.db.outbox(["items"]).await.unwrap();
        other.execute(first, ()).await.unwrap();
        assert_eq!(sent(&mut outbox).await.len(), 1, "{first}");
        // Another table as well, while there is an outbox already.
        place.db.outbox(["items", "more"]).await.unwrap();
        other.execute("INSERT INTO more VALUES (1)", ()).await.unwrap();
        assert_eq!(sent(&mut outbox).await, [["+more 1"]]);
        other.execute("DELETE FROM more", ()).await.unwrap();
        assert_eq!(sent(&mut outbox).await, [["-more 1"]]);
        place.db.outbox(["items"]).await.unwrap();
        other.execute("INSERT INTO more VALUES (2)", ()).await.unwrap();
        assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
    }
}

#[tokio::test]
async fn another_objects_transactions_and_scripts_record_from_their_beginning() {
    let place = Place::new(ITEMS).await;
    let other = open(&place.folder).await;
    warm(&other).await;
    let mut session = other.acquire().await.unwrap();
    session.execute(INSERT, ()).await.unwrap();
    session.execute("DELETE FROM items", ()).await.unwrap();
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
    session.execute(INSERT, ()).await.unwrap();
    session.execute("COMMIT", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 1,x"]]);
    place.db.outbox(["more", "items"]).await.unwrap();
    let mut tx = other.begin().await.unwrap();
    tx.execute("INSERT INTO more VALUES (3)", ()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+more 3"]]);
    place.db.outbox(["more"]).await.unwrap();
    place.db.outbox(["more", "items"]).await.unwrap();
    other.batch("INSERT INTO more VALUES (4); DELETE FROM more; DELETE FROM items").await.unwrap();
    assert_eq!(sorted(&mut outbox).await, [["-items 1,x", "-more 3"]]);
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_deferred_transaction_that_began_before_is_recorded_or_refused() {
    for first in [INSERT, "SELECT count(*) FROM items"] {
        let place = Place::new(ITEMS).await;
        let other = open(&place.folder).await;
        let mut session = other.acquire().await.unwrap();
        session.execute(INSERT, ()).await.unwrap();
        session.execute("DELETE FROM items", ()).await.unwrap();
        session.execute("BEGIN", ()).await.unwrap();
        let mut outbox = place.db.outbox(["items"]).await.unwrap();
        session.execute(first, ()).await.unwrap();
        session.execute(INSERT, ()).await.unwrap();
        match session.execute("COMMIT", ()).await {
            Ok(_) => {
                assert_ne!(first, INSERT, "its row was not recorded");
                assert_eq!(sent(&mut outbox).await, [["+items 1,x"]]);
            }
            Err(error) => {
                assert_eq!(first, INSERT);
                assert_eq!(error.kind(), ErrorKind::SchemaChanged, "{error}");
                assert!(error.message().contains("outbox"), "{error}");
                session.execute("ROLLBACK", ()).await.unwrap();
                assert_eq!(rows(&place.db, "SELECT count(*) FROM items").await, ["Integer(0)"]);
                // Once more, it is known.
                session.execute("BEGIN", ()).await.unwrap();
                session.execute(INSERT, ()).await.unwrap();
                session.execute("COMMIT", ()).await.unwrap();
                assert_eq!(sent(&mut outbox).await, [["+items 1,x"]]);
            }
        }
        drop(session);
        other.close().await.unwrap();
    }
}

/// Another process that runs statements as they come.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const FOLDER: &str = "UBIQLITE_TEST_SYNC_CHILD";

impl Process {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "others::a_process_that_runs_statements", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    fn run(&mut self, sql: &str) {
        writeln!(self.input, "{sql}").unwrap();
        let mut line = String::new();
        while !line.contains("done") {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it ended at {sql}");
        }
        assert_eq!(line.trim(), "done: ok", "{sql}");
    }

    fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// Not a test by itself: what [`Process`] runs.
#[tokio::test]
async fn a_process_that_runs_statements() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let options = ubiqlite::Options::default();
    let db = options.open(std::path::Path::new(&folder).join("sync.db")).await.unwrap();
    for line in std::io::stdin().lines() {
        match db.execute(&line.unwrap(), ()).await {
            Ok(_) => println!("\ndone: ok"),
            Err(error) => println!("\ndone: {error}"),
        }
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn another_process_records_from_its_first_statement_on() {
    let place = Place::new(ITEMS).await;
    let mut process = Process::start(place.folder.path());
    for sql in [INSERT, "DELETE FROM items", INSERT] {
        process.run(sql);
    }
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    process.run("DELETE FROM items");
    assert_eq!(sent(&mut outbox).await, [["-items 1,x"]]);
    process.run("INSERT INTO more VALUES (1)");
    place.db.outbox(["items", "more"]).await.unwrap();
    process.run("DELETE FROM more");
    assert_eq!(sent(&mut outbox).await, [["-more 1"]]);
    process.run(INSERT);
    place.db.execute("UPDATE items SET name = 'here'", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 1,x"], ["~items 1,x > _,here"]]);
    process.end();
}

#[tokio::test]
async fn what_other_programs_and_attaching_connections_change_is_not_recorded_and_harms_nothing() {
    let place = Place::new(ITEMS).await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let path = place.folder.path().join("sync.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute("INSERT INTO items VALUES (1, 'plain')", ())
        .unwrap();
    let elsewhere = Place::new("CREATE TABLE other (id)").await;
    let mut session = elsewhere.db.acquire().await.unwrap();
    session.execute("ATTACH ? AS it", (path.to_str().unwrap(),)).await.unwrap();
    session.execute("INSERT INTO it.items VALUES (2, 'attached')", ()).await.unwrap();
    drop(session);
    place.db.execute("UPDATE items SET name = 'here'", ()).await.unwrap();
    assert_eq!(
        sorted(&mut outbox).await,
        [["~items 1,plain > _,here", "~items 2,attached > _,here"]]
    );
}
