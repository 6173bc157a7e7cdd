//! ubiqlite: the works that it shares with its peers, and two of its own.

mod idle;
mod scan;
mod subject;

use bench_common::{Args, Result, run, scan_tasks};

use crate::subject::Ubiqlite;

fn main() -> Result<()> {
    let args = Args::parse()?;
    if let Some(tasks) = scan_tasks(&args.work) {
        return scan::run(args, tasks);
    }
    if args.work == "idle" {
        return idle::run(&args);
    }
    run::<Ubiqlite>()
}
