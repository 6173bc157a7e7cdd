//! The functions of ubiqlite's library that a Java virtual machine calls.
//!
//! A virtual machine loads a file of native code for one class loader, and two copies of the engine
//! in a process would be two SQLites: when one closes a file, it may drop the other's locks on it.
//! So each class loader has a copy of this small library, which finds the one engine and passes
//! calls on. It keeps no reference to anything of Java's: a server can unload an application that
//! has used it, and load it again.
//!
//! The functions are those of `io.github.ubiqlite.internal.Raw`, which documents them; behind them
//! are `bindings-ffi/src/raw.rs` and `numbered.rs`. They take numbers, and addresses of memory that
//! Java has: no object is accessed while a call runs.

use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;

use jni_sys::{JNIEnv, jclass, jint, jlong, jobject};
use libloading::{Library, Symbol};

type CallFunction = unsafe extern "C" fn(u64, *const u8, usize, *mut u8, usize) -> i64;
type Fill = unsafe extern "C" fn(u64, *mut u8, usize) -> i64;
type OpenFunction = unsafe extern "C" fn(*const u8, usize, *const u8, usize) -> u64;

/// The engine's functions.
struct Functions {
    call: CallFunction,
    take: Fill,
    wait: unsafe extern "C" fn(u64, i64) -> i64,
    release: unsafe extern "C" fn(u64),
    open: OpenFunction,
    close: unsafe extern "C" fn(u64) -> u64,
    settle: Fill,
    opened: unsafe extern "C" fn(u64) -> u64,
    forget: unsafe extern "C" fn(u64),
}

static FUNCTIONS: OnceLock<Functions> = OnceLock::new();

/// What the engine's functions return for a client that does not exist.
const GONE: jlong = -1;

/// Finds the engine in the file, or the system's library, with this name.
fn load(name: &str) -> Result<Functions, libloading::Error> {
    // SAFETY: it is the engine's library, whose loading runs nothing of its own.
    let library = unsafe { Library::new(name) }?;
    // SAFETY: the engine's sources declare them so, and it is of the same build.
    let functions = unsafe {
        Functions {
            call: *symbol(&library, "ubiqlite_call")?,
            take: *symbol(&library, "ubiqlite_take")?,
            wait: *symbol(&library, "ubiqlite_wait")?,
            release: *symbol(&library, "ubiqlite_release")?,
            open: *symbol(&library, "ubiqlite_open")?,
            close: *symbol(&library, "ubiqlite_close")?,
            settle: *symbol(&library, "ubiqlite_settle")?,
            opened: *symbol(&library, "ubiqlite_opened")?,
            forget: *symbol(&library, "ubiqlite_forget")?,
        }
    };
    // It has threads of its own, so it stays until the process ends.
    std::mem::forget(library);
    Ok(functions)
}

/// # Safety
/// The function is of this type.
unsafe fn symbol<'a, T>(
    library: &'a Library,
    name: &str,
) -> Result<Symbol<'a, T>, libloading::Error> {
    // SAFETY: the caller promises it.
    unsafe { library.get(name) }
}

/// Calls one of the engine's functions; `otherwise` without an engine.
fn with<T>(otherwise: T, work: impl FnOnce(&Functions) -> T) -> T {
    FUNCTIONS.get().map_or(otherwise, work)
}

/// # Safety
/// `buffer` is a direct buffer of this environment's thread, or null.
unsafe fn memory(env: *mut JNIEnv, buffer: jobject) -> (*mut u8, usize) {
    // SAFETY: a virtual machine gives a valid environment, whose table has these since 1.4.
    unsafe {
        let address = ((**env).v1_4.GetDirectBufferAddress)(env, buffer);
        let capacity = ((**env).v1_4.GetDirectBufferCapacity)(env, buffer);
        (address.cast(), usize::try_from(capacity).unwrap_or(0))
    }
}

fn at<T>(address: jlong) -> *mut T {
    ptr::with_exposed_provenance_mut::<c_void>(address.cast_unsigned() as usize).cast()
}

fn size(length: jlong) -> usize {
    usize::try_from(length).unwrap_or(0)
}

