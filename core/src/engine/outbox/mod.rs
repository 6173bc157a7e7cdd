//! The outbox: what a transaction has changed in recorded tables goes, as one change set, into a
//! table of the same database, in the same commit.
//!
//! Which tables are recorded is kept in the database too. Every connection that may write reads it
//! with its first statement, and again after a commit that has changed it or the schema. What is
//! recorded is written just before the transaction's end, whoever ends it; SQLite's commit hook
//! refuses a commit that would leave it out.

mod foreign;
mod log;
mod net;
#[cfg(all(test, sqlite_session))]
mod tests;

use std::ffi::c_int;

use super::Connection;
use super::authorizer::{Nature, SavepointVerb, Verb};
use super::changegroup;
use super::changes::UNKNOWN;
use super::hook_slot::HookSlot;
use super::statement::Statement;
use super::writes::Writes;
use crate::engine::collect::collect;
use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::program::Fetch;
use crate::row::Row;
use crate::value::ValueRef;

#[cfg(not(target_family = "wasm"))]
pub(crate) use foreign::data_version;
pub(crate) use foreign::{SeenCommits, began_meanwhile};
#[cfg(sqlite_session)]
pub(super) use log::ChangingRow;
pub(super) use log::{OutboxLog, RecordedTable, TableShape};
#[cfg(sqlite_session)]
pub(super) use net::{NetTable, Positions, RowStart, key_of, note_position};

/// The names of the recorded tables.
const TABLES: &str = "ubiqlite_outbox_tables";

/// Whether the linked SQLite has what change sets need.
pub(crate) const HAS_CHANGESETS: bool = cfg!(sqlite_session);

impl Connection {
    /// Learns which tables are recorded.
    #[cold]
    pub(super) fn learn_recorded(&mut self) {
        let Some(recorder) = self.recorder.take() else { return };
        let version = recorder.observation().recorded();
        let within = self.in_transaction();
        self.handlers.shield(true);
        // In this order: what is committed in between is read later.
        let schema = self.integer("PRAGMA schema_version");
        let seen = self.data_version();
        let found = schema.and_then(|schema| Ok((schema, self.read_recorded()?)));
        self.handlers.shield(false);
        {
            let mut outbox = recorder.context.outbox.borrow_mut();
            match found {
                Ok((schema, tables)) => {
                    recorder.recorded_schema.set(Some(schema));
                    recorder.context.committing.seen.set(seen);
                    recorder.context.committing.forget_recompiled();
                    if outbox.renew(tables) {
                        // A statement that empties one of them in one step must not be kept.
                        self.cache.clear();
                        self.authorizer.set_recorded(outbox.names());
                    }
                    recorder.recorded.set(version);
                    recorder.recorded_within.set(within);
                }
                // Nothing may be committed until it is known.
                Err(error) => outbox.fault = Some(error),
            }
        }
        self.authorizer.rows.set(recorder.row_context());
        self.recorder = Some(recorder);
        self.hook_commits();
        self.learn_breaking();
    }

    fn read_recorded(&mut self) -> Result<Vec<RecordedTable>> {
        let mut tables = Vec::new();
        let sql = "SELECT name FROM ubiqlite_outbox_tables ORDER BY name";
        let read = self.own_rows(sql, &[], &mut |row| {
            tables.push(RecordedTable::new(text(row, 0)?));
            Ok(())
        });
        match read {
            Err(error) if error.kind() == ErrorKind::NoSuchTable => return Ok(Vec::new()),
            other => other?,
        }
        for table in &mut tables {
            table.shape = self.shape_of(&table.name)?;
        }
        // One that was dropped has no rows to be changed.
        tables.retain(|table| table.shape.count > 0);
        Ok(tables)
    }

    /// Returns the columns of a table; none if there is no such table.
    pub(super) fn shape_of(&mut self, table: &str) -> Result<TableShape> {
        let mut shape = TableShape::default();
        let sql = "SELECT name, cid, pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid";
        self.own_rows(sql, &[ValueRef::Text(table.as_bytes())], &mut |row| {
            shape.count += 1;
            if integer(row, 3)? == 0 {
                shape.columns.push(integer(row, 1)? as c_int);
                shape.names.push(text(row, 0)?.into());
                shape.keys.push(u8::try_from(integer(row, 2)?).unwrap_or(u8::MAX));
            }
            Ok(())
        })?;
        Ok(shape)
    }

