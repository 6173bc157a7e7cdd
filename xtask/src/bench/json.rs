//! The results as JSON, for programs.

use serde_json::{Value, json};

use super::figures::{Figure, Figures};
use super::goals::Verdict;

/// Returns `{"figures": [..], "goals": [..]}`.
pub(crate) fn of(figures: &Figures, verdicts: &[Verdict]) -> String {
    let figures: Vec<Value> = figures.iter().map(figure).collect();
    let goals: Vec<Value> = verdicts.iter().map(verdict).collect();
    format!("{:#}\n", json!({ "figures": figures, "goals": goals }))
}

fn figure(figure: &Figure) -> Value {
    json!({
        "work": figure.work,
        "subject": figure.subject,
        "unit": figure.unit,
        "median": figure.median(),
        "min": figure.min(),
        "max": figure.max(),
    })
}

fn verdict(verdict: &Verdict) -> Value {
    json!({
        "work": verdict.work,
        "measure": verdict.measure,
        "ratio": verdict.ratio,
        "goal": verdict.goal,
        "held": verdict.held,
    })
}
