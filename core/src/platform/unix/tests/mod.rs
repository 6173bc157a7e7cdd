use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::*;

/// Waits for this test's turn: the table of open files belongs to the process.
fn alone() -> MutexGuard<'static, ()> {
    static LINE: Mutex<()> = Mutex::new(());
    install();
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(20)).unwrap();
    connection.execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = off").unwrap();
    connection.execute_batch("CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1)").unwrap();
    connection
}

/// Returns how many descriptors of this process refer to files in this directory.
fn descriptors(directory: &Path) -> usize {
    let list = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    list.filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter(|file| file.starts_with(directory))
        .count()
}

/// Returns whether a separate process gets the write lock of a database.
fn others_can_write(path: &Path) -> bool {
    let name = "platform::files::tests::another_process_writes";
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env(FILE, path)
        .output()
        .unwrap();
    done.status.success()
}

const FILE: &str = "UBIQLITE_TEST_FILE";

/// Started by [`others_can_write`].
#[test]
fn another_process_writes() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2); COMMIT").unwrap();
}

#[test]
fn descriptors_of_many_databases_come_back() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    for _ in 0..2 {
        let open: Vec<_> = (0..150).map(|index| open(&root.join(format!("{index}.db")))).collect();
        assert!(descriptors(&root) >= 150 * 5);
        drop(open);
        assert_eq!(descriptors(&root), 0);
        let name = root.to_str().unwrap();
        let left = |it: &table::OpenFile| it.path.to_str().is_ok_and(|path| path.starts_with(name));
        assert!(!table::state().files.values().any(left));
    }
}

#[test]
fn a_lock_belongs_to_its_descriptor() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let connection = open(&path);
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Closing any descriptor drops the process's POSIX locks.
    drop(std::fs::File::open(&path).unwrap());
    drop(std::fs::File::open(directory.path().join("app.db-shm")).unwrap());
    assert!(!others_can_write(&path));
    connection.execute_batch("COMMIT").unwrap();
    assert!(others_can_write(&path));
}

#[test]
fn a_file_that_somebody_else_has_open_is_not_closed_until_they_are_gone() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let path = root.join("app.db");
    let keeper = open(&root.join("other.db"));
    let others = descriptors(&root);
    drop(open(&path));
    assert_eq!(descriptors(&root), others);
    let somebody = std::fs::File::open(&path).unwrap();
    for _ in 0..20 {
        drop(open(&path));
    }
    // The parked descriptors are reused: no more than were open at the same time.
    let parked = descriptors(&root) - others - 1;
    assert!((1..=4).contains(&parked), "{parked}");
    drop(somebody);
    drop(open(&path));
    assert_eq!(descriptors(&root), others);
    drop(keeper);
}

#[test]
fn a_file_of_somebody_else_is_seen_while_others_open_and_close_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("theirs");
    std::fs::write(&path, "").unwrap();
    let theirs = std::fs::File::open(&path).unwrap();
    let file = FileId::of(std::os::fd::AsRawFd::as_raw_fd(&theirs)).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    drop((0..8).map(|_| std::fs::File::open("/dev/null")).collect::<Vec<_>>());
                }
            });
        }
        let seen = (0..3_000).all(|_| others::have_open(&[file]));
        over.store(true, Ordering::Relaxed);
        assert!(seen);
    });
}

#[test]
fn the_child_of_a_fork_keeps_no_lock() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let connection = open(&path);
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    // SAFETY: the child only sleeps.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: both may be called after a fork.
        unsafe {
            libc::sleep(60);
            libc::_exit(0);
        }
    }
    assert!(!others_can_write(&path), "the parent's lock is gone");
    drop(connection);
    let free = others_can_write(&path);
    // The last process that has the log open deletes it.
    let last = !path.with_extension("db-wal").exists();
    // SAFETY: the child is this test's.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    assert!(free && last);
}

#[test]
fn one_file_by_two_names_has_one_owner_of_locks() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let (path, hard) = (directory.path().join("app.db"), directory.path().join("hard.db"));
    let soft = directory.path().join("soft.db");
    let first = Connection::open(&path).unwrap();
    first.execute_batch("PRAGMA journal_mode = DELETE; CREATE TABLE t (x)").unwrap();
    std::fs::hard_link(&path, &hard).unwrap();
    std::os::unix::fs::symlink(&path, &soft).unwrap();
    let second = Connection::open(&hard).unwrap();
    let third = Connection::open(&soft).unwrap();
    third.busy_timeout(Duration::ZERO).unwrap();
    second.busy_timeout(Duration::ZERO).unwrap();
    for (one, other) in [(&first, &second), (&second, &third), (&third, &first)] {
        one.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap_err();
        one.execute_batch("COMMIT").unwrap();
    }
    let count: i64 = second.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 3);
}

#[test]
fn an_owner_that_only_reads_gives_way_to_one_that_writes() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(writer);
    let reader =
        Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    // As if the file could not be opened for writing at that time.
    {
        let mut state = table::state();
        let file = FileId::at(&std::ffi::CString::new(path.to_str().unwrap()).unwrap()).unwrap();
        let owner = state.owners.get_mut(&file).unwrap();
        owner.writable = false;
        owner.shared = true;
        table::forget_known_owners();
    }
    let writer = Connection::open(&path).unwrap();
    writer.busy_timeout(Duration::ZERO).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
    // The reader's lock has moved to the new owner.
    writer.execute_batch("COMMIT").unwrap_err();
    assert!(!others_can_write(&path));
    reader.execute_batch("COMMIT").unwrap();
    writer.execute_batch("COMMIT").unwrap();
    assert!(others_can_write(&path));
}

#[test]
fn descriptors_beyond_the_table_are_locked_as_well() {
    let _line = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    // SAFETY: the structure is filled by the call.
    let limit = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur
    };
    if limit < 6_000 {
        return;
    }
    let null = std::fs::File::open("/dev/null").unwrap();
    let fill: Vec<_> = (0..4_200).map(|_| null.try_clone().unwrap()).collect();
    let (first, second) = (open(&path), open(&path));
    second.busy_timeout(Duration::ZERO).unwrap();
    first.execute_batch("BEGIN IMMEDIATE").unwrap();
    second.execute_batch("BEGIN IMMEDIATE").unwrap_err();
    assert!(!others_can_write(&path));
    first.execute_batch("COMMIT").unwrap();
    second.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
    drop((first, second, fill));
    assert_eq!(descriptors(&directory.path().canonicalize().unwrap()), 0);
}
