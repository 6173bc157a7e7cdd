//! Where a database's connections learn what to record, and report what they committed.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{Commit, Interest, KnownMigrations, WrittenPages};
use crate::platform::{MaybeSend, MaybeSync, Sendable};

/// Is told of commits.
pub trait CommitObserver: MaybeSend + MaybeSync {
    /// Reports a commit that has happened. Runs on the thread that committed, before the caller
    /// learns of it, so it must be short and must not call the database.
    fn committed(&self, commit: &Commit);
}

/// What the connections of one database share about their commits.
///
/// A connection reads the version before and after each of its writes. If it differs, what it has
/// recorded is too little, and it reports that anything may have changed. Thus a read that begins
/// after [`set_interest`](Self::set_interest) has either seen a commit, or is told of it.
#[derive(Default)]
pub struct Observation {
    version: AtomicU64,
    /// How often the tables that are recorded for the outbox, or the schema, were changed here.
    recorded: AtomicU64,
    state: Mutex<ObservationState>,
    accounted: Mutex<Accounted>,
    /// Commits of this database's connections that they have not accounted for yet.
    unaccounted: AtomicU32,
    /// Commits of this database's connections that have begun, and are not accounted for yet.
    committing: AtomicU32,
    migrations: KnownMigrations,
    /// Begins to look for commits that are not made here, and ends that.
    look_out: Mutex<Option<Sendable<Box<dyn LookOut>>>>,
}

/// Writers take turns, and account for a commit before the next one's turn: no more than these are
/// not accounted for at once.
const MOST_BLAMED: u32 = 2;

/// Called when somebody wants to know of commits, and when nobody does any more.
trait LookOut: MaybeSend {
    fn set(&self, wanted: bool);
}

impl<F: Fn(bool) + MaybeSend> LookOut for F {
    fn set(&self, wanted: bool) {
        self(wanted);
    }
}

/// The commits that are accounted for.
#[derive(Default)]
struct Accounted {
    /// Where the log ended after the last one.
    last: Option<LogPosition>,
    /// The version of the schema, as it was seen last.
    schema: Option<i64>,
    /// How many were taken for others', of which some may turn out to be of this database: its
    /// connections account for theirs a moment later. Until as many have, another's could hide
    /// behind them.
    blamed: u32,
}

/// Where a write-ahead log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPosition {
    /// How many commits there have been, as SQLite counts them: it wraps around, and begins anew
    /// when the log is recovered.
    pub(crate) commits: u32,
    /// How many frames the log holds.
    pub(crate) frames: u32,
    /// Another for each time that the log begins anew; `None` if it is not known.
    pub(crate) log: Option<u64>,
}

/// What was not accounted for before.
#[derive(Debug)]
pub(crate) struct Account {
    /// Others have committed as well, or it is not known who.
    pub(crate) foreign: bool,
    /// The frames of the log that hold all of it, if they are known.
    pub(crate) frames: Option<LogFrames>,
}

/// Frames of one log, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFrames {
    /// The log, as [`LogPosition`] has it.
    pub(crate) log: u64,
    pub(crate) frames: Range<u32>,
}

#[derive(Default)]
struct ObservationState {
    interest: Arc<Interest>,
    observer: Option<Sendable<Weak<dyn CommitObserver>>>,
}

impl Observation {
    fn state(&self) -> MutexGuard<'_, ObservationState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets who is told.
    pub fn observe(&self, observer: Weak<dyn CommitObserver>) {
        self.state().observer = Some(Sendable(observer));
    }

