//! A connection's settings, limits, and the whole database as bytes.

use std::ffi::{c_int, c_uchar};

use libsqlite3_sys as ffi;
use ubiqlite::{Error, ErrorKind, Result};

use super::callbacks::check;

/// A request to a connection that is not a statement.
pub(super) enum Setting {
    /// The limit of a category, and its new value; a negative one only queries.
    Limit(i32, i32),
    /// A switch of `sqlite3_db_config`, and its new value.
    Switch(i32, Option<bool>),
    /// The bytes of a database.
    Serialize(String),
    /// Turns a database into one in memory, with these bytes.
    Deserialize(String, Vec<u8>),
}

/// The value of a setting.
pub(super) enum Is {
    Number(i64),
    /// `None`: there is no such database.
    Bytes(Option<Vec<u8>>),
}

impl Setting {
    /// # Safety
    /// The connection is open, and used by this thread alone.
    pub(super) unsafe fn apply(self, raw: *mut ffi::sqlite3) -> Result<Is> {
        // SAFETY: by the contract.
        unsafe {
            match self {
                Self::Limit(category, value) => {
                    Ok(Is::Number(i64::from(ffi::sqlite3_limit(raw, category, value))))
                }
                Self::Switch(switch, wanted) => {
                    let mut is: c_int = -1;
                    let wanted = wanted.map_or(-1, c_int::from);
                    let code = ffi::sqlite3_db_config(raw, switch, wanted, &raw mut is);
                    check(raw, code)?;
                    Ok(Is::Number(i64::from(is)))
                }
                Self::Serialize(name) => serialize(raw, name).map(Is::Bytes),
                Self::Deserialize(name, bytes) => deserialize(raw, name, &bytes),
            }
        }
    }
}

/// # Safety
/// The connection is open, and used by this thread alone.
unsafe fn serialize(raw: *mut ffi::sqlite3, name: String) -> Result<Option<Vec<u8>>> {
    let name = super::c_string(name, "embedded null character")?;
    let mut size: ffi::sqlite3_int64 = 0;
    // SAFETY: by the contract; what it returns is ours to free, and has `size` bytes.
    unsafe {
        let bytes = ffi::sqlite3_serialize(raw, name.as_ptr(), &raw mut size, 0);
        if bytes.is_null() {
            // A database without pages yields nothing yet, and no error.
            return if size == 0 { Ok(Some(Vec::new())) } else { Ok(None) };
        }
        let copy = std::slice::from_raw_parts(bytes, usize::try_from(size).unwrap_or(0)).to_vec();
        ffi::sqlite3_free(bytes.cast());
        Ok(Some(copy))
    }
}

/// # Safety
/// The connection is open, and used by this thread alone.
unsafe fn deserialize(raw: *mut ffi::sqlite3, name: String, bytes: &[u8]) -> Result<Is> {
    let name = super::c_string(name, "embedded null character")?;
    // SAFETY: by the contract; the memory is SQLite's own, which frees it, failed or not.
    unsafe {
        let room = ffi::sqlite3_malloc64(bytes.len().max(1) as u64).cast::<c_uchar>();
        if room.is_null() {
            return Err(Error::new(ErrorKind::OutOfMemory, "out of memory"));
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), room, bytes.len());
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let flags = ffi::SQLITE_DESERIALIZE_FREEONCLOSE | ffi::SQLITE_DESERIALIZE_RESIZEABLE;
        let code = ffi::sqlite3_deserialize(raw, name.as_ptr(), room, size, size, flags);
        check(raw, code)?;
    }
    Ok(Is::Number(0))
}
