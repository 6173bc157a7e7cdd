//! Measures in rounds: each round runs every work, and each work every subject, one right
//! after another, so that changes on the machine affect all of them.

use anyhow::Context;
use serde_json::Value;

use super::figures::Figures;
use super::options::BenchOptions;
use super::suite::{Runner, Suite, Work};
use crate::process::Run;

/// Runs all rounds.
pub(crate) fn measure(
    suite: &Suite,
    runner: &dyn Runner,
    options: &BenchOptions,
) -> anyhow::Result<Figures> {
    let can_pin = Run::new("taskset").args(["-c", "0", "true"]).succeeds();
    if !can_pin && suite.works.iter().any(|work| work.pinned) {
        println!("no `taskset` here: the works on one core are left out");
    }
    let works: Vec<&Work> = suite
        .works
        .iter()
        .filter(|work| options.has_work(work.name) && (can_pin || !work.pinned))
        .collect();
    let subjects = suite.chosen(options);
    let mut figures = Figures::default();
    for round in 1..=options.rounds {
        for work in &works {
            println!("round {round}/{}: {}", options.rounds, work.name);
            for subject in subjects.iter().filter(|subject| work.whose.includes(subject)) {
                one(runner, work, subject, options, &mut figures)?;
            }
        }
    }
    Ok(figures)
}

fn one(
    runner: &dyn Runner,
    work: &Work,
    subject: &'static str,
    options: &BenchOptions,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let quick = options.quick.then_some("--quick");
    let output = runner
        .run(work, subject)
        .arg(work.run_as)
        .arg(runner.prepare(work.data, subject)?)
        .args(quick)
        .args(runner.further_arguments(work))
        .answer()
        .with_context(|| format!("{subject} fails in {}", work.name))?;
    for line in output.lines() {
        let (name, unit, value) =
            read(line).with_context(|| format!("{subject} printed {line:?}"))?;
        // A work that runs under another name prints that name.
        let name = if name == work.run_as { work.name } else { &name };
        println!("  {subject:<16} {name} {value} {unit}");
        figures.add(name, subject, &unit, value);
    }
    Ok(())
}

/// Reads a figure as the subjects print it: `{"work":..,"unit":..,"value":..}`.
fn read(line: &str) -> Option<(String, String, f64)> {
    let figure: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| Some(figure.get(key)?.as_str()?.to_owned());
    Some((text("work")?, text("unit")?, figure.get("value")?.as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_subject_is_read_and_anything_else_is_refused() {
        let line = r#"{"work":"point_read","unit":"us","value":2.5}"#;
        let figure = read(line).unwrap();
        assert_eq!(figure, ("point_read".to_owned(), "us".to_owned(), 2.5));
        assert!(read("point_read 2.5").is_none());
        assert!(read(r#"{"work":"point_read","unit":"us"}"#).is_none());
    }
}
