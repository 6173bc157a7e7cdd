//! Random work, and each of its moments restored.

use std::collections::BTreeMap;
use std::time::Duration;

use ubiqlite::ReplicaMoment;

use super::{Place, flush, options, pages};

/// How many transactions a run has; more on request.
fn moments() -> u64 {
    let asked = std::env::var("UBIQLITE_REPLICA_MOMENTS");
    asked.ok().and_then(|asked| asked.parse().ok()).unwrap_or(250)
}

fn text(dice: &mut fastrand::Rng, length: usize) -> String {
    std::iter::repeat_with(|| dice.alphanumeric()).take(length).collect()
}

async fn change(place: &Place, outside: &rusqlite::Connection, dice: &mut fastrand::Rng) {
    let db = &place.db;
    match dice.u32(..100) {
        0..30 => {
            let name = text(dice, 20);
            db.execute("INSERT INTO items (name) VALUES (?)", [name]).await.unwrap();
        }
        30..40 => place.insert(dice.usize(1..60_000)).await,
        40..50 => {
            let sql = "UPDATE items SET name = name || 'y' WHERE id % 7 = ?";
            db.execute(sql, [dice.i64(..7)]).await.unwrap();
        }
        50..65 => {
            let sql =
                "DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY random() LIMIT ?)";
            db.execute(sql, [dice.i64(1..20)]).await.unwrap();
        }
        65..75 => {
            // They share a commit, if they meet.
            let insert =
                |n: i64| db.execute("INSERT INTO items (name) VALUES (?)", [n.to_string()]);
            let (a, b, c) = tokio::join!(insert(1), insert(2), insert(3));
            a.and(b).and(c).unwrap();
        }
        75..80 => {
            let mut transaction = db.begin().await.unwrap();
            let rows = dice.usize(1..300);
            for _ in 0..rows {
                let name = text(dice, 30);
                transaction.execute("INSERT INTO items (name) VALUES (?)", [name]).await.unwrap();
            }
            if dice.bool() {
                transaction.commit().await.unwrap();
            }
        }
        80..84 => {
            let mut session = db.acquire().await.unwrap();
            session.execute("INSERT INTO items (name) VALUES ('session')", ()).await.unwrap();
        }
        84..88 => {
            db.batch(
                "CREATE TABLE IF NOT EXISTS more (id INTEGER PRIMARY KEY, name TEXT);
                 INSERT INTO more (name) SELECT name FROM items LIMIT 50;
                 CREATE INDEX IF NOT EXISTS by_name ON items (name)",
            )
            .await
            .unwrap();
        }
        88..91 => {
            db.batch("DROP TABLE IF EXISTS more; DROP INDEX IF EXISTS by_name").await.unwrap();
        }
        91..93 => drop(db.execute("VACUUM", ()).await.unwrap()),
        93..94 => drop(db.execute("DELETE FROM items", ()).await.unwrap()),
        94..98 => {
            outside.execute("INSERT INTO items (name) VALUES ('outside')", []).unwrap();
        }
        98 => {
            outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        _ => drop(db.query::<i64>("PRAGMA incremental_vacuum(3)", ()).await.unwrap()),
    }
}

async fn run(seed: u64, auto_vacuum: ubiqlite::AutoVacuum, page_size: u32) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let place = Place::with(options().auto_vacuum(auto_vacuum).page_size(page_size)).await;
    let outside = rusqlite::Connection::open(place.path("app.db")).unwrap();
    outside.busy_timeout(Duration::from_secs(30)).unwrap();
    let replica = place.db.replicate(place.path("replica")).interval(Duration::ZERO);
    let replica = replica.snapshot_every(Duration::from_millis(300)).await.unwrap();
    let mut seen = BTreeMap::new();
    let mut pages_of_moments = Vec::new();
    while seen.len() < usize::try_from(moments()).unwrap() {
        change(&place, &outside, &mut dice).await;
        let state = flush(&replica).await;
        assert_eq!((state.lag, state.error), (0, None), "seed {seed}");
        let now = pages(&place.db).await;
        let known = seen.entry(state.transaction).or_insert_with(|| {
            pages_of_moments.push(now.clone());
            pages_of_moments.len() - 1
        });
        assert!(pages_of_moments[*known] == now, "seed {seed}: a commit has got no number");
        // A log that another has begun anew is the only reason to begin anew here.
        if let Some((_, reason)) = state.last_snapshot {
            use ubiqlite::SnapshotReason::{Due, First, Log};
            assert!(matches!(reason, First | Due | Log), "seed {seed}: {reason:?}");
        }
    }
    for (transaction, index) in &seen {
        let restored = place.restored(ReplicaMoment::Transaction(*transaction)).await;
        let restored = restored.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(restored == pages_of_moments[*index], "seed {seed}: transaction {transaction}");
    }
    drop(outside);
    place.db.close().await.unwrap();
    assert!(
        place.restored(ReplicaMoment::Latest).await.unwrap() == *pages_of_moments.last().unwrap()
    );
}

#[tokio::test]
async fn each_moment_of_random_work_is_restored_byte_for_byte() {
    run(1, ubiqlite::AutoVacuum::None, 4096).await;
}

#[tokio::test]
async fn each_moment_of_random_work_is_restored_with_small_pages_and_a_file_that_shrinks() {
    run(2, ubiqlite::AutoVacuum::Full, 1024).await;
}

#[tokio::test]
async fn each_moment_of_random_work_is_restored_with_large_pages() {
    run(3, ubiqlite::AutoVacuum::Incremental, 65_536).await;
}

#[tokio::test]
async fn each_moment_of_random_work_is_restored_from_another_seed() {
    run(4, ubiqlite::AutoVacuum::None, 512).await;
}
