//! From SQLite's result codes to [`ErrorKind`].

use crate::ffi;

use super::{Error, ErrorKind};

/// What failed. It matters only for plain `SQLITE_ERROR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Opening, or compiling a statement.
    Compile,
    /// Running it: the SQL is valid, but a value in it is not.
    Run,
}

/// Builds the error of a failed SQLite call.
///
/// The kind comes from the extended code. Only plain `SQLITE_ERROR`, which has no
/// extended codes for what the SQL compiler finds, is classified by the fixed
/// beginnings of its messages.
pub(crate) fn from_sqlite(code: i32, message: &str, offset: Option<usize>, phase: Phase) -> Error {
    let code = refused(code);
    let kind = kind_of(code, message, phase);
    let mut error = Error::new(kind, explain(kind, code, message));
    error.0.code = Some(code);
    error.0.offset = offset;
    locate(&mut error, message);
    error
}

/// Builds the error of a failed SQLite call, with the message as SQLite words it.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn without_advice(code: i32, message: &str, phase: Phase) -> Error {
    let message = if code == ffi::SQLITE_CONSTRAINT_COMMITHOOK { MOVED } else { message };
    let code = refused(code);
    let mut error = Error::new(kind_of(code, message, phase), message);
    error.0.code = Some(code);
    error
}

/// What happened to a file that is not where it was.
const MOVED: &str = "the database file or its log was deleted, moved or replaced while it was open; close the database, and open it again";

/// The only commit hook refuses commits into a file that has moved, for which SQLite's own
/// code is a different one.
fn refused(code: i32) -> i32 {
    if code == ffi::SQLITE_CONSTRAINT_COMMITHOOK { ffi::SQLITE_READONLY_DBMOVED } else { code }
}

fn kind_of(code: i32, message: &str, phase: Phase) -> ErrorKind {
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE => return ErrorKind::UniqueViolation,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            return ErrorKind::PrimaryKeyViolation;
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return ErrorKind::ForeignKeyViolation,
        ffi::SQLITE_CONSTRAINT_NOTNULL => return ErrorKind::NotNullViolation,
        ffi::SQLITE_CONSTRAINT_CHECK => return ErrorKind::CheckViolation,
        ffi::SQLITE_CONSTRAINT_TRIGGER => return ErrorKind::TriggerViolation,
        ffi::SQLITE_CONSTRAINT_DATATYPE => return ErrorKind::DatatypeMismatch,
        _ => {}
    }
    match code & 0xff {
        ffi::SQLITE_CONSTRAINT => ErrorKind::ConstraintViolation,
        ffi::SQLITE_MISMATCH => ErrorKind::DatatypeMismatch,
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => ErrorKind::Busy,
        ffi::SQLITE_READONLY => ErrorKind::ReadOnly,
        ffi::SQLITE_FULL => ErrorKind::DiskFull,
        ffi::SQLITE_CORRUPT => ErrorKind::Corrupt,
        ffi::SQLITE_NOTADB => ErrorKind::NotADatabase,
        ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => ErrorKind::CannotOpen,
        ffi::SQLITE_TOOBIG => ErrorKind::TooBig,
        ffi::SQLITE_NOMEM => ErrorKind::OutOfMemory,
        ffi::SQLITE_INTERRUPT | ffi::SQLITE_ABORT => ErrorKind::Cancelled,
        ffi::SQLITE_SCHEMA => ErrorKind::SchemaChanged,
        ffi::SQLITE_AUTH => ErrorKind::NotAuthorized,
        ffi::SQLITE_RANGE => ErrorKind::InvalidArgument,
        ffi::SQLITE_IOERR => ErrorKind::Io,
        // A file that a VFS of ours does not have here; SQLite has no other use for the code.
        ffi::SQLITE_NOLFS => ErrorKind::Unsupported,
        ffi::SQLITE_ERROR => kind_of_plain_error(message, phase),
        _ => ErrorKind::Internal,
    }
}

