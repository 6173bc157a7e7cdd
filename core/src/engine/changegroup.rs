//! Change sets put together by SQLite. <https://sqlite.org/session/intro.html>

#[cfg(sqlite_session)]
mod linked {
    use std::ffi::{c_int, c_void};
    use std::ptr;

    use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
    use crate::ffi::session::{
        sqlite3changegroup_add, sqlite3changegroup_delete, sqlite3changegroup_new,
        sqlite3changegroup_output, sqlite3changegroup_schema,
    };
    use crate::ffi::{self, sqlite3};

    pub(in crate::engine) fn length_of(bytes: &[u8]) -> Result<c_int> {
        let too_big = |_| Error::new(ErrorKind::TooBig, "the change set is longer than 2 GiB");
        c_int::try_from(bytes.len()).map_err(too_big)
    }

    fn check(code: c_int) -> Result<()> {
        match code {
            ffi::SQLITE_OK => Ok(()),
            ffi::SQLITE_SCHEMA => Err(Error::new(
                ErrorKind::SchemaChanged,
                "the change sets are of tables with other columns or keys",
            )),
            code => Err(from_sqlite(code, "the change sets don't fit together", None, Phase::Run)),
        }
    }

    /// Makes one change set of several, which are one after another in the order in which they
    /// happened. With a connection, older ones may have been made when a table had fewer columns.
    pub(in crate::engine) fn merge(
        connection: Option<*mut sqlite3>,
        sets: &[u8],
    ) -> Result<Vec<u8>> {
        let all = length_of(sets)?;
        let (mut group, mut start, mut length) = (ptr::null_mut(), ptr::null_mut(), 0);
        // SAFETY: the connection and the bytes, which SQLite only reads, are alive. SQLite writes
        // the group, and where its output is; both are freed once.
        unsafe {
            let mut code = sqlite3changegroup_new(&raw mut group);
            if let (Some(connection), ffi::SQLITE_OK) = (connection, code) {
                code = sqlite3changegroup_schema(group, connection, c"main".as_ptr());
            }
            if code == ffi::SQLITE_OK {
                let start = sets.as_ptr().cast_mut().cast::<c_void>();
                code = sqlite3changegroup_add(group, all, start);
            }
            if code == ffi::SQLITE_OK {
                code = sqlite3changegroup_output(group, &raw mut length, &raw mut start);
            }
            let mut merged = Vec::new();
            if let (Ok(length), false) = (usize::try_from(length), start.is_null()) {
                merged.extend_from_slice(std::slice::from_raw_parts(start.cast(), length));
            }
            ffi::sqlite3_free(start);
            if !group.is_null() {
                sqlite3changegroup_delete(group);
            }
            check(code).map(|()| merged)
        }
    }
}

#[cfg(sqlite_session)]
pub(super) use linked::{length_of, merge};

#[cfg(not(sqlite_session))]
pub(super) fn merge(
    _connection: Option<*mut crate::ffi::sqlite3>,
    _sets: &[u8],
) -> crate::error::Result<Vec<u8>> {
    Err(super::outbox::unsupported())
}