/// Finds the engine, whose name is the first `length` bytes of a direct buffer, in UTF-8. Returns
/// 0, or the length of the reason why it could not be loaded, of which the buffer then has as much
/// as fits.
///
/// # Safety
/// A virtual machine calls it, with an environment of this thread's and a direct buffer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn Java_io_github_ubiqlite_internal_Raw_load(
    env: *mut JNIEnv,
    _: jclass,
    buffer: jobject,
    length: jint,
) -> jint {
    // SAFETY: the caller promises it.
    let (address, capacity) = unsafe { memory(env, buffer) };
    if address.is_null() {
        return 0;
    }
    // SAFETY: Java does not touch it until this returns.
    let room = unsafe { std::slice::from_raw_parts_mut(address, capacity) };
    let name = room.get(..size(length.into())).and_then(|name| std::str::from_utf8(name).ok());
    let why = match name.map(load) {
        Some(Ok(functions)) => {
            // Another thread of this class loader may have been first: it found the same.
            let _ = FUNCTIONS.set(functions);
            return 0;
        }
        Some(Err(error)) => error.to_string(),
        None => "its path is not UTF-8".to_owned(),
    };
    let written = why.len().min(capacity);
    room[..written].copy_from_slice(&why.as_bytes()[..written]);
    jint::try_from(written).unwrap_or(jint::MAX)
}

/// The address of a direct buffer's memory.
///
/// # Safety
/// A virtual machine calls it, with an environment of this thread's and a direct buffer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn Java_io_github_ubiqlite_internal_Raw_address(
    env: *mut JNIEnv,
    _: jclass,
    buffer: jobject,
) -> jlong {
    // SAFETY: the caller promises it.
    let (address, _) = unsafe { memory(env, buffer) };
    (address.expose_provenance() as u64).cast_signed()
}

/// `ubiqlite_call`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_call(
    _: *mut JNIEnv,
    _: jclass,
    client: jlong,
    request: jlong,
    length: jlong,
    reply: jlong,
    room: jlong,
) -> jlong {
    with(GONE, |functions| {
        // SAFETY: the caller keeps the memory, which has these sizes, until this returns.
        unsafe {
            (functions.call)(
                client.cast_unsigned(),
                at(request),
                size(length),
                at(reply),
                size(room),
            )
        }
    })
}

/// `ubiqlite_take`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_take(
    _: *mut JNIEnv,
    _: jclass,
    client: jlong,
    reply: jlong,
    room: jlong,
) -> jlong {
    // SAFETY: as for `call`.
    with(GONE, |functions| unsafe {
        (functions.take)(client.cast_unsigned(), at(reply), size(room))
    })
}

/// `ubiqlite_wait`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_await(
    _: *mut JNIEnv,
    _: jclass,
    client: jlong,
    millis: jlong,
) -> jlong {
    // SAFETY: it takes numbers alone.
    with(GONE, |functions| unsafe { (functions.wait)(client.cast_unsigned(), millis) })
}

/// `ubiqlite_release`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_release(
    _: *mut JNIEnv,
    _: jclass,
    client: jlong,
) {
    // SAFETY: it takes a number alone.
    with((), |functions| unsafe { (functions.release)(client.cast_unsigned()) });
}

/// `ubiqlite_open`; 0 also without an engine.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_open(
    _: *mut JNIEnv,
    _: jclass,
    path: jlong,
    path_length: jlong,
    options: jlong,
    options_length: jlong,
) -> jlong {
    // SAFETY: as for `call`.
    let open = |functions: &Functions| unsafe {
        (functions.open)(at(path), size(path_length), at(options), size(options_length))
    };
    with(0, open).cast_signed()
}

/// `ubiqlite_close`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_close(
    _: *mut JNIEnv,
    _: jclass,
    client: jlong,
) -> jlong {
    // SAFETY: it takes a number alone.
    with(0, |functions| unsafe { (functions.close)(client.cast_unsigned()) }.cast_signed())
}

/// `ubiqlite_settle`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_settle(
    _: *mut JNIEnv,
    _: jclass,
    number: jlong,
    reply: jlong,
    room: jlong,
) -> jlong {
    // SAFETY: as for `call`.
    with(GONE, |functions| unsafe {
        (functions.settle)(number.cast_unsigned(), at(reply), size(room))
    })
}

/// `ubiqlite_opened`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_opened(
    _: *mut JNIEnv,
    _: jclass,
    number: jlong,
) -> jlong {
    // SAFETY: it takes a number alone.
    with(0, |functions| unsafe { (functions.opened)(number.cast_unsigned()) }.cast_signed())
}

/// `ubiqlite_forget`.
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_github_ubiqlite_internal_Raw_forget(
    _: *mut JNIEnv,
    _: jclass,
    number: jlong,
) {
    // SAFETY: it takes a number alone.
    with((), |functions| unsafe { (functions.forget)(number.cast_unsigned()) });
}
