//! A backend that runs programs on a plain connection, and does nothing else.

use std::sync::{Arc, Mutex};

use rusqlite::types::{Value as Plain, ValueRef as PlainRef};
use ubiqlite::ext::backend::{
    Backend, Fetch, Output, PageBuilder, PageSink, Program, Reply, Step, StepOutcome,
};
use ubiqlite::{Capabilities, Columns, Error, ErrorKind, Params, Value, ValueRef};

type Result<T> = ubiqlite::Result<T>;

/// Runs programs on one connection, each in `BEGIN IMMEDIATE … COMMIT`.
pub(crate) struct ProgramsOnly(Mutex<Option<rusqlite::Connection>>);

impl ProgramsOnly {
    pub(crate) fn new(connection: rusqlite::Connection) -> Self {
        Self(Mutex::new(Some(connection)))
    }
}

impl Backend for ProgramsOnly {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transactions: false,
            cursors: false,
            snapshots: false,
            sessions: false,
            coexistence: false,
            watches: false,
            row_changes: false,
            changesets: false,
            backups: false,
            replicas: false,
        }
    }

    fn run(&self, program: Program<'_>, _early: Option<&dyn PageSink>) -> Reply<Output> {
        let guard = self.0.lock().unwrap();
        let Some(connection) = guard.as_ref() else {
            return Reply::err(Error::new(ErrorKind::Closed, "the database is closed"));
        };
        Reply::ready(whole(connection, &program))
    }

    fn interrupt(&self) {}

    fn close(&self) -> Reply<()> {
        self.0.lock().unwrap().take();
        Reply::ready(Ok(()))
    }
}

fn whole(connection: &rusqlite::Connection, program: &Program<'_>) -> Result<Output> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let done = steps(connection, program)
        .and_then(|output| connection.execute_batch("COMMIT").map_err(failed).map(|()| output));
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(failed)?;
    }
    done
}

fn steps(connection: &rusqlite::Connection, program: &Program<'_>) -> Result<Output> {
    if let Some(wanted) = program.schema {
        let found: i64 =
            connection.query_row("PRAGMA schema_version", [], |row| row.get(0)).map_err(failed)?;
        if found != wanted {
            return Err(Error::new(
                ErrorKind::SchemaChanged,
                "the schema was changed in the meantime",
            ));
        }
    }
    let mut output = Output::default();
    for step in &program.steps {
        let outcome = run_step(connection, step, &output.steps)?;
        output.steps.push(outcome);
    }
    Ok(output)
}

fn run_step(
    connection: &rusqlite::Connection,
    step: &Step<'_>,
    earlier: &[StepOutcome],
) -> Result<StepOutcome> {
    let Some(extra) = &step.extra else {
        return once(connection, &step.sql, &step.params, step.fetch);
    };
    if extra.script {
        let before = connection.total_changes();
        connection.execute_batch(&step.sql).map_err(failed)?;
        return Ok(StepOutcome {
            changes: connection.total_changes() - before,
            last_row_id: connection.last_insert_rowid(),
            ..StepOutcome::default()
        });
    }
    if extra.each.is_empty() {
        let mut params = step.params.clone();
        extra.resolve(&mut params, earlier)?;
        let outcome = once(connection, &step.sql, &params, step.fetch)?;
        extra.check(&outcome)?;
        return Ok(outcome);
    }
    let mut sum = StepOutcome::default();
    for row in 0..extra.each.len() {
        let outcome = once(connection, &step.sql, &extra.each.row(row), step.fetch)?;
        extra.check(&outcome)?;
        sum.changes += outcome.changes;
        sum.last_row_id = outcome.last_row_id;
    }
    Ok(sum)
}

fn once(
    connection: &rusqlite::Connection,
    sql: &str,
    params: &Params,
    keep: Fetch,
) -> Result<StepOutcome> {
    if keep == Fetch::Compiled {
        return Err(Error::new(ErrorKind::Unsupported, "this backend describes no statements"));
    }
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let readonly = statement.readonly();
    for (index, value) in params.values().iter().enumerate() {
        let place = match params.names().get(index) {
            Some(name) => statement.parameter_index(&format!(":{name}")).map_err(failed)?,
            None => Some(index + 1),
        };
        let place = place
            .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "a value has no parameter"))?;
        statement.raw_bind_parameter(place, plain(value)).map_err(failed)?;
    }
    if params.len() != statement.parameter_count() {
        return Err(Error::new(ErrorKind::InvalidArgument, "a parameter has no value"));
    }
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = names.len();
    let mut page = PageBuilder::new(Arc::new(Columns::new(names)));
    let before = connection.total_changes();
    let mut rows = statement.raw_query();
    let mut kept = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let wanted = match keep {
            Fetch::Nothing | Fetch::Compiled => false,
            Fetch::First => kept == 0,
            Fetch::All | Fetch::Described | Fetch::Watched | Fetch::Paged => true,
        };
        for column in (0..width).filter(|_| wanted) {
            let fitted = page.push(of_plain(row.get_ref(column).map_err(failed)?));
            assert!(fitted, "a page of 4 GiB");
        }
        kept += u64::from(wanted);
    }
    drop(rows);
    let mut outcome = StepOutcome::default();
    if !readonly {
        let changed = connection.total_changes() != before;
        outcome.changes = if changed { connection.changes() } else { 0 };
        outcome.last_row_id = connection.last_insert_rowid();
    }
    if kept > 0 {
        outcome.rows.push(page.finish());
    }
    Ok(outcome)
}

fn plain(value: &Value) -> Plain {
    match value {
        Value::Null => Plain::Null,
        Value::Integer(value) => Plain::Integer(*value),
        Value::Real(value) => Plain::Real(*value),
        Value::Text(value) => Plain::Text(value.clone()),
        Value::Blob(value) => Plain::Blob(value.clone()),
    }
}

fn of_plain(value: PlainRef<'_>) -> ValueRef<'_> {
    match value {
        PlainRef::Null => ValueRef::Null,
        PlainRef::Integer(value) => ValueRef::Integer(value),
        PlainRef::Real(value) => ValueRef::Real(value),
        PlainRef::Text(value) => ValueRef::Text(value),
        PlainRef::Blob(value) => ValueRef::Blob(value),
    }
}

/// Converts an error, with the few kinds that the tests expect.
fn failed(error: rusqlite::Error) -> Error {
    let message = error.to_string();
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    let kind = match code {
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE) => ErrorKind::UniqueViolation,
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => ErrorKind::PrimaryKeyViolation,
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_CHECK) => ErrorKind::CheckViolation,
        Some(rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL) => ErrorKind::NotNullViolation,
        Some(rusqlite::ffi::SQLITE_ERROR) if message.contains("no such table") => {
            ErrorKind::NoSuchTable
        }
        Some(rusqlite::ffi::SQLITE_ERROR) => ErrorKind::Syntax,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, message)
}
