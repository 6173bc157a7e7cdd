//! Finds out what the linked SQLite was compiled with, since what it lacks can't be linked.

use std::path::Path;
use std::{env, fs};

/// The function behind row notifications, which exists only with `SQLITE_ENABLE_PREUPDATE_HOOK`.
const PREUPDATE: &[u8] = b"sqlite3_preupdate_hook";

/// One of the functions for change sets, which exist only with `SQLITE_ENABLE_SESSION` as well.
const SESSION: &[u8] = b"sqlite3changegroup_schema";

/// One of the functions that say where a column comes from, which exist only with
/// `SQLITE_ENABLE_COLUMN_METADATA`.
const COLUMN_METADATA: &[u8] = b"sqlite3_column_table_name";

fn main() {
    println!("cargo:rustc-check-cfg=cfg(sqlite_column_metadata)");
    println!("cargo:rustc-check-cfg=cfg(sqlite_preupdate)");
    println!("cargo:rustc-check-cfg=cfg(sqlite_session)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBSQLITE3_FLAGS");
    println!("cargo:rerun-if-env-changed=SQLITE_WASM_RS_FLAGS");
    let wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    // In a page nobody asks for it, and it would make SQLite larger.
    if !wasm && native_has(COLUMN_METADATA) {
        println!("cargo:rustc-cfg=sqlite_column_metadata");
    }
    let has = if wasm { wasm_has } else { native_has };
    if has(PREUPDATE) {
        println!("cargo:rustc-cfg=sqlite_preupdate");
        // What goes into a change set comes from the rows that are reported.
        if has(SESSION) {
            println!("cargo:rustc-cfg=sqlite_session");
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
