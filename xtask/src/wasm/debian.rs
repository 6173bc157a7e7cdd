//! Debian's Rust for the web: where no wasm32 target can be fetched for the rustc in
//! use, its packages contain the sources to build one from.

use std::fmt;
use std::path::PathBuf;

use crate::install;
use crate::process::Run;

const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];

/// Debian's cargo and rustc, by their full paths: rustup's shims of the same
/// names are usually first on the PATH.
pub(crate) struct DebianRust {
    cargo: PathBuf,
    rustc: PathBuf,
}

impl DebianRust {
    /// Returns the installed one, if it is complete.
    pub(crate) fn find() -> Option<Self> {
        let rustc = program("rustc-web", "rustc")?;
        let cargo = program("cargo-web", "cargo")?;
        let sysroot = clean(Run::new(&rustc)).args(["--print", "sysroot"]).answer().ok()?;
        super::has_source(&sysroot).then_some(Self { cargo, rustc })
    }

    /// Makes a run of Debian's rustc.
    pub(super) fn rustc(&self) -> Run {
        clean(Run::new(&self.rustc))
    }

    /// Makes a run of Debian's cargo.
    pub(crate) fn cargo(&self) -> Run {
        // Building the standard library is an unstable option, and this
        // compiler calls itself stable.
        clean(Run::new(&self.cargo)).env("RUSTC", &self.rustc).env("RUSTC_BOOTSTRAP", "1")
    }
}

impl fmt::Display for DebianRust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Debian's {}, which builds std from source", self.rustc.display())
    }
}

/// Installs Debian's Rust, and the LLVM tools that belong to it.
pub(crate) fn install() -> anyhow::Result<()> {
    install::apt(
        "Debian's Rust for the web",
        "^((clang|lld)-[0-9]+|rustc-web|cargo-web|rust-web-.*)$",
        |known| {
            let complete = PACKAGES.iter().all(|package| known.iter().any(|name| name == package));
            let llvm = install::newest_llvm(known, &["clang", "lld"])?;
            complete
                .then(|| PACKAGES.iter().map(|package| (*package).to_owned()).chain(llvm).collect())
        },
    )
}

/// Removes from the environment what the outer cargo and rustup set for another
/// compiler: its name, its flags, its wrappers and its libraries.
fn clean(run: Run) -> Run {
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(speaks_of_a_compiler))
        .fold(run, |run, (name, _)| run.env_remove(name))
}

fn speaks_of_a_compiler(name: &str) -> bool {
    const NAMES: &[&str] =
        &["CARGO", "CARGO_ENCODED_RUSTFLAGS", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"];
    NAMES.contains(&name)
        || ["RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_", "CARGO_BUILD_RUST"]
            .iter()
            .any(|it| name.starts_with(it))
}

/// Returns the program `name` that `package` installed.
fn program(package: &str, name: &str) -> Option<PathBuf> {
    let files = Run::new("dpkg").args(["-L", package]).answer().ok()?;
    Some(PathBuf::from(program_in(&files, name)?)).filter(|path| path.is_file())
}

/// Returns the path of `bin/name` in a package's list of files. A package may contain
/// a second copy for its own use, deeper down.
fn program_in<'a>(files: &'a str, name: &str) -> Option<&'a str> {
    let is_it = |path: &&str| path.rsplit_once("/bin/").is_some_and(|(_, file)| file == name);
    files.lines().filter(is_it).min_by_key(|path| path.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_copies_the_one_for_everybody_is_taken() {
        let files =
            "/.\n/usr/share/cargo/bin/cargo\n/usr/bin\n/usr/bin/cargo\n/usr/share/doc/cargo\n";
        assert_eq!(program_in(files, "cargo"), Some("/usr/bin/cargo"));
        assert_eq!(program_in(files, "rustc"), None);
    }

    #[test]
    fn the_outer_compiler_is_forgotten_and_the_users_settings_are_kept() {
        for name in [
            "CARGO",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "CARGO_BUILD_RUSTC",
        ] {
            assert!(speaks_of_a_compiler(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_BUILD_JOBS", "PATH", "RUST_BACKTRACE"] {
            assert!(!speaks_of_a_compiler(name), "{name}");
        }
    }
}
