//! A program has the database open while another process, of a newer program, migrates it: the older
//! one goes on until a migration says that it breaks older programs, and its next write is refused.

use std::path::Path;

use ubiqlite::{Database, Error, ErrorKind, JournalMode, Migrations, Options, record};

use super::of_round;
use super::support::{Other, ask, fresh, hear, outside, ready, role, tell};

fn migrations(count: usize) -> Migrations {
    let all = [
        ("1_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"),
        ("2_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY)"),
        ("3_names.sql", "-- breaks: older\nALTER TABLE items ADD COLUMN title TEXT"),
        ("4_no_names.sql", "ALTER TABLE items DROP COLUMN name"),
    ];
    Migrations::new(all[..count].iter().copied()).unwrap()
}

async fn migrate(path: &Path, count: usize) {
    let db = Database::options().migrations(migrations(count)).open(path).await.unwrap();
    db.close().await.unwrap();
}

/// The calls of the older program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    NewRead,
    ReadOfAll,
    Write,
    NewWrite,
    Batch,
    Transaction,
    Insert,
    Get,
    Session,
    Snapshot,
    Stream,
    Many,
}

impl Call {
    fn writes(self) -> bool {
        !matches!(
            self,
            Self::Read
                | Self::NewRead
                | Self::ReadOfAll
                | Self::Get
                | Self::Snapshot
                | Self::Stream
        )
    }

    /// What the call may fail with. A row's columns are looked up before it is written.
    fn is_refused(self, error: &Error, breaking: u64) -> bool {
        error.kind() == ErrorKind::SchemaTooNew
            || self == Self::Insert && breaking == 4 && error.kind() == ErrorKind::NoSuchColumn
    }
}

const CALLS: [Call; 13] = [
    Call::Read,
    Call::NewRead,
    Call::ReadOfAll,
    Call::Write,
    Call::NewWrite,
    Call::Batch,
    Call::Transaction,
    Call::Insert,
    Call::Get,
    Call::Session,
    Call::Snapshot,
    Call::Stream,
    Call::Many,
];

async fn make(db: &Database, call: Call, time: usize) -> Result<(), Error> {
    const READ: &str = "SELECT count(name) FROM items";
    const WRITE: &str = "INSERT INTO items (name) VALUES ('older')";
    match call {
        Call::Read => db.query_value::<i64>(READ, ()).await.map(drop),
        Call::NewRead => {
            let sql = format!("SELECT {time} + count(name) FROM items");
            db.query_value::<i64>(&sql, ()).await.map(drop)
        }
        Call::ReadOfAll => db.query::<ubiqlite::Row>("SELECT * FROM items", ()).await.map(drop),
        Call::Write => db.execute(WRITE, ()).await.map(drop),
        Call::NewWrite => {
            let sql = format!("INSERT INTO items (name) VALUES ('older {time}')");
            db.execute(&sql, ()).await.map(drop)
        }
        Call::Batch => db.batch([(WRITE, ()), (WRITE, ())]).await.map(drop),
        Call::Transaction => db.transaction(async |tx| tx.execute(WRITE, ()).await.map(drop)).await,
        Call::Insert => db.table("items").insert(record! { "name" => "older" }).await.map(drop),
        Call::Get => db.table("items").get::<ubiqlite::Row>(1).await.map(drop),
        Call::Session => {
            let mut session = db.acquire().await?;
            session.execute(WRITE, ()).await.map(drop)
        }
        Call::Snapshot => {
            let snapshot = db.snapshot().await?;
            snapshot.query_value::<i64>(READ, ()).await.map(drop)
        }
        Call::Stream => {
            let mut rows = db.stream("SELECT id, name FROM items", ());
            while rows.try_next().await?.is_some() {}
            Ok(())
        }
        Call::Many => db.execute_many(WRITE, [(), ()]).await.map(drop),
    }
}

fn options() -> Vec<(&'static str, Options)> {
    let plain = || Database::options().migrations(migrations(1));
    vec![
        ("as usual", plain()),
        ("without leases", plain().leases(false)),
        ("on its own threads", plain().inline(false)),
        ("with a journal", plain().journal_mode(JournalMode::Delete)),
    ]
}

#[test]
fn the_next_write_of_an_older_program_is_refused_and_changes_nothing() {
    if let Some((_, path)) = role() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        ready();
        while let Some(asked) = hear() {
            runtime.block_on(migrate(&of_round(&path, asked / 10), asked as usize % 10));
            tell(1);
        }
        return;
    }
    let (_dir, path) = fresh();
    let name = "older::the_next_write_of_an_older_program_is_refused_and_changes_nothing";
    let mut newer = Other::start(name, "newer", &path);
    let mut migrates = |round: u64, count: u64| {
        newer.send(round * 10 + count);
        assert_eq!(newer.receive(), 1);
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut round = 0;
    let mut wrong = Vec::new();
    for breaking in [3, 4] {
        for (how, _) in options() {
            for call in CALLS.into_iter().filter(|call| call.writes()) {
                round += 1;
                let path = of_round(&path, round);
                let (_, options) = options().into_iter().find(|it| it.0 == how).unwrap();
                let db = runtime.block_on(async {
                    let db = options.open(&path).await.unwrap();
                    for time in 0..3 {
                        for call in CALLS {
                            make(&db, call, time).await.unwrap();
                        }
                    }
                    db
                });
                migrates(round, 2);
                for time in 3..5 {
                    let goes_on = runtime.block_on(make(&db, call, time));
                    assert!(goes_on.is_ok(), "{how}, {call:?}: {goes_on:?}");
                }
                let rows = ask(&outside(&path), "SELECT count(*) FROM items");
                migrates(round, breaking);
                for time in 5..8 {
                    let refused = runtime.block_on(make(&db, call, time));
                    match refused {
                        Err(error) if call.is_refused(&error, breaking) => {}
                        other => {
                            wrong.push(format!("{how}, {breaking}, {call:?}, {time}: {other:?}"))
                        }
                    }
                }
                for other in CALLS.into_iter().filter(|call| call.writes()) {
                    let refused = runtime.block_on(make(&db, other, 9));
                    if !refused.as_ref().is_err_and(|it| other.is_refused(it, breaking)) {
                        wrong.push(format!(
                            "{how}, {breaking}, {other:?} after {call:?}: {refused:?}"
                        ));
                    }
                }
                if ask(&outside(&path), "SELECT count(*) FROM items") != rows {
                    wrong.push(format!("{how}, {breaking}, {call:?} has written"));
                }
                runtime.block_on(db.close()).unwrap();
            }
        }
    }
    newer.finish();
    assert!(wrong.is_empty(), "{} of {round}:\n{}", wrong.len(), wrong.join("\n"));
}
