//! Everything that ubiqlite does, on a real file, in a few seconds:
//!
//! ```text
//! cargo run --example quickstart              # a file in a temporary folder
//! cargo run --example quickstart -- app.db    # a new file of your own, which stays
//! ```
//!
//! One module per subject: read them in the order in which `main` calls them.

mod batches;
mod dashboard;
mod items;
mod life;
mod limits;
mod open;
mod safe_insert;
mod show;
mod streams;
mod tables;
mod tasks;
mod transactions;
mod transfers;

use std::error::Error;
use std::path::PathBuf;

use show::{Step, chapter};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = match std::env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => folder.path().join("quickstart.db"),
    };
    if path.exists() {
        return Err(format!("{} exists; give the name of a new file", path.display()).into());
    }

    let db = open::run(&path).await?;
    items::run(&db).await?;
    batches::run(&db).await?;
    transfers::run(&db).await?;
    transactions::run(&db).await?;
    tasks::run(&db).await?;
    streams::run(&db).await?;
    dashboard::run(&db).await?;
    safe_insert::run(&db, &path).await?;
    life::run(&db).await?;
    limits::run(&db).await?;

    chapter("Close", "Waits for what was accepted, then closes every connection.");
    let step = Step::begin("close");
    db.close().await?;
    step.end(format_args!("the file has {} KiB", std::fs::metadata(&path)?.len() / 1024));
    let late = db.table("items").count().await;
    show::refused("a call after that", late);

    if cfg!(debug_assertions) {
        println!("\nThis was a debug build: `cargo run --release --example quickstart` is faster.");
    }
    Ok(())
}
