//! Connections that are lent out, opened when first needed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::lent::{self, Seat, Slot};
use super::turns::Turn;
use super::{BoxedFuture, Shared};
use crate::backend::{Completer, Reply, call};
use crate::engine::{Connection, Role};
use crate::error::Result;

/// Connections that are lent out.
#[derive(Debug)]
pub(super) struct Pool(Mutex<State>);

#[derive(Debug)]
struct State {
    limit: usize,
    /// The connections that are lent out.
    out: Vec<Weak<Seat>>,
    idle: Vec<Connection>,
    waiting: VecDeque<Completer<Place>>,
}

/// A place in the pool, returned when dropped. Its connection may be gone.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    which: Which,
    slot: Slot,
}

/// Which pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Readers,
    Sessions,
}

impl Which {
    fn of(self, shared: &Shared) -> &Pool {
        match self {
            Self::Readers => &shared.readers,
            Self::Sessions => &shared.sessions,
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Readers => Role::Reader,
            Self::Sessions => Role::Own,
        }
    }
}

impl Pool {
    pub(super) fn new(limit: usize) -> Self {
        Self(Mutex::new(State {
            limit,
            out: Vec::new(),
            idle: Vec::new(),
            waiting: VecDeque::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether none is lent out.
    pub(super) fn is_idle(&self) -> bool {
        let mut state = self.state();
        state.out.retain(|slot| slot.strong_count() > 0);
        state.out.is_empty()
    }

    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        drop(idle);
    }

    /// Ends the lent connections that have been idle for `limit`.
    pub(super) fn revoke_idle(&self, limit: Duration) {
        let out: Vec<Slot> = self.state().out.iter().filter_map(Weak::upgrade).collect();
        for slot in out {
            slot.revoke_if_idle(limit);
        }
    }

    /// Closes all connections, including lent ones: their holders find an empty place.
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

/// Takes a place immediately, if one is free.
pub(super) fn try_take(shared: &Arc<Shared>, which: Which) -> Option<Result<Place>> {
    let mut state = which.of(shared).state();
    state.out.retain(|slot| slot.strong_count() > 0);
    if state.out.len() >= state.limit || !state.waiting.is_empty() {
        return None;
    }
    let idle = state.idle.pop();
    let slot = lent::slot(idle);
    state.out.push(Arc::downgrade(&slot));
    drop(state);
    let place = Place { shared: Arc::clone(shared), which, slot };
    Some(place.open().map(|()| place))
}

/// Waits for a place.
pub(super) fn take(shared: &Arc<Shared>, which: Which) -> BoxedFuture<Result<Place>> {
    let (completer, call) = call();
    which.of(shared).state().waiting.push_back(completer);
    Box::pin(async move {
        let place: Place = call.await?;
        place.open().map(|()| place)
    })
}

/// Lends a reader for longer than one call. Outside WAL mode no commit gets past it, so it comes
/// with the turn to write, which all such readers share.
pub(super) fn lend_reader<T: crate::platform::MaybeSend + 'static>(
    shared: &Arc<Shared>,
    lend: impl FnOnce(Place, Option<Arc<Turn>>) -> Result<T> + crate::platform::MaybeSend + 'static,
) -> Reply<T> {
    let turn = if shared.several() { Some(None) } else { try_reading(shared).map(Some) };
    let shared = Arc::clone(shared);
    if let Some(turn) = turn {
        if let Some(place) = try_take(&shared, Which::Readers) {
            return Reply::ready(place.and_then(|place| lend(place, turn)));
        }
        let place = take(&shared, Which::Readers);
        return Reply::later(Box::pin(async move { lend(place.await?, turn) }));
    }
    let turn = shared.turns.take(shared.options.acquire_timeout);
    Reply::later(Box::pin(async move {
        let turn = turn.await?;
        let turn = Some(read_in(&shared, turn));
        let place = match try_take(&shared, Which::Readers) {
            Some(place) => place?,
            None => take(&shared, Which::Readers).await?,
        };
        lend(place, turn)
    }))
}

/// Returns the turn that readers already have, unless somebody waits for it, or a free one.
fn try_reading(shared: &Arc<Shared>) -> Option<Arc<Turn>> {
    let reading = shared.reading.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    match reading {
        Some(turn) => (!shared.turns.is_wanted()).then_some(turn),
        None => shared.turns.try_take().map(|turn| read_in(shared, turn)),
    }
}

fn read_in(shared: &Shared, turn: Turn) -> Arc<Turn> {
    let turn = Arc::new(turn);
    *shared.reading.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&turn);
    turn
}

impl Place {
    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn open(&self) -> Result<()> {
        self.shared.check_open()?;
        if self.slot.connection().is_none() {
            self.open_as(self.which.role())?;
        }
        Ok(())
    }

    /// Opens another connection in this place, which permits what this role does.
    pub(super) fn open_as(&self, role: Role) -> Result<()> {
        let mut connection = self.shared.connect(role)?;
        connection.set_way(self.shared.way());
        *self.slot.connection() = Some(connection);
        Ok(())
    }

    /// Closes the connection instead of lending it again.
    pub(super) fn forget(&self) {
        *self.slot.connection() = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let connection = self.slot.connection().take();
        let pool = self.which.of(&self.shared);
        loop {
            let mut state = pool.state();
            state.out.retain(|slot| slot.strong_count() > 0 && !is(slot, &self.slot));
            let Some(next) = state.waiting.pop_front() else {
                if let Some(connection) = connection
                    && !self.shared.closing.load(std::sync::atomic::Ordering::Relaxed)
                {
                    state.idle.push(connection);
                }
                return;
            };
            let slot = lent::slot(None);
            state.out.push(Arc::downgrade(&slot));
            drop(state);
            if next.start() {
                *slot.connection() = connection;
                let place = Self { shared: Arc::clone(&self.shared), which: self.which, slot };
                // A place that nobody takes any more returns itself.
                drop(next.answer(Ok(place)));
                return;
            }
        }
    }
}

fn is(weak: &Weak<Seat>, slot: &Slot) -> bool {
    std::ptr::eq(weak.as_ptr(), Arc::as_ptr(slot))
}
