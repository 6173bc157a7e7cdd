//! Several processes start at the same time on a database that is to be migrated, and processes are
//! killed while they migrate one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

#[cfg(unix)]
#[path = "migrations/each_statement.rs"]
mod each_statement;
#[path = "migrations/older.rs"]
mod older;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Other, ask, fresh, hear, outside, ready, role, tell};
use ubiqlite::{Database, Migrations, Result};

const PROCESSES: usize = 8;

/// Each says that it ran; one runs alone, one rebuilds a table that others refer to.
fn migrations() -> Migrations {
    let mut files = vec![
        (
            "01_first.sql".to_owned(),
            "CREATE TABLE ran (number INTEGER NOT NULL);
             CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE children (parent REFERENCES parents ON DELETE CASCADE);
             INSERT INTO parents VALUES (1, 'a'); INSERT INTO children VALUES (1);
             INSERT INTO ran VALUES (1)"
                .to_owned(),
        ),
        (
            "02_rebuild.sql".to_owned(),
            "-- rebuild: parents
             CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
             INSERT INTO ran VALUES (2)"
                .to_owned(),
        ),
        ("03_alone.sql".to_owned(), "-- alone\nVACUUM".to_owned()),
    ];
    for number in 4..=12 {
        let text = format!("CREATE TABLE t{number} (x);\nINSERT INTO ran VALUES ({number})");
        files.push((format!("{number:02}_more.sql"), text));
    }
    Migrations::new(files).unwrap()
}

/// The number of the last one, and how many say that they ran.
const LAST: i64 = 12;
const SAY: i64 = LAST - 1;

async fn open(path: &Path) -> Result<Database> {
    Database::options().migrations(migrations()).open(path).await
}

/// Checks that the first so many migrations have run, each once, and returns how many.
fn prefix(path: &Path) -> i64 {
    let db = outside(path);
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    if ask(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'ubiqlite_migrations'") == 0 {
        return 0;
    }
    let done = ask(&db, "SELECT count(*) FROM ubiqlite_migrations WHERE applied_at IS NOT NULL");
    let begun = ask(&db, "SELECT count(*) FROM ubiqlite_migrations WHERE applied_at IS NULL");
    assert!(begun == 0 || (begun == 1 && done == 2), "{begun} begun after {done}");
    assert_eq!(ask(&db, "SELECT ifnull(max(id), 0) FROM ubiqlite_migrations"), done + begun);
    let said = if done == 0 { 0 } else { ask(&db, "SELECT count(*) FROM ran") };
    assert_eq!(said, if done < 3 { done } else { done - 1 }, "of {done}");
    if said > 0 {
        assert_eq!(ask(&db, "SELECT count(DISTINCT number) FROM ran"), said, "one ran twice");
        assert_eq!(ask(&db, "SELECT count(*) FROM children"), 1);
    }
    done
}

fn rounds() -> u64 {
    std::env::var("UBIQLITE_STARTS").map_or(25, |rounds| rounds.parse().unwrap())
}

fn of_round(path: &Path, round: u64) -> PathBuf {
    path.with_file_name(format!("round-{round}.db"))
}

/// The long form has 200 rounds: `UBIQLITE_STARTS=200`.
#[test]
fn whoever_starts_at_the_same_time_finds_each_migration_done_once() {
    if let Some((_, path)) = role() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        ready();
        while let Some(round) = hear() {
            let done = runtime.block_on(async {
                let db = open(&of_round(&path, round)).await?;
                let done = db.query_value::<i64>("SELECT count(*) FROM ran", ()).await?;
                db.close().await?;
                Ok::<_, ubiqlite::Error>(done)
            });
            if let Err(error) = &done {
                eprintln!("round {round}: {error}");
            }
            tell(u64::from(done.is_ok_and(|done| done == SAY)));
        }
        return;
    }
    let (_dir, path) = fresh();
    let name = "whoever_starts_at_the_same_time_finds_each_migration_done_once";
    let mut others: Vec<_> = (0..PROCESSES).map(|_| Other::start(name, "starter", &path)).collect();
    let mut failed = 0;
    for round in 0..rounds() {
        for other in &mut others {
            other.send(round);
        }
        failed +=
            others.iter_mut().filter_map(|other| (other.receive() != 1).then_some(())).count();
        assert_eq!(prefix(&of_round(&path, round)), LAST);
    }
    others.into_iter().for_each(Other::finish);
    println!("{PROCESSES} processes × {} first starts: {failed} errors", rounds());
    assert_eq!(failed, 0);
}

#[test]
fn databases_of_one_process_that_open_one_file_are_like_processes() {
    for _ in 0..10 {
        let (_dir, path) = fresh();
        let start = std::sync::Barrier::new(PROCESSES);
        std::thread::scope(|scope| {
            for _ in 0..PROCESSES {
                scope.spawn(|| {
                    start.wait();
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async { open(&path).await?.close().await }).unwrap();
                });
            }
        });
        assert_eq!(prefix(&path), LAST);
    }
}

#[tokio::test]
async fn tasks_that_migrate_one_database_do_it_once() {
    let (_dir, path) = fresh();
    let db = Database::open(&path).await.unwrap();
    let (migrations, mut tasks) = (migrations(), Vec::new());
    for _ in 0..PROCESSES {
        let migrator = db.migrations(&migrations);
        tasks.push(tokio::spawn(async move { migrator.run().await.map(|done| done.len()) }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap().unwrap();
    }
    assert_eq!(done as i64, LAST, "the tasks have done all, each a part");
    assert_eq!(prefix(&path), LAST);
}

/// What a killed process runs.
#[tokio::test]
async fn migrates_until_it_is_killed() {
    let Some((_, path)) = role() else { return };
    open(&path).await.unwrap().close().await.unwrap();
}

#[test]
fn a_process_that_is_killed_leaves_the_first_so_many() {
    let (dir, _) = fresh();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..6 {
        let path = dir.path().join(format!("killed-{round}.db"));
        // Longer from time to time: one that runs alone is begun again only after a while.
        for longest in (20_000..).step_by(20_000) {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "migrates_until_it_is_killed", "--test-threads=1"])
                .env("UBIQLITE_TEST_ROLE", "victim")
                .env("UBIQLITE_TEST_FILE", &path)
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_micros(fastrand::u64(2_000..longest)));
            child.kill().unwrap();
            let ended = child.wait().unwrap().success();
            let done = if path.exists() { prefix(&path) } else { 0 };
            seen.insert(done);
            if ended {
                assert_eq!(done, LAST);
                break;
            }
        }
    }
    println!("killed after {seen:?} migrations");
}
