//! Functions of Python that SQLite calls.
//!
//! Python passes addresses of C functions that it made. They are called on a thread that Python
//! made, which has the connection's work from before the first of them is installed until the
//! connection has ended, and keeps them until then (`serve.rs`).

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use libsqlite3_sys as ffi;
use ubiqlite::Result;
use ubiqlite::ext::dbapi::{self, DbapiConnection};

use super::aggregates::{self, Installed};
use super::collations;
use crate::marshal::read::{Item, MarshalReader};
use crate::marshal::write::MarshalWriter;

/// What to install; an address of 0 removes it.
pub(super) enum Callback {
    Function {
        name: String,
        arguments: i32,
        deterministic: bool,
        address: usize,
        /// It is short and leaves the connection alone, so that it may also run within a call.
        anywhere: bool,
    },
    Aggregate(Installed),
    Collation {
        name: String,
        address: usize,
    },
    Trace(usize),
    Progress(usize, i32),
    Authorizer(usize),
}

pub(super) enum Extensions {
    Allow(bool),
    Load { path: String, entry: Option<String> },
}

/// Calls a function: takes the arguments as a tuple in `marshal`'s format, and writes its result to
/// `room`. Returns the result's length; if that is more than `room`, the length as a negative
/// number, and is then called once more, without arguments, for the result. [`RAISED`] and what
/// follows it: there is none.
pub(super) type FunctionCallback = unsafe extern "C" fn(*const u8, usize, *mut u8, usize) -> i64;
type Trace = unsafe extern "C" fn(*const c_char);
type ProgressCallback = unsafe extern "C" fn(*mut c_void) -> c_int;
type AuthorizerCallback = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
) -> c_int;

/// Python raised an exception; added to this, what raised it.
pub(super) const RAISED: i64 = i64::MIN;

/// The message for each, as `sqlite3` words it.
const TOLD: [&CStr; 6] = [
    c"user-defined function raised exception",
    c"user-defined aggregate's '__init__' method raised error",
    c"user-defined aggregate's 'step' method raised error",
    c"user-defined aggregate's 'finalize' method raised error",
    c"user-defined aggregate's 'value' method raised error",
    c"user-defined aggregate's 'inverse' method raised error",
];
/// `OverflowError` and `MemoryError`, whatever raised them.
const TOO_BIG: i64 = RAISED + 6;
const NO_MEMORY: i64 = RAISED + 7;

/// Room for most results.
pub(super) const ROOM: usize = 512;
/// Added to an aggregate's operation: asks for the result that did not fit before.
pub(super) const AGAIN: c_int = 0x10;

impl Callback {
    /// Whether statements that may call it must not run within a call.
    fn observes(&self) -> bool {
        !matches!(self, Self::Function { anywhere: true, .. })
    }
}

/// Remembers whether there are any that [observe](Callback::observes): then no statement runs within
/// a call.
#[derive(Debug, Default)]
pub(super) struct Callbacks(AtomicBool);

impl Callbacks {
    pub(super) fn install(
        &self,
        connection: &DbapiConnection,
        callback: Callback,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        // Stays so when they are removed: a caller that used them may do so again.
        let first = callback.observes() && !self.0.swap(true, Ordering::AcqRel);
        let observing = first.then(|| connection.set_observed(true));
        // SAFETY: the connection stays open; Python keeps the functions until it is
        // closed, and they take its lock on whatever thread they are called.
        let installing =
            unsafe { connection.with_handle(move |raw| install(raw.cast(), callback)) };
        async move {
            if let Some(observing) = observing {
                observing.await?;
            }
            installing.await
        }
    }
}

