//! ubiqlite: the works that it shares with its peers, and some that only it has.

mod backup;
mod changesets;
mod idle;
mod kept;
mod late;
mod life;
mod live;
mod locks;
mod mix;
mod replicate;
mod scan;
mod script;
mod subject;

use bench_common::{Args, Result, run, scan_tasks};

use crate::subject::Ubiqlite;

fn main() -> Result<()> {
    let args = Args::parse()?;
    if let Some(tasks) = scan_tasks(&args.work) {
        return scan::run(args, tasks);
    }
    match args.work.as_str() {
        "idle" => return idle::run(&args),
        "life_backup" => return backup::run(&args),
        "life_replicate" => return replicate::run(&args),
        "late" => return late::run(&args),
        work if work.starts_with("life_") => return life::run(&args),
        work if work.starts_with("live_") => return live::run(&args),
        "locks" => return locks::run(&args),
        "burst" | "texts" => return kept::run(&args),
        "script" => return script::run(&args),
        _ => {}
    }
    run::<Ubiqlite>()
}
