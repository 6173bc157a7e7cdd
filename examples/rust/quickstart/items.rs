//! One row at a time, without SQL, and selecting rows.

use serde_json::json;
use ubiqlite::{Compare, Database, Record, Result, named, params, record};

use crate::show::{Step, chapter, refused};
use crate::tables::{Item, NewItem};

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("Items, one at a time", "A table's operations need no SQL; names are checked.");
    let items = db.table("items");

    let step = Step::begin("create");
    let lamp = items
        .insert(record! { "name" => "lamp", "data" => json!({ "watt": 40, "colours": ["red"] }) })
        .await?;
    step.end(format_args!("id {lamp}, its data stored as JSON"));

    let step = Step::begin("create from a struct");
    let chair = NewItem { name: "chair".to_owned(), value: 49.5 };
    let chair = items.insert(Record::from_serialize(&chair)?).await?;
    step.end(format_args!("id {chair}"));

    let step = Step::begin("get");
    let item: Option<Item> = items.get(&lamp).await?;
    step.end(match &item {
        Some(item) => format!("{} is {}, watt {}", item.name, item.status, item.data["watt"]),
        None => "no such item".to_owned(),
    });

    let step = Step::begin("get what is not there");
    let item: Option<Item> = items.get(999).await?;
    step.end(format_args!("{item:?}"));

    let step = Step::begin("get, 10,000 times");
    for _ in 0..10_000 {
        let _: Option<Item> = items.get(&lamp).await?;
    }
    step.end_each(10_000, "each awaited before the next");

    let step = Step::begin("update");
    let changed = items.update(&lamp, record! { "status" => "done", "value" => 19.9 }).await?;
    step.end(format_args!("a row changed: {changed}"));

    let step = Step::begin("update no field");
    let changed = items.update(&lamp, record! {}).await?;
    step.end(format_args!("a row changed: {changed}; the file was not touched"));

    let hostile = record! { "status = 'gone' --" => 1 };
    refused("update a column of evil name", items.update(&lamp, hostile).await);

    let step = Step::begin("insert or update (upsert)");
    let id = items.upsert(record! { "id" => &lamp, "name" => "floor lamp" }).await?;
    step.end(format_args!("id {id} has a new name, the other columns stay"));

    let step = Step::begin("query by status");
    let done: Vec<Item> = db.query("SELECT * FROM items WHERE status = ?", params!["done"]).await?;
    step.end(list(&done));

    let step = Step::begin("the same without SQL");
    let done: Vec<Item> = items.select().filter("status", "done").order_by("id").all().await?;
    step.end(list(&done));

    let step = Step::begin("filters, order and limit");
    let chosen: Vec<Item> = items
        .select()
        .filter_in("status", ["new", "done"])
        .filter_with("value", Compare::Ge, 10)
        .filter_with("name", Compare::Like, "%a%")
        .order_by_desc("value")
        .limit(5)
        .all()
        .await?;
    step.end(list(&chosen));

    let step = Step::begin("named parameters, one value");
    let sum: f64 = db
        .query_value(
            "SELECT sum(value) FROM items WHERE value BETWEEN :low AND :high",
            named! { "low" => 10, "high" => 100 },
        )
        .await?;
    step.end(format_args!("the sum is {sum}"));

    let step = Step::begin("delete");
    let gone = items.delete(&chair).await?;
    step.end(format_args!("a row went: {gone}"));

    let step = Step::begin("delete it again");
    let gone = items.delete(&chair).await?;
    step.end(format_args!("a row went: {gone}"));
    Ok(())
}

fn list(items: &[Item]) -> String {
    let texts: Vec<_> = items
        .iter()
        .map(|item| format!("{} {} ({}, {})", item.id, item.name, item.status, item.value))
        .collect();
    texts.join("; ")
}
