//! What the open transaction has done to recorded tables, row by row.

use std::ffi::c_int;

use crate::error::{Error, ErrorKind};
#[cfg(sqlite_session)]
use crate::sync::{RowOperation, encode_header, encode_known, encode_value};
#[cfg(sqlite_session)]
use crate::value::ValueRef;

/// The rows that a transaction has changed in recorded tables.
///
/// The entries of a table are SQLite's format of changes already. Where they are what a change set
/// would hold (no key more than once, nothing undone) they go into the outbox as they are.
///
/// SQLite's hook is called before a row is changed, and for nothing that is undone. So the values
/// of entries are exact only while each statement has succeeded and no savepoint was rolled back.
/// Otherwise the log is *doubted*: then an entry only says that a row may have changed, and how it
/// was before. The first entry of a row tells how it was when the transaction began, whatever was
/// undone since, and the table tells how it is now (`net.rs`).
#[derive(Debug, Default)]
pub(in crate::engine) struct OutboxLog {
    pub(super) tables: Vec<RecordedTable>,
    /// The logs of tables whose columns were changed in this transaction, each with the number of
    /// the change.
    pub(super) earlier: Vec<(u32, RecordedTable)>,
    pub(super) epoch: u32,
    /// How often other tables than before were recorded.
    pub(super) changes: u32,
    /// The table of the hook's last call, and its position.
    last: (Vec<u8>, Option<usize>),
    /// The changes are another's, which are applied here.
    pub(super) muted: bool,
    /// The table whose rows are gone because the table is dropped.
    dropped: Option<Box<str>>,
    /// Something was recorded that is not in the outbox.
    pub(super) dirty: bool,
    /// Of the last rows it is not known whether their statement has succeeded.
    unconfirmed: bool,
    pub(super) doubted: bool,
    /// Why the transaction can't be recorded, and so not be committed.
    pub(super) fault: Option<Error>,
    /// The rows of the outbox that this transaction has written.
    pub(super) written: Vec<i64>,
    /// The transaction was begun by a savepoint, whose release is its end.
    pub(super) by_savepoint: bool,
    /// A statement has changed what is recorded, or the schema.
    pub(super) changed: bool,
    /// The open savepoints of this library's own, while tables are recorded.
    savepoints: Vec<Box<str>>,
    /// In how many of them each change set was applied in this transaction.
    applied: Vec<usize>,
}

/// A table whose changes are recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::engine) struct RecordedTable {
    pub(super) name: Box<str>,
    pub(super) shape: TableShape,
    /// A change set: the table's header, and its entries; nothing if there are none.
    pub(super) log: Vec<u8>,
    /// What an update has changed, while its entry is written.
    news: Vec<u8>,
    /// How long the header is.
    header: usize,
    /// Which operations the log has.
    pub(super) inserts: bool,
    pub(super) others: bool,
}

/// The columns of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::engine) struct TableShape {
    /// How many there are, with the generated ones.
    pub(in crate::engine) count: c_int,
    /// The index of each one that is not generated.
    pub(in crate::engine) columns: Vec<c_int>,
    pub(in crate::engine) names: Vec<Box<str>>,
    /// For each of them its place in the primary key, counted from 1, or 0.
    pub(in crate::engine) keys: Vec<u8>,
}