/// # Safety
/// The connection is open, and the addresses are those of functions of the types that their kinds
/// require.
unsafe fn install(raw: *mut ffi::sqlite3, callback: Callback) -> Result<()> {
    // SAFETY: by the contract; an address of 0 is no function.
    unsafe {
        let code = match callback {
            Callback::Function { name, arguments, deterministic, address, .. } => {
                let name = super::c_string(name, "the function's name holds a NUL")?;
                let flags =
                    ffi::SQLITE_UTF8 | if deterministic { ffi::SQLITE_DETERMINISTIC } else { 0 };
                let run: Option<unsafe extern "C" fn(_, _, _)> =
                    (address != 0).then_some(on_function as unsafe extern "C" fn(_, _, _));
                ffi::sqlite3_create_function_v2(
                    raw,
                    name.as_ptr(),
                    arguments,
                    flags,
                    address as *mut c_void,
                    run,
                    None,
                    None,
                    None,
                )
            }
            Callback::Aggregate(aggregate) => return aggregates::install(raw, aggregate),
            Callback::Collation { name, address } => {
                return collations::install(raw, name, address);
            }
            Callback::Trace(0) => ffi::sqlite3_trace_v2(raw, 0, None, std::ptr::null_mut()),
            Callback::Trace(address) => ffi::sqlite3_trace_v2(
                raw,
                ffi::SQLITE_TRACE_STMT as c_uint,
                Some(on_trace),
                address as *mut c_void,
            ),
            Callback::Progress(address, steps) => {
                let run =
                    (address != 0).then(|| std::mem::transmute::<usize, ProgressCallback>(address));
                ffi::sqlite3_progress_handler(raw, steps, run, std::ptr::null_mut());
                ffi::SQLITE_OK
            }
            Callback::Authorizer(address) => {
                let run = (address != 0)
                    .then(|| std::mem::transmute::<usize, AuthorizerCallback>(address));
                ffi::sqlite3_set_authorizer(raw, run, std::ptr::null_mut())
            }
        };
        check(raw, code)
    }
}

/// # Safety
/// The connection is open.
pub(super) unsafe fn check(raw: *mut ffi::sqlite3, code: c_int) -> Result<()> {
    if code == ffi::SQLITE_OK {
        return Ok(());
    }
    // SAFETY: by the contract; the message is SQLite's C string.
    let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(raw)).to_string_lossy() };
    Err(dbapi::error(code, &message))
}

/// Allows or loads extensions.
pub(super) fn extensions(
    connection: &DbapiConnection,
    extensions: Extensions,
) -> impl Future<Output = Result<()>> + Send + use<> {
    // SAFETY: the connection stays open and its statements are left alone. What an extension does
    // is up to its caller, which has to allow it first.
    unsafe {
        connection.with_handle(move |raw| match extensions {
            Extensions::Allow(yes) => {
                let raw = raw.cast();
                let on = ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION;
                let code = ffi::sqlite3_db_config(
                    raw,
                    on,
                    c_int::from(yes),
                    std::ptr::null_mut::<c_int>(),
                );
                check(raw, code)
            }
            Extensions::Load { path, entry } => {
                let text = |text: String| super::c_string(text, "the path holds a NUL");
                let (path, entry) = (text(path)?, entry.map(text).transpose()?);
                let entry = entry.as_ref().map_or(std::ptr::null(), |entry| entry.as_ptr());
                let mut replies = std::ptr::null_mut();
                let raw = raw.cast();
                let code = ffi::sqlite3_load_extension(raw, path.as_ptr(), entry, &raw mut replies);
                if code == ffi::SQLITE_OK || replies.is_null() {
                    return check(raw, code);
                }
                let message = CStr::from_ptr(replies).to_string_lossy().into_owned();
                ffi::sqlite3_free(replies.cast());
                Err(dbapi::error(code, &message))
            }
        })
    }
}

unsafe extern "C" fn on_trace(
    kind: c_uint,
    context: *mut c_void,
    statement: *mut c_void,
    _text: *mut c_void,
) -> c_int {
    if kind == ffi::SQLITE_TRACE_STMT as c_uint {
        // SAFETY: `install` gave the address of a function of this type; SQLite gives the
        // statement, and its text is freed as SQLite requires.
        unsafe {
            let tell = std::mem::transmute::<*mut c_void, Trace>(context);
            let sql = ffi::sqlite3_expanded_sql(statement.cast());
            if sql.is_null() {
                // Too large with its parameters.
                tell(ffi::sqlite3_sql(statement.cast()));
            } else {
                tell(sql);
                ffi::sqlite3_free(sql.cast());
            }
        }
    }
    0
}

unsafe extern "C" fn on_function(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes `count` arguments; `install` gave the function's address.
    unsafe {
        let mut out = MarshalWriter::default();
        self::arguments(count, arguments, &mut out);
        let address = ffi::sqlite3_user_data(context);
        let function = std::mem::transmute::<*mut c_void, FunctionCallback>(address);
        let mut first = true;
        result(context, |room| {
            let (start, length) =
                if first { (out.bytes().as_ptr(), out.len()) } else { (std::ptr::null(), 0) };
            first = false;
            function(start, length, room.as_mut_ptr(), room.len())
        });
    }
}

