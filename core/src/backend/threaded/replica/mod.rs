//! Replicas of the database that are kept up to date, each by a thread of its own.
//!
//! What a transaction has written stays in the log until the log begins anew, so the thread reads it
//! there some time after the commit. It holds no read transaction for that, and no checkpoint waits
//! for it: what is still unread when the log may begin anew is read just before, on the thread that
//! is about to checkpoint, into memory. How much that may be is bounded; beyond it the replica goes
//! on with all pages of the database, as after anything else that it could not follow.

mod batch;
mod capture;
mod hold;
mod keep;
mod owner;
mod pages;
mod run;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::Shared;
use crate::backend::replica::{ReplicaBacklog, ReplicaControl, ReplicaOptions, ReplicaOrder};
use crate::backend::{Reply, call};
use crate::error::{Error, ErrorKind};
use crate::replicate::ReplicaStorage;
use capture::Capture;

/// The replicas of one database.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    /// Whether there is one.
    some: AtomicBool,
    all: Mutex<Vec<Arc<Following>>>,
}

/// A replica that follows the database.
struct Following {
    control: Arc<ReplicaControl>,
    options: ReplicaOptions,
    storage: Arc<dyn ReplicaStorage>,
    capture: Mutex<Capture>,
    /// The thread knows that there is something to read.
    told: AtomicBool,
    /// Its connections must be closed: the file is needed alone, or the database closes.
    leave: AtomicBool,
    /// Whether a connection reads all pages.
    reading: Mutex<bool>,
    read: Condvar,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Replicas {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Following>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Must be called after every commit.
    #[inline]
    pub(super) fn committed(&self) {
        if self.some.load(Ordering::Relaxed) {
            for replica in self.all().iter() {
                replica.tell();
            }
        }
    }

    /// Must be called before something that may let the log begin anew.
    #[inline]
    pub(super) fn before_restart(&self, shared: &Shared) {
        if self.some.load(Ordering::Relaxed) {
            let all = self.all().clone();
            for replica in all {
                replica.capture().read_before_restart(shared, &replica.options);
            }
        }
    }

    /// Stores what is committed, for as long as each replica's options say, and ends them all. Then
    /// none of them has a connection.
    pub(super) fn finish(&self) {
        let all = self.all().clone();
        // All at once: one that is slow takes no time from the others, nor they from it.
        let until = |replica: &Following| Instant::now() + replica.options.close_timeout;
        let all: Vec<_> = all.into_iter().map(|replica| (until(&replica), replica)).collect();
        for (until, replica) in &all {
            replica.control.ask_to_stop(*until);
        }
        for (until, replica) in all {
            replica.control.wait_for_end(until);
            replica.leave();
        }
    }

    fn remove(&self, replica: &Arc<Following>) {
        let mut all = self.all();
        all.retain(|other| !Arc::ptr_eq(other, replica));
        self.some.store(!all.is_empty(), Ordering::Relaxed);
    }
}

impl Following {
    fn capture(&self) -> MutexGuard<'_, Capture> {
        self.capture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        if !self.told.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::AcqRel) {
            self.control.notify();
        }
    }

    /// Closes its connections, and keeps them closed.
    fn leave(&self) {
        self.leave.store(true, Ordering::SeqCst);
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let still = |reading: &mut bool| *reading;
        drop(self.read.wait_while(reading, still).unwrap_or_else(PoisonError::into_inner));
        self.capture().close();
    }

    fn must_leave(&self) -> bool {
        self.leave.load(Ordering::SeqCst)
    }
}

impl ReplicaBacklog for Following {
    fn backlog(&self, stored: u64) -> (u64, u64) {
        self.capture().backlog(stored)
    }
}

/// Keeps the connections of all replicas closed until this is dropped, for a statement that needs
/// the file alone. What it did is not in the log.
#[derive(Debug)]
pub(super) struct PausedReplicas(Vec<Arc<Following>>);

impl PausedReplicas {
    pub(super) fn of(shared: &Shared) -> Self {
        let all = shared.replicas.all().clone();
        for replica in &all {
            replica.leave();
        }
        Self(all)
    }
}

impl Drop for PausedReplicas {
    fn drop(&mut self) {
        for replica in &self.0 {
            replica.capture().lose(crate::backend::replica::SnapshotReason::JournalMode);
            replica.leave.store(false, Ordering::SeqCst);
            replica.tell();
        }
    }
}

/// How long a thread may wait until others have changed something without being told.
const LOOK: Duration = Duration::from_millis(500);

/// Begins a replica. The reply is ready once what is committed from now on will be stored.
pub(super) fn begin(shared: &Arc<Shared>, order: ReplicaOrder) -> Reply<()> {
    let (completer, call) = call();
    let replica = Arc::new(Following {
        control: order.control,
        options: order.options,
        storage: order.storage,
        capture: Mutex::default(),
        told: AtomicBool::new(false),
        leave: AtomicBool::new(false),
        reading: Mutex::new(false),
        read: Condvar::new(),
    });
    {
        let mut all = shared.replicas.all();
        all.push(Arc::clone(&replica));
        shared.replicas.some.store(true, Ordering::Relaxed);
    }
    let backlog: Weak<dyn ReplicaBacklog> = Arc::<Following>::downgrade(&replica);
    replica.control.set_backlog(backlog);
    let (on_thread, own) = (Arc::clone(shared), Arc::clone(&replica));
    let thread = std::thread::Builder::new().name("ubiqlite-replica".into());
    let spawned = thread.spawn(move || run::follow(&on_thread, &own, completer));
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => {
            shared.replicas.remove(&replica);
            Reply::err(Error::new(ErrorKind::Io, format!("can't start a thread: {error}")))
        }
    }
}
