//! What a database's migrations cost where there is nothing to do.

use std::path::Path;
use std::time::{Duration, Instant};

use bench_common::{Args, Result, figure};
use ubiqlite::{Migrations, Options};

use super::live;

const MIGRATIONS: u32 = 100;

pub fn run(args: &Args) -> Result<()> {
    match args.work.as_str() {
        "life_open" => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(open(args))
        }
        other => Err(format!("unknown work {other}").into()),
    }
}

/// As a program has them that embeds its files: they are read at each start.
fn migrations() -> Result<Migrations> {
    let file = |number: u32| {
        let text = format!(
            "CREATE TABLE table_{number} (\n    id INTEGER PRIMARY KEY,\n    name TEXT NOT NULL,\n    \
             price REAL,\n    status TEXT NOT NULL DEFAULT 'new'\n);\n\
             CREATE INDEX table_{number}_by_name ON table_{number} (name);\n"
        );
        (format!("{number:04}_table.sql"), text)
    };
    Ok(Migrations::new((1..=MIGRATIONS).map(file))?)
}

/// Opens a file whose 100 migrations are applied, with them and without, in turn; each opening ends
/// with a first read, which needs the schema and a reader in any case.
async fn open(args: &Args) -> Result<()> {
    let db = live::fresh(&args.path).await?;
    db.migrations(&migrations()?).run().await?;
    db.close().await?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..args.n(200) {
        without.push(opened(&args.path, false).await?);
        with.push(opened(&args.path, true).await?);
    }
    let (with, without) = (median(with), median(without));
    figure("life_open", "us", with - without);
    figure("life_open_with", "us", with);
    figure("life_open_without", "us", without);
    Ok(())
}

async fn opened(path: &Path, migrated: bool) -> Result<Duration> {
    let since = Instant::now();
    let options = match migrated {
        true => Options::default().migrations(migrations()?),
        false => Options::default(),
    };
    let db = options.open(path).await?;
    let _: i64 = db.query_value("SELECT count(*) FROM table_7", ()).await?;
    let took = since.elapsed();
    db.close().await?;
    Ok(took)
}

/// In microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
