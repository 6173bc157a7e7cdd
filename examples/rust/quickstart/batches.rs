//! Many rows in one call and one transaction.

use ubiqlite::{Database, Error, Result, params, record};

use crate::show::{Step, chapter, note, refused};

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("Many rows in one call", "One transaction each: all of it happens, or nothing.");
    let items = db.table("items");

    let step = Step::begin("insert 1,000 items");
    let inserted = items
        .insert_many((1..=1000).map(|number| {
            let mut item = record! { "name" => format!("part {number}"), "value" => number };
            if number % 2 == 0 {
                item.set("data", serde_json::json!({ "even": true }));
            }
            item
        }))
        .await?;
    step.end(format_args!("{inserted} rows"));
    let empty = items.select().filter("data", "{}").count().await?;
    note("", format_args!("{empty} of them came without data, and have {{}}"));

    let step = Step::begin("set the status of 5 ids");
    let changed = items
        .update_many([10, 11, 12, 500_000, 500_001], record! { "status" => "archived" })
        .await?;
    step.end(format_args!("{changed} rows changed: two of the ids are unknown"));

    let step = Step::begin("a statement for many rows");
    let rows = (0..1000).map(|number| (format!("screw {number}"), 0.01));
    let inserted = db.execute_many("INSERT INTO items (name, value) VALUES (?, ?)", rows).await?;
    step.end(format_args!("{inserted} rows, taken from an iterator as they are needed"));

    let step = Step::begin("several statements");
    let done = db
        .batch([
            ("DELETE FROM items WHERE name LIKE ?", params!["screw %"]),
            ("UPDATE items SET status = 'sold' WHERE value > ?", params![990]),
        ])
        .await?;
    let [deleted, sold] = [0, 1].map(|index| done[index].rows_changed);
    step.end(format_args!("{deleted} deleted, {sold} sold"));

    let before = items.count().await?;
    let half_wrong = [record! { "name" => "fine" }, record! { "name" => None::<String> }];
    let answer = items.insert_many(half_wrong).await;
    let which = answer.as_ref().err().and_then(Error::index).unwrap_or_default();
    refused("a list with a wrong row", answer);
    let added = items.count().await? - before;
    note("", format_args!("the row with index {which} of the list; {added} rows were inserted"));
    Ok(())
}
