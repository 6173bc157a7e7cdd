//! Statistics, for clients.

use super::cells::Cells;
use super::handles::CallTarget;
use crate::api::table::uncommitted;
use crate::backend::{Spent, Stats};
use crate::error::Result;
use crate::platform::nanos;
use crate::row::Rows;
use crate::value::ValueRef;

/// Returns what [`op::STATS`](super::numbers::op::STATS) says.
pub(super) fn stats(on: &CallTarget) -> Result<Rows> {
    let CallTarget::Database(database) = on else { return Err(uncommitted()) };
    let stats = database.stats()?;
    let mut cells = Cells::default();
    for (name, value) in fields(&stats) {
        cells.push(ValueRef::Text(name.as_bytes()));
        cells.push(
            value.map_or(ValueRef::Null, |it| {
                ValueRef::Integer(i64::try_from(it).unwrap_or(i64::MAX))
            }),
        );
    }
    Ok(cells.finish())
}

/// Each number with its name. Those that end in `_ns` are durations in nanoseconds.
fn fields(stats: &Stats) -> Vec<(&'static str, Option<u64>)> {
    let age = |age: Option<std::time::Duration>| age.map(nanos);
    let mut all = vec![
        ("connections", Some(u64::from(stats.connections))),
        ("busy_readers", Some(u64::from(stats.busy_readers))),
        ("busy_sessions", Some(u64::from(stats.busy_sessions))),
        ("waiting_reads", Some(u64::from(stats.waiting_reads))),
        ("waiting_writes", Some(u64::from(stats.waiting_writes))),
        ("waiting_sessions", Some(u64::from(stats.waiting_sessions))),
    ];
    for (names, spent) in [
        (["read_waits.count", "read_waits.total_ns", "read_waits.longest_ns"], stats.read_waits),
        (
            ["write_waits.count", "write_waits.total_ns", "write_waits.longest_ns"],
            stats.write_waits,
        ),
        (
            ["session_waits.count", "session_waits.total_ns", "session_waits.longest_ns"],
            stats.session_waits,
        ),
        (["read_runs.count", "read_runs.total_ns", "read_runs.longest_ns"], stats.read_runs),
        (["write_runs.count", "write_runs.total_ns", "write_runs.longest_ns"], stats.write_runs),
        (
            ["transactions.count", "transactions.total_ns", "transactions.longest_ns"],
            stats.transactions,
        ),
    ] {
        let Spent { count, total, longest, .. } = spent;
        all.extend(names.into_iter().zip([count, nanos(total), nanos(longest)].map(Some)));
    }
    all.extend([
        ("transaction_age_ns", age(stats.transaction_age)),
        ("commits", Some(stats.commits)),
        ("writes", Some(stats.writes)),
        ("largest_group", Some(stats.largest_group)),
        ("rollbacks", Some(stats.rollbacks)),
        ("statement_hits", Some(stats.statement_hits)),
        ("statement_misses", Some(stats.statement_misses)),
        ("page_hits", Some(stats.page_hits)),
        ("page_misses", Some(stats.page_misses)),
        ("page_spills", Some(stats.page_spills)),
        ("log_pages", Some(u64::from(stats.log_pages))),
        ("log_uncopied", Some(u64::from(stats.log_uncopied))),
        ("checkpoints", Some(stats.checkpoints)),
        ("checkpoints_blocked", Some(stats.checkpoints_blocked)),
        ("pages", Some(u64::from(stats.pages))),
        ("page_size", Some(u64::from(stats.page_size))),
        ("oldest_reader_ns", age(stats.oldest_reader)),
        ("watched_queries", Some(u64::from(stats.watched_queries))),
    ]);
    all
}
