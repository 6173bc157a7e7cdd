//! How late a timer is beside a task that reads, or writes, without a pause, on one
//! thread: `cargo run --release -p ubiqlite --example lateness`.

use std::time::{Duration, Instant};

use ubiqlite::{Database, Result, Synchronous, params};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ubiqlite-lateness-{}.db", std::process::id()));
    let options = Database::options().synchronous(Synchronous::Normal);
    let db = options.open(&path).await?;
    db.batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); \
         INSERT INTO items WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i, 'name' FROM n",
    )
    .await?;
    let tasks = tokio::task::LocalSet::new();
    tasks
        .run_until(async {
            beside("nothing", std::future::pending()).await;
            let reads = db.clone();
            let calls = async move {
                let (mut calls, since) = (0u64, Instant::now());
                loop {
                    for _ in 0..100_000 {
                        let id = i64::try_from(calls % 10_000).unwrap_or_default() + 1;
                        let sql = "SELECT name FROM items WHERE id = ?";
                        reads.query_value::<String>(sql, params![id]).await?;
                        calls += 1;
                    }
                    let each = since.elapsed().as_nanos() / u128::from(calls);
                    println!("  point reads: {each} ns each");
                }
            };
            beside("point reads", calls).await;
            let rows = db.clone();
            let calls = async move {
                loop {
                    let mut rows = rows.stream("SELECT * FROM items", ());
                    while rows.try_next().await?.is_some() {}
                }
            };
            beside("streams", calls).await;
            let writes = db.clone();
            let calls = async move {
                loop {
                    writes.execute("UPDATE items SET name = 'b' WHERE id = 1", ()).await?;
                }
            };
            beside("writes", calls).await;
        })
        .await;
    db.close().await?;
    let _ = std::fs::remove_file(path);
    Ok(())
}

async fn beside(what: &str, calls: impl Future<Output = Result<()>> + 'static) {
    let calls = tokio::task::spawn_local(calls);
    let mut late = Vec::new();
    for _ in 0..500 {
        let since = Instant::now();
        tokio::time::sleep(Duration::from_millis(1)).await;
        late.push(since.elapsed().saturating_sub(Duration::from_millis(1)));
    }
    calls.abort();
    late.sort_unstable();
    println!("beside {what}: half within {:?}, 99 of 100 within {:?}", late[250], late[494]);
}
