//! Running the steps of a program on a connection.

use crate::ffi;

use super::authorizer::{Class, SavepointVerb};
use super::collect::collect;
use super::script::is_script;
use super::{Connection, LastRowId, Statement, opcodes};
use crate::error::{Error, ErrorKind, Result};
use crate::program::Begin;
use crate::program::{Access, Extra, Fetch, Output, PageSink, Program, Step, StepOutcome};
use crate::sql::Params;

impl Connection {
    /// Runs a program's steps one after another in whatever transaction is open. Undoing the first
    /// steps when a later one fails is up to the caller. Whole pages of what a program of one
    /// statement reads can be passed to `sink` while it runs.
    pub(crate) fn run(
        &mut self,
        program: &Program<'_>,
        sink: Option<&dyn PageSink>,
    ) -> Result<Output> {
        self.check_schema(program)?;
        if program.access == Access::Again {
            self.check_again(program)?;
        }
        let mut output = Output::default();
        let sink = sink.filter(|_| program.steps.len() == 1);
        for step in &program.steps {
            let outcome = self.run_step(step, &output.steps, sink).map_err(|error| {
                match step.extra.as_ref().and_then(|extra| extra.item) {
                    Some(item) if error.index().is_none() => error.with_index(item),
                    _ => error,
                }
            })?;
            output.steps.push(outcome);
        }
        Ok(output)
    }

    /// Runs a program like [`run_whole`](Self::run_whole), on a connection that serves different
    /// callers in turn.
    pub(crate) fn run_alone(&mut self, program: &Program<'_>) -> Result<Output> {
        self.forget_last_row_id();
        self.run_whole(program)
    }

    /// Runs a program whole or not at all, in a transaction if it needs one.
    pub(crate) fn run_whole(&mut self, program: &Program<'_>) -> Result<Output> {
        if is_script(program) {
            let outcome = self.run_script_alone(&program.steps[0].sql)?;
            return Ok(Output { steps: smallvec::smallvec![outcome] });
        }
        if program.schema.is_none() && self.is_harmless(program)? {
            return self.run(program, None);
        }
        self.control("BEGIN IMMEDIATE")?;
        let done =
            self.run(program, None).and_then(|output| self.control("COMMIT").map(|()| output));
        if done.is_err() {
            self.rollback();
        }
        done
    }

    /// Runs a program whole or not at all inside an open transaction.
    pub(crate) fn run_nested(
        &mut self,
        program: &Program<'_>,
        sink: Option<&dyn PageSink>,
    ) -> Result<Output> {
        if self.is_harmless(program)? {
            return self.run(program, sink);
        }
        self.control("SAVEPOINT ubiqlite_program")?;
        let done = self.run(program, None);
        if done.is_err()
            && self.in_transaction()
            && let Err(error) = self.control("ROLLBACK TO ubiqlite_program")
        {
            // Half a program must not be committed with the rest.
            self.rollback();
            return Err(error);
        }
        if self.in_transaction() {
            self.control("RELEASE ubiqlite_program")?;
        }
        done
    }

    /// Runs a program inside a transaction shared with others. `None`: it failed and left something
    /// behind, so the transaction must be undone.
    pub(crate) fn run_shared(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        if !is_single(program) {
            return Some(self.run_nested(program, None));
        }
        // SQLite undoes a failed statement by itself, at no cost, unless told not to: ON CONFLICT
        // FAIL and RAISE(FAIL) keep what was done before them.
        let result = self.run(program, None);
        let keeps = || opcodes::of(self, &program.steps[0].sql).map_or(true, |it| it.fails);
        if result.is_err() && keeps() { None } else { Some(result) }
    }

    /// Whether nothing must be undone when the program fails: it is one statement that reads, or
    /// that can't run in a transaction. A statement that writes does not qualify, since FAIL keeps
    /// what it did before it failed.
    fn is_harmless(&mut self, program: &Program<'_>) -> Result<bool> {
        match program.steps.as_slice() {
            [step] if is_single(program) => {
                let (nature, readonly) = self.inspect(&step.sql)?;
                Ok(readonly || nature.class != Class::Plain)
            }
            _ => Ok(false),
        }
    }

    /// Begins a transaction for a new holder of the connection.
    pub(crate) fn begin_for_another(&mut self, begin: Begin) -> Result<()> {
        self.forget_last_row_id();
        self.control(begin.sql())
    }

