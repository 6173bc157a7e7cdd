//! The closed list of what can go wrong.

macro_rules! kinds {
    ($($(#[$comment:meta])* $name:ident,)*) => {
        /// What went wrong, derived from SQLite's extended result code wherever one exists.
        ///
        /// The list is closed: a match over it needs no catch-all, and every language
        /// has one error class for each kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$comment])* $name,)*
        }

        impl ErrorKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind's name, the same in every language: `"UniqueViolation"`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

// The other languages' lists are generated from this one: `cargo xtask generate`.
kinds! {
    /// A `UNIQUE` constraint or index refused the row.
    UniqueViolation,
    /// A row with this primary key (or rowid) is there already.
    PrimaryKeyViolation,
    /// A foreign key has no parent row, or a parent row still has children.
    ForeignKeyViolation,
    /// A `NOT NULL` column got no value.
    NotNullViolation,
    /// A `CHECK` constraint refused the row.
    CheckViolation,
    /// A trigger refused the change by `RAISE(ABORT | FAIL | ROLLBACK)`.
    TriggerViolation,
    /// Another constraint: of a virtual table, a function or a commit hook.
    ConstraintViolation,
    /// The value has a type that the column, or the requested type, can't take.
    DatatypeMismatch,
    /// Another process or connection holds the lock, or the connection, for longer than the
    /// timeout. Nothing was changed; the call can be repeated.
    Busy,
    /// The database, or the connection, is read-only; or its file was deleted, moved
    /// or replaced while it was open (code 1032), so that nothing is written any more.
    ReadOnly,
    /// The disk, or the quota, is full.
    DiskFull,
    /// The file is damaged.
    Corrupt,
    /// The file is not an SQLite database, or it is encrypted.
    NotADatabase,
    /// The file can't be opened: it is missing, a directory, or not permitted.
    CannotOpen,
    /// No table or view of this name.
    NoSuchTable,
    /// No column of this name.
    NoSuchColumn,
    /// The SQL can't be compiled.
    Syntax,
    /// An argument can't be used, or a value in the statement, or a name in it that
    /// is taken; the message tells which.
    InvalidArgument,
    /// It does not exist: no row where one is required, no index or trigger of this name.
    NotFound,
    /// The value or the SQL is larger than SQLite's limit, or has more parts.
    TooBig,
    /// Memory ran out.
    OutOfMemory,
    /// The statement was interrupted, or its transaction was cancelled.
    Cancelled,
    /// The call's own time limit passed. Nothing was changed.
    Timeout,
    /// The database, session or transaction is closed.
    Closed,
    /// This storage backend can't do it, or this build of SQLite has no such function,
    /// module or collation; the message names it.
    Unsupported,
    /// It is not known whether the change was committed.
    OutcomeUnknown,
    /// The schema was changed under a running call, again and again.
    SchemaChanged,
    /// The database has migrations that this program's files lack: a newer program has
    /// applied them.
    SchemaTooNew,
    /// An authorizer refused the statement.
    NotAuthorized,
    /// The operating system reported an input or output error.
    Io,
    /// A defect: of SQLite, or of this library.
    Internal,
}

impl ErrorKind {
    /// Whether a constraint of the schema refused the change.
    pub fn is_constraint(self) -> bool {
        matches!(
            self,
            Self::UniqueViolation
                | Self::PrimaryKeyViolation
                | Self::ForeignKeyViolation
                | Self::NotNullViolation
                | Self::CheckViolation
                | Self::TriggerViolation
                | Self::ConstraintViolation
        )
    }
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
