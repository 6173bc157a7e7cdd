//! `cargo xtask bench browser`: the npm package in Chromium compared with the official
//! build, sqlocal, wa-sqlite and the browser's own floors, and in Firefox with the floors.

mod suite;

use std::fs;
use std::path::PathBuf;

pub(crate) use self::suite::{FIREFOX, SUITE};
use super::data::Folder;
use super::options::{BenchOptions, Browser};
use super::suite::{Data, Runner, Work};
use crate::process::Run;
use crate::workspace::Workspace;
use crate::{browsers, build, npm};

/// Builds the pages, and makes an empty folder for the profiles.
pub(crate) fn runner(
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    let root = workspace.root();
    let folder = root.join("tests/bench/browser");
    browsers::setup()?;
    npm::install(&folder)?;
    npm::install(&root.join("tests/browser"))?;
    build::npm::setup()?;
    build::npm::build(workspace)?;
    npm::npm().args(["run", "--silent", "build"]).dir(&folder).run()?;
    Ok(Box::new(Pages {
        script: folder.join("run.mjs"),
        browser: options.browser.unwrap_or(Browser::Chromium),
        profiles: Folder::make(root.join("target/bench/profiles"))?,
    }))
}

struct Pages {
    script: PathBuf,
    browser: Browser,
    profiles: Folder,
}

impl Runner for Pages {
    /// Returns a profile, whose storage belongs to the subject. The first page that needs the
    /// data set there makes it, before the clock starts.
    fn prepare(&self, data: Data, subject: &str) -> anyhow::Result<PathBuf> {
        if data == Data::Shared {
            return Ok(self.profiles.join(subject));
        }
        let own = self.profiles.join("own");
        // Usually there is none.
        let _ = fs::remove_dir_all(&own);
        Ok(own)
    }

    fn run(&self, _work: &Work, subject: &str) -> Run {
        Run::new("node").arg(&self.script).arg(subject)
    }

    fn further_arguments(&self, _work: &Work) -> Vec<String> {
        vec!["--browser".to_owned(), self.browser.name().to_owned()]
    }
}
