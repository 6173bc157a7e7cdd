//! Several queries at once, of one moment.

use ubiqlite::{Database, Result, params, record};

use crate::show::{Step, chapter, note};
use crate::tables::{Order, Totals, User};

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("A dashboard", "Three queries side by side, all of one moment: a snapshot.");
    let grace = record! { "name" => "Grace", "email" => "grace@example.org" };
    let grace = db.table("users").insert(grace).await?;
    let orders = db.table("orders");
    orders
        .insert_many((1..=25).map(|number| record! { "user_id" => &grace, "total" => number * 10 }))
        .await?;

    let now = db.snapshot().await?;
    // Somebody places an order between two of the dashboard's queries.
    orders.insert(record! { "user_id" => &grace, "total" => 1_000_000 }).await?;

    let step = Step::begin("three queries at once");
    let (user, latest, totals) = tokio::try_join!(
        now.query_one::<User>("SELECT name, email FROM users WHERE id = ?", params![&grace]),
        now.query::<Order>(
            "SELECT id, total, created_at FROM orders WHERE user_id = ? ORDER BY id DESC LIMIT 10",
            params![&grace],
        ),
        now.query_one::<Totals>(
            "SELECT count(*) AS count, sum(total) AS sum FROM orders WHERE user_id = ?",
            params![&grace],
        ),
    )?;
    step.end(format_args!("{} <{}>", user.name, user.email));

    if let Some(order) = latest.first() {
        note(
            "the ten latest orders",
            format_args!(
                "{} of them, the first: no. {}, {} at {}",
                latest.len(),
                order.id,
                order.total,
                order.created_at
            ),
        );
    }
    note("count and sum", format_args!("{} orders, {} in all", totals.count, totals.sum));

    // Sessions, snapshots and streams are released by dropping them.
    drop(now);
    let after = db.table("orders").select().filter("user_id", &grace).count().await?;
    note(
        "meanwhile",
        format_args!(
            "somebody ordered: there are {after} now; the dashboard is of the moment before"
        ),
    );
    Ok(())
}
