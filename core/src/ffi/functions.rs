//! SQLite's functions.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

use super::types::{
    sqlite3, sqlite3_backup, sqlite3_context, sqlite3_destructor_type, sqlite3_filename,
    sqlite3_function, sqlite3_int64, sqlite3_stmt, sqlite3_uint64, sqlite3_value, sqlite3_vfs,
};

unsafe extern "C" {
    pub(crate) fn sqlite3_libversion_number() -> c_int;
    pub(crate) fn sqlite3_threadsafe() -> c_int;
    pub(crate) fn sqlite3_db_config(db: *mut sqlite3, op: c_int, ...) -> c_int;
    pub(crate) fn sqlite3_free(memory: *mut c_void);
    pub(crate) fn sqlite3_last_insert_rowid(db: *mut sqlite3) -> sqlite3_int64;
    pub(crate) fn sqlite3_set_last_insert_rowid(db: *mut sqlite3, row_id: sqlite3_int64);
    pub(crate) fn sqlite3_changes64(db: *mut sqlite3) -> sqlite3_int64;
    pub(crate) fn sqlite3_total_changes64(db: *mut sqlite3) -> sqlite3_int64;
    pub(crate) fn sqlite3_interrupt(db: *mut sqlite3);
    pub(crate) fn sqlite3_busy_handler(
        db: *mut sqlite3,
        handler: Option<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>,
        context: *mut c_void,
    ) -> c_int;
    pub(crate) fn sqlite3_busy_timeout(db: *mut sqlite3, ms: c_int) -> c_int;
    pub(crate) fn sqlite3_mprintf(format: *const c_char, ...) -> *mut c_char;
    pub(crate) fn sqlite3_snprintf(
        room: c_int,
        into: *mut c_char,
        format: *const c_char,
        ...
    ) -> *mut c_char;
    pub(crate) fn sqlite3_set_authorizer(
        db: *mut sqlite3,
        authorizer: Option<
            unsafe extern "C" fn(
                *mut c_void,
                c_int,
                *const c_char,
                *const c_char,
                *const c_char,
                *const c_char,
            ) -> c_int,
        >,
        context: *mut c_void,
    ) -> c_int;
    pub(crate) fn sqlite3_progress_handler(
        db: *mut sqlite3,
        steps: c_int,
        handler: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
        context: *mut c_void,
    );
    pub(crate) fn sqlite3_open_v2(
        name: *const c_char,
        db: *mut *mut sqlite3,
        flags: c_int,
        vfs: *const c_char,
    ) -> c_int;
    pub(crate) fn sqlite3_extended_errcode(db: *mut sqlite3) -> c_int;
    pub(crate) fn sqlite3_errmsg(db: *mut sqlite3) -> *const c_char;
    pub(crate) fn sqlite3_errstr(code: c_int) -> *const c_char;
    pub(crate) fn sqlite3_error_offset(db: *mut sqlite3) -> c_int;
    pub(crate) fn sqlite3_limit(db: *mut sqlite3, id: c_int, limit: c_int) -> c_int;
    pub(crate) fn sqlite3_prepare_v3(
        db: *mut sqlite3,
        sql: *const c_char,
        bytes: c_int,
        flags: c_uint,
        statement: *mut *mut sqlite3_stmt,
        tail: *mut *const c_char,
    ) -> c_int;
    pub(crate) fn sqlite3_stmt_readonly(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_stmt_busy(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_bind_blob64(
        statement: *mut sqlite3_stmt,
        index: c_int,
        value: *const c_void,
        bytes: sqlite3_uint64,
        destructor: sqlite3_destructor_type,
    ) -> c_int;
    pub(crate) fn sqlite3_bind_double(
        statement: *mut sqlite3_stmt,
        index: c_int,
        value: f64,
    ) -> c_int;
    pub(crate) fn sqlite3_bind_int64(
        statement: *mut sqlite3_stmt,
        index: c_int,
        value: sqlite3_int64,
    ) -> c_int;
    pub(crate) fn sqlite3_bind_null(statement: *mut sqlite3_stmt, index: c_int) -> c_int;
    pub(crate) fn sqlite3_bind_text64(
        statement: *mut sqlite3_stmt,
        index: c_int,
        value: *const c_char,
        bytes: sqlite3_uint64,
        destructor: sqlite3_destructor_type,
        encoding: c_uchar,
    ) -> c_int;
    pub(crate) fn sqlite3_bind_zeroblob(
        statement: *mut sqlite3_stmt,
        index: c_int,
        bytes: c_int,
    ) -> c_int;
    pub(crate) fn sqlite3_bind_parameter_count(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_bind_parameter_name(
        statement: *mut sqlite3_stmt,
        index: c_int,
    ) -> *const c_char;
    pub(crate) fn sqlite3_column_count(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_column_name(statement: *mut sqlite3_stmt, column: c_int)
    -> *const c_char;
    pub(crate) fn sqlite3_column_decltype(
        statement: *mut sqlite3_stmt,
        column: c_int,
    ) -> *const c_char;
    pub(crate) fn sqlite3_step(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_column_value(
        statement: *mut sqlite3_stmt,
        column: c_int,
    ) -> *mut sqlite3_value;
    pub(crate) fn sqlite3_finalize(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_reset(statement: *mut sqlite3_stmt) -> c_int;
    pub(crate) fn sqlite3_value_blob(value: *mut sqlite3_value) -> *const c_void;
    pub(crate) fn sqlite3_value_double(value: *mut sqlite3_value) -> f64;
    pub(crate) fn sqlite3_value_int64(value: *mut sqlite3_value) -> sqlite3_int64;
    pub(crate) fn sqlite3_value_text(value: *mut sqlite3_value) -> *const c_uchar;
    pub(crate) fn sqlite3_value_bytes(value: *mut sqlite3_value) -> c_int;
    pub(crate) fn sqlite3_value_encoding(value: *mut sqlite3_value) -> c_int;
    pub(crate) fn sqlite3_value_type(value: *mut sqlite3_value) -> c_int;
    pub(crate) fn sqlite3_get_autocommit(db: *mut sqlite3) -> c_int;
    pub(crate) fn sqlite3_db_handle(statement: *mut sqlite3_stmt) -> *mut sqlite3;
    pub(crate) fn sqlite3_db_filename(db: *mut sqlite3, schema: *const c_char) -> sqlite3_filename;
    pub(crate) fn sqlite3_txn_state(db: *mut sqlite3, schema: *const c_char) -> c_int;
    pub(crate) fn sqlite3_next_stmt(
        db: *mut sqlite3,
        statement: *mut sqlite3_stmt,
    ) -> *mut sqlite3_stmt;
    pub(crate) fn sqlite3_vfs_find(name: *const c_char) -> *mut sqlite3_vfs;
    pub(crate) fn sqlite3_vfs_register(vfs: *mut sqlite3_vfs, default: c_int) -> c_int;
    pub(crate) fn sqlite3_file_control(
        db: *mut sqlite3,
        schema: *const c_char,
        op: c_int,
        argument: *mut c_void,
    ) -> c_int;
    pub(crate) fn sqlite3_db_status(
        db: *mut sqlite3,
        op: c_int,
        current: *mut c_int,
        highest: *mut c_int,
        reset: c_int,
    ) -> c_int;
    pub(crate) fn sqlite3_stmt_status(
        statement: *mut sqlite3_stmt,
        op: c_int,
        reset: c_int,
    ) -> c_int;
    pub(crate) fn sqlite3_wal_hook(
        db: *mut sqlite3,
        hook: Option<
            unsafe extern "C" fn(*mut c_void, *mut sqlite3, *const c_char, c_int) -> c_int,
        >,
        context: *mut c_void,
    ) -> *mut c_void;
    pub(crate) fn sqlite3_wal_autocheckpoint(db: *mut sqlite3, frames: c_int) -> c_int;
    pub(crate) fn sqlite3_wal_checkpoint_v2(
        db: *mut sqlite3,
        schema: *const c_char,
        mode: c_int,
        frames: *mut c_int,
        copied: *mut c_int,
    ) -> c_int;
    pub(crate) fn sqlite3_compileoption_used(name: *const c_char) -> c_int;
    pub(crate) fn sqlite3_create_function_v2(
        db: *mut sqlite3,
        name: *const c_char,
        arguments: c_int,
        flags: c_int,
        user_data: *mut c_void,
        function: sqlite3_function,
        step: sqlite3_function,
        last: Option<unsafe extern "C" fn(*mut sqlite3_context)>,
        destroy: sqlite3_destructor_type,
    ) -> c_int;
    pub(crate) fn sqlite3_user_data(context: *mut sqlite3_context) -> *mut c_void;
    pub(crate) fn sqlite3_value_numeric_type(value: *mut sqlite3_value) -> c_int;
    pub(crate) fn sqlite3_result_double(context: *mut sqlite3_context, value: f64);
    pub(crate) fn sqlite3_result_int64(context: *mut sqlite3_context, value: sqlite3_int64);
    pub(crate) fn sqlite3_context_db_handle(context: *mut sqlite3_context) -> *mut sqlite3;
    pub(crate) fn sqlite3_commit_hook(
        db: *mut sqlite3,
        hook: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
        context: *mut c_void,
    ) -> *mut c_void;
    pub(crate) fn sqlite3_db_name(db: *mut sqlite3, index: c_int) -> *const c_char;
    pub(crate) fn sqlite3_initialize() -> c_int;
    pub(crate) fn sqlite3_config(option: c_int, ...) -> c_int;
    pub(crate) fn sqlite3_close_v2(db: *mut sqlite3) -> c_int;
    pub(crate) fn sqlite3_exec(
        db: *mut sqlite3,
        sql: *const c_char,
        row: Option<
            unsafe extern "C" fn(*mut c_void, c_int, *mut *mut c_char, *mut *mut c_char) -> c_int,
        >,
        context: *mut c_void,
        message: *mut *mut c_char,
    ) -> c_int;
    pub(crate) fn sqlite3_db_cacheflush(db: *mut sqlite3) -> c_int;
    pub(crate) fn sqlite3_backup_init(
        into: *mut sqlite3,
        into_name: *const c_char,
        from: *mut sqlite3,
        from_name: *const c_char,
    ) -> *mut sqlite3_backup;
    pub(crate) fn sqlite3_backup_step(backup: *mut sqlite3_backup, pages: c_int) -> c_int;
    pub(crate) fn sqlite3_backup_finish(backup: *mut sqlite3_backup) -> c_int;
    pub(crate) fn sqlite3_backup_remaining(backup: *mut sqlite3_backup) -> c_int;
    pub(crate) fn sqlite3_backup_pagecount(backup: *mut sqlite3_backup) -> c_int;
}

/// What SQLite has only when it is compiled with `SQLITE_ENABLE_COLUMN_METADATA`.
#[cfg(sqlite_column_metadata)]
pub(crate) mod column_metadata {
    use super::{c_char, c_int, sqlite3_stmt};

    unsafe extern "C" {
        pub(crate) fn sqlite3_column_table_name(
            statement: *mut sqlite3_stmt,
            column: c_int,
        ) -> *const c_char;
        pub(crate) fn sqlite3_column_origin_name(
            statement: *mut sqlite3_stmt,
            column: c_int,
        ) -> *const c_char;
    }
}

/// What SQLite has only when it is compiled with `SQLITE_ENABLE_PREUPDATE_HOOK`.
#[cfg(sqlite_preupdate)]
pub(crate) mod preupdate {
    use super::{c_char, c_int, c_void, sqlite3, sqlite3_int64, sqlite3_value};

    /// What SQLite calls before it changes a row: with the operation, the database's and the
    /// table's name, and the rowid before and after.
    pub(crate) type RowHook = unsafe extern "C" fn(
        *mut c_void,
        *mut sqlite3,
        c_int,
        *const c_char,
        *const c_char,
        sqlite3_int64,
        sqlite3_int64,
    );

    unsafe extern "C" {
        pub(crate) fn sqlite3_preupdate_hook(
            db: *mut sqlite3,
            hook: Option<RowHook>,
            context: *mut c_void,
        ) -> *mut c_void;
        pub(crate) fn sqlite3_preupdate_old(
            db: *mut sqlite3,
            column: c_int,
            value: *mut *mut sqlite3_value,
        ) -> c_int;
        pub(crate) fn sqlite3_preupdate_new(
            db: *mut sqlite3,
            column: c_int,
            value: *mut *mut sqlite3_value,
        ) -> c_int;
        pub(crate) fn sqlite3_preupdate_count(db: *mut sqlite3) -> c_int;
        pub(crate) fn sqlite3_preupdate_blobwrite(db: *mut sqlite3) -> c_int;
    }
}

/// What SQLite has only when it is compiled with `SQLITE_ENABLE_SESSION`.
/// <https://sqlite.org/session/intro.html>
#[cfg(sqlite_session)]
pub(crate) mod session {
    use super::super::types::{sqlite3_changegroup, sqlite3_changeset_iter};
    use super::{c_char, c_int, c_void, sqlite3, sqlite3_value};

    /// What SQLite calls for each change that can't be applied as it is.
    pub(crate) type ConflictHandler =
        unsafe extern "C" fn(*mut c_void, c_int, *mut sqlite3_changeset_iter) -> c_int;

    // What a conflict handler is told, and what it returns.
    pub(crate) const SQLITE_CHANGESET_DATA: c_int = 1;
    pub(crate) const SQLITE_CHANGESET_NOTFOUND: c_int = 2;
    pub(crate) const SQLITE_CHANGESET_CONFLICT: c_int = 3;
    pub(crate) const SQLITE_CHANGESET_FOREIGN_KEY: c_int = 5;
    pub(crate) const SQLITE_CHANGESET_OMIT: c_int = 0;
    pub(crate) const SQLITE_CHANGESET_REPLACE: c_int = 1;
    pub(crate) const SQLITE_CHANGESET_ABORT: c_int = 2;
    // How change sets are applied.
    pub(crate) const SQLITE_CHANGESETAPPLY_NOSAVEPOINT: c_int = 0x1;
    pub(crate) const SQLITE_CHANGESETAPPLY_IGNORENOOP: c_int = 0x4;
    pub(crate) const SQLITE_CHANGESETAPPLY_FKNOACTION: c_int = 0x8;

    unsafe extern "C" {
        pub(crate) fn sqlite3changegroup_new(group: *mut *mut sqlite3_changegroup) -> c_int;
        pub(crate) fn sqlite3changegroup_schema(
            group: *mut sqlite3_changegroup,
            db: *mut sqlite3,
            database: *const c_char,
        ) -> c_int;
        pub(crate) fn sqlite3changegroup_add(
            group: *mut sqlite3_changegroup,
            length: c_int,
            bytes: *mut c_void,
        ) -> c_int;
        pub(crate) fn sqlite3changegroup_output(
            group: *mut sqlite3_changegroup,
            length: *mut c_int,
            bytes: *mut *mut c_void,
        ) -> c_int;
        pub(crate) fn sqlite3changegroup_delete(group: *mut sqlite3_changegroup);
        pub(crate) fn sqlite3changeset_apply_v2(
            db: *mut sqlite3,
            length: c_int,
            bytes: *mut c_void,
            filter: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int>,
            conflict: Option<ConflictHandler>,
            context: *mut c_void,
            rebase: *mut *mut c_void,
            rebase_length: *mut c_int,
            flags: c_int,
        ) -> c_int;
        pub(crate) fn sqlite3changeset_op(
            change: *mut sqlite3_changeset_iter,
            table: *mut *const c_char,
            columns: *mut c_int,
            operation: *mut c_int,
            indirect: *mut c_int,
        ) -> c_int;
        pub(crate) fn sqlite3changeset_old(
            change: *mut sqlite3_changeset_iter,
            column: c_int,
            value: *mut *mut sqlite3_value,
        ) -> c_int;
        pub(crate) fn sqlite3changeset_new(
            change: *mut sqlite3_changeset_iter,
            column: c_int,
            value: *mut *mut sqlite3_value,
        ) -> c_int;
        pub(crate) fn sqlite3changeset_conflict(
            change: *mut sqlite3_changeset_iter,
            column: c_int,
            value: *mut *mut sqlite3_value,
        ) -> c_int;
    }
}
