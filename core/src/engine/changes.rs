//! What a connection's commits change: the recorder behind live queries.
//!
//! SQLite's preupdate hook reports each row, of every kind of table and by whatever statement. It
//! misses what a statement does to a whole table in one step, which the statement itself tells
//! when it is compiled (`writes.rs`), and changes of the schema. What is recorded too much (a
//! savepoint rolled back by a name of the user's, a statement that failed at its second row) only
//! makes a query run once more.
//!
//! Statements are compiled without the hook and run with it. SQLite empties a table in one step
//! unless a hook is set when it compiles the `DELETE`; compiled with the hook, each row would be
//! reported, a hundred times slower. <https://sqlite.org/c3ref/preupdate_count.html>

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::commit_hook::Committing;
use super::outbox::OutboxLog;
use super::writes::Writes;
use crate::changes::{
    ColumnSet, Commit, Interest, Observation, RowChange, TableChange, WrittenPages,
};

/// The most rows of one table whose values are kept. Of more, only the table is reported.
const MOST_ROWS: u32 = 1024;

/// Instead of a column's index: the rowid, which tells by itself when it changes.
pub(super) const ROWID: c_int = -1;

/// A version that no observation has: what is known of the tables is to be learned again.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// Records what the commits of one connection change.
pub(super) struct Recorder {
    /// The version that the interest is of.
    pub(super) version: Cell<u64>,
    /// The facts were learned inside the open transaction, and may not be true without it.
    pub(super) learned_within: Cell<bool>,
    /// The version of the schema that the facts are of.
    pub(super) schema: Cell<Option<i64>>,
    /// SQLite's `PRAGMA data_version` after the last commit, outside WAL mode.
    pub(super) data: Cell<Option<i64>>,
    /// The version that what is known of the recorded tables is of.
    pub(super) recorded: Cell<u64>,
    /// It was learned inside the open transaction.
    pub(super) recorded_within: Cell<bool>,
    /// The version of the schema that it is of.
    pub(super) recorded_schema: Cell<Option<i64>>,
    // SQLite has its address.
    pub(super) context: Box<HookContext>,
}

/// What the hook has of the recorder.
///
/// An extension that attaches a session object to this connection replaces the hook, and takes
/// its context for a session of its own, which it links into its list. The zeros at the beginning
/// are what it then finds: a session that is switched off, with no next one.
#[repr(C)]
pub(super) struct HookContext {
    inert: [u64; 32],
    pub(super) observation: Arc<Observation>,
    pub(super) pending: RefCell<Uncommitted>,
    pub(super) outbox: RefCell<OutboxLog>,
    pub(super) committing: Committing,
}

/// What the open transaction has changed so far.
#[derive(Default)]
pub(super) struct Uncommitted {
    pub(super) interest: Arc<Interest>,
    pub(super) facts: Vec<TableFacts>,
    /// The table of the hook's last call, and its position.
    pub(super) last: (Vec<u8>, Option<usize>),
    pub(super) log: Vec<(u32, RowChange)>,
    pub(super) touched: Vec<Touched>,
    pub(super) whole: Whole,
    marks: Vec<(Box<str>, Mark)>,
    /// The commits that have written to the log since they were last accounted for.
    pub(super) own: u32,
    /// After how many frames the connection is to copy the log by itself; 0: never.
    pub(super) checkpoint_every: c_int,
}

/// What is known of a table of the interest on this connection.
#[derive(Debug, Default)]
pub(super) struct TableFacts {
    /// How many columns it has.
    pub(super) count: c_int,
    /// The index of each column of the interest; `None` if a change of it can't be told.
    pub(super) columns: Vec<Option<c_int>>,
    /// The columns of its primary key, if that decides where a row lies.
    pub(super) keys: Vec<c_int>,
    /// The stored columns that are not in `columns`, if a change of them counts as well.
    pub(super) rest: Vec<c_int>,
    pub(super) is_virtual: bool,
}

/// What is known so far about a table's changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Touched {
    pub(super) rows: u32,
    pub(super) columns: ColumnSet,
    /// Nothing more needs to be recorded of it.
    pub(super) whole: bool,
}

/// What concerns more than one table.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whole {
    pub(super) others: bool,
    pub(super) schema: bool,
    pub(super) everything: bool,
    pub(super) external: bool,
}

/// How far the record was when a savepoint began.
struct Mark {
    log: usize,
    touched: Vec<Touched>,
    whole: Whole,
}

impl Recorder {
    /// Records nothing yet: what is wanted already is learned with the first statement.
    pub(super) fn new(observation: Arc<Observation>, recompiled: Arc<AtomicBool>) -> Self {
        let (pending, outbox) = (RefCell::default(), RefCell::default());
        let committing = Committing::new(recompiled);
        let context =
            Box::new(HookContext { inert: [0; 32], observation, pending, outbox, committing });
        let (version, learned_within) = <(Cell<u64>, Cell<bool>)>::default();
        let (schema, data) = <(Cell<Option<i64>>, Cell<Option<i64>>)>::default();
        let (recorded, recorded_within) = (Cell::new(UNKNOWN), Cell::default());
        let recorded_schema = Cell::default();
        Self {
            version,
            learned_within,
            schema,
            data,
            recorded,
            recorded_within,
            recorded_schema,
            context,
        }
    }

