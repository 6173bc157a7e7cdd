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
    use crate::ffi::{self, sqlite3, sqlite3_changegroup};

    /// Memory that SQLite has allocated.
    struct Output {
        start: *mut c_void,
        length: c_int,
    }

    impl Output {
        fn new() -> Self {
            Self { start: ptr::null_mut(), length: 0 }
        }

        fn bytes(&self) -> &[u8] {
            let length = usize::try_from(self.length).unwrap_or(0);
            if self.start.is_null() || length == 0 {
                return &[];
            }
            // SAFETY: SQLite has written so many bytes there, which are freed with this.
            unsafe { std::slice::from_raw_parts(self.start.cast(), length) }
        }
    }

    impl Drop for Output {
        fn drop(&mut self) {
            // SAFETY: SQLite has allocated it, or it is null.
            unsafe { ffi::sqlite3_free(self.start) };
        }
    }

    struct Group(*mut sqlite3_changegroup);

    impl Drop for Group {
        fn drop(&mut self) {
            // SAFETY: it was created and is dropped once.
            unsafe { sqlite3changegroup_delete(self.0) };
        }
    }

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

    /// Makes one change set of several, in the order in which they happened. With a connection,
    /// older ones may have been made when a table had fewer columns.
    pub(in crate::engine) fn merge<'b>(
        connection: Option<*mut sqlite3>,
        sets: impl IntoIterator<Item = &'b [u8]>,
    ) -> Result<Vec<u8>> {
        let mut group = ptr::null_mut();
        // SAFETY: SQLite writes the group.
        check(unsafe { sqlite3changegroup_new(&raw mut group) })?;
        let group = Group(group);
        if let Some(connection) = connection {
            // SAFETY: both are alive, for all calls in here.
            check(unsafe { sqlite3changegroup_schema(group.0, connection, c"main".as_ptr()) })?;
        }
        for bytes in sets {
            let length = length_of(bytes)?;
            // SAFETY: as above; SQLite only reads the bytes.
            check(unsafe {
                sqlite3changegroup_add(group.0, length, bytes.as_ptr().cast_mut().cast())
            })?;
        }
        let mut output = Output::new();
        // SAFETY: as above; SQLite writes where its output is.
        check(unsafe {
            sqlite3changegroup_output(group.0, &raw mut output.length, &raw mut output.start)
        })?;
        Ok(output.bytes().to_vec())
    }
}

#[cfg(sqlite_session)]
pub(super) use linked::{length_of, merge};

#[cfg(not(sqlite_session))]
pub(super) fn merge<'b>(
    _connection: Option<*mut crate::ffi::sqlite3>,
    _sets: impl IntoIterator<Item = &'b [u8]>,
) -> crate::error::Result<Vec<u8>> {
    Err(super::outbox::unsupported())
}