    /// Forgets the last inserted rowid when the connection changes hands: in SQL, each holder finds
    /// the rowid of its own insertions, as with SQLite.
    pub(crate) fn forget_last_row_id(&mut self) {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_set_last_insert_rowid(self.raw, 0) };
    }

    /// Checks that the statements of a program that may have run before can run once more.
    ///
    /// # Errors
    /// `OutcomeUnknown`: they would change something.
    #[cold]
    fn check_again(&mut self, program: &Program<'_>) -> Result<()> {
        for step in &program.steps {
            let (nature, readonly) = self.inspect(&step.sql)?;
            if !readonly || (nature.class != Class::Plain && !nature.asks) {
                return Err(Error::changes());
            }
        }
        Ok(())
    }

    pub(super) fn check_schema(&mut self, program: &Program<'_>) -> Result<()> {
        let Some(wanted) = program.schema else { return Ok(()) };
        let found = match self.schema {
            Some(known) => known,
            None => self.integer("PRAGMA schema_version")?,
        };
        if self.lease.is_some() {
            self.schema = Some(found);
        }
        if found == wanted {
            return Ok(());
        }
        Err(Error::new(ErrorKind::SchemaChanged, "the schema was changed in the meantime"))
    }

    #[inline]
    pub(super) fn run_step(
        &mut self,
        step: &Step<'_>,
        earlier: &[StepOutcome],
        sink: Option<&dyn PageSink>,
    ) -> Result<StepOutcome> {
        if step.fetch == Fetch::Watched {
            return self.run_watched(step);
        }
        #[cfg(not(target_family = "wasm"))]
        if step.fetch.is_compiled() {
            return self.describe(&step.sql);
        }
        if step.fetch == Fetch::Paged {
            let beside = step.extra.as_ref().map_or(&[][..], |extra| &extra.beside);
            return self.run_paged(step, beside);
        }
        let Some(extra) = &step.extra else {
            return self.run_once(&step.sql, &step.params, step.fetch, sink);
        };
        self.run_with_extra(step, extra, earlier)
    }

    /// Compiles a statement and tells what is known of it.
    #[cfg(not(target_family = "wasm"))]
    #[cold]
    fn describe(&mut self, sql: &str) -> Result<StepOutcome> {
        // A statement that was compiled before, and what SQLite knows of the schema, may be older
        // than the file.
        drop(self.cache.take(sql));
        self.control("SELECT 1 FROM sqlite_schema LIMIT 1")?;
        self.statement(sql)?;
        let statement = self.cache.get(sql).ok_or_else(|| Error::closed("statement"))?;
        let description = Some(Box::new(statement.describe_compiled()));
        Ok(StepOutcome { description, ..StepOutcome::default() })
    }

    fn run_with_extra(
        &mut self,
        step: &Step<'_>,
        extra: &Extra,
        earlier: &[StepOutcome],
    ) -> Result<StepOutcome> {
        if extra.script {
            return self.run_script(&step.sql).map(|(outcome, _)| outcome);
        }
        if let Some(apply) = &extra.apply {
            return self.apply_changes(apply);
        }
        if !extra.each.is_empty() {
            return self.run_each(step, extra);
        }
        if extra.unrecorded {
            // Learned now, it is not learned, and with it recorded, within the statement.
            self.renew_recorder();
            self.mute_outbox(true);
            let done = self.run_once(&step.sql, &step.params, step.fetch, None);
            self.mute_outbox(false);
            return done;
        }
        let outcome = if extra.references.is_empty() {
            self.run_once(&step.sql, &step.params, step.fetch, None)?
        } else {
            let mut params = step.params.clone();
            extra.resolve(&mut params, earlier)?;
            self.run_once(&step.sql, &params, step.fetch, None)?
        };
        extra.check(&outcome)?;
        Ok(outcome)
    }

    /// Runs one statement once for each of many parameters.
    fn run_each(&mut self, step: &Step<'_>, extra: &Extra) -> Result<StepOutcome> {
        self.renew_recorder();
        self.refuse_older()?;
        let done = self.run_rows(step, extra);
        if let (Some(recorder), Some(statement)) = (&self.recorder, self.cache.get(&step.sql)) {
            statement.note_writes(recorder);
            recorder.end_write(statement, &self.authorizer.rows, done.is_ok());
            if statement.is_recompiled() {
                drop(self.cache.take(&step.sql));
            }
        }
        self.report_commit(done.is_err());
        done.map_err(|error| self.explain_refusal(error))
    }

    fn run_rows(&mut self, step: &Step<'_>, extra: &Extra) -> Result<StepOutcome> {
        let mut sum = StepOutcome::default();
        let first = extra.item.unwrap_or(0);
        let (raw, row_id) = (self.raw, self.row_id.clone());
        self.statement(&step.sql)?;
        let statement = self.cache.get(&step.sql).ok_or_else(|| Error::closed("statement"))?;
        if !statement.is_plain() {
            return Err(Error::invalid(
                "this kind of statement can't be run with many sets of parameters",
            ));
        }
        let inserts = statement.nature.inserts;
        super::context::note_change();
        if let Some(recorder) = &self.recorder {
            self.own_changes.begin();
            recorder.begin_write(statement, &self.authorizer.rows);
        }
        self.counters.runs.add(extra.each.len() as u64);
        for index in 0..extra.each.len() {
            // SAFETY: the connection is open.
            let before = unsafe { ffi::sqlite3_total_changes64(raw) };
            if inserts {
                // SAFETY: as above; its end follows.
                unsafe { row_id.begin(raw) };
            }
            // SAFETY: the rows outlive the reset below, unchanged.
            let run = unsafe { statement.bind_row(&extra.each, index) }
                .and_then(|()| collect(statement, step.fetch, None));
            statement.reset();
            // SAFETY: as above.
            let last_row_id = if inserts { unsafe { row_id.end(raw) } } else { 0 };
            let changes = changed_since(raw, before);
            let outcome = run.map(|rows| StepOutcome {
                changes,
                last_row_id,
                rows,
                ..StepOutcome::default()
            });
            let outcome = outcome
                .and_then(|it| extra.check(&it).map(|()| it))
                .map_err(|error| error.with_index(first + index))?;
            sum.changes += outcome.changes;
            sum.last_row_id = outcome.last_row_id;
            for page in outcome.rows.into_pages() {
                sum.rows.push_shared(page);
            }
        }
        Ok(sum)
    }

    /// Runs one statement to its end.
    #[inline]
    pub(super) fn run_once(
        &mut self,
        sql: &str,
        params: &Params,
        keep: Fetch,
        sink: Option<&dyn PageSink>,
    ) -> Result<StepOutcome> {
        let raw = self.raw;
        self.renew_recorder();
        self.refuse_older()?;
        let inline = self.handlers.is_inline();
        let sweeps = inline && !self.is_small();
        if !self.cache.contains(sql) {
            self.statement(sql)?;
        }
        let statement = self.cache.get(sql).ok_or_else(|| Error::closed("statement"))?;
        if !statement.is_plain() || statement.nature.transient {
            return self.run_special(sql, params, keep, sink);
        }
        if inline && (statement.is_slow() || (sweeps && statement.sweeps)) {
            return Err(too_long());
        }
        if inline && statement.nature.works {
            super::inline::limit_worked(raw);
        }
        if !statement.readonly
            && let Some(recorder) = &self.recorder
        {
            self.own_changes.begin();
            recorder.begin_write(statement, &self.authorizer.rows);
        }
        self.counters.runs.add(1);
        let done = run_bound(raw, &self.row_id, statement, params, keep, sink);
        if statement.readonly {
            self.refuse_older_read()?;
        } else if let Some(recorder) = &self.recorder {
            statement.note_writes(recorder);
            recorder.end_write(statement, &self.authorizer.rows, done.is_ok());
            if statement.is_recompiled() {
                // Compiled anew, it is known what it does.
                drop(self.cache.take(sql));
            }
            self.report_commit(done.is_err());
        }
        done.map_err(|error| self.explain_refusal(error))
    }

    /// Runs a statement that needs a rule of its own, and is not kept.
    #[cold]
    fn run_special(
        &mut self,
        sql: &str,
        params: &Params,
        keep: Fetch,
        sink: Option<&dyn PageSink>,
    ) -> Result<StepOutcome> {
        if self.handlers.is_inline() {
            return Err(too_long());
        }
        let mut statement = self.cache.take(sql).ok_or_else(|| Error::closed("statement"))?;
        self.counters.runs.add(1);
        self.run_apart(&mut statement, params, keep, sink)
    }

    /// Runs a statement that is not in the cache, with the rules that it needs.
    pub(super) fn run_apart(
        &mut self,
        statement: &mut Statement,
        params: &Params,
        keep: Fetch,
        sink: Option<&dyn PageSink>,
    ) -> Result<StepOutcome> {
        let _way = self.clear_others(&statement.nature);
        self.renew_recorder();
        let plain = statement.is_plain() && !statement.nature.transient;
        // An explicit COMMIT, or a setting, has already happened when SQLite asks for the last
        // time.
        let shield = !plain && !statement.nature.long;
        if shield {
            self.handlers.shield(true);
        }
        let done = self.before_control(&statement.nature).and_then(|()| {
            if plain && !statement.readonly {
                self.own_changes.begin();
            }
            if let Some(recorder) = &self.recorder {
                recorder.begin_write(statement, &self.authorizer.rows);
            }
            run_bound(self.raw, &self.row_id, statement, params, keep, sink)
        });
        if shield {
            self.handlers.shield(false);
        }
        if statement.nature.journal_mode && self.recorder.is_some() {
            // The index of the log may be gone, and with it what is mapped here.
            self.wal_index = None;
            self.wal = false;
            let _ = self.note_journal_mode();
        }
        if let Some(recorder) = &self.recorder {
            statement.note_writes(recorder);
            recorder.end_write(statement, &self.authorizer.rows, done.is_ok());
            if statement.nature.savepoint == Some(SavepointVerb::RollbackTo) {
                recorder.context.outbox.borrow_mut().undo(None);
            }
            if statement.nature.verb == Some(super::Verb::Rollback) && !self.in_transaction() {
                recorder.forget();
            }
            self.report_commit(done.is_err());
        }
        if statement.nature.verb == Some(super::Verb::Begin) {
            self.confirm_recorded(true);
        }
        done.map_err(|error| self.explain_refusal(error))
    }
}

