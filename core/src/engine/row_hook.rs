//! SQLite's preupdate hook: one call for each row that a statement changes.
//! <https://sqlite.org/c3ref/preupdate_count.html>

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::changes::{HookContext, ROWID, TableFacts, Uncommitted};
use super::prepared::hook_value;
use crate::changes::{ColumnSet, RowChange, RowChangeKind};
use crate::ffi::preupdate::{
    sqlite3_preupdate_blobwrite, sqlite3_preupdate_count, sqlite3_preupdate_hook,
    sqlite3_preupdate_new, sqlite3_preupdate_old,
};
use crate::ffi::{self, sqlite3, sqlite3_int64, sqlite3_value};
use crate::value::{Value, ValueRef};

/// Sets the hook of a connection, or removes it. Returns the context of the hook before: somebody
/// else's if an extension has taken the hook's place.
///
/// # Safety
/// `raw` is open; `context` stays where it is until the hook is removed or the connection closes,
/// and no borrow of what it has is alive while a statement runs.
pub(super) unsafe fn set(
    raw: *mut sqlite3,
    context: Option<*const HookContext>,
) -> *const HookContext {
    let (hook, context) = match context {
        Some(context) => (Some(on_row as ffi::preupdate::RowHook), context.cast_mut().cast()),
        None => (None, ptr::null_mut()),
    };
    // SAFETY: by the contract.
    unsafe { sqlite3_preupdate_hook(raw, hook, context) }.cast_const().cast()
}

unsafe extern "C" fn on_row(
    context: *mut c_void,
    raw: *mut sqlite3,
    operation: c_int,
    database: *const c_char,
    table: *const c_char,
    old_key: sqlite3_int64,
    new_key: sqlite3_int64,
) {
    // SAFETY: `set` passed a context that lives, and SQLite passes C strings.
    let (context, database, table) = unsafe {
        (&*context.cast::<HookContext>(), CStr::from_ptr(database), CStr::from_ptr(table))
    };
    if database.to_bytes() != b"main" {
        return;
    }
    let kind = match operation {
        ffi::SQLITE_INSERT => RowChangeKind::Insert,
        ffi::SQLITE_DELETE => RowChangeKind::Delete,
        _ => RowChangeKind::Update,
    };
    let row = HookRow { raw, kind, old_key, new_key };
    #[cfg(sqlite_session)]
    if let Ok(mut outbox) = context.outbox.try_borrow_mut() {
        outbox.record(table.to_bytes(), &row);
    }
    context.with_pending(|pending| {
        if pending.interest.is_empty() {
            return;
        }
        let Some(table) = pending.position_of(table.to_bytes()) else {
            pending.whole.others |= pending.interest.others;
            // A table that another connection has just made, which this one does not know.
            let name = table.to_str().unwrap_or_default();
            pending.whole.everything |= pending.interest.followed.has(name);
            return;
        };
        if pending.touched[table].whole {
            return;
        }
        match row.record(pending, table) {
            Some(()) => {}
            None => pending.touch_whole(table),
        }
    });
}

/// The row that SQLite is about to change.
struct HookRow {
    raw: *mut sqlite3,
    kind: RowChangeKind,
    /// Its rowid before, unless it is new.
    old_key: sqlite3_int64,
    /// Its rowid afterwards, unless it is gone.
    new_key: sqlite3_int64,
}

impl HookRow {
    /// Records the change. `None`: what it is can't be told.
    fn record(&self, pending: &mut Uncommitted, table: usize) -> Option<()> {
        let facts = &pending.facts[table];
        // SAFETY: the hook is being called, for all calls in here.
        let (count, blob) =
            unsafe { (sqlite3_preupdate_count(self.raw), sqlite3_preupdate_blobwrite(self.raw)) };
        // Otherwise the table is another than the one that is known.
        (count == facts.count && !facts.is_virtual).then_some(())?;
        // An incremental write into a blob looks like a DELETE.
        (blob < 0).then_some(())?;
        let columns = match self.kind {
            RowChangeKind::Update => self.differing(facts)?,
            _ => ColumnSet::ALL,
        };
        if columns.is_empty() {
            return Some(());
        }
        let interest = &pending.interest.tables()[table];
        if interest.values.is_empty() {
            let touched = &mut pending.touched[table];
            touched.columns.add(columns);
            touched.whole |= columns == ColumnSet::ALL;
            return Some(());
        }
        let values = |old: bool| -> Option<Box<[Value]>> {
            let index = |position: &usize| facts.columns[*position];
            interest.values.iter().map(|it| Some(self.value(old, index(it)?)?.to_value())).collect()
        };
        let none = || Some(Box::default());
        let old = if self.kind == RowChangeKind::Insert { none() } else { values(true) }?;
        let new = if self.kind == RowChangeKind::Delete { none() } else { values(false) }?;
        pending.push(table, RowChange { kind: self.kind, columns, old, new });
        Some(())
    }

    /// Returns the columns in which an updated row differs, of those that are read.
    fn differing(&self, facts: &TableFacts) -> Option<ColumnSet> {
        if self.old_key != self.new_key {
            return Some(ColumnSet::ALL);
        }
        for &index in &facts.keys {
            if self.differs(index)? {
                return Some(ColumnSet::ALL);
            }
        }
        let mut columns = ColumnSet::default();
        for (position, index) in facts.columns.iter().enumerate() {
            let index = (*index)?;
            if index != ROWID && self.differs(index)? {
                columns.add(ColumnSet::one(position));
            }
        }
        for &index in &facts.rest {
            if self.differs(index)? {
                columns.add(ColumnSet::OTHERS);
                break;
            }
        }
        Some(columns)
    }

    fn differs(&self, index: c_int) -> Option<bool> {
        let (old, new) = (self.value(true, index)?, self.value(false, index)?);
        Some(!old.is_same(new))
    }

    fn value(&self, old: bool, index: c_int) -> Option<ValueRef<'_>> {
        if index == ROWID {
            return Some(ValueRef::Integer(if old { self.old_key } else { self.new_key }));
        }
        let mut found: *mut sqlite3_value = ptr::null_mut();
        // SAFETY: the hook is being called; the value lives until it returns, and this thread
        // alone uses it.
        unsafe {
            let code = if old {
                sqlite3_preupdate_old(self.raw, index, &raw mut found)
            } else {
                sqlite3_preupdate_new(self.raw, index, &raw mut found)
            };
            (code == ffi::SQLITE_OK && !found.is_null()).then(|| hook_value(found))
        }
    }
}

#[cfg(sqlite_session)]
impl super::outbox::ChangingRow for HookRow {
    fn operation(&self) -> crate::sync::RowOperation {
        match self.kind {
            RowChangeKind::Insert => crate::sync::RowOperation::Insert,
            RowChangeKind::Update => crate::sync::RowOperation::Update,
            RowChangeKind::Delete => crate::sync::RowOperation::Delete,
        }
    }

    fn count(&self) -> c_int {
        // SAFETY: the hook is being called.
        unsafe { sqlite3_preupdate_count(self.raw) }
    }

    fn writes_blob(&self) -> bool {
        // SAFETY: the hook is being called.
        unsafe { sqlite3_preupdate_blobwrite(self.raw) >= 0 }
    }

    fn value(&self, old: bool, column: c_int) -> Option<ValueRef<'_>> {
        HookRow::value(self, old, column)
    }
}
