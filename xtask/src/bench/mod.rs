//! The benchmarks: `cargo xtask bench NAME`.

mod browser;
mod data;
mod drivers;
mod figures;
mod goals;
mod json;
mod kotlin;
mod life;
mod live;
mod load;
mod node;
mod options;
mod python;
mod readme;
mod rounds;
mod rust;
mod suite;
mod table;

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use self::options::{BenchOptions, Browser};
use self::suite::{Runner, Suite};
use crate::workspace::Workspace;

/// Runs the benchmark that the first argument names.
///
/// # Errors
///
/// An unknown name or option, a program that does not build, or one that fails
/// while it is measured. A missed goal is reported, but is not an error.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = args.split_first() else {
        bail!(
            "name a benchmark: rust, live, life, node, drivers, browser, python or kotlin\n{}",
            options::USAGE
        );
    };
    let options = BenchOptions::parse(rest)?;
    if name != "browser" && options.browser.is_some() {
        bail!("`--browser` is for `cargo xtask bench browser`");
    }
    let workspace = Workspace::find()?;
    match name.as_str() {
        "life" => bench(life::SUITE, &workspace, &options, life::runner),
        "live" => bench(live::SUITE, &workspace, &options, live::runner),
        "rust" => bench(rust::SUITE, &workspace, &options, rust::runner),
        "node" => bench(node::SUITE, &workspace, &options, node::runner),
        "drivers" => bench(drivers::SUITE, &workspace, &options, drivers::runner),
        "kotlin" => bench(kotlin::SUITE, &workspace, &options, kotlin::runner),
        "python" => bench(python::SUITE, &workspace, &options, python::runner),
        "browser" if options.browser == Some(Browser::Firefox) => {
            bench(browser::FIREFOX, &workspace, &options, browser::runner)
        }
        "browser" => bench(browser::SUITE, &workspace, &options, browser::runner),
        unknown => {
            bail!(
                "unknown benchmark `{unknown}`; there are rust, live, life, node, drivers, browser, python and kotlin"
            )
        }
    }
}

fn bench(
    suite: Suite,
    workspace: &Workspace,
    options: &BenchOptions,
    runner: fn(&Workspace, &BenchOptions) -> anyhow::Result<Box<dyn Runner>>,
) -> anyhow::Result<()> {
    suite.refuse_unknown(options)?;
    let runner = runner(workspace, options)?;
    let watch = load::Watch::begin();
    let figures = rounds::measure(&suite, runner.as_ref(), options)?;
    let load = watch.end();
    let verdicts = goals::judge(suite.goals, &figures);
    let text = table::markdown(&suite, &figures, &verdicts, options, &load);
    println!("{text}");
    let root = workspace.root();
    let result = root.join(format!("target/bench/{}.json", suite.name));
    write(&result, &json::of(&figures, &verdicts))?;
    if options.readme {
        readme::replace(&root.join("docs/benchmarks.md"), suite.name, &text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("written: {}", path.display());
    Ok(())
}
