//! Statistics, for clients.

use super::cells::Cells;
use super::handles::CallTarget;
use crate::api::table::uncommitted;
use crate::error::Result;
use crate::row::Rows;
use crate::value::ValueRef;

/// Returns what [`op::STATS`](super::numbers::op::STATS) says.
pub(super) fn stats(on: &CallTarget) -> Result<Rows> {
    let CallTarget::Database(database) = on else { return Err(uncommitted()) };
    let stats = database.stats()?;
    let mut cells = Cells::default();
    for (name, value) in stats.numbers() {
        cells.push(ValueRef::Text(name.as_bytes()));
        cells.push(
            value.map_or(ValueRef::Null, |it| {
                ValueRef::Integer(i64::try_from(it).unwrap_or(i64::MAX))
            }),
        );
    }
    Ok(cells.finish())
}
