//! Finds programs, including those with their version in their name (`clang-22`).

use std::path::{Path, PathBuf};

/// Returns where `program` is on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    search_dirs().into_iter().map(|dir| dir.join(&name)).find(|path| path.is_file())
}

/// Returns every `program` and `program-NN` on the PATH: the plain name first, as the
/// user's own choice, then the newest version.
pub(crate) fn versions_on_path(program: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for dir in search_dirs() {
        let Ok(entries) = dir.read_dir() else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let name = name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(&name);
            if name == program {
                found.push((u32::MAX, entry.path()));
            } else if let Some(version) = version_in_name(name, program) {
                found.push((version, entry.path()));
            }
        }
    }
    // The sort is stable: of equal versions the first on the PATH stays first.
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

/// Returns the number after `program-` in `name`: 22 in `clang-22`, none in `clang-tidy-22`.
pub(crate) fn version_in_name(name: &str, program: &str) -> Option<u32> {
    name.strip_prefix(program)?.strip_prefix('-')?.parse().ok()
}

/// Returns the program `name` next to the real file of `program`: the tools of one LLVM share
/// a directory, whatever links lead to them.
pub(crate) fn sibling(program: &Path, name: &str) -> Option<PathBuf> {
    let real = program.canonicalize().ok()?;
    let path = real.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    path.is_file().then_some(path)
}

/// Returns whether a library is where Linux keeps them: in these folders, or in their
/// subfolders, one per architecture.
pub(crate) fn library(name: &str) -> bool {
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"].iter().any(|dir| {
        let dir = Path::new(dir);
        let below = dir.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        std::iter::once(dir.to_path_buf()).chain(below).any(|dir| dir.join(name).is_file())
    })
}

fn search_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    // Homebrew keeps its LLVM off the PATH, because macOS has its own clang, which
    // cannot write wasm.
    dirs.extend(["/opt/homebrew/opt/llvm/bin", "/usr/local/opt/llvm/bin"].map(PathBuf::from));
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_follows_the_whole_name_and_is_a_number() {
        assert_eq!(version_in_name("clang-22", "clang"), Some(22));
        for other in ["clang", "clang-", "clang-tidy-22", "clang-cpp-22", "clang++-22", "xclang-22"]
        {
            assert_eq!(version_in_name(other, "clang"), None, "{other}");
        }
    }
}
