//! A process is killed at each statement of 40 migrations, just before it and just after it, those of
//! the library included: the database then has the first so many migrations, and the next process
//! applies the others.
//!
//! CI kills at 32 of these moments. `UBIQLITE_EACH_STATEMENT=1` kills at all of them, and
//! `UBIQLITE_SEED` chooses others.

use std::collections::BTreeSet;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;
use ubiqlite::{Database, Migrations};

use super::support::{ask, fresh, outside, role};

const COUNT: i64 = 40;
/// The one that runs alone, and so can't say that it ran.
const ALONE: i64 = 20;

const KILL_AT: &str = "UBIQLITE_TEST_KILL_AT";
const TOLD: &str = "moments:";

/// Each says that it ran, and changes a table of the one before it; some rebuild one that has children.
fn migrations() -> Migrations {
    let work = |number: i64| match number {
        1 => "CREATE TABLE ran (number INTEGER NOT NULL);
            CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE children (parent REFERENCES parents ON DELETE CASCADE);
            INSERT INTO parents VALUES (1, 'a'); INSERT INTO children VALUES (1);
            CREATE TABLE t1 (x)"
            .to_owned(),
        _ if number % 8 == 0 => format!(
            "-- rebuild: parents
            CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL, c{number} INTEGER);
            CREATE TABLE t{number} (x)"
        ),
        _ => format!(
            "CREATE TABLE t{number} (x);
            INSERT INTO t{number} VALUES ({number});
            CREATE INDEX i{number} ON t{number} (x)"
        ),
    };
    let text = |number: i64| match number {
        ALONE => "-- alone\nVACUUM".to_owned(),
        _ => format!("{};\nINSERT INTO ran VALUES ({number})", work(number)),
    };
    Migrations::new((1..=COUNT).map(|number| (format!("{number:02}_step.sql"), text(number))))
        .unwrap()
}

/// Returns how many migrations the database has: the first so many, each whole and once.
fn prefix(path: &Path) -> i64 {
    let db = outside(path);
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND ";
    if ask(&db, &format!("{tables} name = 'ubiqlite_migrations'")) == 0 {
        assert_eq!(ask(&db, &format!("{tables} TRUE")), 0, "a table without a ledger");
        return 0;
    }
    let done = ask(&db, "SELECT count(*) FROM ubiqlite_migrations WHERE applied_at IS NOT NULL");
    let begun = ask(&db, "SELECT count(*) FROM ubiqlite_migrations WHERE applied_at IS NULL");
    assert!(begun == 0 || (begun == 1 && done == ALONE - 1), "{begun} begun after {done}");
    assert_eq!(ask(&db, "SELECT ifnull(max(id), 0) FROM ubiqlite_migrations"), done + begun);
    let expected = done - i64::from(done >= ALONE);
    assert_eq!(ask(&db, &format!("{tables} name GLOB 't[0-9]*'")), expected, "of {done}");
    if done > 0 {
        assert_eq!(ask(&db, "SELECT count(*) FROM ran"), expected, "of {done}");
        assert_eq!(ask(&db, "SELECT count(DISTINCT number) FROM ran"), expected, "one ran twice");
        assert_eq!(ask(&db, "SELECT count(*) FROM children"), 1, "a rebuild has lost children");
    }
    done
}

static MOMENTS: AtomicU64 = AtomicU64::new(0);
static LAST: AtomicU64 = AtomicU64::new(u64::MAX);

/// SQLite's trace of each statement that begins and that has ended.
unsafe extern "C" fn moment(
    _event: c_uint,
    _context: *mut c_void,
    _statement: *mut c_void,
    _more: *mut c_void,
) -> c_int {
    if MOMENTS.fetch_add(1, Ordering::SeqCst) + 1 == LAST.load(Ordering::SeqCst) {
        // SAFETY: it ends this process here, and nothing of it runs after that.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        loop {
            std::thread::park();
        }
    }
    0
}

/// What SQLite calls for each new connection of the process.
unsafe extern "C" fn traced(
    db: *mut ffi::sqlite3,
    _error: *mut *mut c_char,
    _api: *const ffi::sqlite3_api_routines,
) -> c_int {
    let events = ffi::SQLITE_TRACE_STMT | ffi::SQLITE_TRACE_PROFILE;
    // SAFETY: the connection is being opened, and the function needs no context.
    unsafe { ffi::sqlite3_trace_v2(db, events as c_uint, Some(moment), std::ptr::null_mut()) }
}

/// What a process runs that is to be killed.
#[tokio::test]
async fn migrates_until_its_moment() {
    let Some((_, path)) = role() else { return };
    let Ok(at) = std::env::var(KILL_AT) else { return };
    LAST.store(at.parse().unwrap(), Ordering::SeqCst);
    // SAFETY: the function has the signature of an extension's entry.
    unsafe { ffi::sqlite3_auto_extension(Some(traced)) };
    let db = Database::options().migrations(migrations()).open(&path).await.unwrap();
    db.close().await.unwrap();
    println!("\n{TOLD}{}", MOMENTS.load(Ordering::SeqCst));
}

fn run(path: &Path, kill_at: u64) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "each_statement::migrates_until_its_moment", "--nocapture"])
        .args(["--test-threads", "1"])
        .env("UBIQLITE_TEST_ROLE", "victim")
        .env("UBIQLITE_TEST_FILE", path)
        .env(KILL_AT, kill_at.to_string())
        .output()
        .unwrap()
}

/// The moments at which to kill.
fn chosen(moments: u64) -> BTreeSet<u64> {
    if std::env::var_os("UBIQLITE_EACH_STATEMENT").is_some() {
        return (1..=moments).collect();
    }
    let seed = std::env::var("UBIQLITE_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(seed);
    (0..32).map(|_| random.u64(1..=moments)).collect()
}

#[test]
fn a_process_killed_at_any_statement_leaves_the_first_so_many_and_the_next_one_does_the_rest() {
    use std::os::unix::process::ExitStatusExt as _;

    let (dir, path) = fresh();
    let whole = run(&path, u64::MAX);
    let told = String::from_utf8_lossy(&whole.stdout).into_owned();
    let moments = told.lines().find_map(|line| line.strip_prefix(TOLD)).expect(&told);
    let moments: u64 = moments.parse().unwrap();
    // Each migration has at least its BEGIN, two statements, its line in the ledger and its COMMIT.
    assert!(moments > 2 * 5 * COUNT as u64, "{moments}");
    assert_eq!(prefix(&path), COUNT);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut found, chosen) = (BTreeSet::new(), chosen(moments));
    for at in &chosen {
        let path = dir.path().join(format!("killed-{at}.db"));
        let status = run(&path, *at).status;
        // Which moments there are varies by a few: that of closing, for example.
        let killed = status.signal() == Some(libc::SIGKILL);
        assert!(killed || (status.success() && *at + 8 > moments), "moment {at}: {status}");
        found.insert(if path.exists() { prefix(&path) } else { 0 });
        runtime.block_on(async {
            let opened = Database::options().migrations(migrations()).open(&path).await;
            opened.unwrap_or_else(|error| panic!("moment {at}: {error}")).close().await.unwrap();
        });
        assert_eq!(prefix(&path), COUNT, "moment {at}");
    }
    println!("killed at {} of {moments} moments, after {found:?} migrations", chosen.len());
    assert!(found.len() > 10, "{found:?}");
}
