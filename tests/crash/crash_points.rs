//! The process is killed or the power fails, at every moment at which something is written.

use ubiqlite::{ErrorKind, JournalMode, Synchronous};

use crate::accounts::{Accounts, LARGE};
use crate::disk::{Crash, Image};
use crate::wait;

/// The generation at which a run ends.
const LAST: i64 = 4;

impl Accounts {
    /// Works until the disk fails at this change, and returns the last generation
    /// that was acknowledged; `None` if it did not fail.
    fn work(&self, crash_at: usize) -> Option<i64> {
        self.disk.crash_at(crash_at);
        let mut done = 1;
        if let Ok(db) = self.open() {
            while done < LAST && wait(self.advance(&db, done + 1)).is_ok() {
                done += 1;
            }
            // A crash while closing must be survived as well.
            let _ = wait(db.close());
        }
        assert_eq!(self.disk.open_files(), 0);
        self.disk.has_crashed().then_some(done)
    }

    /// Returns what is wrong with the files that a crash left, if anything.
    fn examine(&self, image: &Image, done: i64) -> Option<String> {
        self.disk.insert(image);
        let db = match self.open() {
            Ok(db) => db,
            Err(error) => return Some(format!("it does not open: {error}")),
        };
        let found = match wait(self.generation(&db)) {
            Ok(found) if found == done || found == done + 1 => found,
            Ok(found) => return Some(format!("generation {found}, but {done} was acknowledged")),
            Err(wrong) => return Some(wrong),
        };
        if let Err(error) = wait(self.advance(&db, found + 1)) {
            return Some(format!("it does not go on: {error}"));
        }
        let after = wait(self.generation(&db));
        wait(db.close()).unwrap();
        (after != Ok(found + 1)).then(|| format!("after going on: {after:?}"))
    }

    /// Returns what goes wrong in a crash of each of these kinds at each change, and the number
    /// of crashes.
    pub(crate) fn crash(&self, kinds: impl Fn(usize) -> Vec<Crash>) -> (Vec<String>, usize) {
        self.crash_each(kinds, |_| {})
    }

    /// As [`crash`](Self::crash), and calls `torn` with the files that are wrong.
    pub(crate) fn crash_each(
        &self,
        kinds: impl Fn(usize) -> Vec<Crash>,
        mut torn: impl FnMut(Image),
    ) -> (Vec<String>, usize) {
        let start = self.first();
        let (mut wrong, mut crashes) = (Vec::new(), 0);
        for at in 0.. {
            let kinds = kinds(at);
            if kinds.is_empty() {
                continue;
            }
            self.disk.insert(&start);
            let Some(done) = self.work(at) else { break };
            let images: Vec<_> =
                kinds.into_iter().map(|kind| (kind, self.disk.image(kind))).collect();
            for (kind, image) in images {
                crashes += 1;
                if let Some(what) = self.examine(&image, done) {
                    wrong.push(format!("{}, change {at}, {kind:?}: {what}", self.vfs));
                    torn(image);
                }
            }
        }
        println!("{}: {crashes} crashes", self.vfs);
        (wrong, crashes)
    }

    fn survives(&self, kinds: impl Fn(usize) -> Vec<Crash>) {
        let (wrong, crashes) = self.crash(kinds);
        assert!(wrong.is_empty(), "{} of {crashes} crashes:\n{}", wrong.len(), wrong.join("\n"));
        assert!(crashes >= 20, "only {crashes} crashes were tried");
    }
}

/// Every kind of crash; the result of some is random.
pub(crate) fn every_kind(at: usize) -> Vec<Crash> {
    let seed = 2 * at as u64;
    vec![Crash::Killed, Crash::PowerNothing, Crash::PowerSome(seed), Crash::PowerSome(seed + 1)]
}

fn only_killed(_at: usize) -> Vec<Crash> {
    vec![Crash::Killed]
}

#[test]
fn with_a_log_every_crash_leaves_all_or_nothing() {
    Accounts::new("log", JournalMode::Wal).survives(every_kind);
}

#[test]
fn with_a_deleted_journal_every_crash_leaves_all_or_nothing() {
    Accounts::new("deleted", JournalMode::Delete).survives(every_kind);
}

#[test]
fn with_a_truncated_journal_every_crash_leaves_all_or_nothing() {
    Accounts::new("truncated", JournalMode::Truncate).survives(every_kind);
}

#[test]
fn with_a_persistent_journal_every_crash_leaves_all_or_nothing() {
    Accounts::new("persistent", JournalMode::Persist).survives(every_kind);
}

#[test]
fn a_transaction_larger_than_what_is_gathered_is_all_or_nothing_too() {
    let mut accounts = Accounts::new("large", JournalMode::Wal);
    accounts.bulk = LARGE;
    // Most of the changes are pages that a checkpoint copies.
    accounts.survives(|at| if at < 60 || at % 20 == 0 { every_kind(at) } else { Vec::new() });
}

#[test]
fn a_commit_that_waits_for_no_disk_survives_the_end_of_the_process() {
    for synchronous in [Synchronous::Off, Synchronous::Normal] {
        for mode in [JournalMode::Wal, JournalMode::Delete, JournalMode::Persist] {
            let mut accounts = Accounts::new(format!("{mode:?}-{synchronous:?}"), mode);
            accounts.synchronous = synchronous;
            accounts.survives(only_killed);
        }
    }
}

#[test]
fn a_crash_while_a_crash_is_repaired_leaves_all_or_nothing() {
    for mode in [JournalMode::Delete, JournalMode::Persist, JournalMode::Wal] {
        let accounts = Accounts::new(format!("repair-{mode:?}"), mode);
        let disk = &accounts.disk;
        let start = accounts.first();
        let mut again = 0;
        for at in (0..).step_by(7) {
            disk.insert(&start);
            let Some(done) = accounts.work(at) else { break };
            let left = disk.image(Crash::PowerSome(at as u64));
            for second in (0..).step_by(3) {
                disk.insert(&left);
                disk.crash_at(second);
                // Opening and reading repair the files; nothing else is written.
                if let Ok(db) = accounts.open() {
                    let _ = wait(accounts.generation(&db));
                    let _ = wait(db.close());
                }
                if !disk.has_crashed() {
                    break;
                }
                again += 1;
                let image = disk.image(Crash::PowerSome(second as u64));
                let wrong = accounts.examine(&image, done);
                assert_eq!(wrong, None, "{mode:?}, changes {at} and {second}");
            }
        }
        println!("{mode:?}: {again} crashes in a repair");
        assert!(again > 50, "{mode:?}: only {again} crashes in a repair");
    }
}

#[test]
fn a_disk_that_fails_is_told_as_such() {
    let accounts = Accounts::new("fails", JournalMode::Wal);
    accounts.disk.insert(&accounts.first());
    let db = accounts.open().unwrap();
    wait(accounts.advance(&db, 2)).unwrap();
    accounts.disk.crash_at(0);
    let error = wait(accounts.advance(&db, 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}
