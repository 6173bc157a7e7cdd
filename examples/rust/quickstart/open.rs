//! Opening a database.

use std::path::Path;
use std::time::Duration;

use ubiqlite::{Database, Result, Value};

use crate::show::{Step, chapter, note, refused};
use crate::tables::SCHEMA;

pub(crate) async fn run(path: &Path) -> Result<Database> {
    chapter("Open", "Safe and fast settings are the default, and each can be changed.");

    let step = Step::begin("open");
    let db = Database::options().busy_timeout(Duration::from_secs(2)).open(path).await?;
    step.end(path.display());

    let mut settings = Vec::new();
    for name in ["journal_mode", "foreign_keys", "synchronous", "trusted_schema"] {
        let value: Value = db.query_value(&format!("PRAGMA {name}"), ()).await?;
        settings.push(match value {
            Value::Text(text) => format!("{name}={text}"),
            Value::Integer(number) => format!("{name}={number}"),
            other => format!("{name}={other:?}"),
        });
    }
    note("settings, read back", settings.join(", "));
    note("", "Readers and the writer don't wait for each other, references are checked, and what");
    note("", "was committed survives a power failure (synchronous=2 is FULL).");

    let step = Step::begin("run a script: the schema");
    db.batch(SCHEMA).await?;
    step.end("every statement of it, or none");
    let tables: i64 =
        db.query_value("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", ()).await?;
    note("", format_args!("{tables} tables"));

    let missing = Database::open("no/such/folder/app.db").await;
    refused("a path that can't be opened", missing);
    Ok(db)
}
