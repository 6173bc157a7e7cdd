//! Commits of other processes, and of other connections in this one: noticed while somebody watches
//! for commits.
//!
//! A thread waits for a write to the log, and then looks at the number of commits in the wal-index.
//! The frames are written first, and perhaps synced, before that changes, so it looks for a while.
//! Meanwhile writes are not reported to it, which would cost each of them a tenth of its time.
//! Connections of this database account for their own commits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Shared;
use crate::changes::{Account, WrittenPages};
use crate::engine::{Connection, Role};
use crate::platform::file_watch::{FileWatch, Woken};

/// The first pause between two looks after a write; each further one is twice as long.
const SHORTEST: Duration = Duration::from_micros(20);
const LONGEST: Duration = Duration::from_millis(1);

/// How long a write may take to become a commit: so long it is looked for before the next write is
/// to be reported, and once more after that. One that takes longer is found with the next write, or
/// when the wait for that has taken its time.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often this thread gives others a turn, for the writer to end its work.
const MOMENTS: u32 = 64;

/// After how long a connection that could not be opened is opened again.
const AGAIN: Duration = Duration::from_millis(100);

/// For how many looks, soon after one another, a commit may be one of this database's: it was
/// accounted for between the look at the log and that at who is committing.
const DOUBTS: u32 = 1;

/// The thread that looks for commits of others.
#[derive(Debug, Default)]
pub(super) struct ForeignCommits(Mutex<Lookouts>);

#[derive(Debug, Default)]
struct Lookouts {
    now: Option<Lookout>,
    /// Those that were told to end: each has its connection for another moment.
    ending: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Lookout {
    watch: Arc<FileWatch>,
    thread: JoinHandle<()>,
}

impl ForeignCommits {
    fn lookouts(&self) -> MutexGuard<'_, Lookouts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to look, if nothing does so yet.
    pub(super) fn begin(&self, shared: &Arc<Shared>) {
        let mut lookouts = self.lookouts();
        // Closing waits for the thread that it finds here: none may begin after that.
        if lookouts.now.is_some() || shared.is_closed() {
            return;
        }
        // From here on, each commit is either accounted for or noticed. A writer that is in use has
        // mostly ended its work, and lets go a moment later; if it does not, the thread's own
        // connection tells where the log ends. What is being committed meanwhile may count as
        // another's, and the queries run once more.
        let mut connection = None;
        let mut known = false;
        for _ in 0..MOMENTS {
            if let Some(mut guard) = shared.writer.slot.try_connection() {
                if let Some(position) = guard.as_mut().and_then(Connection::log_position) {
                    shared.observation.begin_accounts(position);
                }
                known = true;
                break;
            }
            std::thread::yield_now();
        }
        if !known {
            connection = shared.connect(Role::Reader).ok();
            if let Some(position) = connection.as_mut().and_then(Connection::log_position) {
                shared.observation.begin_accounts(position);
            }
        }
        // What is in memory, or kept by a host, is nobody else's.
        if shared.options.vfs.is_some() {
            return;
        }
        let mut log = shared.path.clone().into_os_string();
        log.push("-wal");
        let Some(watch) = FileWatch::new(&[shared.path.as_path(), log.as_ref()]) else { return };
        let watch = Arc::new(watch);
        let (own, shared) = (Arc::clone(&watch), Arc::downgrade(shared));
        let thread = std::thread::Builder::new().name("ubiqlite-watch".into());
        if let Ok(thread) = thread.spawn(move || look_out(&shared, &own, connection)) {
            lookouts.now = Some(Lookout { watch, thread });
        }
    }

    /// Ends looking, without waiting for the thread's end.
    pub(super) fn end(&self) {
        let mut lookouts = self.lookouts();
        let Some(Lookout { watch, thread }) = lookouts.now.take() else { return };
        watch.stop();
        lookouts.ending.retain(|ending| !ending.is_finished());
        lookouts.ending.push(thread);
    }

    /// Ends looking, and returns once no thread has a connection for it. Returns whether one was
    /// looking.
    pub(super) fn join(&self) -> bool {
        let Lookouts { now, mut ending } = std::mem::take(&mut *self.lookouts());
        let looking = now.is_some();
        if let Some(Lookout { watch, thread }) = now {
            watch.stop();
            ending.push(thread);
        }
        for thread in ending {
            // It does not panic.
            let _ = thread.join();
        }
        looking
    }
}

/// Keeps the thread's connection closed until this is dropped.
#[derive(Debug)]
pub(super) struct PausedLookout(Option<Arc<Shared>>);

impl PausedLookout {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(shared.foreign.join().then(|| Arc::clone(shared)))
    }
}

impl Drop for PausedLookout {
    fn drop(&mut self) {
        if let Some(shared) = &self.0
            && !shared.observation.interest().1.is_empty()
            && !shared.is_closed()
        {
            shared.foreign.begin(shared);
            // Nobody was looking in between.
            shared.observation.report_foreign(None, true);
        }
    }
}

