//! At every write in turn there is no room.

use ubiqlite::{ErrorKind, JournalMode};

use crate::accounts::{NAME, advance, first, generation, options};
use crate::disk::{Disk, Full};
use crate::wait;

fn survives(mode: JournalMode, kind: fn(usize) -> Full) -> usize {
    let vfs = format!("full-{mode:?}-{:?}", kind(0));
    let disk = Disk::default();
    ubiqlite::vfs::register(&vfs, disk.clone()).unwrap();
    let start = first(&vfs, &disk);
    let mut failures = 0;
    for at in 0.. {
        let when = format!("{mode:?}, {:?}", kind(at));
        disk.insert(&start);
        let db = options(&vfs, mode).open_local(NAME).unwrap();
        wait(advance(&db, 2)).unwrap();
        disk.set_full(kind(at));
        let answer = wait(advance(&db, 3));
        if !disk.was_full() {
            break;
        }
        let reached = match answer {
            Ok(()) => 3,
            Err(error) => {
                failures += 1;
                assert_eq!(error.kind(), ErrorKind::DiskFull, "{when}: {error}");
                2
            }
        };
        // Also while there is no room, what was committed can be read.
        assert_eq!(wait(generation(&db)), Ok(reached), "{when}");
        disk.set_full(Full::Never);
        wait(advance(&db, reached + 1)).unwrap();
        assert_eq!(wait(generation(&db)), Ok(reached + 1), "{when}");
        wait(db.close()).unwrap();
        let again = options(&vfs, mode).open_local(NAME).unwrap();
        assert_eq!(wait(generation(&again)), Ok(reached + 1), "{when}");
        wait(again.close()).unwrap();
    }
    println!("{mode:?}, {:?}: {failures} failures", kind(0));
    failures
}

const MODES: [JournalMode; 4] =
    [JournalMode::Wal, JournalMode::Delete, JournalMode::Truncate, JournalMode::Persist];

#[test]
fn a_disk_without_room_for_larger_files_leaves_all_or_nothing_and_work_goes_on() {
    for mode in MODES {
        assert!(survives(mode, Full::Growing) > 0, "{mode:?}");
    }
}

#[test]
fn any_single_write_that_finds_no_room_leaves_all_or_nothing_and_work_goes_on() {
    for mode in MODES {
        assert!(survives(mode, Full::Once) > 0, "{mode:?}");
    }
}
