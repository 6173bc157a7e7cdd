//! The results as two Markdown tables, for people.

use std::fmt::Write;

use super::figures::{Figure, Figures};
use super::goals::Verdict;
use super::options::BenchOptions;
use super::suite::Suite;

/// Returns the table of figures, then the table of goals.
pub(crate) fn markdown(
    suite: &Suite,
    figures: &Figures,
    verdicts: &[Verdict],
    options: &BenchOptions,
    load: &str,
) -> String {
    let subjects = suite.chosen(options);
    let mut text = conditions(options);
    if !load.is_empty() {
        let _ = writeln!(text, "{load}");
    }
    text.push_str("\n| Work | Unit |");
    for subject in &subjects {
        let _ = write!(text, " {subject} |");
    }
    text.push_str("\n|---|---|");
    text.push_str(&"---:|".repeat(subjects.len()));
    text.push('\n');
    for work in figures.works() {
        row(&mut text, suite, figures, &subjects, work);
    }
    if !verdicts.is_empty() {
        goals(&mut text, verdicts);
    }
    text
}

/// Returns the conditions of the measurement, in one line.
fn conditions(options: &BenchOptions) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let quick = if options.quick { ", quick: a tenth of the operations" } else { "" };
    format!(
        "Median (min–max) of {} rounds side by side, {cores} cores, {}{quick}.\n",
        options.rounds,
        std::env::consts::OS,
    )
}

fn row(text: &mut String, suite: &Suite, figures: &Figures, subjects: &[&str], work: &str) {
    let of = |subject: &&str| figures.get(work, subject);
    let unit = subjects.iter().find_map(of).map_or("", |figure| figure.unit.as_str());
    let unit = if unit == "us" { "µs" } else { unit };
    let _ = write!(text, "| {} (`{work}`) | {unit} |", suite.about(work));
    for subject in subjects {
        let cell = of(subject).map_or_else(|| "–".to_owned(), cell);
        let _ = write!(text, " {cell} |");
    }
    text.push('\n');
}

fn cell(figure: &Figure) -> String {
    let (median, min, max) = (figure.median(), figure.min(), figure.max());
    if min == max {
        return number(median);
    }
    format!("{} ({}–{})", number(median), number(min), number(max))
}

fn goals(text: &mut String, verdicts: &[Verdict]) {
    text.push_str("\n| Goal | Must be | Is | Held |\n|---|---:|---:|---|\n");
    for verdict in verdicts {
        let held = if verdict.held { "yes" } else { "**no**" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {held} |",
            verdict.measure,
            verdict.goal,
            number(verdict.ratio),
        );
    }
}

/// Formats a number with three significant digits, but at most two decimals.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rust::SUITE;

    #[test]
    fn numbers_have_three_digits() {
        let numbers = [0.0, 0.514, 3.456, 45.04, 177.5, 1000.3].map(number);
        assert_eq!(numbers, ["0", "0.51", "3.46", "45.0", "178", "1000"]);
    }

    #[test]
    fn a_subject_without_a_figure_has_a_dash() {
        let mut figures = Figures::default();
        figures.add("point_read", "raw", "us", 2.3);
        let mut text = String::new();
        row(&mut text, &SUITE, &figures, &["ubiqlite", "raw"], "point_read");
        assert_eq!(text, "| point read, one at a time (`point_read`) | µs | – | 2.30 |\n");
    }
}
