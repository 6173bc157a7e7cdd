//! Time limits, cancelling, and interrupting.

use std::time::Duration;

use ubiqlite::{Database, Result};

use crate::show::{Step, chapter, note, refused};

/// A query that never ends on its own.
const ENDLESS: &str = "
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT count(*) FROM n";

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("Limits", "Any call can be given up, and leaves nothing behind.");
    let pause = Duration::from_millis(50);

    let step = Step::begin("a time limit");
    let answer = db.timeout(pause).query_value::<i64>(ENDLESS, ()).await;
    step.end("the limit is 50 ms, for each call");
    refused("", answer);

    let step = Step::begin("dropping the future");
    let given_up = tokio::time::timeout(pause, db.query_value::<i64>(ENDLESS, ())).await;
    step.end(format_args!("given up after 50 ms: {}", given_up.is_err()));

    let step = Step::begin("the next read");
    let items = db.table("items").count().await?;
    step.end(format_args!("{items} items: the query that was given up is in nobody's way"));

    let step = Step::begin("a write that is given up");
    let delete = format!("DELETE FROM items WHERE id < ({ENDLESS})");
    let given_up = tokio::time::timeout(pause, db.execute(&delete, ())).await;
    step.end(format_args!("given up after 50 ms: {}", given_up.is_err()));
    note("", format_args!("undone: there are still {} items", db.table("items").count().await?));

    let step = Step::begin("interrupt");
    let patient = db.timeout(Duration::from_secs(5));
    let (answer, ()) = tokio::join!(patient.query_value::<i64>(ENDLESS, ()), async {
        tokio::time::sleep(pause).await;
        db.interrupt();
    });
    step.end("stops all that runs now");
    refused("", answer);
    Ok(())
}
