//! Reads of short work: none waits for the disk, and all together take a bounded time.
//!
//! A statement on a caller's thread may be stopped between two steps of SQLite's virtual machine.
//! But a single step may visit a whole table, or a row of many megabytes, page by page, and a page
//! may have to come from the disk. So SQLite's calls of `pread` go through here. On a thread that
//! does short work, a call fails if the page is not in the system's memory (`RWF_NOWAIT`, on
//! Linux), or if the reads have taken too long. The statement fails, is undone, and runs again on a
//! thread that may wait.
//!
//! Inside a holder's transaction or snapshot, and in a write, no read is refused: SQLite takes a
//! refused read for an error of the disk, and ends the transaction. There a read waits for a page
//! that is not in memory, and a statement whose reads have then taken too long is interrupted, which
//! ends a holder's read or undoes the write. So a holder's short work waits for the disk once, and
//! the next [`READS_OFF_INLINE`](super::inline::READS_OFF_INLINE) reads of that connection don't try.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::ffi;

/// How long the reads of short work may take, from the fifth on.
#[cfg(not(test))]
fn patience() -> Duration {
    Duration::from_micros(300)
}

/// How many reads pass before the clock is checked: a point read has no more, and each takes about
/// a microsecond if it does not wait.
const UNTIMED: u8 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadTiming {
    /// Reads wait as long as they must.
    Off,
    /// This many reads were made, and the clock was not checked yet.
    Fresh(u8),
    /// When the clock was first checked.
    Since(Instant),
    /// A read was refused, or the statement interrupted. Undoing the work may read again.
    Stopped,
}

thread_local! {
    static STATE: Cell<ReadTiming> = const { Cell::new(ReadTiming::Off) };
    /// A read was refused, or the work interrupted.
    static GIVEN_UP: Cell<bool> = const { Cell::new(false) };
    /// The connection whose transaction must be kept; null where reads may be refused.
    static HOLDER: Cell<*mut ffi::sqlite3> = const { Cell::new(std::ptr::null_mut()) };
}

/// Starts treating this thread's reads as short work. `holder` is the connection if it has a
/// transaction that must be kept, else null: then reads may be refused.
///
/// # Safety
/// `holder` is null, or open until [`end`], and none of its statements runs now.
#[inline]
pub(crate) unsafe fn begin(holder: *mut ffi::sqlite3) {
    STATE.set(ReadTiming::Fresh(0));
    GIVEN_UP.set(false);
    HOLDER.set(holder);
}

/// Ends short work. Returns whether a read was refused, or the statement interrupted.
#[inline]
pub(crate) fn end() -> bool {
    STATE.replace(ReadTiming::Off) == ReadTiming::Stopped
}

/// Notes that short work on this thread is interrupted in the middle.
pub(crate) fn give_up() {
    GIVEN_UP.set(STATE.get() != ReadTiming::Off);
}

/// Whether the short work of this thread was stopped in the middle, by a refused read or by
/// [`give_up`]: then nothing of it may be committed or returned, even if it has succeeded.
///
/// The error does not always become the statement's. A virtual table runs statements of its own,
/// and R-Tree, for one, tries a read that has failed once more. By then SQLite has rolled back the
/// transaction because of the failed read, and what follows is a part of the work without its
/// beginning.
#[inline]
pub(crate) fn has_given_up() -> bool {
    STATE.get() != ReadTiming::Off && GIVEN_UP.get()
}

/// Whether short work may read more; must be called before each read.
fn may_read() -> bool {
    match STATE.get() {
        ReadTiming::Off | ReadTiming::Stopped => true,
        ReadTiming::Fresh(reads) => {
            STATE.set(if reads < UNTIMED {
                ReadTiming::Fresh(reads + 1)
            } else {
                ReadTiming::Since(Instant::now())
            });
            true
        }
        ReadTiming::Since(start) if start.elapsed() < patience() => true,
        ReadTiming::Since(_) => {
            STATE.set(ReadTiming::Stopped);
            false
        }
    }
}

/// Makes SQLite read through here, from the first connection on.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite initializes itself when its default VFS is looked for, and a
        // system call of that has the signature of its name; a VFS without this call
        // refuses it.
        unsafe {
            let vfs = ffi::sqlite3_vfs_find(std::ptr::null());
            let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) else { return };
            let read: unsafe extern "C" fn(c_int, *mut c_void, usize, libc::off_t) -> isize = pread;
            let read = std::mem::transmute::<*const (), unsafe extern "C" fn()>(read as *const ());
            set(vfs, c"pread".as_ptr(), Some(read));
        }
    });
}

