//! At every moment at which something is written, the process is killed or the
//! power fails.

use ubiqlite::{ErrorKind, JournalMode};

use crate::accounts::{NAME, advance, first, generation, options};
use crate::disk::{Crash, Disk, Image};
use crate::wait;

const LAST: i64 = 4;

/// Works on the disk until it crashes, and answers the last generation that was
/// acknowledged; `None` in the second place if it did not crash.
fn work(vfs: &str, disk: &Disk, mode: JournalMode, crash_at: Option<usize>) -> (i64, Option<()>) {
    if let Some(at) = crash_at {
        disk.crash_at(at);
    }
    let mut done = 1;
    if let Ok(db) = options(vfs, mode).open_local(NAME) {
        while done < LAST && wait(advance(&db, done + 1)).is_ok() {
            done += 1;
        }
        // What closing does is to be survived as well.
        let _ = wait(db.close());
    }
    assert_eq!(disk.open_files(), 0);
    (done, disk.has_crashed().then_some(()))
}

/// What is wrong with what a crash left, if anything.
fn examine(vfs: &str, disk: &Disk, mode: JournalMode, image: &Image, done: i64) -> Option<String> {
    disk.insert(image);
    let db = match options(vfs, mode).open_local(NAME) {
        Ok(db) => db,
        Err(error) => return Some(format!("it does not open: {error}")),
    };
    let found = match wait(generation(&db)) {
        Ok(found) if found == done || found == done + 1 => found,
        Ok(found) => return Some(format!("generation {found}, but {done} was acknowledged")),
        Err(wrong) => return Some(wrong),
    };
    if let Err(error) = wait(advance(&db, found + 1)) {
        return Some(format!("it does not go on: {error}"));
    }
    let after = wait(generation(&db));
    wait(db.close()).unwrap();
    (after != Ok(found + 1)).then(|| format!("after going on: {after:?}"))
}

/// What goes wrong in all crashes of all kinds, and how many there were.
pub(crate) fn all(vfs: &str, disk: &Disk, mode: JournalMode) -> (Vec<String>, usize) {
    let start = first(vfs, disk);
    let (mut wrong, mut crashes) = (Vec::new(), 0);
    for at in 0.. {
        disk.insert(&start);
        let (done, Some(())) = work(vfs, disk, mode, Some(at)) else { break };
        let seed = at as u64;
        let kinds = [
            Crash::Killed,
            Crash::PowerNothing,
            Crash::PowerSome(2 * seed),
            Crash::PowerSome(2 * seed + 1),
        ];
        for (kind, image) in kinds.map(|kind| (kind, disk.image(kind))) {
            crashes += 1;
            if let Some(what) = examine(vfs, disk, mode, &image, done) {
                wrong.push(format!("{mode:?}, change {at}, {kind:?}: {what}"));
            }
        }
    }
    (wrong, crashes)
}

fn survives(mode: JournalMode) {
    let vfs = format!("kills-{mode:?}");
    let disk = Disk::default();
    ubiqlite::vfs::register(&vfs, disk.clone()).unwrap();
    let (wrong, crashes) = all(&vfs, &disk, mode);
    assert!(wrong.is_empty(), "{} of {crashes} crashes:\n{}", wrong.len(), wrong.join("\n"));
    println!("{mode:?}: {crashes} crashes");
    assert!(crashes > 100, "only {crashes} crashes were tried");
}

#[test]
fn with_a_log_every_crash_leaves_all_or_nothing() {
    survives(JournalMode::Wal);
}

#[test]
fn with_a_deleted_journal_every_crash_leaves_all_or_nothing() {
    survives(JournalMode::Delete);
}

#[test]
fn with_a_truncated_journal_every_crash_leaves_all_or_nothing() {
    survives(JournalMode::Truncate);
}

#[test]
fn with_a_persistent_journal_every_crash_leaves_all_or_nothing() {
    survives(JournalMode::Persist);
}

#[test]
fn a_crash_while_a_crash_is_repaired_leaves_all_or_nothing() {
    for mode in [JournalMode::Delete, JournalMode::Persist, JournalMode::Wal] {
        let vfs = format!("twice-{mode:?}");
        let disk = Disk::default();
        ubiqlite::vfs::register(&vfs, disk.clone()).unwrap();
        let start = first(&vfs, &disk);
        let mut again = 0;
        for at in (0..).step_by(7) {
            disk.insert(&start);
            let (done, Some(())) = work(&vfs, &disk, mode, Some(at)) else { break };
            let left = disk.image(Crash::PowerSome(at as u64));
            for second in (0..).step_by(3) {
                disk.insert(&left);
                disk.crash_at(second);
                // Opening and reading repairs; nothing else is written.
                if let Ok(db) = options(&vfs, mode).open_local(NAME) {
                    let _ = wait(generation(&db));
                    let _ = wait(db.close());
                }
                if !disk.has_crashed() {
                    break;
                }
                again += 1;
                let image = disk.image(Crash::PowerSome(second as u64));
                let wrong = examine(&vfs, &disk, mode, &image, done);
                assert_eq!(wrong, None, "{mode:?}, changes {at} and {second}");
            }
        }
        println!("{mode:?}: {again} crashes in a repair");
        assert!(again > 50, "{mode:?}: only {again} crashes in a repair");
    }
}

#[test]
fn a_commit_that_waits_for_no_disk_survives_the_end_of_the_process() {
    use ubiqlite::Synchronous;
    for synchronous in [Synchronous::Off, Synchronous::Normal] {
        for mode in [JournalMode::Wal, JournalMode::Delete, JournalMode::Persist] {
            let vfs = format!("lazy-{mode:?}-{synchronous:?}");
            let disk = Disk::default();
            ubiqlite::vfs::register(&vfs, disk.clone()).unwrap();
            let start = first(&vfs, &disk);
            for at in 0.. {
                disk.insert(&start);
                disk.crash_at(at);
                let mut done = 1;
                let options = options(&vfs, mode).synchronous(synchronous);
                if let Ok(db) = options.open_local(NAME) {
                    while done < LAST && wait(advance(&db, done + 1)).is_ok() {
                        done += 1;
                    }
                    let _ = wait(db.close());
                }
                if !disk.has_crashed() {
                    break;
                }
                let image = disk.image(Crash::Killed);
                let wrong = examine(&vfs, &disk, mode, &image, done);
                assert_eq!(wrong, None, "{mode:?}, {synchronous:?}, change {at}");
            }
        }
    }
}

#[test]
fn a_disk_that_fails_is_told_as_such() {
    let disk = Disk::default();
    ubiqlite::vfs::register("fails", disk.clone()).unwrap();
    let start = first("fails", &disk);
    disk.insert(&start);
    let db = options("fails", JournalMode::Wal).open_local(NAME).unwrap();
    wait(advance(&db, 2)).unwrap();
    disk.crash_at(0);
    let error = wait(advance(&db, 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}
