//! The Kotlin library on the JVM.

use std::collections::BTreeSet;
use std::fs;

use anyhow::bail;

use crate::build;
use crate::maven::mvn;
use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// The versions of Kotlin that a program may be written in, each with the
/// kotlinx.serialization that is made for it: the oldest, and the last of each since.
const VERSIONS: [(&str, &str); 4] =
    [("2.1.21", "1.8.1"), ("2.2.21", "1.9.0"), ("2.3.21", "1.10.0"), ("2.4.10", "1.12.0")];

/// Runs the steps of the part `kotlin`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    if report.step("native library", || build::kotlin::prepare(workspace)).is_none() {
        report.skip(&["library", "jar", "example"]);
        return;
    }
    let maven =
        |folder: &str, goals: &[&str]| mvn().args(goals).dir(&workspace.root().join(folder)).run();
    // Its tests include the scenarios and the TCK of R2DBC's SPI. It is installed, with all that
    // a release has, for the steps that use it.
    let install = ["-Ppackage", "install"];
    if report.step("library", || maven("bindings-ffi/kotlin", &install)).is_none() {
        report.skip(&["jar", "example"]);
        return;
    }
    report.step("jars, from Java", || maven("bindings-ffi/kotlin/java/consumer", &["test"]));
    for (kotlin, serialization) in VERSIONS {
        report.step(&format!("jar, Kotlin {kotlin}"), || {
            let versions = [
                format!("-Dkotlin.version={kotlin}"),
                format!("-Dserialization.version={serialization}"),
            ];
            maven("bindings-ffi/kotlin/consumer", &["test", &versions[0], &versions[1]])
        });
    }
    report.step("generated code: a renamed column breaks the build", || renamed(workspace));
    report.step("example", || maven("examples/kotlin", &["compile", "exec:java"]));
}

/// A program that uses a column.
const PROGRAM: &str = "
package app

import io.github.ubiqlite.Database

suspend fun price(db: Database): Double? = app.items.getItem(db, id = 1)?.price
";

/// Generates code of a schema in which a column has another name, and compiles a program that still
/// uses the old one: that is its only error. The library's tests compile the code as it was before.
fn renamed(workspace: &Workspace) -> anyhow::Result<()> {
    let root = workspace.root();
    let folder = root.join("target/gen-kotlin");
    let sources = folder.join("sources");
    fs::create_dir_all(&sources)?;
    let mut inputs = Vec::new();
    for (name, path) in [
        ("schema.sql", "docs/examples/gen/migrations/0001_items.sql"),
        ("queries.sql", "docs/examples/gen/queries.sql"),
    ] {
        let text = fs::read_to_string(root.join(path))?.replace("price", "cost");
        inputs.push(folder.join(name));
        fs::write(folder.join(name), text)?;
    }
    let shell = Run::cargo().args(["run", "--quiet", "--package", "ubiqlite-shell", "--", "gen"]);
    let shell = shell.args(inputs).args(["-package", "app.items", "-kotlin"]);
    shell.arg(sources.join("items.kt")).dir(root).run()?;
    fs::write(sources.join("program.kt"), PROGRAM)?;
    let compile = mvn().args(["compile", &format!("-Dsources={}", sources.display())]);
    let told = compile.dir(&root.join("tests/gen/kotlin")).refusal()?;
    // Maven says each twice, with other beginnings.
    let errors: BTreeSet<_> =
        told.lines().filter_map(|line| line.split_once(".kt:")).map(|it| it.1).collect();
    match Vec::from_iter(errors).as_slice() {
        [error] if error.contains("nresolved reference 'price'") => Ok(()),
        _ => bail!("it has failed for another reason:\n{told}"),
    }
}
