//! The disk has no room at each write in turn.

use ubiqlite::{ErrorKind, JournalMode};

use crate::accounts::{Accounts, LARGE};
use crate::disk::Full;
use crate::wait;

/// Tries each write in turn, and returns the number of writes at which a transaction failed.
fn survives(mode: JournalMode, bulk: i64, kind: fn(usize) -> Full) -> usize {
    let mut accounts = Accounts::new(format!("full-{mode:?}-{bulk}-{:?}", kind(0)), mode);
    accounts.bulk = bulk;
    let start = accounts.first();
    let mut failures = 0;
    for at in 0.. {
        let when = format!("{}, write {at}", accounts.vfs);
        accounts.disk.insert(&start);
        let db = accounts.open().unwrap();
        wait(accounts.advance(&db, 2)).unwrap();
        accounts.disk.set_full(kind(at));
        let result = wait(accounts.advance(&db, 3));
        if !accounts.disk.was_full() {
            break;
        }
        let reached = match result {
            Ok(()) => 3,
            Err(error) => {
                failures += 1;
                assert_eq!(error.kind(), ErrorKind::DiskFull, "{when}: {error}");
                2
            }
        };
        // What was committed can be read even while there is no room.
        assert_eq!(wait(accounts.generation(&db)), Ok(reached), "{when}");
        accounts.disk.set_full(Full::Never);
        wait(accounts.advance(&db, reached + 1)).unwrap();
        assert_eq!(wait(accounts.generation(&db)), Ok(reached + 1), "{when}");
        wait(db.close()).unwrap();
        let again = accounts.open().unwrap();
        assert_eq!(wait(accounts.generation(&again)), Ok(reached + 1), "{when}");
        wait(again.close()).unwrap();
    }
    println!("{}: {failures} failures", accounts.vfs);
    failures
}

const MODES: [JournalMode; 4] =
    [JournalMode::Wal, JournalMode::Delete, JournalMode::Truncate, JournalMode::Persist];

#[test]
fn a_disk_without_room_for_larger_files_leaves_all_or_nothing_and_work_goes_on() {
    // A log's file has spare room, in which a small transaction fits without growth.
    for mode in &MODES[1..] {
        assert!(survives(*mode, 0, Full::Growing) > 0, "{mode:?}");
    }
    assert_eq!(survives(JournalMode::Wal, 0, Full::Growing), 0);
    // Larger than the part of a log that is gathered.
    assert!(survives(JournalMode::Wal, LARGE, Full::Growing) > 0);
}

#[test]
fn any_single_write_that_finds_no_room_leaves_all_or_nothing_and_work_goes_on() {
    for mode in MODES {
        assert!(survives(mode, 0, Full::Once) > 0, "{mode:?}");
    }
    assert!(survives(JournalMode::Wal, LARGE, Full::Once) > 2);
}

#[test]
fn a_statement_that_finds_no_room_leaves_those_before_it_in_its_transaction() {
    let accounts = Accounts::new("statement", JournalMode::Wal);
    accounts.disk.insert(&accounts.first());
    let db = accounts.open().unwrap();
    let large = "INSERT INTO bulk SELECT zeroblob(1000) FROM generate";
    wait(db.batch("CREATE TABLE kept (x)")).unwrap();
    let committed = wait(db.transaction(async |tx| {
        // Spilled, but gathered and not on the disk yet.
        tx.execute("INSERT INTO kept VALUES (zeroblob(50000))", ()).await?;
        accounts.disk.set_full(Full::Growing(0));
        let with = "WITH RECURSIVE generate (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM generate WHERE n < 1000)";
        let full = tx.execute(&format!("{with} {large}"), ()).await.unwrap_err();
        assert_eq!(full.kind(), ErrorKind::DiskFull, "{full}");
        accounts.disk.set_full(Full::Never);
        Ok(tx.execute("INSERT INTO kept VALUES (1)", ()).await.is_ok())
    }));
    // Whether SQLite keeps the transaction is up to SQLite, but it never keeps half of it.
    let kept: i64 = wait(db.query_value("SELECT count(*) FROM kept", ())).unwrap();
    assert_eq!(kept, if matches!(committed, Ok(true)) { 2 } else { 0 }, "{committed:?}");
    assert_eq!(wait(accounts.generation(&db)), Ok(1));
}
