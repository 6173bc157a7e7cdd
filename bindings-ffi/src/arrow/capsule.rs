//! Results as Python passes them on: capsules of the Arrow PyCapsule interface
//! (<https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>).
//!
//! A capsule is made and ended here and not in Python, so that no code of Python's runs when it
//! goes: that may be while the interpreter is ending. This library is not linked with Python, which
//! passes it the addresses of its two functions.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use arrow_array::RecordBatchIterator;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::ffi::FFI_ArrowSchema;

use super::table::ArrowTable;
use crate::raw::guarded;

/// `PyCapsule_New`.
pub(super) type New =
    unsafe extern "C" fn(*mut c_void, *const c_char, Option<Destructor>) -> *mut c_void;
/// `PyCapsule_GetPointer`.
pub(super) type Pointer = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
/// `PyCapsule_Destructor`.
type Destructor = unsafe extern "C" fn(*mut c_void);

#[derive(Debug, Clone, Copy)]
struct Python {
    new: New,
    pointer: Pointer,
}

static PYTHON: OnceLock<Python> = OnceLock::new();

/// Sets the addresses of Python's functions. A process has one Python.
///
/// # Safety
/// They are those of their names.
pub(super) unsafe fn set_python(new: New, pointer: Pointer) {
    let _ = PYTHON.set(Python { new, pointer });
}

/// What is passed on in a capsule.
trait CapsuleContent: Sized {
    const NAME: &'static CStr;
}

impl CapsuleContent for FFI_ArrowArrayStream {
    const NAME: &'static CStr = c"arrow_array_stream";
}

impl CapsuleContent for FFI_ArrowSchema {
    const NAME: &'static CStr = c"arrow_schema";
}

/// Returns all rows in a capsule: a new reference, or null with an exception of Python's.
///
/// # Safety
/// The caller has Python's lock, or is attached to an interpreter.
pub(super) unsafe fn stream(table: &ArrowTable) -> *mut c_void {
    let batches: Vec<_> = table.batches.iter().cloned().map(Ok).collect();
    let batches = RecordBatchIterator::new(batches, table.schema.clone());
    // SAFETY: the caller promises it.
    unsafe { capsule(FFI_ArrowArrayStream::new(Box::new(batches))) }
}

/// The schema, as above.
///
/// # Safety
/// As above.
pub(super) unsafe fn schema(table: &ArrowTable) -> *mut c_void {
    match FFI_ArrowSchema::try_from(table.schema.as_ref()) {
        // SAFETY: the caller promises it.
        Ok(schema) => unsafe { capsule(schema) },
        Err(_) => std::ptr::null_mut(),
    }
}

unsafe fn capsule<T: CapsuleContent>(content: T) -> *mut c_void {
    let Some(python) = PYTHON.get() else { return std::ptr::null_mut() };
    let content = Box::into_raw(Box::new(content));
    // SAFETY: as for `stream`; the name lives as long as the process.
    let made = unsafe { (python.new)(content.cast(), T::NAME.as_ptr(), Some(end::<T>)) };
    if made.is_null() {
        // SAFETY: it was made above, and no capsule has it.
        drop(unsafe { Box::from_raw(content) });
    }
    made
}

/// Ends a capsule. If its content was moved out, as its reader does, nothing is left to release.
unsafe extern "C" fn end<T: CapsuleContent>(capsule: *mut c_void) {
    guarded(|| {
        if let Some(python) = PYTHON.get() {
            // SAFETY: Python calls this for a capsule of that name, once.
            let content = unsafe { (python.pointer)(capsule, T::NAME.as_ptr()) }.cast::<T>();
            if !content.is_null() {
                // SAFETY: it was made by `capsule`.
                drop(unsafe { Box::from_raw(content) });
            }
        }
        0
    });
}
