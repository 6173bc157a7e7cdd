//! The parts of a benchmark: subjects, works, goals, and how one is run.

use std::path::PathBuf;

use super::goals::Goal;
use super::options::BenchOptions;
use crate::process::Run;

/// The subject that the goals are about.
pub(crate) const UBIQLITE: &str = "ubiqlite";

/// One benchmark.
#[derive(Clone, Copy)]
pub(crate) struct Suite {
    /// The name of its result and of its section in docs/benchmarks.md.
    pub(crate) name: &'static str,
    /// In the order in which they run in each round, and appear in the table.
    pub(crate) subjects: &'static [&'static str],
    /// In the order of the table.
    pub(crate) works: &'static [Work],
    /// Figures that a work prints in addition to, or in place of, the one with its name: the
    /// work's name, continued with `_`. Each with its description.
    pub(crate) further: &'static [(&'static str, &'static str)],
    pub(crate) goals: &'static [Goal],
}

/// One thing to do.
#[derive(Debug)]
pub(crate) struct Work {
    /// Its name in the results.
    pub(crate) name: &'static str,
    /// Its name in the subject's program.
    pub(crate) run_as: &'static str,
    pub(crate) about: &'static str,
    pub(crate) data: Data,
    pub(crate) whose: Whose,
    /// Whether the whole process stays on one core.
    pub(crate) pinned: bool,
}

/// The database that a work starts with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Data {
    /// The data set, which no run changes.
    Shared,
    /// Its own copy of the data set.
    Copy,
    /// No file yet.
    Empty,
}

/// The subjects that do a work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose {
    All,
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

impl Whose {
    pub(crate) fn includes(self, subject: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(some) => some.contains(&subject),
            Self::AllBut(some) => !some.contains(&subject),
        }
    }
}

pub(crate) const fn work(
    name: &'static str,
    about: &'static str,
    data: Data,
    whose: Whose,
) -> Work {
    Work { name, run_as: name, about, data, whose, pinned: false }
}

/// Runs the subjects of a suite, once all is built.
pub(crate) trait Runner {
    /// Returns the path of the data for one run, in the state that the work needs.
    ///
    /// # Errors
    ///
    /// An error of the disk.
    fn prepare(&self, data: Data, subject: &str) -> anyhow::Result<PathBuf>;

    /// Makes the run of a subject, to which the work, the path and `--quick` are added.
    fn run(&self, work: &Work, subject: &str) -> Run;

    /// Returns the arguments after those.
    fn further_arguments(&self, _work: &Work) -> Vec<String> {
        Vec::new()
    }
}

impl Suite {
    /// Returns the description of a figure.
    pub(crate) fn about<'a>(&self, figure: &'a str) -> &'a str {
        let works = self.works.iter().map(|work| (work.name, work.about));
        let mut all = works.chain(self.further.iter().copied());
        all.find(|(name, _)| *name == figure).map_or(figure, |(_, about)| about)
    }

    /// Returns the subjects that take part.
    pub(crate) fn chosen(&self, options: &BenchOptions) -> Vec<&'static str> {
        self.subjects.iter().copied().filter(|name| options.has_subject(name)).collect()
    }

    /// # Errors
    ///
    /// When `options` has names that are in no list here.
    pub(crate) fn refuse_unknown(&self, options: &BenchOptions) -> anyhow::Result<()> {
        let works: Vec<&str> = self.works.iter().map(|work| work.name).collect();
        let unknown: Vec<&str> = options.unknown_names(&works, self.subjects).collect();
        if !unknown.is_empty() {
            anyhow::bail!(
                "unknown: {}\nworks: {}\nsubjects: {}",
                unknown.join(", "),
                works.join(", "),
                self.subjects.join(", ")
            );
        }
        Ok(())
    }

    /// Returns whether a run has this figure for this subject.
    #[cfg(test)]
    pub(crate) fn measures(&self, figure: &str, subject: &str) -> bool {
        let further = self.further.iter().any(|(name, _)| *name == figure);
        let prints = |work: &Work| {
            work.name == figure || further && figure.starts_with(&format!("{}_", work.name))
        };
        self.works.iter().any(|work| prints(work) && work.whose.includes(subject))
            && self.subjects.contains(&subject)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{browser, drivers, kotlin, life, live, node, python, rust};
    use super::*;

    const SUITES: [Suite; 9] = [
        rust::SUITE,
        live::SUITE,
        life::SUITE,
        node::SUITE,
        drivers::SUITE,
        python::SUITE,
        kotlin::SUITE,
        browser::SUITE,
        browser::FIREFOX,
    ];

    #[test]
    fn every_goal_speaks_of_figures_that_a_run_has() {
        for suite in SUITES {
            for (work, subject) in suite.goals.iter().flat_map(|goal| goal.measure.figures()) {
                assert!(suite.measures(work, subject), "{}: {work} of {subject}", suite.name);
            }
        }
    }

    #[test]
    fn every_work_is_done_by_somebody_and_every_name_is_known() {
        for suite in SUITES {
            for work in suite.works {
                let (Whose::Only(named) | Whose::AllBut(named)) = work.whose else { continue };
                for subject in named {
                    // Two suites have the same works, and one of them fewer subjects.
                    let known = SUITES.iter().any(|it| it.subjects.contains(subject));
                    assert!(known, "{}: {subject}", work.name);
                }
                let done = suite.subjects.iter().any(|subject| work.whose.includes(subject));
                assert!(done, "{}", work.name);
            }
        }
    }
}