    /// Must be called before a statement of the user's is compiled or runs.
    #[inline]
    pub(super) fn begin_recording(&mut self) {
        if !self.begin_recorded_statement() {
            self.confirm_recorded(false);
        }
    }

    /// As [`begin_recording`](Self::begin_recording), but for what other connections have begun to
    /// record. Returns whether anything was learned.
    #[inline]
    fn begin_recorded_statement(&mut self) -> bool {
        let Some(recorder) = &self.recorder else { return false };
        recorder.context.outbox.borrow_mut().begin_statement(self.in_transaction());
        let outdated = recorder.recorded.get() != recorder.observation().recorded();
        if outdated {
            self.learn_recorded();
        }
        outdated
    }

    /// Writes what the open transaction has recorded into the outbox. Must be called before
    /// everything that may commit it.
    ///
    /// # Errors
    /// Why it can't be recorded: then it must not be committed.
    #[inline]
    pub(super) fn flush_outbox(&mut self) -> Result<()> {
        self.confirm_recorded(false);
        let Some(recorder) = &self.recorder else { return Ok(()) };
        let outbox = recorder.context.outbox.borrow();
        if !outbox.dirty && outbox.fault.is_none() {
            return Ok(());
        }
        drop(outbox);
        self.flush_recorded()
    }

    /// As [`flush_outbox`](Self::flush_outbox), before the release of a savepoint.
    pub(super) fn flush_before_release(&mut self) -> Result<()> {
        let ends = self.recorder.as_ref().is_some_and(|it| it.context.outbox.borrow().by_savepoint);
        if ends { self.flush_outbox() } else { Ok(()) }
    }

    /// Must be called before a statement of this library's own.
    ///
    /// # Errors
    /// As [`flush_outbox`](Self::flush_outbox).
    #[inline]
    pub(super) fn before_own_control(&mut self, sql: &str) -> Result<()> {
        // Few of them concern it, and each transaction runs two.
        match sql.as_bytes() {
            [b'B', ..] if sql.starts_with("BEGIN") => {
                self.renew_interest();
                // The rest is asked when it has begun.
                self.begin_recorded_statement();
            }
            b"COMMIT" => self.flush_outbox()?,
            [b'S', ..] if sql.starts_with("SAVEPOINT ") => self.note_savepoint(),
            [b'R', ..] if sql.starts_with("RELEASE ") => self.flush_before_release()?,
            _ => {}
        }
        Ok(())
    }

