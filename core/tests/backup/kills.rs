//! Processes that are killed, or have no room, while they copy or restore.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Place, fill, open_with, options, seen};

/// What a child process does in a folder, for as long as it lives.
const JOB: &str = "UBIQLITE_BACKUP_JOB";
const FOLDER: &str = "UBIQLITE_BACKUP_FOLDER";
/// The write before which the child is killed, and what it says if there was none.
#[cfg(target_os = "linux")]
const LAST: &str = "UBIQLITE_BACKUP_LAST_WRITE";
#[cfg(target_os = "linux")]
const WRITES: &str = "writes:";

/// The child: not a test by itself.
#[tokio::test]
async fn child() {
    let (Ok(job), Ok(folder)) = (std::env::var(JOB), std::env::var(FOLDER)) else { return };
    let folder = Path::new(&folder);
    let db = open_with(options(), &folder.join("app.db")).await;
    println!("ready");
    match job.as_str() {
        "backup" => loop {
            db.backup(folder.join("copy.db")).overwrite(true).await.unwrap();
            println!("done");
        },
        "compact" => loop {
            db.backup(folder.join("copy.db")).overwrite(true).compact(true).await.unwrap();
            println!("done");
        },
        #[cfg(target_os = "linux")]
        "write" => {
            each_write::count(std::env::var(LAST).unwrap().parse().unwrap());
            db.backup(folder.join("copy.db")).overwrite(true).await.unwrap();
            println!("{WRITES}{}", each_write::counted());
        }
        "restore" => loop {
            for source in ["two.db", "one.db"] {
                db.restore(folder.join(source)).await.unwrap();
                println!("done");
            }
        },
        "full" => {
            for path in ["copy.db", "copy.db"] {
                let error = db.backup(folder.join(path)).await.unwrap_err();
                println!("{}", error.kind());
            }
            let streams = [db.backup_stream(), db.backup_stream().compact(true)];
            for mut stream in streams.into_iter().filter(|_| !super::is_single()) {
                let mut ended = Ok(Some(Vec::new()));
                while let Ok(Some(_)) = ended {
                    ended = stream.try_next().await;
                }
                println!("{}", ended.expect_err("there is no room").kind());
            }
        }
        other => panic!("{other}"),
    }
}

fn start(job: &str, folder: &Path) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kills::child", "--nocapture", "--test-threads", "1"]);
    command.env(JOB, job).env(FOLDER, folder);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the child says that it has begun and has done what it does `times` times, and kills it
/// a moment later.
fn kill(mut child: std::process::Child, times: u32, after: Duration) {
    use std::io::BufRead as _;
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..=times {
        let mut said = lines.by_ref().map_while(Result::ok);
        let next = said.any(|line| line.contains("ready") || line.contains("done"));
        assert!(next, "the child has failed");
    }
    std::thread::sleep(after);
    assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// How often a child is killed; more on request.
fn kills() -> u32 {
    let asked = std::env::var("UBIQLITE_BACKUP_KILLS");
    asked.ok().and_then(|asked| asked.parse().ok()).unwrap_or(20)
}

#[tokio::test]
async fn a_copy_that_is_killed_at_any_moment_leaves_no_half_file_under_its_name() {
    let place = Place::new().await;
    place.db.close().await.unwrap();
    let source = seen(&place.path("app.db"));
    let mut parts = 0;
    for round in 0..kills() {
        let job = if round % 4 == 3 { "compact" } else { "backup" };
        let after = Duration::from_micros(u64::from(round) * 1_300);
        kill(start(job, place.folder.path()), round % 2, after);
        if place.path("copy.db").exists() {
            assert_eq!(seen(&place.path("copy.db")), source, "{round}");
        }
        parts += u32::from(place.path("copy.db.part").exists());
        // The next one gets past whatever the last has left, and the file is in use no more.
        assert_eq!(seen(&place.path("app.db")), source, "{round}");
    }
    assert!(parts > 0, "none was killed in the middle");
    let db = open_with(options(), &place.path("app.db")).await;
    db.backup(place.path("copy.db")).overwrite(true).await.unwrap();
    db.close().await.unwrap();
    assert_eq!(place.others(), ["copy.db"]);
}

/// Of SQLite's own calls of the system, those that write.
#[cfg(target_os = "linux")]
mod each_write {
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rusqlite::ffi;

    static WRITES: AtomicU64 = AtomicU64::new(0);
    static LAST: AtomicU64 = AtomicU64::new(u64::MAX);

    fn note() {
        if WRITES.fetch_add(1, Ordering::SeqCst) + 1 == LAST.load(Ordering::SeqCst) {
            // SAFETY: it ends this process here, and nothing of it runs after that.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                std::thread::park();
            }
        }
    }

    unsafe extern "C" fn write(file: i32, bytes: *const c_void, length: usize) -> isize {
        note();
        // SAFETY: by the contract of what it stands for.
        unsafe { libc::write(file, bytes, length) }
    }

    unsafe extern "C" fn pwrite(file: i32, bytes: *const c_void, length: usize, at: i64) -> isize {
        note();
        // SAFETY: by the contract of what it stands for.
        unsafe { libc::pwrite(file, bytes, length, at) }
    }

    /// Counts from now on, and ends the process before the write `last`.
    pub(super) fn count(last: u64) {
        LAST.store(last, Ordering::SeqCst);
        type Call = unsafe extern "C" fn();
        type Write = unsafe extern "C" fn(i32, *const c_void, usize) -> isize;
        type WriteAt = unsafe extern "C" fn(i32, *const c_void, usize, i64) -> isize;
        // SAFETY: SQLite calls each by its own signature, which these are.
        let calls = unsafe {
            let write = std::mem::transmute::<Write, Call>(write);
            let pwrite = std::mem::transmute::<WriteAt, Call>(pwrite);
            [(c"write", write), (c"pwrite", pwrite), (c"pwrite64", pwrite)]
        };
        // SAFETY: the default VFS lives as long as the process.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
            let set = (*vfs).xSetSystemCall.unwrap();
            for (name, call) in calls {
                assert_eq!(set(vfs, name.as_ptr(), Some(call)), ffi::SQLITE_OK, "{name:?}");
            }
        }
    }

    pub(super) fn counted() -> u64 {
        WRITES.load(Ordering::SeqCst)
    }
}