impl OutboxLog {
    /// Whether any table is recorded.
    pub(in crate::engine) fn is_on(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Whether a commit now would lose what was recorded.
    pub(in crate::engine) fn is_dirty(&self) -> bool {
        self.dirty || self.fault.is_some()
    }

    pub(in crate::engine) fn records(&self, table: &str) -> bool {
        self.tables.iter().any(|it| it.name.eq_ignore_ascii_case(table))
    }

    pub(in crate::engine) fn names(&self) -> Vec<Box<str>> {
        self.tables.iter().map(|table| table.name.clone()).collect()
    }

    pub(super) fn position_of(&mut self, table: &[u8]) -> Option<usize> {
        if self.last.0 != table {
            self.last.1 = self.tables.iter().position(|it| it.name.as_bytes() == table);
            self.last.0.clear();
            self.last.0.extend_from_slice(table);
        }
        self.last.1
    }

    /// Takes over what is recorded from now on. Returns whether these are other tables than before.
    pub(super) fn renew(&mut self, tables: Vec<RecordedTable>) -> bool {
        let mut before = std::mem::replace(&mut self.tables, tables);
        let names = before.iter().map(|it| &it.name);
        let others = !names.eq(self.tables.iter().map(|it| &it.name));
        self.changes += u32::from(others);
        for known in &mut before {
            let is_same =
                |it: &&mut RecordedTable| it.name == known.name && it.shape == known.shape;
            if let Some(table) = self.tables.iter_mut().find(is_same) {
                std::mem::swap(table, known);
            }
        }
        let epoch = self.epoch;
        for table in before {
            if !table.log.is_empty() {
                self.earlier.push((epoch, table));
                self.epoch = epoch + 1;
            }
        }
        self.last = (Vec::new(), None);
        others
    }

    /// Must be called before a statement of the user's runs.
    pub(in crate::engine) fn begin_statement(&mut self, in_transaction: bool) {
        if !in_transaction {
            self.clear();
        } else if self.unconfirmed {
            self.unconfirmed = false;
            self.doubted = true;
        }
    }

    /// Must be called before a statement that drops a table: what becomes of its rows is no change
    /// of theirs.
    pub(in crate::engine) fn begin_drop(&mut self, table: Option<Box<str>>) {
        self.dropped = table;
    }

    /// Must be called after a statement of the user's has run.
    pub(in crate::engine) fn end_statement(&mut self, succeeded: bool) {
        self.dropped = None;
        if self.unconfirmed {
            self.unconfirmed = false;
            self.doubted |= !succeeded;
        }
    }

    pub(in crate::engine) fn begin_savepoint(&mut self, name: &str) {
        if self.is_on() {
            self.savepoints.push(name.into());
        }
    }

    pub(in crate::engine) fn end_savepoint(&mut self, name: &str) {
        if let Some(depth) = self.savepoints.iter().rposition(|open| **open == *name) {
            self.savepoints.truncate(depth);
            self.applied.iter_mut().for_each(|it| *it = (*it).min(depth));
        }
    }

    /// Must be called when something was undone, up to a savepoint of this name, or one that is
    /// not known.
    pub(in crate::engine) fn undo(&mut self, name: Option<&str>) {
        self.doubted |= self.dirty || !self.written.is_empty();
        // What was written to the outbox may have been undone.
        self.dirty |= self.has_entries();
        let depth = name.and_then(|name| self.savepoints.iter().rposition(|it| **it == *name));
        let depth = depth.unwrap_or(0);
        if self.applied.iter().any(|at| *at > depth || name.is_none()) {
            if self.has_entries() && self.fault.is_none() {
                self.fault = Some(Error::new(
                    ErrorKind::Unsupported,
                    "a transaction that applies a change set, changes recorded tables and undoes both can't be recorded",
                ));
            }
            self.applied.retain(|at| *at <= depth);
        }
        self.savepoints.truncate(depth + 1);
    }

    /// Notes that a change set was applied in the open transaction.
    pub(in crate::engine) fn note_applied(&mut self) {
        self.applied.push(self.savepoints.len());
    }

    /// Whether the open transaction has changed recorded tables.
    pub(in crate::engine) fn has_entries(&self) -> bool {
        !self.earlier.is_empty() || self.tables.iter().any(|table| !table.log.is_empty())
    }

    /// Must be called when no transaction is open any more.
    pub(in crate::engine) fn clear(&mut self) {
        if self.is_unused() {
            return;
        }
        // Also what has come to nothing, and is not dirty any more.
        for table in self.tables.iter_mut().filter(|table| !table.log.is_empty()) {
            table.clear();
        }
        self.earlier.clear();
        (self.epoch, self.dirty, self.unconfirmed, self.doubted) = (0, false, false, false);
        (self.fault, self.by_savepoint, self.changed) = (None, false, false);
        self.written.clear();
        self.savepoints.clear();
        self.applied.clear();
    }

    /// Whether nothing is recorded, and the open transaction has left nothing here.
    #[inline]
    fn is_unused(&self) -> bool {
        let noted = self.dirty | self.unconfirmed | self.doubted | self.by_savepoint | self.changed;
        let none = self.tables.is_empty() & self.earlier.is_empty() & self.written.is_empty();
        none & !noted
            & (self.epoch == 0)
            & self.fault.is_none()
            & self.savepoints.is_empty()
            & self.applied.is_empty()
    }

    #[cfg(sqlite_session)]
    #[cold]
    fn fail(&mut self, unfit: Unfit, table: usize) {
        if self.fault.is_none() {
            self.fault = Some(unfit.explain(&self.tables[table].name));
        }
        self.dirty = true;
    }
}

impl RecordedTable {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub(super) fn entries(&self) -> &[u8] {
        self.log.get(self.header..).unwrap_or_default()
    }

    /// What is kept of a log's memory.
    const KEPT: usize = 64 * 1024;

