//! Installs packages through the package managers that the machine has.

use anyhow::{Context, bail};

use crate::find;
use crate::process::Run;

/// Adds components to the toolchain in use.
pub(crate) fn rustup_components(names: &[&str]) -> anyhow::Result<()> {
    let list = names.join(" and ");
    if find::on_path("rustup").is_none() {
        bail!(
            "{list} missing, and there is no rustup to add it: install it as this machine's Rust was installed"
        );
    }
    println!("installing {list} with rustup, for the toolchain in use");
    Run::new("rustup").args(["component", "add"]).args(names).run()
}

/// Adds a target to the toolchain in use, if it is missing.
pub(crate) fn rustup_target(name: &str) -> anyhow::Result<()> {
    let libraries = Run::new("rustc").args(["--print", "target-libdir", "--target", name]);
    if std::path::Path::new(libraries.answer()?.trim()).is_dir() {
        return Ok(());
    }
    if find::on_path("rustup").is_none() {
        bail!("the rustc in use has no {name} target, and there is no rustup to add it");
    }
    println!("installing the {name} target with rustup, for the toolchain in use");
    Run::new("rustup").args(["target", "add", name]).run()
}

/// Installs Debian packages. `pick` chooses them from the names that match `pattern` in the
/// refreshed package lists.
pub(crate) fn apt(
    what: &str,
    pattern: &str,
    pick: impl FnOnce(&[String]) -> Option<Vec<String>>,
) -> anyhow::Result<()> {
    let Some(apt) = Apt::of_this_machine() else {
        bail!(
            "{what} missing: install it (only apt, as root or with a sudo that asks nothing, is known here)"
        );
    };
    println!("refreshing the package lists with apt-get, to install {what}");
    apt.get(&["update"])?;
    let found = Run::new("apt-cache").args(["search", "--names-only", pattern]).answer()?;
    let packages = pick(&package_names(&found)).with_context(|| {
        format!("{what} missing, and apt knows no package for it: install it by hand")
    })?;
    println!("installing {what} with apt-get: {}", packages.join(" "));
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(packages.iter().map(String::as_str));
    apt.get(&args)
}

/// Returns the packages of the newest LLVM that has one, such as `clang-22`, for each program.
pub(crate) fn newest_llvm(known: &[String], programs: &[&str]) -> Option<Vec<String>> {
    let package = |program: &str, version: u32| format!("{program}-{version}");
    let (first, rest) = programs.split_first()?;
    let newest = known
        .iter()
        .filter_map(|name| find::version_in_name(name, first))
        .filter(|version| rest.iter().all(|program| known.contains(&package(program, *version))))
        .max()?;
    Some(programs.iter().map(|program| package(program, newest)).collect())
}

/// apt, and the command that makes it run as root.
struct Apt {
    sudo: &'static [&'static str],
}

impl Apt {
    fn of_this_machine() -> Option<Self> {
        find::on_path("apt-get")?;
        let root = Run::new("id").arg("-u").answer().is_ok_and(|id| id.trim() == "0");
        if root {
            return Some(Self { sudo: &[] });
        }
        let sudo = Run::new("sudo").args(["-n", "true"]).succeeds();
        sudo.then_some(Self { sudo: &["sudo", "-n"] })
    }

    fn get(&self, args: &[&str]) -> anyhow::Result<()> {
        // With `env`, because sudo passes no variable of this process on.
        let words =
            [self.sudo, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], args].concat();
        let (program, args) = words.split_first().context("an empty command")?;
        Run::new(program).args(args).run()
    }
}

/// Returns the names in the output of `apt-cache search`: `name - description` lines.
fn package_names(found: &str) -> Vec<String> {
    found
        .lines()
        .filter_map(|line| line.split_once(" - "))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = "\
clang-14 - C, C++ and Objective-C compiler
clang-22 - C, C++ and Objective-C compiler
clang-23 - C, C++ and Objective-C compiler
lld-14 - LLVM-based linker
lld-22 - LLVM-based linker
";

    #[test]
    fn the_newest_llvm_is_one_that_is_complete() {
        let known = package_names(FOUND);
        assert_eq!(
            newest_llvm(&known, &["clang", "lld"]),
            Some(vec!["clang-22".to_owned(), "lld-22".to_owned()])
        );
        assert_eq!(newest_llvm(&known, &["clang"]), Some(vec!["clang-23".to_owned()]));
        assert_eq!(newest_llvm(&known, &["clang", "llvm"]), None);
    }
}