unsafe extern "C" fn pread(
    file: c_int,
    into: *mut c_void,
    length: usize,
    at: libc::off_t,
) -> isize {
    if STATE.get() != ReadTiming::Off {
        let holder = HOLDER.get();
        if !may_read() {
            if holder.is_null() {
                give_up();
                // SAFETY: it is this thread's own.
                unsafe { refuse() };
                return -1;
            }
            // SAFETY: by the contract of `begin`.
            unsafe { ffi::sqlite3_interrupt(holder) };
        }
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        if STATE.get() != ReadTiming::Stopped
            // SAFETY: SQLite's own arguments.
            && let Some(read) = unsafe { read_now(file, into, length, at) }
        {
            if read >= 0 {
                return read;
            }
            if holder.is_null() {
                STATE.set(ReadTiming::Stopped);
                give_up();
                return read;
            }
            if let ReadTiming::Fresh(_) = STATE.get() {
                STATE.set(ReadTiming::Since(Instant::now()));
            }
            // SAFETY: SQLite's own arguments.
            let read = unsafe { libc::pread(file, into, length, at) };
            if !may_read() {
                // SAFETY: by the contract of `begin`.
                unsafe { ffi::sqlite3_interrupt(holder) };
            }
            return read;
        }
    }
    // SAFETY: SQLite's own arguments.
    unsafe { libc::pread(file, into, length, at) }
}

/// Reads what is in the system's memory. `None`: the file system, the kernel or a filter of system
/// calls can't tell, and nothing was read.
///
/// # Safety
/// As for `pread`.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
unsafe fn read_now(
    file: c_int,
    into: *mut c_void,
    length: usize,
    at: libc::off_t,
) -> Option<isize> {
    let piece = libc::iovec { iov_base: into, iov_len: length };
    // The bare system call, since libc's wrapper is a cancellation point, which costs a tenth of
    // it. The offset is in one register here, and the one for its upper half is ignored.
    // SAFETY: by this function's contract; the piece is described by what lives here.
    let read = unsafe {
        libc::syscall(
            libc::SYS_preadv2,
            file,
            &raw const piece,
            1 as libc::c_ulong,
            at,
            0 as libc::c_ulong,
            libc::RWF_NOWAIT,
        )
    };
    if read >= 0 {
        return isize::try_from(read).ok();
    }
    // SAFETY: it is this thread's own.
    let error = unsafe { *libc::__errno_location() };
    let cannot = [libc::EOPNOTSUPP, libc::ENOSYS, libc::EINVAL, libc::EPERM].contains(&error);
    (!cannot).then_some(-1)
}

/// # Safety
/// None needed; it sets the thread's own error number.
unsafe fn refuse() {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the error number is this thread's.
    unsafe {
        *libc::__errno_location() = libc::EAGAIN;
    }
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    // SAFETY: the error number is this thread's.
    unsafe {
        *libc::__error() = libc::EAGAIN;
    }
}

