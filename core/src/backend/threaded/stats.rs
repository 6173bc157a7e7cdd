//! Statistics: what was counted, and a look at the connections that nobody uses.

use std::sync::Arc;

use super::Shared;
use super::pool::Pool;
use super::slot::LongHolder;
use super::writer;
use crate::backend::Stats;

/// Returns the statistics. It takes only connections that are free, each for a moment, and waits for
/// none.
pub(super) fn of(shared: &Arc<Shared>) -> Stats {
    // Before the look at free ones, which are in use meanwhile.
    let busy_readers = shared.readers.in_use();
    let (waiting_writes, transaction_age) = shared.writer.state();
    look(shared);
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Stats {
        busy_readers: small(busy_readers),
        busy_sessions: small(shared.dedicated.in_use()),
        waiting_reads: small(shared.readers.waiting()),
        waiting_writes: small(waiting_writes),
        waiting_sessions: small(shared.dedicated.waiting()),
        read_waits: shared.readers.waits.get(),
        session_waits: shared.dedicated.waits.get(),
        transaction_age,
        oldest_reader: [&shared.readers, &shared.dedicated]
            .into_iter()
            .flat_map(|pool| pool.slots())
            .filter_map(|slot| match slot.holder() {
                Some(LongHolder::Session(watch)) => watch.reading_for(),
                Some(LongHolder::Stream(_)) => slot.running_for(),
                // Sessions have a holder; without one it is a reader's query.
                None => slot.running_for(),
            })
            .max(),
        ..shared.counters.stats()
    }
}

/// Notes what the free connections know.
fn look(shared: &Arc<Shared>) {
    // The writer last: it has seen every commit of this process.
    look_at(shared, &shared.readers);
    if !shared.writer.try_take() {
        return;
    }
    if let Some(mut guard) = shared.writer.slot.try_connection()
        && let Some(connection) = &mut *guard
    {
        shared.counters.note_connection(connection);
    }
    writer::next(shared);
}

fn look_at(shared: &Arc<Shared>, pool: &Arc<Pool>) {
    for index in 0..pool.slots().len() {
        let Some(claim) = pool.try_claim_at(index) else { continue };
        if let Some(mut guard) = claim.slot().try_connection()
            && let Some(connection) = &mut *guard
        {
            shared.counters.note_connection(connection);
        }
    }
}
