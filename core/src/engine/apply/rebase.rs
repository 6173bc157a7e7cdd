//! What waits in the outbox, made to stand on what was applied.
//!
//! What waits is the difference between what the others have, once they have got all that was
//! applied here, and what is here. It stays so whatever a policy has decided, and whatever could
//! not be applied: of each row that both sides have changed, or that could not be taken, it is
//! known how the others have it now, and the difference to the row here is what they are sent.
//! When nothing waits anywhere, all have the same.

use super::Connection;
use super::conflicts::{Applying, TargetTable};
use crate::engine::outbox::{NetTable, Positions, RowStart, key_of};
use crate::error::Result;
use crate::sync::{Change, ChangesetPart, Reader, RowOperation, TableHeader};

/// What waits, by table. Where a row of it begins is how the others have it, as far as that is
/// known to differ from here. It keeps its entry unless what was applied has changed it.
type PendingTables<'b> = Vec<(&'b str, NetTable<'b>)>;

impl Connection {
    /// Makes what waits in the outbox stand on a change set that was applied. Returns whether it is
    /// another than before.
    pub(super) fn rebase_outbox(
        &mut self,
        applied: &[u8],
        applying: &mut Applying,
    ) -> Result<bool> {
        let (pending, single) = self.pending()?.unwrap_or_else(|| (Vec::new(), true));
        let mut blocked = false;
        for target in &mut applying.targets {
            if self.is_recorded(&target.table) {
                blocked |= !target.blocked.is_empty();
            } else {
                // The outbox says nothing of its rows.
                target.blocked = Positions::default();
            }
        }
        if pending.is_empty() && single && !blocked {
            return Ok(false);
        }
        let mut waiting = PendingTables::new();
        read(&pending, &mut waiting)?;
        for (name, table) in waiting.iter_mut() {
            // Another row may be gone for theirs than the one of the same key.
            if applying.conflicts.iter().any(|it| it.table == *name) {
                table.rows.iter_mut().for_each(|row| row.entry = None);
            }
        }
        meet(&mut waiting, applied, applying)?;
        let met = waiting.iter().any(|(_, table)| table.rows.iter().any(|row| row.entry.is_none()));
        // Of several, one may change a row and the next undo that: neither stands on a change of
        // theirs, and both together need not.
        if !met && single {
            return Ok(false);
        }
        let mut after = Vec::new();
        for (name, table) in &waiting {
            self.push_net(&mut after, name, table)?;
        }
        if single && after == pending {
            return Ok(false);
        }
        self.replace_pending(&after)?;
        Ok(true)
    }

    fn is_recorded(&self, table: &str) -> bool {
        self.recorder.as_ref().is_some_and(|it| it.context.outbox.borrow().records(table))
    }
}

/// Notes how the others have the rows that were applied.
fn meet<'b>(
    waiting: &mut PendingTables<'b>,
    applied: &'b [u8],
    applying: &mut Applying,
) -> Result<()> {
    let mut reader = Reader::new(applied);
    let (mut at, mut keys, mut name) = (None, &[][..], "");
    let mut blocked = None;
    while let Some(item) = reader.next()? {
        if item == ChangesetPart::Table {
            TableHeader { name, keys } = reader.table();
            at = waiting.iter().position(|(it, _)| *it == name);
            let is_blocked = |it: &TargetTable| *it.table == *name && !it.blocked.is_empty();
            blocked = applying.targets.iter().position(is_blocked);
            continue;
        }
        if at.is_none() && blocked.is_none() {
            continue;
        }
        let change = reader.change();
        let key = key_of(keys, change);
        let is_blocked =
            blocked.is_some_and(|at| applying.targets[at].blocked.get_mut(&key).is_some());
        if is_blocked && at.is_none() {
            at = Some(waiting.len());
            waiting.push((name, NetTable::new(keys)));
        }
        let Some((_, table)) = at.and_then(|at| waiting.get_mut(at)) else { continue };
        if is_blocked && table.row_mut(&key).is_none() {
            table.add(key.clone(), change, None);
        }
        if let Some(row) = table.row_mut(&key) {
            row.start.follow(change, keys.len());
            row.entry = None;
        }
    }
    Ok(())
}

/// Reads what waits. Each row is in it once.
fn read<'b>(pending: &'b [u8], waiting: &mut PendingTables<'b>) -> Result<()> {
    let mut reader = Reader::new(pending);
    loop {
        let start = reader.at();
        let Some(item) = reader.next()? else { return Ok(()) };
        if item == ChangesetPart::Table {
            let TableHeader { name, keys } = reader.table();
            waiting.push((name, NetTable::new(keys)));
        } else if let Some((_, table)) = waiting.last_mut() {
            let change = reader.change();
            let entry = Some(&pending[start..reader.at()]);
            table.add(key_of(reader.table().keys, change), change, entry);
        }
    }
}

impl<'b> RowStart<'b> {
    /// Follows a change that the others have made.
    fn follow(&mut self, change: &Change<'b>, columns: usize) {
        match change.operation {
            RowOperation::Delete => *self = Self::Absent,
            RowOperation::Insert => {
                let mut values = change.after().to_vec();
                // Columns that they don't have.
                values.resize(columns, None);
                *self = Self::Present(values);
            }
            RowOperation::Update => {
                // One that they changed without having it is not known.
                let Self::Present(values) = self else { return };
                for (value, new) in values.iter_mut().zip(change.after()) {
                    *value = new.or(*value);
                }
            }
        }
    }
}
