//! The command line of `cargo xtask bench NAME`.

use anyhow::{Context, bail};

pub(crate) const USAGE: &str = "\
usage: cargo xtask bench rust|live|life|node|browser|python|kotlin [OPTIONS]

  --rounds N        how often everything is measured (5; quick: 3)
  --quick           a tenth of the usual number of operations
  --only WORK,...   only these works
  --subjects S,...  only these subjects
  --readme          put the tables into docs/benchmarks.md
  --browser NAME    chromium (which it is without) or firefox
";

/// What to measure, and where to put it.
#[derive(Debug, PartialEq)]
pub(crate) struct BenchOptions {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) readme: bool,
    pub(crate) browser: Option<Browser>,
    only: Vec<String>,
    subjects: Vec<String>,
}

/// A browser to measure in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
}

impl BenchOptions {
    pub(crate) fn parse(args: &[String]) -> anyhow::Result<Self> {
        let (mut rounds, mut quick, mut readme) = (None, false, false);
        let (mut only, mut subjects, mut browser) = (Vec::new(), Vec::new(), None);
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut value =
                || rest.next().with_context(|| format!("`{arg}` needs a value\n{USAGE}"));
            match arg.as_str() {
                "--rounds" => rounds = Some(value()?.parse().context("--rounds needs a number")?),
                "--only" => only.extend(list(value()?)),
                "--subjects" => subjects.extend(list(value()?)),
                "--browser" => browser = Some(Browser::parse(value()?)?),
                "--quick" => quick = true,
                "--readme" => readme = true,
                unknown => bail!("unknown option `{unknown}`\n{USAGE}"),
            }
        }
        let rounds = rounds.unwrap_or(if quick { 3 } else { 5 });
        if rounds == 0 {
            bail!("--rounds must be at least 1");
        }
        Ok(Self { rounds, quick, readme, browser, only, subjects })
    }

    /// Returns whether the work must be measured.
    pub(crate) fn has_work(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }

    /// Returns whether the subject takes part.
    pub(crate) fn has_subject(&self, name: &str) -> bool {
        self.subjects.is_empty() || self.subjects.iter().any(|subject| subject == name)
    }

    /// Returns the given names that are in no list, for the message that they are unknown.
    pub(crate) fn unknown_names<'a>(
        &'a self,
        works: &'a [&str],
        subjects: &'a [&str],
    ) -> impl Iterator<Item = &'a str> {
        let of = |names: &'a [String], known: &'a [&str]| {
            names.iter().map(String::as_str).filter(|name| !known.contains(name))
        };
        of(&self.only, works).chain(of(&self.subjects, subjects))
    }
}

impl Browser {
    fn parse(name: &str) -> anyhow::Result<Self> {
        match name {
            "chromium" => Ok(Self::Chromium),
            "firefox" => Ok(Self::Firefox),
            unknown => bail!("unknown browser `{unknown}`\n{USAGE}"),
        }
    }

    /// Returns the driver's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

fn list(value: &str) -> impl Iterator<Item = String> {
    value.split(',').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<BenchOptions> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        BenchOptions::parse(&args)
    }

    #[test]
    fn without_options_everything_is_measured_five_times() {
        let options = parse("").unwrap();
        assert_eq!(options.rounds, 5);
        assert!(options.has_work("point_read") && options.has_subject("sqlx"));
    }

    #[test]
    fn named_works_and_subjects_are_the_only_ones() {
        let options = parse("--only scan_2,idle --subjects raw --rounds 2").unwrap();
        assert!(options.has_work("idle") && !options.has_work("point_read"));
        assert!(options.has_subject("raw") && !options.has_subject("sqlx"));
        let unknown: Vec<_> = options.unknown_names(&["idle"], &["raw"]).collect();
        assert_eq!(unknown, ["scan_2"]);
    }

    #[test]
    fn a_mistake_is_told_with_the_usage() {
        for line in ["--round 3", "--rounds", "--rounds none", "--rounds 0", "--browser lynx"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
