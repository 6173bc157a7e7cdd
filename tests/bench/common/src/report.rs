//! Figures on standard output: one JSON object per line.

use std::time::Duration;

/// Prints a figure.
pub fn figure(work: &str, unit: &str, value: f64) {
    println!(r#"{{"work":"{work}","unit":"{unit}","value":{value:.4}}}"#);
}

/// Prints microseconds per operation.
pub fn per_op(work: &str, took: Duration, n: u64) {
    figure(work, "us", took.as_secs_f64() * 1e6 / n as f64);
}

/// Prints how many of `what` were done per second.
pub fn per_second(work: &str, what: &str, took: Duration, n: u64) {
    figure(work, &format!("{what}/s"), n as f64 / took.as_secs_f64());
}