/// How the SQL compiler's messages begin where it gives no code but `SQLITE_ERROR`
/// (parse.y, resolve.c, build.c, expr.c and others of SQLite).
const BEGINNINGS: &[(&str, ErrorKind)] = &[
    ("no such table", ErrorKind::NoSuchTable),
    ("no such view", ErrorKind::NoSuchTable),
    ("no such column", ErrorKind::NoSuchColumn),
    // What this build of SQLite lacks.
    ("no such function", ErrorKind::Unsupported),
    ("no such module", ErrorKind::Unsupported),
    ("no such collation sequence", ErrorKind::Unsupported),
    ("no such index", ErrorKind::NotFound),
    ("no such trigger", ErrorKind::NotFound),
    ("no such database", ErrorKind::NotFound),
    ("unknown database", ErrorKind::NotFound),
    ("no such savepoint", ErrorKind::NotFound),
    ("duplicate column name", ErrorKind::InvalidArgument),
    ("there is already", ErrorKind::InvalidArgument),
    // SQLite's limits.
    ("too many ", ErrorKind::TooBig),
    ("Expression tree is too large", ErrorKind::TooBig),
    ("LIKE or GLOB pattern too complex", ErrorKind::TooBig),
];

fn kind_of_plain_error(message: &str, phase: Phase) -> ErrorKind {
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(start, _)| message.starts_with(start)) {
        *kind
    } else if message.contains(" has no column named ") {
        ErrorKind::NoSuchColumn
    } else if message.starts_with("at most ") && message.ends_with(" tables in a join") {
        ErrorKind::TooBig
    } else if message.ends_with(" already exists") || phase == Phase::Run {
        ErrorKind::InvalidArgument
    } else {
        ErrorKind::Syntax
    }
}

/// SQLite's limit on parameters, as it is built here.
const MOST_PARAMETERS: u32 = 32_766;

fn explain(kind: ErrorKind, code: i32, message: &str) -> String {
    let advice = match kind {
        ErrorKind::Busy if code == ffi::SQLITE_BUSY_SNAPSHOT => {
            "another writer committed since this transaction began reading; roll back and repeat it, or begin it as immediate"
        }
        ErrorKind::Busy => {
            "another connection holds the lock; repeat the call, or raise the busy timeout"
        }
        ErrorKind::ReadOnly if code == ffi::SQLITE_READONLY_DBMOVED => return MOVED.to_owned(),
        ErrorKind::ReadOnly if code == ffi::SQLITE_READONLY_DIRECTORY => {
            return "the file's log or journal can't be created because its directory is not writable; make the directory writable".to_owned();
        }
        ErrorKind::ReadOnly => {
            "open the database without the read-only option, or check the permissions of the file and its directory"
        }
        ErrorKind::DiskFull => {
            "free some space (or, for an AUTOINCREMENT table, keys) and repeat the call"
        }
        ErrorKind::Corrupt => {
            "restore the file from a backup, or save what is left with `sqlite3 FILE .recover`"
        }
        ErrorKind::NotADatabase => "the file has another format, or is encrypted",
        ErrorKind::CannotOpen => "check that the file's directory exists and is writable",
        ErrorKind::TooBig if message == "too many SQL variables" => {
            return format!(
                "{message}: a statement takes at most {MOST_PARAMETERS}; run it for fewer values at a time, or pass a list as JSON and read it with json_each(?)"
            );
        }
        ErrorKind::InvalidArgument
            if ["table ", "view ", "index ", "trigger "]
                .iter()
                .any(|kind| message.starts_with(kind))
                && message.ends_with(" already exists") =>
        {
            "give it another name, or add IF NOT EXISTS"
        }
        ErrorKind::Unsupported if code & 0xff == ffi::SQLITE_ERROR => {
            "check the name; this build of SQLite has nothing of that name"
        }
        ErrorKind::Unsupported if code == ffi::SQLITE_NOLFS => {
            "this database is not stored in a local file, and no other file can be opened from it, by either ATTACH or VACUUM INTO"
        }
        _ => return message.to_owned(),
    };
    format!("{message}; {advice}")
}

