//! What SQLite needs before some statements, so that they see the file as it is.

use std::ffi::{CStr, c_int};
use std::ptr;

use crate::ffi;
use crate::sql::{first_word, quote_into};

/// What is done before a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// It may take a database out of WAL mode. In WAL mode a commit of another connection leaves the
    /// file's change counter alone unless it changes the first page, and after the mode has changed
    /// SQLite looks at nothing else: up to 3.54 at least, it goes on with the pages that it has in
    /// memory from before that commit, and writes them over newer ones.
    ForgetPages,
    /// It checks the whole database. FTS5 compares its index with what it remembers of it, and, up
    /// to 3.54 at least, looks only when a query begins whether that is still so: after a commit of
    /// another connection it takes a sound table for a corrupt one.
    ReadAnew,
}

impl Before {
    /// What is done before this one statement: rather too much than too little.
    pub(super) fn of(sql: &str) -> Self {
        // A check can be asked for by `SELECT * FROM pragma_integrity_check` too.
        let (mut sets, mut checks) = (false, false);
        for (at, _) in sql.bytes().enumerate().filter(|(_, byte)| *byte == b'_') {
            let name = |before: &str, after: &str| {
                let (first, rest) = sql.as_bytes().split_at(at);
                first.len() >= before.len()
                    && first[at - before.len()..].eq_ignore_ascii_case(before.as_bytes())
                    && rest.len() > after.len()
                    && rest[1..=after.len()].eq_ignore_ascii_case(after.as_bytes())
            };
            sets |= name("journal", "mode");
            checks |= name("integrity", "check") || name("quick", "check");
        }
        if sets && first_word(sql).eq_ignore_ascii_case("PRAGMA") {
            Self::ForgetPages
        } else if checks {
            Self::ReadAnew
        } else {
            Self::Nothing
        }
    }
}

/// A statement that has begun, and keeps the moment that it reads.
#[derive(Debug)]
pub(super) struct Moment(*mut ffi::sqlite3_stmt);

impl Drop for Moment {
    fn drop(&mut self) {
        // SAFETY: it is prepared; its owner drops it before the connection closes.
        unsafe { ffi::sqlite3_finalize(self.0) };
    }
}

/// Makes each FTS5 table look at the file, and returns what keeps it from changing. What goes wrong
/// is left for the check to report.
///
/// # Safety
/// `db` is open and used by this thread alone; what is returned is dropped before it closes.
pub(super) unsafe fn read_anew(db: *mut ffi::sqlite3) -> Option<Moment> {
    // SAFETY: by the contract; a schema's name lives until the list of schemas changes, which these
    // statements do not do.
    unsafe {
        let moment = begin(db, "PRAGMA main.schema_version")?;
        for schema in ffi::databases(db) {
            let Some(schema) = quoted(schema) else { continue };
            for table in fts5_tables(db, &schema) {
                drop(begin(db, &format!("SELECT 1 FROM {schema}.{table} WHERE rowid = 0")));
            }
        }
        Some(moment)
    }
}

/// Returns the names of the FTS5 tables of a schema, quoted as that is.
///
/// # Safety
/// As [`read_anew`].
unsafe fn fts5_tables(db: *mut ffi::sqlite3, schema: &str) -> Vec<String> {
    let tables = format!(
        "SELECT name FROM {schema}.sqlite_schema
          WHERE type = 'table' AND rootpage = 0 AND instr(lower(sql), 'fts5') > 0"
    );
    let mut found = Vec::new();
    // SAFETY: by the contract; the text of a row is copied before the next step.
    unsafe {
        let Some(statement) = begin(db, &tables) else { return found };
        loop {
            let name = ffi::sqlite3_value_text(ffi::sqlite3_column_value(statement.0, 0));
            if !name.is_null() {
                found.extend(quoted(CStr::from_ptr(name.cast())));
            }
            if ffi::sqlite3_step(statement.0) != ffi::SQLITE_ROW {
                return found;
            }
        }
    }
}

fn quoted(name: &CStr) -> Option<String> {
    let mut quoted = String::new();
    quote_into(&mut quoted, &name.to_string_lossy()).ok()?;
    Some(quoted)
}

/// Compiles a statement and runs it to its first row.
///
/// # Safety
/// As [`read_anew`].
unsafe fn begin(db: *mut ffi::sqlite3, sql: &str) -> Option<Moment> {
    let length = c_int::try_from(sql.len()).ok()?;
    let mut raw = ptr::null_mut();
    // SAFETY: by the contract; SQLite writes the pointer.
    unsafe {
        let tail = ptr::null_mut();
        ffi::sqlite3_prepare_v3(db, sql.as_ptr().cast(), length, 0, &raw mut raw, tail);
        if raw.is_null() {
            return None;
        }
        let statement = Moment(raw);
        (ffi::sqlite3_step(raw) == ffi::SQLITE_ROW).then_some(statement)
    }
}
