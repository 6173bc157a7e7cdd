//! Finds out what the linked SQLite was compiled with, since what it lacks can't be linked.

use std::path::Path;
use std::{env, fs};

/// The function behind row notifications, which exists only with `SQLITE_ENABLE_PREUPDATE_HOOK`.
const PREUPDATE: &[u8] = b"sqlite3_preupdate_hook";

/// The function behind session objects, which exists only with `SQLITE_ENABLE_SESSION` too.
const SESSION: &[u8] = b"sqlite3session_create";

fn main() {
    println!("cargo:rustc-check-cfg=cfg(sqlite_preupdate)");
    println!("cargo:rustc-check-cfg=cfg(sqlite_session)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBSQLITE3_FLAGS");
    println!("cargo:rerun-if-env-changed=SQLITE_WASM_RS_FLAGS");
    let wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    for (name, function) in [("sqlite_preupdate", PREUPDATE), ("sqlite_session", SESSION)] {
        if if wasm { wasm_has(function) } else { native_has(function) } {
            println!("cargo:rustc-cfg={name}");
        }
    }
}

/// Whether the library that `libsqlite3-sys` has compiled contains the function, whichever way it
/// was asked for. Of a library that the machine brings nothing is known.
fn native_has(function: &[u8]) -> bool {
    let Ok(folder) = env::var("DEP_SQLITE3_LIB_DIR") else { return false };
    ["libsqlite3.a", "sqlite3.lib", "libsqlcipher.a"].iter().any(|name| {
        let library = Path::new(&folder).join(name);
        println!("cargo:rerun-if-changed={}", library.display());
        fs::read(library).is_ok_and(|bytes| contains(&bytes, function))
    })
}

/// Whether `sqlite-wasm-rs`, which turns both functions on by itself, was not told otherwise.
fn wasm_has(function: &[u8]) -> bool {
    let flags = env::var("SQLITE_WASM_RS_FLAGS").unwrap_or_default();
    let without = |name| flags.contains(&format!("-USQLITE_ENABLE_{name}"));
    let off = without("PREUPDATE_HOOK") || (function == SESSION && without("SESSION"));
    !off
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