/// Extracts the table and columns from messages, where SQLite reports them nowhere
/// else, e.g. `UNIQUE constraint failed: users.email, users.realm`.
fn locate(error: &mut Error, message: &str) {
    let inner = &mut error.0;
    match inner.kind {
        ErrorKind::UniqueViolation
        | ErrorKind::PrimaryKeyViolation
        | ErrorKind::NotNullViolation => {
            let Some((_, list)) = message.split_once(" constraint failed: ") else {
                return;
            };
            if list.starts_with("index '") {
                return;
            }
            // The message quotes nothing: if a name has a comma or a dot in it,
            // no name is better than a wrong one.
            let parts = list.split(", ").map(|item| match item.split_once('.') {
                Some((table, column)) if !column.contains('.') => Some((table, column)),
                _ => None,
            });
            let Some(parts) = parts.collect::<Option<Vec<_>>>() else { return };
            let Some((table, _)) = parts.first().copied() else { return };
            if parts.iter().all(|(other, _)| *other == table) {
                inner.table = Some(table.to_owned());
                inner.columns = parts.into_iter().map(|(_, column)| column.to_owned()).collect();
            }
        }
        ErrorKind::NoSuchTable => {
            inner.table = message.split_once(": ").map(|(_, name)| name.to_owned());
        }
        ErrorKind::NoSuchColumn => {
            if let Some((head, column)) = message.split_once(" has no column named ") {
                inner.table = Some(head.trim_start_matches("table ").to_owned());
                inner.columns = vec![column.to_owned()];
            } else if let Some((_, column)) = message.split_once(": ") {
                inner.columns = vec![column.to_owned()];
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_tells_its_table_and_columns() {
        let error = from_sqlite(
            2067,
            "UNIQUE constraint failed: users.email, users.realm",
            None,
            Phase::Run,
        );
        assert_eq!(error.kind(), ErrorKind::UniqueViolation);
        assert_eq!(error.table(), Some("users"));
        assert_eq!(error.columns(), ["email", "realm"]);
        assert_eq!(error.code(), Some(2067));
    }

    #[test]
    fn what_is_missing_or_there_already_is_no_error_of_syntax() {
        let kind = |message| from_sqlite(1, message, None, Phase::Compile).kind();
        assert_eq!(kind("no such function: median"), ErrorKind::Unsupported);
        assert_eq!(kind("no such module: fts9"), ErrorKind::Unsupported);
        assert_eq!(kind("no such index: i"), ErrorKind::NotFound);
        assert_eq!(kind("table t already exists"), ErrorKind::InvalidArgument);
        assert_eq!(kind("there is already a table named t"), ErrorKind::InvalidArgument);
        assert_eq!(kind("duplicate column name: a"), ErrorKind::InvalidArgument);
        assert_eq!(kind("too many columns in result set"), ErrorKind::TooBig);
        assert_eq!(kind("at most 64 tables in a join"), ErrorKind::TooBig);
        assert_eq!(kind("near \"x\": syntax error"), ErrorKind::Syntax);
    }

    #[test]
    fn names_that_can_not_be_told_apart_are_not_told() {
        let error = from_sqlite(2067, "UNIQUE constraint failed: t.a, b, t.c", None, Phase::Run);
        assert_eq!((error.table(), error.columns().len()), (None, 0));
    }

    #[test]
    fn the_kind_comes_from_the_code_and_not_from_the_words() {
        let error =
            from_sqlite(ffi::SQLITE_CONSTRAINT_TRIGGER, "no such table: x", None, Phase::Run);
        assert_eq!(error.kind(), ErrorKind::TriggerViolation);
        assert_eq!(
            from_sqlite(517, "database is locked", None, Phase::Run).kind(),
            ErrorKind::Busy
        );
        assert_eq!(from_sqlite(778, "disk I/O error", None, Phase::Run).kind(), ErrorKind::Io);
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::HashSet<_> =
            ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }
}
