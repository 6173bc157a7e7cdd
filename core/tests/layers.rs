//! The drawing in ARCHITECTURE.md is true: each module uses only modules below it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each top-level module may use. The order is that of the drawing, from the bottom up:
/// a module comes after all that it uses, so that no two can use each other.
const LAYERS: &[(&str, &[&str])] = &[
    ("ffi", &[]),
    ("error", &["ffi"]),
    ("platform", &["ffi"]),
    ("value", &["error"]),
    ("row", &["error", "value"]),
    ("sql", &["error", "value"]),
    ("sync", &["error", "value"]),
    ("migrations", &["error"]),
    ("options", &["error", "migrations", "platform"]),
    ("changes", &["platform", "value"]),
    ("replicate", &["platform"]),
    ("program", &["changes", "error", "platform", "row", "sql", "sync", "value"]),
    ("vfs", &["error", "ffi", "options", "platform"]),
    (
        "engine",
        &[
            "changes", "error", "ffi", "options", "platform", "program", "row", "sql", "sync",
            "value", "vfs",
        ],
    ),
    (
        "backend",
        &[
            "changes",
            "engine",
            "error",
            "options",
            "platform",
            "program",
            "replicate",
            "row",
            "sql",
            "vfs",
        ],
    ),
    ("dbapi", &["backend", "engine", "error", "ffi", "platform", "row", "sql", "value"]),
    ("live", &["backend", "changes", "error", "platform", "program", "row", "sql", "value"]),
    (
        "exec",
        &[
            "backend", "changes", "engine", "error", "live", "platform", "program", "row", "sql",
            "value",
        ],
    ),
    (
        "api",
        &[
            "backend",
            "changes",
            "error",
            "exec",
            "live",
            "options",
            "platform",
            "program",
            "replicate",
            "row",
            "sql",
            "sync",
            "value",
        ],
    ),
    (
        "migrate",
        &[
            "api",
            "backend",
            "changes",
            "error",
            "exec",
            "migrations",
            "options",
            "platform",
            "program",
            "row",
            "sql",
            "value",
        ],
    ),
    (
        "wire",
        &[
            "api",
            "backend",
            "changes",
            "engine",
            "error",
            "exec",
            "live",
            "migrate",
            "migrations",
            "options",
            "platform",
            "program",
            "replicate",
            "row",
            "sql",
            "sync",
            "value",
        ],
    ),
    ("ext", &["backend", "changes", "dbapi", "platform", "program", "row", "vfs", "wire"]),
];

#[test]
fn no_module_uses_one_above_it() {
    let mut below = BTreeSet::new();
    for (module, allowed) in LAYERS {
        for used in *allowed {
            assert!(below.contains(used), "{module} stands before {used}, which it may use");
        }
        below.insert(*module);
    }
    let used = used();
    let known: BTreeSet<_> = LAYERS.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(used.keys().cloned().collect::<BTreeSet<_>>(), known, "the modules of lib.rs");
    for (module, allowed) in LAYERS {
        let really = &used[*module];
        for (other, file) in really {
            assert!(allowed.contains(&other.as_str()), "{module} uses {other}, in {file}");
        }
        for other in *allowed {
            assert!(really.contains_key(*other), "{module} does not use {other} any more");
        }
    }
}

/// The modules that each top-level one uses, each with a file that does.
fn used() -> BTreeMap<String, BTreeMap<String, String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut used = BTreeMap::<String, BTreeMap<String, String>>::new();
    for file in files(&source) {
        let name = file.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
        let module = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" || name.contains("/tests") || name.contains("testing") {
            continue;
        }
        let others = used.entry(module.clone()).or_default();
        for other in mentioned(&fs::read_to_string(&file).unwrap()) {
            if other != module {
                others.insert(other, name.clone());
            }
        }
    }
    used
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The names that follow `crate::` in code, but not in its tests and comments. A macro's
/// `$crate::` does not count: it is a use by the code that calls the macro.
fn mentioned(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().map(|line| line.split("//").next().unwrap());
    let mut found = BTreeSet::new();
    for line in lines {
        for (at, _) in line.match_indices("crate::") {
            if line[..at].ends_with('$') {
                continue;
            }
            let rest = &line[at + "crate::".len()..];
            assert!(
                !rest.starts_with('{'),
                "one path a line, so that this test can read it: {line}"
            );
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            found.insert(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    found
}
