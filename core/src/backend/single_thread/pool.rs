//! Pools of connections, which are opened when first needed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::connection_cell::{self, CellState, ConnectionCell};
use super::write_queue::WritePermit;
use super::{BoxedFuture, SingleThreadShared};
use crate::backend::counters::SpentCounter;
use crate::backend::{Completer, Reply, Spent, call, call_times};
use crate::engine::{Connection, Role};
use crate::error::Result;
use crate::platform;

/// Connections, each used by one holder at a time.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<PoolState>,
    /// How long those waited that found no connection free.
    waits: SpentCounter,
}

#[derive(Debug)]
struct PoolState {
    limit: usize,
    /// The connections that are in use.
    out: Vec<Weak<CellState>>,
    idle: Vec<Connection>,
    /// Who waits, and since when.
    waiting: VecDeque<(Completer<PoolGuard>, Duration)>,
}

/// What of a pool is counted.
pub(super) struct PoolCounts {
    /// The cells that are in use.
    pub(super) out: Vec<ConnectionCell>,
    pub(super) waiting: usize,
    pub(super) waits: Spent,
}

/// A connection of the pool, returned when dropped. Its connection may be gone.
#[derive(Debug)]
pub(super) struct PoolGuard {
    shared: Arc<SingleThreadShared>,
    which: Which,
    slot: ConnectionCell,
}

/// Which pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Readers,
    Sessions,
}

impl Which {
    fn of(self, shared: &SingleThreadShared) -> &Pool {
        match self {
            Self::Readers => &shared.readers,
            Self::Sessions => &shared.sessions,
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Readers => Role::Reader,
            Self::Sessions => Role::Dedicated,
        }
    }
}

impl Pool {
    pub(super) fn new(limit: usize) -> Self {
        let (out, idle, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        let state = Mutex::new(PoolState { limit, out, idle, waiting });
        Self { state, waits: SpentCounter::default() }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether none is in use.
    pub(super) fn is_idle(&self) -> bool {
        let mut state = self.state();
        state.out.retain(|slot| slot.strong_count() > 0);
        state.out.is_empty()
    }

    /// Returns what is counted, and lets `look` see the idle connections.
    pub(super) fn counts(&self, look: impl FnMut(&mut Connection)) -> PoolCounts {
        let mut state = self.state();
        state.idle.iter_mut().for_each(look);
        PoolCounts {
            out: state.out.iter().filter_map(Weak::upgrade).collect(),
            waiting: state.waiting.len(),
            waits: self.waits.get(),
        }
    }

    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        drop(idle);
    }

    /// Ends the connections in use that have been idle for `limit`.
    pub(super) fn revoke_idle(&self, limit: Duration) {
        let out: Vec<ConnectionCell> = self.state().out.iter().filter_map(Weak::upgrade).collect();
        for slot in out {
            slot.revoke_if_idle(limit);
        }
    }

    /// Closes all connections, including those in use: their holders find an empty cell.
    pub(super) fn close(&self) {
        self.close_idle();
        let mut state = self.state();
        let (out, waiting) = (std::mem::take(&mut state.out), std::mem::take(&mut state.waiting));
        drop(state);
        // The drop notifies the waiting callers.
        drop(waiting);
        for slot in out.iter().filter_map(Weak::upgrade) {
            *slot.connection() = None;
        }
    }
}

/// Takes a connection immediately, if one is free.
pub(super) fn try_take(
    shared: &Arc<SingleThreadShared>,
    which: Which,
) -> Option<Result<PoolGuard>> {
    let mut state = which.of(shared).state();
    state.out.retain(|slot| slot.strong_count() > 0);
    if state.out.len() >= state.limit || !state.waiting.is_empty() {
        return None;
    }
    let idle = state.idle.pop();
    let slot = connection_cell::slot(idle);
    state.out.push(Arc::downgrade(&slot));
    drop(state);
    let guard = PoolGuard { shared: Arc::clone(shared), which, slot };
    Some(guard.open().map(|()| guard))
}

/// Waits for a connection.
pub(super) fn take(
    shared: &Arc<SingleThreadShared>,
    which: Which,
) -> BoxedFuture<Result<PoolGuard>> {
    let (completer, call) = call();
    which.of(shared).state().waiting.push_back((completer, platform::now()));
    Box::pin(async move {
        let guard: PoolGuard = call.await?;
        guard.open().map(|()| guard)
    })
}

/// Acquires a reader for longer than one call. Outside WAL mode no commit gets past it, so it comes
/// with the write permit, which all such readers share.
pub(super) fn with_reader<T: crate::platform::MaybeSend + 'static>(
    shared: &Arc<SingleThreadShared>,
    then: impl FnOnce(PoolGuard, Option<Arc<WritePermit>>) -> Result<T>
    + crate::platform::MaybeSend
    + 'static,
) -> Reply<T> {
    let permit = if shared.several() { Some(None) } else { try_reading(shared).map(Some) };
    let shared = Arc::clone(shared);
    if let Some(permit) = permit {
        if let Some(guard) = try_take(&shared, Which::Readers) {
            return Reply::ready(guard.and_then(|guard| then(guard, permit)));
        }
        let guard = take(&shared, Which::Readers);
        return Reply::later(Box::pin(async move {
            let guard = guard.await?;
            call_times::measure(|| then(guard, permit))
        }));
    }
    let permit = shared.queue.take_within(shared.options.acquire_timeout);
    Reply::later(Box::pin(async move {
        let permit = permit.await?;
        let permit = Some(read_in(&shared, permit));
        let guard = match try_take(&shared, Which::Readers) {
            Some(guard) => guard?,
            None => take(&shared, Which::Readers).await?,
        };
        call_times::measure(|| then(guard, permit))
    }))
}