/// Runs a statement to its end.
#[inline]
fn run_bound(
    raw: *mut ffi::sqlite3,
    row_id: &LastRowId,
    statement: &mut Statement,
    params: &Params,
    keep: Fetch,
    sink: Option<&dyn PageSink>,
) -> Result<StepOutcome> {
    let (readonly, inserts) = (statement.readonly, statement.nature.inserts);
    if !readonly {
        super::context::note_change();
    }
    // SAFETY: the connection is open.
    let before = if readonly { 0 } else { unsafe { ffi::sqlite3_total_changes64(raw) } };
    if inserts {
        // SAFETY: as above; its end follows.
        unsafe { row_id.begin(raw) };
    }
    // SAFETY: `params` outlives the reset below.
    let run = unsafe { statement.bind(params) }.and_then(|()| collect(statement, keep, sink));
    statement.reset();
    // SAFETY: the connection is open.
    let last_row_id = if inserts { unsafe { row_id.end(raw) } } else { 0 };
    let rows = run?;
    let description = (keep == Fetch::Described).then(|| Box::new(statement.describe()));
    if readonly {
        return Ok(StepOutcome { rows, description, ..StepOutcome::default() });
    }
    let changes = changed_since(raw, before);
    Ok(StepOutcome { changes, last_row_id, rows, description, ..StepOutcome::default() })
}

/// Returns the error for work that was tried on a caller's thread and is too long for it.
fn too_long() -> Error {
    Error::new(ErrorKind::Cancelled, "the statement takes too long for this thread")
}

/// Returns the rows changed by the statement that ran since the total was `before`.
fn changed_since(raw: *mut ffi::sqlite3, before: i64) -> u64 {
    // SAFETY: callers pass their open connection. `changes` keeps its value over statements that
    // change no row, so the total shows whether to read it.
    let changes = unsafe {
        let changed = ffi::sqlite3_total_changes64(raw) != before;
        if changed { ffi::sqlite3_changes64(raw) } else { 0 }
    };
    u64::try_from(changes).unwrap_or(0)
}

/// Whether the program is one statement, which SQLite itself undoes when it fails.
fn is_single(program: &Program<'_>) -> bool {
    matches!(program.steps.as_slice(), [step] if step.extra.as_ref().is_none_or(|extra| {
        !extra.script && extra.apply.is_none() && extra.each.is_empty() && extra.expect == crate::program::Expect::Anything
    }))
}
