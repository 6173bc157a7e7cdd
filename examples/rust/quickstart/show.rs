//! What the example prints: one line per step, with the time it took.

use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ubiqlite::Result;

/// Begins a chapter of the output.
pub(crate) fn chapter(title: &str, about: &str) {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    println!("\n{}. {title}\n   {about}", NUMBER.fetch_add(1, Ordering::Relaxed));
}

/// A timed step.
pub(crate) struct Step {
    what: &'static str,
    begun: Instant,
}

impl Step {
    /// Starts the clock.
    pub(crate) fn begin(what: &'static str) -> Self {
        Self { what, begun: Instant::now() }
    }

    /// Stops it and prints the result.
    pub(crate) fn end(self, result: impl Display) {
        line(self.what, result, &human(self.begun.elapsed()));
    }

    /// As `end`, for something that was done `times` times.
    pub(crate) fn end_each(self, times: u32, result: impl Display) {
        let taken = self.begun.elapsed();
        line(self.what, format!("{result}, {} each", human(taken / times)), &human(taken));
    }
}

/// Prints something untimed.
pub(crate) fn note(what: &str, result: impl Display) {
    line(what, result, "");
}

/// Prints the error of a call that must fail.
pub(crate) fn refused<T>(what: &str, answer: Result<T>) {
    match answer {
        Ok(_) => note(what, "was not refused, which is a defect"),
        Err(error) => note(what, error),
    }
}

fn line(what: &str, result: impl Display, time: &str) {
    let result = result.to_string();
    if !time.is_empty() {
        println!("   {what:<29} {result:<66} {time:>9}");
        return;
    }
    let mut what = what;
    for line in wrapped(&result) {
        println!("   {what:<29} {line}");
        what = "";
    }
}

/// Returns lines of at most 88 characters, broken between words; a short text as it is.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 88;
    if text.chars().count() <= WIDTH {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns three digits and a unit: `12.3 µs`.
fn human(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s "),
    };
    match number {
        n if n < 9.995 => format!("{n:.2} {unit}"),
        n if n < 99.95 => format!("{n:.1} {unit}"),
        n => format!("{n:.0} {unit}"),
    }
}
