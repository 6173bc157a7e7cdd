//! The parts of the project that can be set up and tested on their own.

use anyhow::bail;

use crate::report::Report;
use crate::workspace::Workspace;
use crate::{build, setup, test};

/// Every part, in the order in which a full test runs them.
pub(crate) const ALL: &[Part] = &[
    part(
        "rust",
        "format, lints, tests, docs and the quickstart",
        When::Always(setup::rust, test::rust::steps),
    ),
    part(
        "adapters",
        "the crates for Toasty, refinery and tower-sessions, Toasty's own tests, the example with axum",
        When::Always(setup::rust, test::adapters::steps),
    ),
    part("wasm", "the core as a wasm module", When::Always(build::wasm::setup, test::wasm::steps)),
    part("node", "the npm package in Node", When::Always(test::node::setup, test::node::steps)),
    part(
        "browser",
        "the npm package in Chromium, Firefox and WebKitGTK",
        When::Always(test::browser::setup, test::browser::steps),
    ),
    part(
        "tabs",
        "many tabs, crashes and files, in Chromium and Firefox",
        When::Named(test::browser::setup, test::browser::tabs),
    ),
    part(
        "tools",
        "the npm package in bundled servers, Next.js, Jest, Vitest, Bun and Deno",
        When::Always(test::tools::setup, test::tools::steps),
    ),
    part(
        "python",
        "the wheel, on every Python that is found",
        When::Always(build::python::setup, test::python::steps),
    ),
    part(
        "kotlin",
        "the Kotlin library on the JVM",
        When::Always(build::kotlin::setup, test::kotlin::steps),
    ),
    part(
        "docs",
        "the site, and the guide's programs in JavaScript and Python",
        When::Always(test::docs::setup, test::docs::steps),
    ),
    part(
        "other-crates",
        "crates that link SQLite too compile beside this one",
        When::Named(setup::c_compiler, test::other_crates::compile),
    ),
    part(
        "adapters-lints",
        "the lints of the adapters",
        When::Named(setup::rust, test::adapters::lints),
    ),
    part(
        "litestream",
        "litestream, which Go builds, restores from the files of a replica",
        When::Named(test::ltx::setup, test::ltx::steps),
    ),
    part(
        "tauri",
        "the plugin for Tauri, in an app with windows of WebKitGTK",
        When::Named(test::tauri::setup, test::tauri::steps),
    ),
    part(
        "bench",
        "the benchmark programs compile",
        When::Named(setup::c_compiler, test::peers::steps),
    ),
];

/// One part.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) when: When,
}

/// When a part is set up and tested.
pub(crate) enum When {
    /// In a full run, and when named.
    Always(Setup, Steps),
    /// Only when named: it takes minutes and says little about a change.
    Named(Setup, Steps),
}

/// Makes the machine able to run a part's steps; quick when it already is.
pub(crate) type Setup = fn() -> anyhow::Result<()>;
/// Runs a part's steps.
pub(crate) type Steps = fn(&Workspace, &mut Report);

impl Part {
    /// Returns what the help adds to the description.
    pub(crate) fn note(&self) -> &'static str {
        match self.when {
            When::Always(..) => "",
            When::Named(..) => " (only when named)",
        }
    }

    /// Returns the part's setup and steps.
    pub(crate) fn work(&self) -> (Setup, Steps) {
        match self.when {
            When::Always(setup, steps) | When::Named(setup, steps) => (setup, steps),
        }
    }
}

const fn part(name: &'static str, about: &'static str, when: When) -> Part {
    Part { name, about, when }
}

/// A part chosen to run: its name, setup and steps.
pub(crate) type ChosenParts = (&'static str, Setup, Steps);

/// Returns the parts that `names` choose, or those of a full run when it is empty.
pub(crate) fn choose(names: &[String]) -> anyhow::Result<Vec<ChosenParts>> {
    if names.is_empty() {
        let full = ALL.iter().filter(|part| matches!(part.when, When::Always(..)));
        return Ok(full
            .map(|part| {
                let (setup, steps) = part.work();
                (part.name, setup, steps)
            })
            .collect());
    }
    names.iter().map(|name| named(name)).collect()
}

fn named(name: &str) -> anyhow::Result<ChosenParts> {
    let Some(part) = ALL.iter().find(|part| part.name == name) else {
        let known: Vec<_> = ALL.iter().map(|part| part.name).collect();
        bail!("there is no part `{name}`; the parts are {}", known.join(", "));
    };
    let (setup, steps) = part.work();
    Ok((part.name, setup, steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> anyhow::Result<Vec<&'static str>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(choose(&names)?.into_iter().map(|(name, ..)| name).collect())
    }

    #[test]
    fn a_full_run_has_the_parts_that_are_always_tested() {
        let full = chosen(&[]).unwrap();
        assert_eq!(full.first(), Some(&"rust"));
        for part in ["wasm", "node", "browser", "python", "kotlin"] {
            assert!(full.contains(&part), "{part}");
        }
        assert!(!full.contains(&"bench"));
    }

    #[test]
    fn named_parts_run_in_the_order_named() {
        assert_eq!(chosen(&["wasm", "bench", "rust"]).unwrap(), ["wasm", "bench", "rust"]);
    }

    #[test]
    fn a_part_that_is_unknown_is_an_error_that_names_it() {
        let unknown = chosen(&["rust", "cobol"]).unwrap_err().to_string();
        assert!(unknown.contains("`cobol`") && unknown.contains("kotlin"), "{unknown}");
    }
}
