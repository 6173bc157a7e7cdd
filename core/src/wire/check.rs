//! What is wrong with a database, for clients.

use super::cells::Cells;
use super::handles::CallTarget;
use crate::api::check::{Damage, DamageKind};
use crate::api::table::uncommitted;
use crate::error::Result;
use crate::row::Rows;
use crate::value::ValueRef;

/// Checks the database, and returns what [`op::CHECK`](super::numbers::op::CHECK) says.
pub(super) async fn check(on: &CallTarget, limit: Option<std::time::Duration>) -> Result<Rows> {
    let CallTarget::Database(database) = on else { return Err(uncommitted()) };
    let found = database.limited(limit).check().await?;
    let mut cells = Cells::default();
    for Damage { kind, table, rowid, parent, message } in &found {
        cells.push(ValueRef::Text(match kind {
            DamageKind::Content => b"content",
            DamageKind::ForeignKey => b"foreign_key",
        }));
        cells.push(text(table.as_ref()));
        cells.push(rowid.map_or(ValueRef::Null, ValueRef::Integer));
        cells.push(text(parent.as_ref()));
        cells.push(ValueRef::Text(message.as_bytes()));
    }
    Ok(cells.finish())
}

fn text(text: Option<&String>) -> ValueRef<'_> {
    text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
}
