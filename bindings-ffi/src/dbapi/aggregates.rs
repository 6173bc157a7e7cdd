//! Aggregates and window functions of Python.
//!
//! Python's function receives what to do and with which of its objects, by a number in SQLite's own
//! memory for the aggregate. If there was no row there is no object, and its value is NULL.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use libsqlite3_sys as ffi;
use ubiqlite::Result;

use super::callbacks::{AGAIN, ROOM, arguments, check, raised, result};
use crate::marshal::write::MarshalWriter;

/// Takes what to do, the object, the arguments, and the room for a result; returns what a
/// [`FunctionCallback`](super::callbacks::FunctionCallback) does.
type Aggregate = unsafe extern "C" fn(c_int, u64, *const u8, usize, *mut u8, usize) -> i64;

const STEP: c_int = 0;
const INVERSE: c_int = 1;
const VALUE: c_int = 2;
const FINAL: c_int = 3;

/// What to install; an address of 0 removes it.
pub(super) struct Installed {
    pub(super) name: String,
    pub(super) arguments: i32,
    pub(super) address: usize,
    pub(super) window: bool,
}

/// # Safety
/// The connection is open, and the address is that of an [`Aggregate`] or 0.
pub(super) unsafe fn install(raw: *mut ffi::sqlite3, aggregate: Installed) -> Result<()> {
    let Installed { name, arguments, address, window } = aggregate;
    let name = super::c_string(name, "the name holds a NUL")?;
    let (address, there) = (address as *mut c_void, address != 0);
    type Take =
        unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);
    type Give = unsafe extern "C" fn(*mut ffi::sqlite3_context);
    let step = there.then_some(on_step as Take);
    let end = there.then_some(on_final as Give);
    // SAFETY: by the contract.
    unsafe {
        let code = if window {
            let value = there.then_some(on_value as Give);
            let inverse = there.then_some(on_inverse as Take);
            ffi::sqlite3_create_window_function(
                raw,
                name.as_ptr(),
                arguments,
                ffi::SQLITE_UTF8,
                address,
                step,
                end,
                value,
                inverse,
                None,
            )
        } else {
            ffi::sqlite3_create_function_v2(
                raw,
                name.as_ptr(),
                arguments,
                ffi::SQLITE_UTF8,
                address,
                None,
                step,
                end,
                None,
            )
        };
        check(raw, code)
    }
}

unsafe extern "C" fn on_step(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes `count` values.
    unsafe { take(context, STEP, count, values) }
}

unsafe extern "C" fn on_inverse(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes `count` values.
    unsafe { take(context, INVERSE, count, values) }
}

unsafe extern "C" fn on_value(context: *mut ffi::sqlite3_context) {
    // SAFETY: as SQLite calls it.
    unsafe { give(context, VALUE) }
}

unsafe extern "C" fn on_final(context: *mut ffi::sqlite3_context) {
    // SAFETY: as SQLite calls it.
    unsafe { give(context, FINAL) }
}

/// # Safety
/// `context` is that of the aggregate that is called, with `count` values.
unsafe fn take(
    context: *mut ffi::sqlite3_context,
    what: c_int,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    static MADE: AtomicU64 = AtomicU64::new(1);
    // SAFETY: by the contract; the memory is SQLite's, begins as zeros, and lasts until the
    // aggregate's end.
    unsafe {
        let slot = ffi::sqlite3_aggregate_context(context, 8).cast::<u64>();
        if slot.is_null() {
            ffi::sqlite3_result_error_nomem(context);
            return;
        }
        if *slot == 0 {
            *slot = MADE.fetch_add(1, Ordering::Relaxed);
        }
        let mut out = MarshalWriter::default();
        arguments(count, values, &mut out);
        let address = ffi::sqlite3_user_data(context);
        let function = std::mem::transmute::<*mut c_void, Aggregate>(address);
        let bytes = out.bytes();
        let returned = function(what, *slot, bytes.as_ptr(), bytes.len(), std::ptr::null_mut(), 0);
        if returned < 0 {
            raised(context, returned);
        }
    }
}

/// # Safety
/// `context` is that of the aggregate that is called.
unsafe fn give(context: *mut ffi::sqlite3_context, what: c_int) {
    // SAFETY: by the contract.
    unsafe {
        let slot = ffi::sqlite3_aggregate_context(context, 0).cast::<u64>();
        if slot.is_null() || *slot == 0 {
            ffi::sqlite3_result_null(context);
            return;
        }
        let object = *slot;
        let address = ffi::sqlite3_user_data(context);
        let function = std::mem::transmute::<*mut c_void, Aggregate>(address);
        result(context, |room| {
            let what = if room.len() > ROOM { what | AGAIN } else { what };
            function(what, object, std::ptr::null(), 0, room.as_mut_ptr(), room.len())
        });
    }
}