    /// Where its connection learns what is wanted, and reports its commits.
    #[inline]
    pub(super) fn observation(&self) -> &Observation {
        &self.context.observation
    }

    /// Whether SQLite has compiled a statement anew by itself, and nobody has looked since what
    /// others have done.
    #[inline]
    pub(super) fn has_recompiled(&self) -> bool {
        self.context.committing.recompiled.load(Ordering::Relaxed)
    }

    /// Whether something else is wanted than before.
    #[inline]
    pub(super) fn is_outdated(&self) -> bool {
        self.observation().version() != self.version.get()
    }

    /// What SQLite is to be given with its hook, while something is wanted.
    pub(super) fn hook_context(&self) -> Option<*const HookContext> {
        let wanted = !self.context.pending.borrow().interest.is_empty();
        wanted.then(|| std::ptr::from_ref(&*self.context))
    }

    /// What SQLite is to be given with its row hook, while rows are wanted.
    pub(super) fn row_context(&self) -> Option<*const HookContext> {
        let recorded = self.context.outbox.borrow().is_on();
        recorded.then(|| std::ptr::from_ref(&*self.context)).or_else(|| self.hook_context())
    }

    /// Notes what a statement of the user's did that the hook was not told of.
    pub(super) fn note(&self, writes: &Writes, clears: bool) {
        self.note_recorded(writes);
        let mut pending = self.context.pending.borrow_mut();
        if pending.interest.is_empty() {
            return;
        }
        pending.whole.others |= pending.interest.others;
        pending.whole.schema |= writes.schema;
        pending.whole.everything |= writes.everything;
        if writes.schema {
            self.version.set(UNKNOWN);
        }
        for table in &writes.tables {
            let Some(position) = pending.interest.position(table) else {
                pending.whole.everything |= !HAS_ROWS && pending.interest.followed.has(table);
                continue;
            };
            let cleared = clears && writes.deletes.contains(table);
            let is_virtual = pending.facts.get(position).is_none_or(|it| it.is_virtual);
            if cleared || is_virtual || !HAS_ROWS {
                pending.touch_whole(position);
            }
        }
    }

    /// Notes that it is not known what a statement did.
    pub(super) fn note_unknown(&self) {
        self.recorded.set(UNKNOWN);
        let mut pending = self.context.pending.borrow_mut();
        pending.whole.everything |= !pending.interest.is_empty();
    }

    /// Notes that the connection is about to commit, where SQLite's hook is not called.
    pub(super) fn note_committing(&self) {
        let committing = &self.context.committing;
        committing.begun.set(committing.begun.get() + 1);
        self.observation().note_committing();
    }

    /// Takes back that it has begun to commit: that is accounted for, or did not come about.
    pub(super) fn end_committing(&self) {
        let begun = self.context.committing.begun.take();
        if begun > 0 {
            self.observation().end_committing(begun);
        }
    }

    /// Notes that all of the database was replaced, by a commit that SQLite's hooks have not been
    /// told of; `counted`: commits are counted by the log.
    pub(super) fn note_replaced(&self, counted: bool) {
        self.note_unknown();
        self.version.set(UNKNOWN);
        self.observation().note_recorded();
        let mut pending = self.context.pending.borrow_mut();
        pending.whole.schema = true;
        if counted && !pending.interest.is_empty() {
            pending.own += 1;
            self.observation().note_own();
        }
    }

    /// Begins a savepoint.
    fn mark(&self, name: &str) {
        let mut pending = self.context.pending.borrow_mut();
        if pending.interest.is_empty() {
            return;
        }
        let mark =
            Mark { log: pending.log.len(), touched: pending.touched.clone(), whole: pending.whole };
        pending.marks.push((name.into(), mark));
    }

    /// Forgets what was recorded since a savepoint, or, if it is `kept`, where it began.
    fn unmark(&self, name: &str, kept: bool) {
        if !kept {
            self.doubt_facts();
        }
        let mut pending = self.context.pending.borrow_mut();
        let Some(index) = pending.marks.iter().rposition(|(mark, _)| **mark == *name) else {
            return;
        };
        if kept {
            pending.marks.truncate(index);
            return;
        }
        pending.marks.truncate(index + 1);
        let Some((_, mark)) = pending.marks.last() else { return };
        let (log, touched, whole) = (mark.log, mark.touched.clone(), mark.whole);
        pending.log.truncate(log);
        pending.touched = touched;
        pending.whole = whole;
    }

