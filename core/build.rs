//! Finds out what the linked SQLite was compiled with, since what it lacks can't be linked.

use std::path::Path;
use std::{env, fs};

/// The function behind row notifications, which exists only with `SQLITE_ENABLE_PREUPDATE_HOOK`.
const PREUPDATE: &[u8] = b"sqlite3_preupdate_hook";

fn main() {
    println!("cargo:rustc-check-cfg=cfg(sqlite_preupdate)");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBSQLITE3_FLAGS");
    println!("cargo:rerun-if-env-changed=SQLITE_WASM_RS_FLAGS");
    let wasm = env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
    if if wasm { wasm_has_it() } else { native_has_it() } {
        println!("cargo:rustc-cfg=sqlite_preupdate");
    }
}

/// Whether the library that `libsqlite3-sys` has compiled contains the function, whichever way it
/// was asked for. Of a library that the machine brings nothing is known.
fn native_has_it() -> bool {
    let Ok(folder) = env::var("DEP_SQLITE3_LIB_DIR") else { return false };
    ["libsqlite3.a", "sqlite3.lib", "libsqlcipher.a"].iter().any(|name| {
        let library = Path::new(&folder).join(name);
        println!("cargo:rerun-if-changed={}", library.display());
        fs::read(library).is_ok_and(|bytes| contains(&bytes, PREUPDATE))
    })
}

/// Whether `sqlite-wasm-rs`, which turns the function on by itself, was not told otherwise.
fn wasm_has_it() -> bool {
    let flags = env::var("SQLITE_WASM_RS_FLAGS").unwrap_or_default();
    !flags.contains("-USQLITE_ENABLE_PREUPDATE_HOOK")
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
