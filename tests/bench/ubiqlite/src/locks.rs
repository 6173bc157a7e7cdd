//! The cost of locks of open file descriptions. Each run has its own process, because the kind
//! of locks is chosen once per process.

use std::process::Command;

use bench_common::{Args, Result, figure};

/// The number of pairs of runs, one with and one without.
const PAIRS: u64 = 15;

/// The number of point reads in each run.
const READS: u64 = 100_000;

pub fn run(args: &Args) -> Result<()> {
    let mut ratios = Vec::new();
    for _ in 0..args.n(PAIRS) {
        ratios.push(reads(args, "")? / reads(args, "posix")?);
    }
    ratios.sort_by(f64::total_cmp);
    figure("locks", "times", ratios[ratios.len() / 2]);
    Ok(())
}

/// Returns the microseconds per read.
fn reads(args: &Args, locks: &str) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .arg("point_read")
        .arg(&args.path)
        .args(["--n", &READS.to_string()])
        .env("UBIQLITE_LOCKS", locks)
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let value = printed.split("\"value\":").nth(1).ok_or("the reads print a figure")?;
    Ok(value.trim().trim_end_matches('}').parse()?)
}
