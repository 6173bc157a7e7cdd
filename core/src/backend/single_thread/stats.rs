//! Statistics: what was counted, and a look at the connections.

use super::SingleThreadShared;
use super::connection_cell::ConnectionCell;
use crate::backend::Stats;
use crate::engine::Connection;

/// Returns the statistics. Waits, and how long the permit was held, are of all that opened the file
/// here.
pub(super) fn of(shared: &SingleThreadShared) -> Stats {
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (waiting_writes, transaction_age) = shared.queue.counts();
    let readers = shared.readers.counts(Connection::note_page_cache);
    let sessions = shared.sessions.counts(Connection::note_page_cache);
    for cell in readers.out.iter().chain(&sessions.out).chain([&shared.reader]) {
        look(cell, Connection::note_page_cache);
    }
    let taken = shared.queue.is_taken();
    look(&shared.writer, |writer| {
        if taken {
            writer.note_page_cache();
            shared.counters.note_log(writer);
        } else {
            shared.counters.note_connection(writer);
        }
    });
    let reading = readers.out.iter().map(|cell| cell.held_for());
    let oldest = reading.chain(sessions.out.iter().filter_map(|cell| cell.reading_for())).max();
    Stats {
        busy_readers: small(readers.out.len()),
        busy_sessions: small(sessions.out.len()),
        waiting_reads: small(readers.waiting),
        waiting_writes: small(waiting_writes),
        waiting_sessions: small(sessions.waiting),
        read_waits: readers.waits,
        session_waits: sessions.waits,
        write_waits: shared.queue.waits.get(),
        transactions: shared.queue.held.get(),
        transaction_age,
        oldest_reader: oldest,
        ..shared.counters.stats()
    }
}

/// Lets `look` see a cell's connection, unless one of its statements runs now.
fn look(cell: &ConnectionCell, look: impl FnOnce(&mut Connection)) {
    if let Some(mut guard) = cell.try_connection()
        && let Some(connection) = &mut *guard
    {
        look(connection);
    }
}
