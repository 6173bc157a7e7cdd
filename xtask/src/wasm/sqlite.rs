//! SQLite's source for the module: the code in which calls spend their time is compiled
//! for speed, the rest for size.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::process::Run;

const CRATE: &str = "sqlite-wasm-rs";

/// Extensions that the library for other platforms has and the crate leaves out: Android has
/// created FTS3 and FTS4 tables for years.
const EXTENSIONS: &str = "#define SQLITE_ENABLE_FTS3 1\n#define SQLITE_ENABLE_FTS3_PARENTHESIS 1\n";

/// The files whose code runs for each row, each page and each allocation. Other files
/// run at most once per statement, or are extensions.
const HOT: &[&str] = &[
    "bitvec.c",
    "btree.c",
    "global.c",
    "hash.c",
    "malloc.c",
    "mem1.c",
    "pager.c",
    "pcache.c",
    "pcache1.c",
    "utf.c",
    "util.c",
    "vdbe.c",
    "vdbeapi.c",
    "vdbeaux.c",
    "vdbemem.c",
    "vdbesort.c",
    "wal.c",
];

/// Writes the source that the crate compiles into `out`, with its cold parts marked, and
/// its headers. `cargo` is the cargo that will build it.
///
/// # Errors
///
/// When the crate, or a file that should be hot, is not in its expected place.
pub(super) fn prepare(cargo: Run, root: &Path, out: &Path) -> anyhow::Result<()> {
    let source = source_of(cargo, root)?;
    let read = |name: &str| {
        let path = source.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let source = marked(&read("sqlite3.c")?)?;
    replace(&out.join("sqlite3.c"), &format!("{EXTENSIONS}{source}"))?;
    for header in ["sqlite3.h", "sqlite3ext.h"] {
        replace(&out.join(header), &read(header)?)?;
    }
    Ok(())
}

/// Returns the folder of SQLite in the crate's sources.
fn source_of(cargo: Run, root: &Path) -> anyhow::Result<PathBuf> {
    let result =
        cargo.args(["metadata", "--locked", "--format-version", "1"]).dir(root).answer()?;
    let metadata: serde_json::Value = serde_json::from_str(&result)?;
    let manifest = metadata["packages"]
        .as_array()
        .and_then(|packages| packages.iter().find(|package| package["name"] == CRATE))
        .and_then(|package| package["manifest_path"].as_str())
        .with_context(|| format!("cargo knows no package {CRATE}"))?;
    Ok(Path::new(manifest).with_file_name("sqlite3"))
}

/// Returns the amalgamation with a mark around each file that is not hot.
fn marked(source: &str) -> anyhow::Result<String> {
    const PUSH: &str =
        "#pragma clang attribute push(__attribute__((minsize)), apply_to = function)\n";
    const POP: &str = "#pragma clang attribute pop\n";

    let mut text = String::with_capacity(source.len() + 16_384);
    let mut hot = 0;
    // Headers are nested in files, so a file ends at the comment with its own name.
    let mut cold = None;
    for line in source.split_inclusive('\n') {
        match (cold, noted(line, "Begin file "), noted(line, "End of ")) {
            (None, Some(name), _) if HOT.contains(&name) => hot += 1,
            (None, Some(name), _) if name.ends_with(".c") => {
                text.push_str(PUSH);
                cold = Some(name);
            }
            _ => {}
        }
        text.push_str(line);
        if cold.is_some() && noted(line, "End of ") == cold {
            text.push_str(POP);
            cold = None;
        }
    }
    ensure!(cold.is_none(), "SQLite's {cold:?} has no end");
    ensure!(hot == HOT.len(), "of SQLite's files, {hot} are hot, and {} should be", HOT.len());
    Ok(text)
}

/// Returns the file that a comment between the amalgamation's files names after `what`.
fn noted<'a>(line: &'a str, what: &str) -> Option<&'a str> {
    line.strip_prefix("/**")?
        .trim_start_matches('*')
        .trim_start()
        .strip_prefix(what)?
        .split(' ')
        .next()
}

/// Writes a file only if it has changed, because cargo recompiles every written file.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, body: &str) -> String {
        format!("/**** Begin file {name} *****/\n{body}/**** End of {name} *****/\n")
    }

    #[test]
    fn a_cold_file_is_marked_once_with_the_headers_in_it_and_a_hot_one_is_not() {
        let hot: String = HOT.iter().map(|name| file(name, "int hot;\n")).collect();
        let header = file("fts5.h", "int header;\n");
        let source = hot.clone() + &file("fts5.c", &(header + "int cold;\n"));
        let text = marked(&source).unwrap();

        let cold = text.strip_prefix(&hot).unwrap();
        assert!(cold.starts_with("#pragma clang attribute push"), "{cold}");
        assert!(cold.ends_with("End of fts5.c *****/\n#pragma clang attribute pop\n"), "{cold}");
        assert_eq!(text.matches("#pragma").count(), 2);
    }

    #[test]
    fn a_hot_file_that_is_gone_is_noticed() {
        assert!(marked(&file("fts5.c", "")).is_err());
    }
}