#[cfg(test)]
use tests::patience;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::inline::READS_OFF_INLINE;
    use crate::engine::{Connection, ReadOutcome, Role};
    use crate::options::Options;
    use crate::program::{Fetch, Program, Step};
    use crate::value::ValueRef;

    thread_local! {
        /// How many reads that are timed are quick; `None`: all of them.
        static QUICK: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// In tests the disk is slow only when they say so.
    pub(super) fn patience() -> Duration {
        match QUICK.get() {
            Some(0) => Duration::ZERO,
            quick => {
                QUICK.set(quick.map(|quick| quick - 1));
                Duration::from_secs(3600)
            }
        }
    }

    /// Runs `work` with a disk that is slow for this thread.
    pub(crate) fn with_slow_disk<T>(work: impl FnOnce() -> T) -> T {
        with_disk_slow_after(0, work)
    }

    /// The same, with a disk that becomes slow after so many of the reads that are timed.
    fn with_disk_slow_after<T>(reads: u32, work: impl FnOnce() -> T) -> T {
        QUICK.set(Some(reads));
        let done = work();
        QUICK.set(None);
        done
    }

    fn program(sql: &str) -> Program<'_> {
        Program::one(Step::new(sql, (), Fetch::All))
    }

    struct TestDatabase {
        writer: Connection,
        reader: Connection,
        _folder: tempfile::TempDir,
    }

    /// A database of about 100 pages, none of them in the reader's own cache.
    fn database() -> TestDatabase {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let open = |role| Connection::open(&path, &Options::default(), role).unwrap();
        let mut writer = open(Role::Writer);
        for sql in [
            "CREATE TABLE t (n INTEGER, text TEXT)",
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100)
             INSERT INTO t SELECT 1, printf('%.3000c', 'x') FROM s",
            "PRAGMA wal_checkpoint(TRUNCATE)",
        ] {
            writer.run_whole(&program(sql)).unwrap();
        }
        let reader = open(Role::Reader);
        TestDatabase { writer, reader, _folder: folder }
    }

    /// Returns what the reader finds with a slow disk, on a caller's thread.
    fn briefly(reader: &mut Connection, sql: &str) -> ReadOutcome {
        with_slow_disk(|| reader.read_inline(&program(sql)))
    }

    fn number(read: ReadOutcome) -> i64 {
        let ReadOutcome::Done(Ok(output)) = read else { panic!("{read:?}") };
        match output.steps[0].rows.first_value() {
            Some(ValueRef::Integer(number)) => number,
            other => panic!("{other:?}"),
        }
    }

    const SUM: &str = "SELECT sum(n) FROM t";

    #[test]
    fn a_slow_read_of_a_holder_goes_elsewhere_and_its_moment_stays() {
        let TestDatabase { mut writer, mut reader, _folder } = database();
        reader.begin_snapshot().unwrap();
        writer.run_whole(&program("UPDATE t SET n = 2")).unwrap();
        let read = briefly(&mut reader, SUM);
        assert!(matches!(read, ReadOutcome::OverBudget), "{read:?}");
        assert!(!reader.has_lost_moment());
        for _ in 0..READS_OFF_INLINE {
            let read = reader.read_inline(&program(SUM));
            assert!(
                matches!(read, ReadOutcome::OverBudget),
                "tried though the disk is slow: {read:?}"
            );
        }
        assert_eq!(number(reader.read(&program(SUM), None)), 100);
        assert_eq!(number(reader.read_inline(&program(SUM))), 100);
        reader.end_snapshot();
        assert_eq!(number(reader.read(&program(SUM), None)), 200);
    }

    #[test]
    fn a_slow_read_of_nobody_is_refused_and_the_next_sees_the_newest_commit() {
        let TestDatabase { mut writer, mut reader, _folder } = database();
        let read = briefly(&mut reader, SUM);
        assert!(matches!(read, ReadOutcome::OverBudget), "{read:?}");
        writer.run_whole(&program("UPDATE t SET n = 2")).unwrap();
        assert_eq!(number(reader.read(&program(SUM), None)), 200);
    }

    #[test]
    fn an_interrupt_that_comes_too_late_does_not_reach_the_next_statement() {
        for rows in 1..40 {
            let TestDatabase { mut reader, _folder, .. } = database();
            reader.begin_snapshot().unwrap();
            let sql = format!("SELECT sum(n) FROM (SELECT n FROM t LIMIT {rows})");
            match briefly(&mut reader, &sql) {
                ReadOutcome::OverBudget => {}
                done => assert_eq!(number(done), rows),
            }
            assert_eq!(number(reader.read(&program(&sql), None)), rows);
            assert!(!reader.has_lost_moment());
        }
    }

    fn text(connection: &mut Connection, sql: &str) -> String {
        let output = connection.run_whole(&program(sql)).unwrap();
        match output.steps[0].rows.first_value() {
            Some(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_write_to_a_virtual_table_is_not_tried_where_it_may_be_stopped_in_the_middle() {
        let folder = tempfile::tempdir().unwrap();
        // With small pages and hardly a cache, a deletion that makes a node too small reads often.
        let options = Options::default().page_size(1024).cache_kib(10);
        let mut writer =
            Connection::open(&folder.path().join("a.db"), &options, Role::Writer).unwrap();
        for sql in [
            "CREATE VIRTUAL TABLE boxes USING rtree (id, low, high)",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
             INSERT INTO boxes SELECT i, i, i + 2 FROM n",
        ] {
            writer.run_whole(&program(sql)).unwrap();
        }
        for id in 1..=400_u32 {
            let sql = format!("DELETE FROM boxes WHERE id = {id}");
            let run = || writer.write_inline(&program(&sql));
            assert!(with_disk_slow_after(id % 37, run).is_none(), "it was tried");
            writer.run_whole(&program(&sql)).unwrap();
            assert!(!writer.in_transaction());
            let check = text(&mut writer, "SELECT rtreecheck('main', 'boxes')");
            assert_eq!(check, "ok", "after the deletion of {id}");
        }
    }
}