    /// Sets what is wanted from now on.
    pub fn set_interest(&self, interest: Arc<Interest>) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.interest, Arc::clone(&interest));
        self.version.fetch_add(1, Ordering::SeqCst);
        drop(state);
        if before.is_empty() != interest.is_empty() {
            // What was committed while nothing was wanted needs no account.
            *self.accounted.lock().unwrap_or_else(PoisonError::into_inner) = Accounted::default();
            let look_out = self.look_out.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(look_out) = &*look_out {
                look_out.0.set(!interest.is_empty());
            }
        }
        // What this thread reads next must not be older than the new version.
        fence(Ordering::SeqCst);
    }

    /// Returns what is known of the database's migrations.
    #[inline]
    pub(crate) fn migrations(&self) -> &KnownMigrations {
        &self.migrations
    }

    /// Returns the number of times that the tables recorded for the outbox may have changed.
    #[inline]
    pub(crate) fn recorded(&self) -> u64 {
        self.recorded.load(Ordering::Acquire)
    }

    /// Notes that they may have. Whoever has changed them has the right to write still.
    pub(crate) fn note_recorded(&self) {
        self.recorded.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the number of times that the interest was set.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Returns the version after a commit: a read that has not seen the commit has set it before.
    #[inline]
    pub(crate) fn version_after_commit(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.version.load(Ordering::SeqCst)
    }

    /// Returns what is wanted, and since which version.
    pub(crate) fn interest(&self) -> (u64, Arc<Interest>) {
        let state = self.state();
        (self.version.load(Ordering::SeqCst), Arc::clone(&state.interest))
    }

    /// Sets what is called when somebody wants to know of commits, and when nobody does any more.
    pub(crate) fn set_look_out(&self, look_out: impl Fn(bool) + MaybeSend + 'static) {
        *self.look_out.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Sendable(Box::new(look_out)));
    }

    /// Notes a commit of a connection of this database, for which it is about to account.
    pub(crate) fn note_own(&self) {
        self.unaccounted.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes back what was noted of commits that are not accounted for.
    pub(crate) fn forget_own(&self, commits: u32) {
        self.unaccounted.fetch_sub(commits, Ordering::SeqCst);
    }

    /// Notes that a connection of this database begins to commit, before others can see that.
    pub(crate) fn note_committing(&self) {
        self.committing.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes back that as many commits have begun: they are accounted for, or did not come about.
    pub(crate) fn end_committing(&self, commits: u32) {
        self.committing.fetch_sub(commits, Ordering::SeqCst);
    }

    /// Whether a connection of this database is committing, or about to account for a commit.
    pub(crate) fn is_accounting(&self) -> bool {
        let any = |commits: &AtomicU32| commits.load(Ordering::SeqCst) > 0;
        any(&self.committing) || any(&self.unaccounted)
    }

    /// Takes all that has been committed by now, as `position` says, as accounted for: nobody has
    /// wanted to know of it.
    pub(crate) fn begin_accounts(&self, position: impl FnOnce() -> LogPosition) {
        let mut accounted = self.accounted.lock().unwrap_or_else(PoisonError::into_inner);
        accounted.last = Some(position());
        // What they are committing now may be in it already.
        accounted.blamed = self.committing.load(Ordering::SeqCst);
    }

    /// Accounts for `own` commits of a connection of this database, and for whatever else has been
    /// committed by now, as `position` says.
    pub(crate) fn account(&self, own: u32, position: impl FnOnce() -> LogPosition) -> Account {
        let mut accounted = self.accounted.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget_own(own);
        // Read under the lock, so that accounts are in the order of the log.
        let now = position();
        let Some(before) = accounted.last.replace(now) else {
            return Account { foreign: true, frames: None };
        };
        let new = now.commits.wrapping_sub(before.commits);
        let doubted = own > 0 && accounted.blamed > 0;
        accounted.blamed = accounted.blamed.saturating_sub(own);
        if new > own {
            // Those that are visible and not accounted for yet have begun, and not ended, by now.
            let begun = self.committing.load(Ordering::SeqCst).saturating_sub(own);
            let blamed = accounted.blamed.saturating_add((new - own).min(begun));
            accounted.blamed = blamed.min(MOST_BLAMED);
        }
        let frames = match (before.log, now.log) {
            // Somebody else has accounted for them, and perhaps not reported yet. What this
            // connection has recorded is to count before its caller goes on.
            _ if new < own => None,
            (Some(log), Some(same)) if log == same && before.frames <= now.frames => {
                Some(LogFrames { log, frames: before.frames..now.frames })
            }
            // The log began anew, with this commit.
            (Some(_), Some(log)) if own == 1 && new == 1 => {
                Some(LogFrames { log, frames: 0..now.frames })
            }
            _ => None,
        };
        // A log that was recovered is counted from 0 again.
        let recovered = new == 0 && before.log == now.log && before.frames != now.frames;
        Account { foreign: doubted || recovered || new != own, frames }
    }

    /// Takes the version of the schema after commits that may have changed it, of which the caller
    /// then reports. Returns whether it is another than the last time.
    pub(crate) fn is_new_schema(&self, version: Option<i64>) -> bool {
        let mut accounted = self.accounted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut accounted.schema, version);
        version.is_none() || before != version
    }

    /// Whether all is accounted for that has been committed by now, as `position` says.
    pub(crate) fn is_accounted(&self, position: impl FnOnce() -> LogPosition) -> bool {
        let accounted = self.accounted.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that no account comes in between.
        let position = position();
        accounted.last.is_some_and(|last| {
            let same = last.log == position.log && last.log.is_some();
            last.commits == position.commits && (!same || last.frames == position.frames)
        })
    }

    /// Reports that others have committed something: what is on these `pages`, if that is known.
    pub(crate) fn report_foreign(&self, pages: Option<WrittenPages>, schema: bool) {
        let (_, interest) = self.interest();
        self.report(&match pages {
            Some(pages) => Commit::on_pages(interest, pages, schema),
            None => Commit::unknown(interest),
        });
    }

    /// Reports a commit.
    pub fn report(&self, commit: &Commit) {
        let observer = self.state().observer.clone();
        if let Some(observer) = observer.and_then(|observer| observer.0.upgrade()) {
            observer.committed(commit);
        }
    }
}

impl std::fmt::Debug for Observation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observation").field("version", &self.version()).finish_non_exhaustive()
    }
}
