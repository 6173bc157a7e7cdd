//! The documentation site: `cargo xtask docs` writes it to `target/docs/site`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::maven::mvn;
use crate::process::Run;
use crate::workspace::Workspace;
use crate::{build, npm};

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    build::npm::setup()?;
    build::python::setup()?;
    build::kotlin::setup()?;
    npm::install(&folder(&Workspace::find()?))
}

/// Builds the packages that the references are made of, and the site.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some(unknown) = args.first() {
        bail!("`cargo xtask docs` takes no argument, and `{unknown}` was given");
    }
    setup()?;
    let workspace = Workspace::find()?;
    build::npm::build(&workspace)?;
    build::python::in_place(&workspace)?;
    site(&workspace)?;
    println!("the site is in {}", out(&workspace).display());
    Ok(())
}

/// Returns the folder of the pages.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("docs")
}

fn out(workspace: &Workspace) -> PathBuf {
    workspace.target_for("docs").join("site")
}

/// Builds the site from pages and packages that are there. A page that links to no page, and a
/// link to a heading or file that does not exist, are errors.
pub(crate) fn site(workspace: &Workspace) -> anyhow::Result<()> {
    let (docs, out) = (folder(workspace), out(workspace));
    let _ = fs::remove_dir_all(&out);
    Run::new("node")
        .args(["node_modules/vitepress/bin/vitepress.js", "build", "--outDir"])
        .arg(&out)
        .dir(&docs)
        .run()?;
    let api = out.join("api");
    rust(workspace, &api.join("rust"))?;
    let js = api.join("js");
    Run::new("node")
        .args(["node_modules/typedoc/bin/typedoc", "--out"])
        .arg(js)
        .dir(&docs)
        .run()?;
    python(workspace, &api.join("python"))?;
    kotlin(workspace, &api.join("kotlin"))?;
    check(workspace, &out)
}

fn rust(workspace: &Workspace, to: &Path) -> anyhow::Result<()> {
    let made = workspace.target_for("docs").join("rust");
    // Pages of what was removed since would stay.
    let _ = fs::remove_dir_all(made.join("doc"));
    Run::cargo()
        .args(["doc", "--no-deps", "--package", "ubiqlite", "--target-dir"])
        .arg(&made)
        .env("RUSTDOCFLAGS", "-D warnings")
        .dir(workspace.root())
        .run()?;
    copy(&made.join("doc"), to)
}

fn python(workspace: &Workspace, to: &Path) -> anyhow::Result<()> {
    build::python::tools(workspace)?
        .python()
        .args(["-m", "pdoc", "--output-directory"])
        .arg(to)
        .args(["ubiqlite", "ubiqlite.aiosqlite"])
        .env("PYTHONPATH", build::python::folder(workspace))
        .run()
}

fn kotlin(workspace: &Workspace, to: &Path) -> anyhow::Result<()> {
    let folder = build::kotlin::folder(workspace);
    mvn().args(["-Ppackage", "dokka:dokka", "--projects", "ubiqlite"]).dir(&folder).run()?;
    copy(&folder.join("ubiqlite/target/dokka"), to)
}

/// The first pages of the references, to which `docs/api.md` links.
const REFERENCES: [&str; 4] =
    ["rust/ubiqlite/index.html", "js/index.html", "python/ubiqlite.html", "kotlin/index.html"];

/// Checks that what pages and READMEs link to exists: files, headings, and the references.
fn check(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    regions(&folder(workspace).join("guide"))?;
    for page in REFERENCES {
        ensure!(out.join("api").join(page).is_file(), "the references have no {page}");
    }
    let tracked = Run::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.md"])
        .dir(workspace.root())
        .answer()?;
    Run::new("node")
        .arg("docs/node_modules/remark-cli/cli.js")
        .args(["--frail", "--quiet", "--no-stdout", "--rc-path", "docs/.remarkrc.json"])
        .args(tracked.lines())
        .dir(workspace.root())
        .run()
}

/// Checks that each region of a program that a page shows exists once: of one that does not, the
/// page would show the whole file.
fn regions(pages: &Path) -> anyhow::Result<()> {
    let mut shown = 0;
    for page in pages.read_dir()? {
        let page = page?.path();
        for line in fs::read_to_string(&page)?.lines() {
            if !line.trim_start().starts_with("<<<") {
                continue;
            }
            if let Some(file) = whole_sql(line) {
                ensure!(pages.join(file).is_file(), "{} shows {file}", page.display());
                shown += 1;
                continue;
            }
            let (file, region) = import(line)
                .with_context(|| format!("{} has `{line}` without a region", page.display()))?;
            let program = fs::read_to_string(pages.join(file))
                .with_context(|| format!("{} shows {file}", page.display()))?;
            let begin = format!("region {region}");
            let times = program
                .lines()
                // In markup the mark is a comment, which has an end.
                .map(|line| line.trim_end_matches("-->").trim_end())
                .filter(|line| line.ends_with(&begin) && !line.contains("endregion"))
                .count();
            ensure!(
                times == 1,
                "{file} has {times} regions {region}, which {} shows",
                page.display()
            );
            shown += 1;
        }
    }
    ensure!(shown > 0, "no page in {} shows a program", pages.display());
    Ok(())
}

/// Returns the file of a line that imports all of an SQL file, which is a migration.
fn whole_sql(line: &str) -> Option<&str> {
    let (path, _) = line.trim().strip_prefix("<<< ")?.split_once('{')?;
    path.ends_with(".sql").then_some(path)
}

/// Returns the file and the region of a line that imports code.
fn import(line: &str) -> Option<(&str, &str)> {
    let (path, _) = line.trim().strip_prefix("<<< ")?.split_once('{')?;
    path.split_once('#')
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in from.read_dir().with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&path, &to)?;
        } else {
            fs::copy(&path, &to).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_of_a_page_names_its_file_and_its_region() {
        let line = "  <<< ../examples/rust/tests/open.rs#open{rust} [Rust]";
        assert_eq!(import(line), Some(("../examples/rust/tests/open.rs", "open")));
        assert_eq!(import("a text with <<< in it"), None);
    }
}