/// Writes the values that a function is called with, as a tuple.
///
/// # Safety
/// There are `count` values of SQLite's.
pub(super) unsafe fn arguments(
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
    out: &mut MarshalWriter,
) {
    let count = usize::try_from(count).unwrap_or(0);
    out.tuple(count);
    for index in 0..count {
        // SAFETY: by the contract.
        unsafe { argument(*values.add(index), out) };
    }
}

/// Lets `call` write a result, once more if it needs more room, and passes it to SQLite.
///
/// # Safety
/// `context` is that of the function that is called.
pub(super) unsafe fn result(
    context: *mut ffi::sqlite3_context,
    mut call: impl FnMut(&mut [u8]) -> i64,
) {
    let mut room = vec![0u8; ROOM];
    let mut length = call(&mut room);
    if length < 0 && length > NO_MEMORY {
        room.resize(usize::try_from(length.unsigned_abs()).unwrap_or(0), 0);
        length = call(&mut room);
    }
    let bytes = usize::try_from(length).ok().and_then(|length| room.get(..length));
    // SAFETY: by the contract.
    unsafe {
        if bytes.and_then(|bytes| give(context, bytes)).is_none() {
            raised(context, length);
        }
    }
}

/// Fails the statement with the error that Python returned.
///
/// # Safety
/// `context` is that of the function that is called.
pub(super) unsafe fn raised(context: *mut ffi::sqlite3_context, returned: i64) {
    // SAFETY: by the contract; the texts are C strings, of which SQLite makes copies.
    unsafe {
        match returned {
            TOO_BIG => ffi::sqlite3_result_error_toobig(context),
            NO_MEMORY => ffi::sqlite3_result_error_nomem(context),
            _ => {
                let which = usize::try_from(returned.wrapping_sub(RAISED)).unwrap_or(0);
                let replies = TOLD.get(which).unwrap_or(&TOLD[0]);
                ffi::sqlite3_result_error(context, replies.as_ptr(), -1);
            }
        }
    }
}

/// # Safety
/// `value` is a value of SQLite's.
unsafe fn argument(value: *mut ffi::sqlite3_value, out: &mut MarshalWriter) {
    // SAFETY: by the contract; the pointer comes before the length, as SQLite requires.
    unsafe {
        let bytes = |start: *const u8| match usize::try_from(ffi::sqlite3_value_bytes(value)) {
            Ok(length) if length > 0 && !start.is_null() => {
                std::slice::from_raw_parts(start, length)
            }
            _ => &[],
        };
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => out.int(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => out.float(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => {
                let text = bytes(ffi::sqlite3_value_text(value));
                out.text(&String::from_utf8_lossy(text));
            }
            ffi::SQLITE_BLOB => out.blob(bytes(ffi::sqlite3_value_blob(value).cast())),
            _ => out.none(),
        }
    }
}

/// # Safety
/// `context` is that of the function that is called.
unsafe fn give(context: *mut ffi::sqlite3_context, value: &[u8]) -> Option<()> {
    let mut from = MarshalReader::new(value);
    // SAFETY: by the contract; SQLite copies texts and blobs.
    unsafe {
        match from.item()? {
            Item::None => ffi::sqlite3_result_null(context),
            Item::Bool(yes) => ffi::sqlite3_result_int64(context, i64::from(yes)),
            Item::Int(number) => ffi::sqlite3_result_int64(context, number),
            Item::Float(number) => ffi::sqlite3_result_double(context, number),
            Item::Text(text) => ffi::sqlite3_result_text64(
                context,
                text.as_ptr().cast(),
                text.len() as u64,
                ffi::SQLITE_TRANSIENT(),
                ffi::SQLITE_UTF8 as u8,
            ),
            Item::Bytes([]) => ffi::sqlite3_result_zeroblob(context, 0),
            Item::Bytes(bytes) => ffi::sqlite3_result_blob64(
                context,
                bytes.as_ptr().cast(),
                bytes.len() as u64,
                ffi::SQLITE_TRANSIENT(),
            ),
            Item::List(_) | Item::Dict | Item::End => return None,
        }
    }
    Some(())
}
