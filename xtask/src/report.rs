//! The steps of a test run: a header and a time for each, and the counts at the end.

use std::time::{Duration, Instant};

/// The steps that have run so far.
#[derive(Default)]
pub(crate) struct Report {
    part: &'static str,
    steps: Vec<TestStep>,
}

struct TestStep {
    name: String,
    outcome: StepResult,
}

enum StepResult {
    Passed(Duration),
    /// With the reason.
    Failed(Duration, String),
    Skipped,
}

impl Report {
    /// Names the part that the next steps belong to.
    pub(crate) fn begin(&mut self, part: &'static str) {
        self.part = part;
    }

    /// Runs one step. `None` means that it failed; the failure has been printed.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> Option<T> {
        let name = format!("{}: {name}", self.part);
        println!("\n=== {name}");
        let begin = Instant::now();
        let result = work();
        let took = begin.elapsed();
        let (outcome, value) = match result {
            Ok(value) => (StepResult::Passed(took), Some(value)),
            Err(error) => {
                let why = format!("{error:#}");
                // The rest is output that was printed above already.
                println!("error: {}", why.lines().next().unwrap_or_default());
                (StepResult::Failed(took, why), None)
            }
        };
        println!("--- {}", line(&name, &outcome));
        self.steps.push(TestStep { name, outcome });
        value
    }

    /// Records steps that cannot run because one before them failed.
    pub(crate) fn skip(&mut self, names: &[&str]) {
        for name in names {
            self.steps.push(TestStep {
                name: format!("{}: {name}", self.part),
                outcome: StepResult::Skipped,
            });
        }
    }

    /// Prints the summary: what passed, then what failed and why, and last the counts
    /// alone on a line, which programs read. Returns true when nothing failed.
    pub(crate) fn finish(self) -> bool {
        println!("\n=== summary");
        let (failed, rest): (Vec<_>, Vec<_>) =
            self.steps.iter().partition(|step| matches!(step.outcome, StepResult::Failed(..)));
        for step in rest.into_iter().chain(failed) {
            println!("{}", line(&step.name, &step.outcome));
            if let StepResult::Failed(_, why) = &step.outcome {
                println!("{why}");
            }
        }
        let (passed, failed) = self.counts();
        println!("\n{passed} passed, {failed} failed");
        failed == 0
    }

    /// Returns how many steps passed and failed. A skipped one is neither: the
    /// failure that it depends on is counted.
    fn counts(&self) -> (usize, usize) {
        let count = |wanted: fn(&StepResult) -> bool| {
            self.steps.iter().filter(|step| wanted(&step.outcome)).count()
        };
        (
            count(|it| matches!(it, StepResult::Passed(_))),
            count(|it| matches!(it, StepResult::Failed(..))),
        )
    }
}

fn line(name: &str, outcome: &StepResult) -> String {
    match outcome {
        StepResult::Passed(took) => format!("ok       {name} ({})", seconds(*took)),
        StepResult::Failed(took, _) => format!("FAILED   {name} ({})", seconds(*took)),
        StepResult::Skipped => format!("skipped  {name}"),
    }
}

fn seconds(took: Duration) -> String {
    let total = took.as_secs();
    if total < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} min {} s", total / 60, total % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_step_counts_neither_as_passed_nor_as_failed() {
        let mut report = Report::default();
        report.begin("rust");
        assert_eq!(report.step("one", || Ok(1)), Some(1));
        assert_eq!(report.step("two", || anyhow::bail!("broken")), None::<()>);
        report.skip(&["three", "four"]);
        assert_eq!(report.counts(), (1, 1));
        assert!(!report.finish());
    }

    #[test]
    fn long_times_are_told_in_minutes() {
        assert_eq!(seconds(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 5 s");
    }
}
