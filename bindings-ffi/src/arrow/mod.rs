//! Queries whose results are Arrow tables, for Python.
//!
//! The rows never travel as rows: the thread that steps the statement writes each page into the
//! columns that Arrow's readers will read in place (`table.rs`, `column.rs`). The request and its
//! reply travel like all others; the result is named by a number, and passed to Python in capsules
//! (`capsule.rs`).
//!
//! A column has the type of its values, over all rows: 64-bit integers, 64-bit reals, UTF-8 texts
//! or blobs. Integers among reals become reals if a real is equal to them. Any other mixture is an
//! error that names the column and the row.

mod capsule;
mod column;
mod kind;
mod query;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::capsule::{New, Pointer};
use self::query::ArrowQuery;
use self::table::ArrowTable;
use crate::client::CallStatus;
use crate::engine::CLIENTS;
use crate::raw::{GONE, NEEDS_ROOM, bytes, bytes_mut, called, guarded, len};

/// The results that Python holds, by numbers that are never used twice.
static RESULTS: Mutex<ArrowQueries> = Mutex::new(ArrowQueries { last: 0, all: BTreeMap::new() });

struct ArrowQueries {
    last: i64,
    all: BTreeMap<i64, Arc<ArrowQuery>>,
}

fn results() -> MutexGuard<'static, ArrowQueries> {
    RESULTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn table(number: i64) -> Option<ArrowTable> {
    let query = results().all.get(&number).cloned();
    query.and_then(|query| query.table())
}

/// Sets the addresses of `PyCapsule_New` and `PyCapsule_GetPointer`. Must be called before anything
/// else here.
///
/// # Safety
/// They are those functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_arrow_python(new: New, pointer: Pointer) {
    // SAFETY: the caller promises it.
    unsafe { capsule::set_python(new, pointer) };
}

/// Takes one request of `length` bytes, a query. Returns the number of its result, which is ready
/// when the request's reply is and must be given back by [`ubiqlite_arrow_release`]; or, if it does
/// not take the request, what [`ubiqlite_call`](crate::raw::ubiqlite_call) returns. The reply, the
/// number of rows, is among those that are taken.
///
/// # Safety
/// `request` has `length` readable bytes until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_arrow_query(
    client: u64,
    request: *const u8,
    length: usize,
) -> i64 {
    guarded(|| {
        let Some(client) = CLIENTS.get(client) else { return GONE };
        let query = Arc::new(ArrowQuery::default());
        // SAFETY: the caller promises it.
        let request = unsafe { bytes(request, length) };
        match client.query_into(request, query.clone()) {
            CallStatus::Pending => {
                let mut results = results();
                results.last += 1;
                let number = results.last;
                results.all.insert(number, query);
                number
            }
            other => called(other),
        }
    })
}

/// Writes the column names of a result, a list in JSON, and returns its length,
/// `NEEDS_ROOM - length`, or `GONE` if there is no result with this number.
///
/// # Safety
/// `names` has `room` writable bytes until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_arrow_names(number: i64, names: *mut u8, room: usize) -> i64 {
    guarded(|| {
        let Some(table) = table(number) else { return GONE };
        let all: Vec<&str> = table.schema.fields().iter().map(|field| &**field.name()).collect();
        let json = serde_json::Value::from(all).to_string();
        // SAFETY: the caller promises it.
        match unsafe { bytes_mut(names, room) }.get_mut(..json.len()) {
            Some(room) => {
                room.copy_from_slice(json.as_bytes());
                len(json.len())
            }
            None => NEEDS_ROOM - len(json.len()),
        }
    })
}

/// Returns a result's rows as a new capsule with an `ArrowArrayStream`; null with an exception of
/// Python's, or without one if there is no result with this number.
///
/// # Safety
/// The caller is attached to a Python interpreter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_arrow_stream(number: i64) -> *mut c_void {
    // SAFETY: the caller promises it.
    exported(number, |table| unsafe { capsule::stream(table) })
}

/// The same with an `ArrowSchema`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_arrow_schema(number: i64) -> *mut c_void {
    // SAFETY: the caller promises it.
    exported(number, |table| unsafe { capsule::schema(table) })
}

fn exported(number: i64, export: impl FnOnce(&ArrowTable) -> *mut c_void) -> *mut c_void {
    let mut made = std::ptr::null_mut();
    guarded(|| {
        if let Some(table) = table(number) {
            made = export(&table);
        }
        0
    });
    made
}

/// Gives a result back. What was exported from it stays.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_arrow_release(number: i64) {
    guarded(|| {
        let gone = results().all.remove(&number);
        drop(gone);
        0
    });
}
