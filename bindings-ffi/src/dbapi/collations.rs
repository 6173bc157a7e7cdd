//! Collations of Python.

use std::ffi::{c_int, c_void};

use libsqlite3_sys as ffi;
use ubiqlite::Result;

use super::callbacks::check;

/// Compares two texts: negative, 0 or positive.
type Collation =
    unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int;

/// # Safety
/// The connection is open, and the address is that of a [`Collation`], or 0, which removes it.
pub(super) unsafe fn install(raw: *mut ffi::sqlite3, name: String, address: usize) -> Result<()> {
    let name = super::c_string(name, "the name holds a NUL")?;
    // SAFETY: by the contract.
    unsafe {
        let compare = (address != 0).then(|| std::mem::transmute::<usize, Collation>(address));
        let code = ffi::sqlite3_create_collation_v2(
            raw,
            name.as_ptr(),
            ffi::SQLITE_UTF8,
            std::ptr::null_mut(),
            compare,
            None,
        );
        check(raw, code)
    }
}