fn look_out(shared: &Weak<Shared>, watch: &FileWatch, connection: Option<Connection>) {
    let mut connection = connection;
    let mut data = None;
    let mut woken = Woken::Waited;
    while woken != Woken::Stopped {
        let Some(shared) = shared.upgrade() else { return };
        let connection = match &mut connection {
            Some(connection) => connection,
            None => match shared.connect(Role::Reader) {
                Ok(opened) => connection.insert(opened),
                // There may be no descriptor left, or a lock. Others commit meanwhile.
                Err(_) => {
                    shared.observation.report_foreign(None, true);
                    drop(shared);
                    std::thread::sleep(AGAIN);
                    woken = watch.wait();
                    continue;
                }
            },
        };
        match look(&shared, watch, connection, &mut data, woken == Woken::Written) {
            LookResult::Nothing => {
                drop(shared);
                woken = watch.wait();
                continue;
            }
            LookResult::Commits(None) => shared.observation.report_foreign(None, true),
            LookResult::Commits(Some(pages)) => {
                let another = pages.first && {
                    let schema = connection.integer("PRAGMA schema_version").ok();
                    shared.observation.is_new_schema(schema)
                };
                shared.observation.report_foreign(Some(pages), another);
            }
        }
        drop(shared);
        // More may have come, and the next write is not reported.
        woken = if watch.is_stopped() { Woken::Stopped } else { Woken::Written };
    }
}

/// What others have committed.
enum LookResult {
    Nothing,
    /// On these pages, if they are known.
    Commits(Option<WrittenPages>),
}

/// Looks until there is a commit of others, or none any more to be expected; `written`: the log was
/// just written to, so one may be on its way.
fn look(
    shared: &Shared,
    watch: &FileWatch,
    connection: &mut Connection,
    data: &mut Option<i64>,
    written: bool,
) -> LookResult {
    let start = Instant::now();
    let (mut pause, mut doubts) = (SHORTEST, 0);
    // Since when the next write is reported: what came before is looked for after that as well.
    let mut armed = (!written).then_some(start);
    // When there was first something that is not accounted for.
    let mut since = None;
    loop {
        let Some(position) = connection.log_position() else {
            watch.arm();
            // Outside WAL mode: SQLite compares the number in the file's header.
            let version = connection.integer("PRAGMA data_version").ok();
            let before = std::mem::replace(data, version);
            // The first time, a commit may have come before this connection.
            let changed = version.is_none() || before != version;
            if version.is_none() {
                // Somebody has the file locked, perhaps for long.
                watch.wait();
            }
            return if changed { LookResult::Commits(None) } else { LookResult::Nothing };
        };
        if shared.observation.is_accounted(&position) {
            if !written || armed.is_some_and(|armed: Instant| armed.elapsed() > PATIENCE) {
                return LookResult::Nothing;
            }
            (doubts, since) = (0, None);
        } else if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE
            || !shared.observation.is_accounting()
        {
            (doubts, pause) = (doubts + 1, SHORTEST);
            if doubts > DOUBTS {
                let Account { foreign, frames } = shared.observation.account(0, position);
                if foreign {
                    return LookResult::Commits(
                        frames.and_then(|frames| connection.pages_of(frames)),
                    );
                }
                (doubts, since) = (0, None);
            }
        }
        if armed.is_none() && start.elapsed() > PATIENCE {
            watch.arm();
            armed = Some(Instant::now());
        }
        if watch.is_stopped() {
            return LookResult::Nothing;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::backend::Backend;
    use crate::backend::threaded::Threaded;
    use crate::options::Options;

    #[tokio::test]
    async fn whoever_begins_to_watch_while_it_closes_opens_no_connection_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let backend = Threaded::open(&path, Options::default()).await.unwrap();
        let shared = Arc::clone(&backend.shared);
        shared.foreign.begin(&shared);
        assert!(shared.foreign.lookouts().now.is_some());
        backend.close().await.unwrap();
        shared.foreign.begin(&shared);
        assert!(shared.foreign.lookouts().now.is_none());
    }

    #[tokio::test]
    async fn closing_waits_for_a_thread_that_has_just_been_told_to_end() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("app.db");
            let backend = Threaded::open(&path, Options::default()).await.unwrap();
            let shared = Arc::clone(&backend.shared);
            for _ in 0..3 {
                shared.foreign.begin(&shared);
                shared.foreign.end();
            }
            let ending = shared.foreign.lookouts().ending.len();
            assert!((1..=3).contains(&ending), "{ending}");
            backend.close().await.unwrap();
            assert!(shared.foreign.lookouts().ending.is_empty());
            let left: Vec<_> = folder.path().read_dir().unwrap().map(|it| it.unwrap()).collect();
            assert_eq!(left.len(), 1, "the last connection removes the log: {left:?}");
        }
    }
}
