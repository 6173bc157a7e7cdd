//! Moving amounts between accounts, all or nothing.

use ubiqlite::{Database, Error, Result, record};

use crate::show::{Step, chapter, note, refused};

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("Transfers", "Both accounts must exist; the whole list happens, or nothing.");
    let accounts = db.table("accounts");
    accounts.insert_many((1..=3).map(|id| record! { "id" => id, "balance" => 100 })).await?;
    note("balances before", balances(db).await?);

    let step = Step::begin("1 to 2: 30; 2 to 3: 50");
    accounts.transfer("balance", [(1, 2, 30), (2, 3, 50)]).await?;
    step.end("done");
    note("balances after", balances(db).await?);

    let unknown = accounts.transfer("balance", [(1, 2, 10), (1, 99, 5)]).await;
    refused("1 to 2: 10; 1 to 99: 5", unknown);
    note("balances now", balances(db).await?);

    let overdrawn = accounts.transfer("balance", [(3, 1, 10), (2, 1, 1_000)]).await;
    let which = overdrawn.as_ref().err().and_then(Error::index).unwrap_or_default();
    refused("3 to 1: 10; 2 to 1: 1,000", overdrawn);
    note("", format_args!("by the transfer with index {which} of the list"));
    note("balances now", balances(db).await?);
    Ok(())
}

async fn balances(db: &Database) -> Result<String> {
    let rows: Vec<(i64, i64)> =
        db.query("SELECT id, balance FROM accounts ORDER BY id", ()).await?;
    let texts: Vec<_> = rows.iter().map(|(id, balance)| format!("{id} has {balance}")).collect();
    Ok(texts.join(", "))
}