    fn clear(&mut self) {
        self.log.clear();
        self.log.shrink_to(Self::KEPT);
        self.news.shrink_to(Self::KEPT);
        (self.inserts, self.others) = (false, false);
    }
}

/// A row that SQLite is about to change.
#[cfg(sqlite_session)]
pub(in crate::engine) trait ChangingRow {
    fn operation(&self) -> RowOperation;
    /// How many columns its table has.
    fn count(&self) -> c_int;
    /// Whether a part of a blob is overwritten, of which only what was before can be told.
    fn writes_blob(&self) -> bool;
    fn value(&self, old: bool, column: c_int) -> Option<ValueRef<'_>>;
}

#[cfg(sqlite_session)]
impl OutboxLog {
    /// Records a row.
    #[inline]
    pub(in crate::engine) fn record(&mut self, table: &[u8], row: &impl ChangingRow) {
        if self.muted || self.tables.is_empty() {
            return;
        }
        let Some(position) = self.position_of(table) else { return };
        if self.dropped.as_ref().is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(table)) {
            return;
        }
        self.dirty = true;
        self.unconfirmed = true;
        // A write into a blob looks like a deletion.
        self.doubted |= row.operation() == RowOperation::Delete && row.writes_blob();
        let recorded = &mut self.tables[position];
        if row.count() != recorded.shape.count || !recorded.shape.keys.iter().any(|key| *key != 0) {
            return self.fail(Unfit::Table, position);
        }
        if recorded.log.is_empty() {
            encode_header(&mut recorded.log, &recorded.name, &recorded.shape.keys);
            recorded.header = recorded.log.len();
        }
        let start = recorded.log.len();
        let pushed = recorded.push(row);
        if pushed.is_err() {
            recorded.log.truncate(start);
        }
        if recorded.log.len() == recorded.header {
            // It is no change.
            recorded.log.clear();
        }
        if let Err(unfit) = pushed {
            self.fail(unfit, position);
        }
    }
}

/// Why a row can't be recorded.
#[cfg(sqlite_session)]
enum Unfit {
    /// Its table is another than it was.
    Table,
    /// It has `NULL` in its key.
    Key,
    Unread,
}

#[cfg(sqlite_session)]
impl Unfit {
    fn explain(self, table: &str) -> Error {
        let (kind, before, after) = match self {
            Self::Table => (
                ErrorKind::SchemaChanged,
                "the columns of ",
                ", which is recorded for the outbox, were changed; try again",
            ),
            Self::Key => (
                ErrorKind::NotNullViolation,
                "a row of ",
                " has NULL in its primary key, so it can't be recorded for the outbox",
            ),
            Self::Unread => (ErrorKind::OutOfMemory, "a row of ", " could not be recorded"),
        };
        Error::new(kind, format!("{before}{table}{after}"))
    }
}

#[cfg(sqlite_session)]
impl RecordedTable {
    fn push(&mut self, row: &impl ChangingRow) -> Result<(), Unfit> {
        match row.operation() {
            RowOperation::Insert => {
                self.inserts = true;
                self.push_whole(row, false)
            }
            RowOperation::Delete => {
                self.others = true;
                self.push_whole(row, true)
            }
            RowOperation::Update => {
                self.others = true;
                if self.moves(row)? {
                    self.inserts = true;
                    self.push_whole(row, true)?;
                    return self.push_whole(row, false);
                }
                self.push_update(row)
            }
        }
    }

    fn push_whole(&mut self, row: &impl ChangingRow, old: bool) -> Result<(), Unfit> {
        let Self { shape, log, .. } = self;
        // Most values are short: then nothing below has to grow it.
        log.reserve(2 + 16 * shape.columns.len());
        let operation = if old { RowOperation::Delete } else { RowOperation::Insert };
        log.extend([operation.byte(), 0]);
        for (column, key) in shape.columns.iter().zip(&shape.keys) {
            let value = row.value(old, *column).ok_or(Unfit::Unread)?;
            if *key != 0 && value == ValueRef::Null {
                return Err(Unfit::Key);
            }
            encode_value(log, value);
        }
        Ok(())
    }

    /// Whether an updated row has another key afterwards.
    fn moves(&self, row: &impl ChangingRow) -> Result<bool, Unfit> {
        for (column, key) in self.shape.columns.iter().zip(&self.shape.keys) {
            if *key != 0 && !both(row, *column)?.2 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn push_update(&mut self, row: &impl ChangingRow) -> Result<(), Unfit> {
        let Self { shape, log, news, .. } = self;
        let start = log.len();
        log.extend([RowOperation::Update.byte(), 0]);
        news.clear();
        let mut any = false;
        for (column, key) in shape.columns.iter().zip(&shape.keys) {
            let (old, new, same) = both(row, *column)?;
            let is_key = *key != 0;
            if is_key && old == ValueRef::Null {
                return Err(Unfit::Key);
            }
            let changed = !is_key && !same;
            any |= changed;
            encode_known(log, (is_key || changed).then_some(old));
            encode_known(news, changed.then_some(new));
        }
        if any {
            log.extend_from_slice(news);
        } else {
            log.truncate(start);
        }
        Ok(())
    }
}

#[cfg(sqlite_session)]
fn both<R: ChangingRow>(
    row: &R,
    column: c_int,
) -> Result<(ValueRef<'_>, ValueRef<'_>, bool), Unfit> {
    let old = row.value(true, column).ok_or(Unfit::Unread)?;
    let new = row.value(false, column).ok_or(Unfit::Unread)?;
    Ok((old, new, old.is_same(new)))
}
