//! Compiles SQLite's recovery extension against the header of the SQLite that is linked.

use std::env;

/// SQLite's names get a prefix: a program may have the extension once more.
const NAMES: [&str; 9] = [
    "sqlite3_dbdata_init",
    "sqlite3_recover_init",
    "sqlite3_recover_init_sql",
    "sqlite3_recover_config",
    "sqlite3_recover_step",
    "sqlite3_recover_run",
    "sqlite3_recover_errmsg",
    "sqlite3_recover_errcode",
    "sqlite3_recover_finish",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=sqlite");
    let mut build = cc::Build::new();
    // `libsqlite3-sys` says where its header is, if it brings one; else it is the system's.
    if let Ok(folder) = env::var("DEP_SQLITE3_INCLUDE") {
        build.include(folder);
    }
    for name in NAMES {
        build.define(name, format!("ubiqlite_{}", &name["sqlite3_".len()..]).as_str());
    }
    build
        .files(["sqlite/dbdata.c", "sqlite/sqlite3recover.c"])
        .warnings(false)
        .compile("ubiqlite_recover");
}
