//! Explicit transactions, and savepoints in them.

use ubiqlite::{Database, Error, ErrorKind, Result, params, record};

use crate::show::{Step, chapter, note, refused};

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("Transactions", "Committed if the closure returns Ok; else nothing has happened.");

    let step = Step::begin("a transaction");
    let (ada, orders) = db
        .transaction(async |tx| {
            let ada = tx
                .table("users")
                .insert(record! { "name" => "Ada", "email" => "ada@example.org" })
                .await?;
            for total in [120, 80] {
                let order = record! { "user_id" => &ada, "total" => total };
                tx.table("orders").insert(order).await?;
            }
            Ok((ada, tx.table("orders").count().await?))
        })
        .await?;
    step.end(format_args!("user {ada} with {orders} orders, in one commit"));

    let step = Step::begin("a savepoint in it");
    let (count, tried) = db
        .transaction(async |tx| {
            tx.execute("INSERT INTO orders (user_id, total) VALUES (?, 10)", params![&ada]).await?;
            let tried = tx
                .savepoint(async |sp| {
                    sp.execute("DELETE FROM orders", ()).await?;
                    // No such user: the savepoint is undone, but the order above stays.
                    sp.execute("INSERT INTO orders (user_id, total) VALUES (99, 1)", ()).await
                })
                .await;
            let count: i64 = tx.query_value("SELECT count(*) FROM orders", ()).await?;
            Ok((count, tried))
        })
        .await?;
    step.end(format_args!("{count} orders; what the savepoint deleted is back after its error"));
    refused("", tried);

    let failed: Result<()> = db
        .transaction(async |tx| {
            tx.execute("DELETE FROM orders", ()).await?;
            Err(Error::new(ErrorKind::InvalidArgument, "changed my mind"))
        })
        .await;
    refused("an error in the closure", failed);

    let step = Step::begin("a handle, dropped");
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM orders", ()).await?;
    drop(tx);
    step.end("rolled back");
    note("", format_args!("still {} orders", db.table("orders").count().await?));
    Ok(())
}
