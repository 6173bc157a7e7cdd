//! Processes that are killed between the steps that give a copy its name: its permissions, its way to
//! the disk, the name itself, the removal of the other one, the folder's way to the disk.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use super::{Place, open_with, options, seen};

const FOLDER: &str = "UBIQLITE_STEPS_FOLDER";
/// The step before which the child is killed, and what it says of those that there were.
const LAST: &str = "UBIQLITE_STEPS_LAST";
const OVERWRITE: &str = "UBIQLITE_STEPS_OVERWRITE";
const STEPS: &str = "steps:";

/// The C library's functions that the steps are made of. Those of this program come before the
/// library's, for Rust's standard library and for SQLite.
mod each_step {
    use std::ffi::{c_char, c_int, c_long};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    static LAST: AtomicU64 = AtomicU64::new(0);
    static SEEN: Mutex<Vec<&str>> = Mutex::new(Vec::new());

    /// Counts from now on, and ends the process before the step `last`.
    pub(super) fn count(last: u64) {
        LAST.store(last, Ordering::SeqCst);
    }

    pub(super) fn counted() -> Vec<&'static str> {
        SEEN.lock().unwrap().clone()
    }

    fn note(step: &'static str) {
        let last = LAST.load(Ordering::SeqCst);
        if last == 0 {
            return;
        }
        let mut seen = SEEN.lock().unwrap();
        seen.push(step);
        if seen.len() as u64 == last {
            // SAFETY: it ends this process here, and nothing of it runs after that.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
            loop {
                std::thread::park();
            }
        }
    }

    fn narrow(result: c_long) -> c_int {
        c_int::try_from(result).unwrap_or(-1)
    }

    macro_rules! step {
        ($name:ident, $call:ident, $($argument:ident: $kind:ty),+) => {
            // SAFETY: it does what the function of the C library with this name does, by its contract.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($argument: $kind),+) -> c_int {
                note(stringify!($name));
                // SAFETY: by the contract of what it stands for; `errno` is set as there.
                narrow(unsafe { libc::syscall(libc::$call, $($argument),+) })
            }
        };
    }

    step!(fsync, SYS_fsync, file: c_int);
    step!(fdatasync, SYS_fdatasync, file: c_int);
    step!(fchmod, SYS_fchmod, file: c_int, mode: libc::mode_t);

    // SAFETY: as above, by the calls of the system that every processor has.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
        note("rename");
        let here = libc::AT_FDCWD;
        // SAFETY: by the contract of what it stands for.
        narrow(unsafe { libc::syscall(libc::SYS_renameat2, here, from, here, to, 0) })
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn linkat(
        from_folder: c_int,
        from: *const c_char,
        to_folder: c_int,
        to: *const c_char,
        flags: c_int,
    ) -> c_int {
        note("linkat");
        // SAFETY: by the contract of what it stands for.
        narrow(unsafe { libc::syscall(libc::SYS_linkat, from_folder, from, to_folder, to, flags) })
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
        note("unlink");
        // SAFETY: by the contract of what it stands for.
        narrow(unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0) })
    }
}

/// The child: not a test by itself.
#[tokio::test]
async fn child() {
    let (Ok(folder), Ok(last)) = (std::env::var(FOLDER), std::env::var(LAST)) else { return };
    let folder = Path::new(&folder);
    let db = open_with(options(), &folder.join("app.db")).await;
    each_step::count(last.parse().unwrap());
    let overwrite = std::env::var(OVERWRITE).is_ok();
    db.backup(folder.join("copy.db")).overwrite(overwrite).await.unwrap();
    println!("\n{STEPS}{}", each_step::counted().join(" "));
}

#[tokio::test]
async fn a_copy_that_is_killed_between_any_two_steps_of_getting_its_name_is_whole_or_not_there() {
    let place = Place::new().await;
    place.db.close().await.unwrap();
    let source = seen(&place.path("app.db"));
    let copy = place.path("copy.db");
    let run = |overwrite: bool, last: u64| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "kill_steps::child", "--nocapture", "--test-threads", "1"]);
        command.env(FOLDER, place.folder.path()).env(LAST, last.to_string());
        if overwrite {
            command.env(OVERWRITE, "1");
        }
        command.output().unwrap()
    };
    for overwrite in [false, true] {
        let told = String::from_utf8_lossy(&run(overwrite, u64::MAX).stdout).into_owned();
        let steps = told.lines().find_map(|line| line.strip_prefix(STEPS)).expect(&told);
        let steps: Vec<&str> = steps.split(' ').collect();
        let named = if overwrite { "rename" } else { "linkat" };
        let at = steps.iter().position(|step| *step == named).expect(&told);
        assert!(steps[..at].contains(&"fsync") && steps[at..].contains(&"fsync"), "{steps:?}");
        for (before, step) in steps.iter().enumerate() {
            if copy.exists() {
                std::fs::remove_file(&copy).unwrap();
            }
            let number = before as u64 + 1;
            let status = run(overwrite, number).status;
            assert_eq!(
                status.signal(),
                Some(libc::SIGKILL),
                "before {step}, {number} of {steps:?}"
            );
            let has_name = copy.exists();
            assert_eq!(has_name, before > at, "before {step}, {number} of {steps:?}");
            if has_name {
                assert_eq!(seen(&copy), source, "before {step}, {number} of {steps:?}");
                // Nor does the next copy, when it is killed too, empty it by a name that is left.
                for next in [1, 2] {
                    assert_eq!(run(true, next).status.signal(), Some(libc::SIGKILL));
                    assert_eq!(seen(&copy), source, "before {step}, {number} of {steps:?}");
                }
            }
            // The next one gets past whatever is left.
            assert!(run(true, u64::MAX).status.success(), "after {step}");
            assert_eq!(seen(&copy), source, "after {step}");
            assert_eq!(place.others(), ["copy.db"], "after {step}");
        }
        std::fs::remove_file(&copy).unwrap();
    }
    assert_eq!(seen(&place.path("app.db")), source);
}