    /// Must be called before a statement of the user's that may begin or end a transaction.
    ///
    /// # Errors
    /// As [`flush_outbox`](Self::flush_outbox).
    pub(super) fn before_control(&mut self, nature: &Nature) -> Result<()> {
        match (nature.verb, nature.savepoint) {
            (Some(Verb::Commit), _) => self.flush_outbox(),
            (_, Some(SavepointVerb::Release)) => self.flush_before_release(),
            (_, Some(SavepointVerb::Begin)) => {
                self.note_savepoint();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn note_savepoint(&mut self) {
        if !self.in_transaction() {
            self.renew_recorder();
            if let Some(recorder) = &self.recorder {
                recorder.context.outbox.borrow_mut().by_savepoint = true;
            }
        }
    }

    #[cold]
    fn flush_recorded(&mut self) -> Result<()> {
        if !self.is_writing() {
            return Ok(());
        }
        let Some(recorder) = self.recorder.take() else { return Ok(()) };
        self.handlers.shield(true);
        // SAFETY: the connection is open. A change set may be longer than what runs inline.
        let (limit, row_id) = unsafe {
            (
                ffi::sqlite3_limit(self.raw, ffi::SQLITE_LIMIT_LENGTH, self.length_limit),
                ffi::sqlite3_last_insert_rowid(self.raw),
            )
        };
        // Its tables are taken out: what is written to the outbox passes the hook as well.
        let mut outbox = recorder.context.outbox.take();
        let own_changes = self.own_changes.clone();
        // SAFETY: the connection is open and this thread alone uses it.
        let flushed = unsafe { own_changes.hide(self.raw, || self.write_outbox(&mut outbox)) };
        outbox.dirty = flushed.is_err();
        *recorder.context.outbox.borrow_mut() = outbox;
        // SAFETY: as above. In SQL, each holder finds the rowid of its own insertions.
        unsafe {
            ffi::sqlite3_set_last_insert_rowid(self.raw, row_id);
            ffi::sqlite3_limit(self.raw, ffi::SQLITE_LIMIT_LENGTH, limit);
        }
        self.handlers.shield(false);
        self.recorder = Some(recorder);
        flushed
    }

    fn write_outbox(&mut self, outbox: &mut OutboxLog) -> Result<()> {
        if let Some(fault) = &outbox.fault {
            return Err(fault.duplicate());
        }
        for table in &outbox.tables {
            // Another process may have changed it.
            if !table.log.is_empty() && self.shape_of(&table.name)? != table.shape {
                return Err(Error::new(
                    ErrorKind::SchemaChanged,
                    format!("the columns of {} were changed by another connection", table.name),
                ));
            }
        }
        for id in std::mem::take(&mut outbox.written) {
            self.own_run("DELETE FROM ubiqlite_outbox WHERE id = ?1", &[ValueRef::Integer(id)])?;
        }
        for epoch in 0..=outbox.epoch {
            let current = epoch == outbox.epoch;
            let mut bytes = Vec::new();
            let earlier = outbox.earlier.iter().filter(|(at, _)| *at == epoch);
            let now = if current { &outbox.tables[..] } else { &[] };
            for table in earlier.map(|(_, table)| table).chain(now) {
                if !table.log.is_empty() {
                    self.push_section(&mut bytes, table, outbox.doubted, current)?;
                }
            }
            if !bytes.is_empty() {
                outbox.written.push(self.put_in_outbox(&bytes)?);
            }
        }
        Ok(())
    }

    /// Writes a table's part of the change set.
    fn push_section(
        &mut self,
        into: &mut Vec<u8>,
        table: &RecordedTable,
        doubted: bool,
        current: bool,
    ) -> Result<()> {
        if doubted {
            if !current {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "a transaction that changes the columns of {}, which is recorded for the outbox, and undoes a part of its work can't be recorded; make them two transactions",
                        table.name
                    ),
                ));
            }
            return self.net_section(into, table);
        }
        // What is only inserted has no key twice.
        if table.others {
            into.extend_from_slice(&changegroup::merge(None, &table.log)?);
        } else {
            into.extend_from_slice(&table.log);
        }
        Ok(())
    }

    /// Adds a change set to the outbox.
    ///
    /// # Errors
    /// `TooBig` for one that no value can hold.
    pub(super) fn put_in_outbox(&mut self, bytes: &[u8]) -> Result<i64> {
        let most = usize::try_from(self.length_limit).unwrap_or(usize::MAX);
        // A row has more than its blob.
        if bytes.len() > most.saturating_sub(64) {
            return Err(Error::new(
                ErrorKind::TooBig,
                format!(
                    "the transaction's changes of recorded tables have {} bytes, and the outbox takes at most {most} of a transaction; make it several",
                    bytes.len()
                ),
            ));
        }
        self.own_run("INSERT INTO ubiqlite_outbox (bytes) VALUES (?1)", &[ValueRef::Blob(bytes)])?;
        // SAFETY: the connection is open.
        Ok(unsafe { ffi::sqlite3_last_insert_rowid(self.raw) })
    }

    /// Keeps what follows out of the outbox, or ends that.
    pub(super) fn mute_outbox(&self, muted: bool) {
        if let Some(recorder) = &self.recorder {
            recorder.context.outbox.borrow_mut().muted = muted;
        }
    }

    /// Returns all that waits in the outbox, as one change set, and whether it is one already.
    pub(super) fn pending(&mut self) -> Result<Option<(Vec<u8>, bool)>> {
        let mut sets = Vec::new();
        let mut count = 0;
        let sql = "SELECT bytes FROM ubiqlite_outbox ORDER BY id";
        let read = self.own_rows(sql, &[], &mut |row| {
            if let ValueRef::Blob(bytes) = row.value(0)? {
                sets.extend_from_slice(bytes);
            }
            count += 1;
            Ok(())
        });
        match read {
            Err(error) if error.kind() == ErrorKind::NoSuchTable => return Ok(None),
            other => other?,
        }
        if count == 0 {
            return Ok(None);
        }
        // Also a single one: it may be of a time when a table had fewer columns.
        changegroup::merge(Some(self.raw), &sets).map(|all| Some((all, count == 1)))
    }

    /// Makes a change set all that waits in the outbox.
    pub(super) fn replace_pending(&mut self, bytes: &[u8]) -> Result<()> {
        self.own_run("DELETE FROM ubiqlite_outbox", &[])?;
        if !bytes.is_empty() {
            self.put_in_outbox(bytes)?;
        }
        Ok(())
    }

