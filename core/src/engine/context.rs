//! The caller that SQLite runs for, on the thread that runs it. With this, a call of another
//! language can be stopped and limited in time, although its future can't be dropped while the only
//! thread is inside SQLite.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

/// The running call of a foreign language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Caller {
    pub(crate) client: u32,
    pub(crate) request: u32,
    /// When it must end, on the clock of [`crate::platform::now`].
    pub(crate) until: Option<Duration>,
    /// Its writes must share others' commits.
    #[allow(dead_code, reason = "writes on one thread do so anyhow")]
    pub(crate) queued: bool,
    /// It was cancelled, and must stop and report what became of it.
    pub(crate) withdrawn: bool,
}

thread_local! {
    static CURRENT: Cell<Option<Caller>> = const { Cell::new(None) };
    /// Its client and request, stored separately: they are read when the stack may be exhausted.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
    /// Whether it has begun a statement that changes something.
    static CHANGING: Cell<bool> = const { Cell::new(false) };
    static PROBED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Reports whether a client's call was cancelled.
type Probe = fn(client: u32, request: u32) -> bool;

static PROBE: OnceLock<Probe> = OnceLock::new();

/// The least time between two probes: one may cost more than the steps between two questions of
/// SQLite's.
const BETWEEN_PROBES: Duration = Duration::from_millis(1);

/// Sets the function that checks whether a running call was cancelled. The first one stays.
pub(crate) fn set_probe(probe: Probe) {
    // A second one would be the same function.
    let _ = PROBE.set(probe);
}

/// Why a call must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    Cancelled,
    TooLate,
}

impl Caller {
    /// Whether the call must stop.
    pub(crate) fn stop(self) -> Option<StopReason> {
        if self.until.is_some_and(|until| crate::platform::now() >= until) {
            return Some(StopReason::TooLate);
        }
        if self.withdrawn {
            return Some(StopReason::Cancelled);
        }
        let probe = PROBE.get()?;
        let now = crate::platform::now();
        if now.saturating_sub(PROBED.get()) < BETWEEN_PROBES {
            return None;
        }
        PROBED.set(now);
        probe(self.client, self.request).then_some(StopReason::Cancelled)
    }
}

/// Returns the call that this thread is running.
pub(crate) fn current() -> Option<Caller> {
    CURRENT.get()
}

/// Whether the call that this thread is running was cancelled.
pub(crate) fn is_withdrawn() -> bool {
    CURRENT.get().is_some_and(|caller| caller.withdrawn)
}

/// Sets the caller that this thread runs for, until the guard is dropped.
pub(crate) fn enter(caller: Option<Caller>) -> CallerGuard {
    CallerGuard(exchange(caller))
}

fn exchange(caller: Option<Caller>) -> Option<Caller> {
    let numbers = caller.map_or(0, |it| u64::from(it.client) << 32 | u64::from(it.request));
    RUNNING.set(numbers);
    CHANGING.set(false);
    CURRENT.replace(caller)
}

/// Records that a statement that changes something is about to run.
#[inline]
pub(crate) fn note_change() {
    CHANGING.set(true);
}

/// Whether the call that this thread is running has begun to change something.
#[inline]
pub(crate) fn is_changing() -> bool {
    CHANGING.get()
}

/// Returns the client and the request of the call that this thread is running, 32 bits each, or 0
/// if there is none.
#[inline]
pub(crate) fn running() -> u64 {
    RUNNING.get()
}

/// See [`enter`].
pub(crate) struct CallerGuard(Option<Caller>);

impl Drop for CallerGuard {
    fn drop(&mut self) {
        exchange(self.0);
    }
}
