//! What a database needs in the course of its life: migrations, checks, backups.

use ubiqlite::{Database, Migrations, Result};

use crate::show::{Step, chapter, note, refused};

pub(crate) async fn run(db: &Database) -> Result<()> {
    migrate(db).await?;
    back_up(db).await
}

async fn migrate(db: &Database) -> Result<()> {
    chapter("Migrations", "SQL files with numbers; each runs once, in a transaction of its own.");
    let migrations = Migrations::new([
        ("1_tags.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"),
        ("2_colours.sql", "ALTER TABLE tags ADD COLUMN colour TEXT"),
        ("2_colours.down.sql", "ALTER TABLE tags DROP COLUMN colour"),
    ])?;
    let migrator = db.migrations(&migrations);
    let step = Step::begin("run them");
    let done: Vec<_> = migrator.run().await?.into_iter().map(|step| step.name).collect();
    step.end(done.join(", "));
    let step = Step::begin("run them again");
    step.end(format_args!("{} to do", migrator.run().await?.len()));
    db.execute("ALTER TABLE tags ADD COLUMN by_hand TEXT", ()).await?;
    let step = Step::begin("what was changed by hand");
    let drift: Vec<_> = migrator.verify().await?.iter().map(ToString::to_string).collect();
    step.end(drift.join("; "));
    let step = Step::begin("back to number 1");
    let undone = migrator.to(1).await?;
    step.end(format_args!("{} is undone", undone[0].name));
    refused("back to number 0", migrator.to(0).await);
    let older = Migrations::new([("0_other.sql", "SELECT 1")])?;
    refused("an older program", db.migrations(&older).run().await);
    Ok(())
}

async fn back_up(db: &Database) -> Result<()> {
    chapter("Backup", "A copy of one moment, made while others go on reading and writing.");
    let step = Step::begin("is all well?");
    step.end(format_args!("{} faults", db.check().await?.len()));
    let copy = std::env::temp_dir().join(format!("ubiqlite-copy-{}.db", std::process::id()));
    let items = db.table("items");
    note("items before", items.count().await?);
    let step = Step::begin("backup");
    db.backup(&copy).await?;
    step.end(format_args!("{} KiB", std::fs::metadata(&copy).map_or(0, |it| it.len() / 1024)));
    refused("the same file again", db.backup(&copy).await);
    items.insert(ubiqlite::record! { "name" => "made by mistake" }).await?;
    note("items then", items.count().await?);
    let step = Step::begin("restore");
    db.restore(&copy).await?;
    step.end(format_args!("{} items", items.count().await?));
    let step = Step::begin("as bytes");
    let mut bytes = db.backup_stream();
    let mut size = 0;
    while let Some(chunk) = bytes.try_next().await? {
        size += chunk.len();
    }
    step.end(format_args!("{} KiB", size / 1024));
    // It is of no further use.
    let _ = std::fs::remove_file(&copy);
    Ok(())
}