    /// Must be called after a statement of this library's own.
    pub(super) fn after_control(&self, sql: &str) {
        if !matches!(sql.as_bytes(), [b'S' | b'R', ..]) {
            return;
        }
        if let Some(name) = sql.strip_prefix("SAVEPOINT ") {
            self.context.outbox.borrow_mut().begin_savepoint(name);
            self.mark(name);
        } else if let Some(name) = sql.strip_prefix("ROLLBACK TO ") {
            self.context.outbox.borrow_mut().undo(Some(name));
            self.unmark(name, false);
        } else if let Some(name) = sql.strip_prefix("RELEASE ") {
            self.context.outbox.borrow_mut().end_savepoint(name);
            self.unmark(name, true);
        } else if sql == "ROLLBACK" {
            self.forget();
        }
    }

    /// Forgets a transaction that was rolled back.
    pub(super) fn forget(&self) {
        self.doubt_facts();
        self.context.pending.borrow_mut().clear();
    }

    /// Must be called when something was undone: what was learned since may not be so any more.
    fn doubt_facts(&self) {
        if self.learned_within.take() {
            self.version.set(UNKNOWN);
        }
    }

    /// Reports what was committed, on these `pages` if they are known, now that no transaction is
    /// open.
    pub(super) fn report(&self, pages: Option<WrittenPages>) {
        self.learned_within.set(false);
        let current = self.observation().version_after_commit();
        let mut pending = self.context.pending.borrow_mut();
        if current != self.version.get() {
            let interest = Arc::clone(&pending.interest);
            let Whole { schema, external, .. } = pending.whole;
            pending.clear();
            drop(pending);
            // Without a watcher there was and is nobody to be told.
            if !(interest.is_empty() && self.observation().interest().1.is_empty()) {
                // With nothing wanted, nothing was noted.
                let schema = schema || interest.is_empty();
                let unknown = Commit::unknown(interest);
                self.observation().report(&Commit { schema, external, ..unknown });
            }
            return;
        }
        let commit = pending.take(pages);
        drop(pending);
        if let Some(commit) = commit {
            self.observation().report(&commit);
        }
    }
}

impl HookContext {
    /// Lets the hook record.
    pub(super) fn with_pending(&self, record: impl FnOnce(&mut Uncommitted)) {
        // Nobody holds it while a statement runs.
        if let Ok(mut pending) = self.pending.try_borrow_mut() {
            record(&mut pending);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.observation().forget_own(self.context.pending.borrow().own);
        self.observation().end_committing(self.context.committing.begun.get());
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Uncommitted {
    /// Returns the position of a table that the hook names.
    pub(super) fn position_of(&mut self, table: &[u8]) -> Option<usize> {
        if self.last.0 != table {
            let name = std::str::from_utf8(table).ok();
            self.last.1 = name.and_then(|name| self.interest.position(name));
            self.last.0.clear();
            self.last.0.extend_from_slice(table);
        }
        self.last.1
    }

    /// Records that any row of a table may have changed.
    pub(super) fn touch_whole(&mut self, table: usize) {
        if let Some(touched) = self.touched.get_mut(table) {
            touched.whole = true;
            touched.columns = ColumnSet::ALL;
        }
    }

    pub(super) fn clear(&mut self) {
        self.log.clear();
        self.touched.fill(Touched::default());
        self.whole = Whole::default();
        self.marks.clear();
    }

    /// Takes what was recorded, if it is anything.
    fn take(&mut self, pages: Option<WrittenPages>) -> Option<Commit> {
        let touched = |it: &Touched| it.whole || it.rows > 0 || !it.columns.is_empty();
        let Whole { others, schema, everything, external } = self.whole;
        let something = others || schema || everything || self.touched.iter().any(touched);
        // Rows that nobody reads may have moved others to other pages.
        if !something && pages.is_none() {
            self.clear();
            return None;
        }
        let mut tables: Vec<TableChange> = Vec::new();
        let mut places = vec![usize::MAX; self.touched.len()];
        for (table, it) in self.touched.iter().enumerate().filter(|(_, it)| touched(it)) {
            places[table] = tables.len();
            let rows = Vec::with_capacity(if it.whole { 0 } else { it.rows as usize });
            tables.push(TableChange { table, whole: it.whole, columns: it.columns, rows });
        }
        for (table, row) in self.log.drain(..) {
            if let Some(change) = tables.get_mut(places[table as usize])
                && !change.whole
            {
                change.rows.push(row);
            }
        }
        self.clear();
        let interest = Arc::clone(&self.interest);
        Some(Commit { interest, tables, others, schema, everything, pages, external })
    }

    /// Records a row whose values are wanted.
    pub(super) fn push(&mut self, table: usize, row: RowChange) {
        let touched = &mut self.touched[table];
        touched.columns.add(row.columns);
        if touched.rows >= MOST_ROWS {
            touched.whole = true;
            return;
        }
        touched.rows += 1;
        self.log.push((u32::try_from(table).unwrap_or(u32::MAX), row));
    }
}

/// Whether SQLite reports rows.
pub(crate) const HAS_ROWS: bool = cfg!(sqlite_preupdate);
