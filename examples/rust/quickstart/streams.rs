//! Rows one after another: more than have to fit in memory.

use ubiqlite::{Compare, Database, Result, params};

use crate::show::{Step, chapter};
use crate::tables::Item;

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("Streams", "However many rows there are, a few pages of 64 KiB are held.");

    let step = Step::begin("insert 100,000 items");
    let rows = (1..=100_000).map(|number| (format!("item {number}"), "bulk", number % 100));
    let sql = "INSERT INTO items (name, status, value) VALUES (?, ?, ?)";
    let inserted = db.execute_many(sql, rows).await?;
    step.end_each(100_000, format_args!("{inserted} rows"));

    let step = Step::begin("stream them");
    let mut rows = db.stream("SELECT * FROM items WHERE status = ?", params!["bulk"]);
    let (mut count, mut letters, mut sum) = (0, 0, 0.0);
    while let Some(row) = rows.try_next().await? {
        // Text is borrowed from the row, not copied.
        letters += row.get::<&str>("name")?.len();
        sum += row.get::<f64>("value")?;
        count += 1;
    }
    step.end_each(100_000, format_args!("{count} rows, {letters} letters, sum {sum}"));

    let step = Step::begin("stream them as structs");
    let bulk = db.table("items").select().filter("status", "bulk");
    let mut rows = bulk.stream().await?;
    let mut sum = 0.0;
    while let Some(row) = rows.try_next().await? {
        sum += row.to::<Item>()?.value;
    }
    step.end_each(100_000, format_args!("sum {sum}"));

    let step = Step::begin("stop early");
    let mut rows = db.table("items").select().filter_with("id", Compare::Gt, 5000).stream().await?;
    let mut first = Vec::new();
    while let Some(row) = rows.try_next().await? {
        first.push(row.get::<i64>("id")?);
        if first.len() == 3 {
            break;
        }
    }
    drop(rows);
    step.end(format_args!("{first:?}; dropping the stream stops the query"));
    Ok(())
}