/// CI kills before some of the writes; `UBIQLITE_BACKUP_KILLS=400` before each.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_copy_that_is_killed_before_any_of_its_writes_leaves_no_half_file_under_its_name() {
    use std::os::unix::process::ExitStatusExt as _;

    let place = Place::new().await;
    place.db.close().await.unwrap();
    let source = seen(&place.path("app.db"));
    let run = |last: u64| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "kills::child", "--nocapture", "--test-threads", "1"]);
        command.env(JOB, "write").env(FOLDER, place.folder.path()).env(LAST, last.to_string());
        command.output().unwrap()
    };
    let whole = run(u64::MAX);
    let told = String::from_utf8_lossy(&whole.stdout).into_owned();
    let writes = told.lines().find_map(|line| line.strip_prefix(WRITES)).expect(&told);
    let writes: u64 = writes.parse().unwrap();
    assert!(writes > 200, "{writes}");
    assert_eq!(seen(&place.path("copy.db")), source);
    std::fs::remove_file(place.path("copy.db")).unwrap();
    let step = if kills() >= 400 { 1 } else { 11 };
    for last in (1..=writes).step_by(step).chain([writes]) {
        let status = run(last).status;
        assert_eq!(status.signal(), Some(libc::SIGKILL), "before write {last}");
        assert!(!place.path("copy.db").exists(), "before write {last} of {writes}");
    }
    assert_eq!(seen(&place.path("app.db")), source);
    run(u64::MAX);
    assert_eq!(seen(&place.path("copy.db")), source);
    assert_eq!(place.others(), ["copy.db"]);
}

#[tokio::test]
async fn restoring_that_is_killed_at_any_moment_has_happened_whole_or_not_at_all() {
    let place = Place::new().await;
    place.db.backup(place.path("one.db")).await.unwrap();
    let two = open_with(options().page_size(1024), &place.path("two.db")).await;
    fill(&two).await;
    two.close().await.unwrap();
    place.db.close().await.unwrap();
    let sources = [seen(&place.path("one.db")), seen(&place.path("two.db"))];
    let mut found = [0, 0];
    for round in 0..kills() {
        let after = Duration::from_micros(u64::from(round) * 3_000);
        kill(start("restore", place.folder.path()), round % 3, after);
        let now = seen(&place.path("app.db"));
        let which = sources.iter().position(|source| *source == now);
        found[which.expect("it is one of the two")] += 1;
    }
    assert!(found.iter().all(|count| *count > 0) || kills() < 20, "{found:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_without_room_for_the_copy_leaves_nothing() {
    let place = Place::new().await;
    place.db.close().await.unwrap();
    let size = place.path("app.db").metadata().unwrap().len();
    // A file may have half of the size; the signal that says so is ignored, as a shell can.
    let limit = size / 2 / 1024;
    let exe = std::env::current_exe().unwrap();
    let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &script])
        .arg(exe)
        .args(["--exact", "kills::child", "--nocapture", "--test-threads", "1"])
        .env(JOB, "full")
        .env(FOLDER, place.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    // Without threads, bytes need no file.
    let copies = if super::is_single() { 2 } else { 4 };
    assert_eq!(said.matches("DiskFull").count() + said.matches("Io\n").count(), copies, "{said}");
    assert_eq!(place.others(), [""; 0]);
}
