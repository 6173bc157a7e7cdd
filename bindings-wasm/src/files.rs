//! The host's files: JavaScript over OPFS or `node:fs`, behind the core's trait.

use ubiqlite::ext::vfs::{self, FileError, Files};
use wasm_bindgen::prelude::*;

/// The name of the VFS.
pub(crate) const VFS: &str = "ubiqlite";

#[wasm_bindgen]
extern "C" {
    /// The host's files, an object of JavaScript. Errors are negative numbers.
    pub type JsFiles;

    #[wasm_bindgen(method)]
    fn open(this: &JsFiles, name: &str, create: bool, read_only: bool) -> i32;
    #[wasm_bindgen(method)]
    fn close(this: &JsFiles, file: u32);
    #[wasm_bindgen(method)]
    fn read(this: &JsFiles, file: u32, into: &mut [u8], at: f64) -> f64;
    #[wasm_bindgen(method)]
    fn write(this: &JsFiles, file: u32, from: &[u8], at: f64) -> i32;
    #[wasm_bindgen(method)]
    fn truncate(this: &JsFiles, file: u32, size: f64) -> i32;
    #[wasm_bindgen(method)]
    fn sync(this: &JsFiles, file: u32) -> i32;
    #[wasm_bindgen(method)]
    fn size(this: &JsFiles, file: u32) -> f64;
    #[wasm_bindgen(method)]
    fn remove(this: &JsFiles, name: &str) -> i32;
    #[wasm_bindgen(method)]
    fn exists(this: &JsFiles, name: &str) -> bool;
    #[wasm_bindgen(method, js_name = fullName)]
    fn full_name(this: &JsFiles, name: &str) -> Option<String>;
    #[wasm_bindgen(method, js_name = hasMoved)]
    fn has_moved(this: &JsFiles, file: u32) -> bool;
}

/// Makes the host's files the VFS of all databases that are not in memory.
pub(crate) fn register(files: JsFiles) -> Result<(), JsValue> {
    vfs::register(VFS, JsHost(files)).map_err(|error| JsError::new(error.message()).into())
}

struct JsHost(JsFiles);

fn failure(code: i32) -> FileError {
    match code {
        -2 => FileError::NotFound,
        -3 => FileError::Full,
        -4 => FileError::Denied,
        -5 => FileError::Directory,
        -6 => FileError::Held,
        -7 => FileError::Unavailable,
        _ => FileError::Io,
    }
}

fn done(code: i32) -> Result<(), FileError> {
    if code < 0 { Err(failure(code)) } else { Ok(()) }
}

/// Converts a number of bytes, which is never more than a double can hold.
fn bytes(count: f64) -> Result<u64, FileError> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
    if count < 0.0 { Err(failure(count as i32)) } else { Ok(count as u64) }
}

#[allow(clippy::cast_precision_loss, reason = "no file is as large as 2^53 bytes")]
fn place(at: u64) -> f64 {
    at as f64
}

impl Files for JsHost {
    fn open(&self, name: &str, create: bool, read_only: bool) -> Result<u32, FileError> {
        let file = self.0.open(name, create, read_only);
        u32::try_from(file).map_err(|_| failure(file))
    }

    fn close(&self, file: u32) {
        self.0.close(file);
    }

    fn read(&self, file: u32, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        let read = bytes(self.0.read(file, into, place(at)))?;
        Ok(usize::try_from(read).unwrap_or(0).min(into.len()))
    }

    fn write(&self, file: u32, from: &[u8], at: u64) -> Result<(), FileError> {
        done(self.0.write(file, from, place(at)))
    }

    fn truncate(&self, file: u32, size: u64) -> Result<(), FileError> {
        done(self.0.truncate(file, place(size)))
    }

    fn sync(&self, file: u32) -> Result<(), FileError> {
        done(self.0.sync(file))
    }

    fn size(&self, file: u32) -> Result<u64, FileError> {
        bytes(self.0.size(file))
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        done(self.0.remove(name))
    }

    fn exists(&self, name: &str) -> bool {
        self.0.exists(name)
    }

    fn full_name(&self, name: &str) -> Option<String> {
        self.0.full_name(name)
    }

    fn has_moved(&self, file: u32) -> bool {
        self.0.has_moved(file)
    }
}