/// Returns the permit that readers already have, unless somebody waits for it, or a free one.
fn try_reading(shared: &Arc<SingleThreadShared>) -> Option<Arc<WritePermit>> {
    let reading = shared.reading.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    match reading {
        Some(permit) => (!shared.queue.is_wanted()).then_some(permit),
        None => shared.queue.try_take().map(|permit| read_in(shared, permit)),
    }
}

fn read_in(shared: &SingleThreadShared, permit: WritePermit) -> Arc<WritePermit> {
    let permit = Arc::new(permit);
    *shared.reading.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&permit);
    permit
}

impl PoolGuard {
    pub(super) fn slot(&self) -> &ConnectionCell {
        &self.slot
    }

    pub(super) fn shared(&self) -> &Arc<SingleThreadShared> {
        &self.shared
    }

    fn open(&self) -> Result<()> {
        self.shared.check_open()?;
        if self.slot.connection().is_none() {
            self.open_as(self.which.role())?;
        }
        Ok(())
    }

    /// Opens another connection in this cell, which permits what this role does.
    pub(super) fn open_as(&self, role: Role) -> Result<()> {
        let mut connection = self.shared.connect(role)?;
        connection.set_others(self.shared.other_connections());
        *self.slot.connection() = Some(connection);
        Ok(())
    }

    /// Closes the connection instead of returning it to the pool.
    pub(super) fn forget(&self) {
        *self.slot.connection() = None;
    }
}

impl Drop for PoolGuard {
    fn drop(&mut self) {
        let connection = self.slot.connection().take();
        let pool = self.which.of(&self.shared);
        loop {
            let mut state = pool.state();
            state.out.retain(|slot| slot.strong_count() > 0 && !is(slot, &self.slot));
            let Some((next, since)) = state.waiting.pop_front() else {
                if let Some(connection) = connection
                    && !self.shared.closing.load(std::sync::atomic::Ordering::Relaxed)
                {
                    state.idle.push(connection);
                }
                return;
            };
            let slot = connection_cell::slot(None);
            state.out.push(Arc::downgrade(&slot));
            drop(state);
            if next.start() {
                pool.waits.add(platform::now().saturating_sub(since));
                *slot.connection() = connection;
                let guard = Self { shared: Arc::clone(&self.shared), which: self.which, slot };
                // A guard that nobody takes any more returns the connection.
                drop(next.complete(Ok(guard)));
                return;
            }
        }
    }
}

fn is(weak: &Weak<CellState>, slot: &ConnectionCell) -> bool {
    std::ptr::eq(weak.as_ptr(), Arc::as_ptr(slot))
}