    /// Runs a statement of this library's own, and then passes its rows on.
    pub(super) fn own_rows(
        &mut self,
        sql: &str,
        values: &[ValueRef<'_>],
        each: &mut dyn FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let statement = self.own_statement(sql)?;
        let bound = values.iter().zip(1..).try_for_each(|(value, index)| {
            // SAFETY: the values outlive the statement's run.
            unsafe { statement.bind_value(index, *value) }
        });
        let rows = bound.and_then(|()| collect(statement, Fetch::All, None));
        statement.reset();
        rows?.into_iter().try_for_each(|row| each(&row))
    }

    /// As [`own_rows`](Self::own_rows), where no rows are wanted.
    fn own_run(&mut self, sql: &str, values: &[ValueRef<'_>]) -> Result<()> {
        self.own_rows(sql, values, &mut |_| Ok(()))
    }

    /// As [`own_rows`](Self::own_rows), and returns the text in the first row.
    pub(super) fn own_text(
        &mut self,
        sql: &str,
        values: &[ValueRef<'_>],
    ) -> Result<Option<Box<str>>> {
        let mut found = None;
        self.own_rows(sql, values, &mut |row| {
            if found.is_none() {
                found = Some(text(row, 0)?.into());
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Returns a text that one of this library's own statements has read.
#[inline(never)]
fn text(row: &Row, column: usize) -> Result<&str> {
    row.get(column)
}

/// As [`text`], an integer.
#[inline(never)]
fn integer(row: &Row, column: usize) -> Result<i64> {
    row.get(column)
}

fn is_hidden(table: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "an extension has attached a session object while {table} was changed, which is recorded for the outbox: what was changed is not known, so it can't be committed"
        ),
    )
}

impl super::changes::Recorder {
    /// Notes what a statement of the user's did that concerns what is recorded.
    pub(super) fn note_recorded(&self, writes: &Writes) {
        let named = |name: &str| writes.tables.iter().any(|table| **table == *name);
        let mut outbox = self.context.outbox.borrow_mut();
        if writes.schema || named(TABLES) {
            outbox.changed = true;
            self.recorded.set(UNKNOWN);
        }
        if !HAS_CHANGESETS && outbox.tables.iter().any(|table| named(&table.name)) {
            outbox.fault = Some(unsupported());
        }
    }

    /// Must be called before a statement of the user's that writes.
    #[inline]
    pub(super) fn begin_write(&self, statement: &Statement, rows: &HookSlot) {
        let mut outbox = self.context.outbox.borrow_mut();
        if outbox.is_on() {
            // What an extension has put there since would hide the rows.
            rows.retake();
        }
        if let Some(writes) = &statement.writes
            && writes.dropped.is_some()
        {
            outbox.begin_drop(writes.dropped.clone());
        }
    }

    /// Must be called after a statement of the user's that writes.
    #[inline]
    pub(super) fn end_write(&self, statement: &Statement, rows: &HookSlot, succeeded: bool) {
        let mut outbox = self.context.outbox.borrow_mut();
        outbox.end_statement(succeeded);
        // An extension has taken the hook within the statement.
        if outbox.is_on() && rows.retake() {
            let writes = statement.writes.as_ref();
            let named = |name: &str| {
                writes.is_some_and(|writes| writes.tables.iter().any(|it| **it == *name))
            };
            let hidden = |table: &&RecordedTable| statement.is_recompiled() || named(&table.name);
            if let Some(table) = outbox.tables.iter().find(hidden) {
                let fault = is_hidden(&table.name);
                outbox.fault.get_or_insert(fault);
            }
        }
    }

    /// Must be called when no transaction is open any more.
    pub(super) fn end_outbox(&self) {
        let mut outbox = self.context.outbox.borrow_mut();
        if outbox.changed {
            // The others learn of it before they can write again.
            self.observation().note_recorded();
        }
        if self.recorded_within.take() {
            self.recorded.set(UNKNOWN);
        }
        outbox.clear();
        self.context.committing.locked.set(false);
    }
}

/// Returns the error for a build of SQLite that can't make change sets.
pub(crate) fn unsupported() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "change sets need an SQLite that was compiled with SQLITE_ENABLE_PREUPDATE_HOOK and SQLITE_ENABLE_SESSION; put both into LIBSQLITE3_FLAGS",
    )
}
