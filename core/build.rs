//! Finds out what the linked SQLite was compiled with, since what it lacks can't be linked.

use std::path::Path;
use std::{env, fs};

/// The function behind row notifications, which exists only with `SQLITE_ENABLE_PREUPDATE_HOOK`.
const PREUPDATE: &[u8] = b"sqlite3_preupdate_hook";
/// One of the functions for change sets, which exist only with `SQLITE_ENABLE_SESSION`.
const SESSION: &[u8] = b"sqlite3changegroup_schema";

fn main() {
    println!("cargo:rustc-check-cfg=cfg(sqlite_preupdate)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBSQLITE3_FLAGS");
    println!("cargo:rerun-if-env-changed=SQLITE_WASM_RS_FLAGS");
    println!("cargo:rustc-check-cfg=cfg(sqlite_session)");
    let wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    let (rows, sessions) = if wasm { wasm_has() } else { native_has() };
    if rows {
        println!("cargo:rustc-cfg=sqlite_preupdate");
    }
    // What goes into a change set comes from the rows that are reported.
    if rows && sessions {
        println!("cargo:rustc-cfg=sqlite_session");
    }
}

/// Whether the library that `libsqlite3-sys` has compiled reports rows, and has the functions for
/// change sets, whichever way they were asked for. Of a library that the machine brings nothing is
/// known.
fn native_has() -> (bool, bool) {
    let Ok(folder) = env::var("DEP_SQLITE3_LIB_DIR") else { return (false, false) };
    let mut found = (false, false);
    for name in ["libsqlite3.a", "sqlite3.lib", "libsqlcipher.a"] {
        let library = Path::new(&folder).join(name);
        println!("cargo:rerun-if-changed={}", library.display());
        if let Ok(bytes) = fs::read(library) {
            found.0 |= contains(&bytes, PREUPDATE);
            found.1 |= contains(&bytes, SESSION);
        }
    }
    found
}

/// The same of `sqlite-wasm-rs`, which turns both on by itself unless it is told otherwise.
fn wasm_has() -> (bool, bool) {
    let flags = env::var("SQLITE_WASM_RS_FLAGS").unwrap_or_default();
    let has = |name: &str| !flags.contains(&format!("-USQLITE_ENABLE_{name}"));
    (has("PREUPDATE_HOOK"), has("SESSION"))
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
