//! `cargo xtask fuzz`: the long runs of tests that draw what they do. The test run has short ones.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use crate::process::Run;
use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask fuzz live [OPTIONS]

  --commits N   how often is committed in all (1000000)
  --seed S      what the first database's statements are drawn from (the time)
  --rows N      how many rows its largest table has (4000)
";

/// What to run.
#[derive(Debug, PartialEq)]
struct FuzzOptions {
    commits: u64,
    seed: Option<u64>,
    rows: u64,
}

impl FuzzOptions {
    fn parse(args: &[String]) -> anyhow::Result<Self> {
        let Some(("live", mut rest)) =
            args.split_first().map(|(name, rest)| (name.as_str(), rest.iter()))
        else {
            bail!("{USAGE}");
        };
        let mut options = Self { commits: 1_000_000, seed: None, rows: 4_000 };
        while let Some(arg) = rest.next() {
            let value = rest.next().with_context(|| format!("`{arg}` needs a value\n{USAGE}"))?;
            let number = value.parse().with_context(|| format!("`{arg}` needs a number"))?;
            match arg.as_str() {
                "--commits" => options.commits = number,
                "--seed" => options.seed = Some(number),
                "--rows" => options.rows = number,
                unknown => bail!("unknown option `{unknown}`\n{USAGE}"),
            }
        }
        Ok(options)
    }
}

/// Runs the fuzz that `args` name.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let FuzzOptions { commits, seed, rows } = FuzzOptions::parse(args)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs());
    Run::cargo()
        .args(["test", "--release", "-p", "ubiqlite-tests", "--test", "live_fuzz", "--"])
        .arg("--nocapture")
        .env("UBIQLITE_FUZZ_COMMITS", commits.to_string())
        .env("UBIQLITE_FUZZ_SEED", seed.unwrap_or(now).to_string())
        .env("UBIQLITE_FUZZ_ROWS", rows.to_string())
        .dir(Workspace::find()?.root())
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<FuzzOptions> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        FuzzOptions::parse(&args)
    }

    #[test]
    fn without_options_the_run_is_the_long_one_of_a_seed_of_its_own() {
        assert_eq!(
            parse("live").unwrap(),
            FuzzOptions { commits: 1_000_000, seed: None, rows: 4_000 }
        );
    }

    #[test]
    fn a_run_that_failed_can_be_run_again() {
        let again = parse("live --seed 7 --commits 900 --rows 2000").unwrap();
        assert_eq!(again, FuzzOptions { commits: 900, seed: Some(7), rows: 2_000 });
    }

    #[test]
    fn what_is_unknown_is_an_error_that_says_how() {
        for line in ["", "alive", "live --times 3", "live --seed", "live --seed x"] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains("usage") || error.contains("number"), "{line}: {error}");
        }
    }
}
