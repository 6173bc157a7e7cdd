//! Which changes run a query again: as few as can be told apart.

use super::{next, open, quiet};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, part INT, name TEXT, note TEXT);
    CREATE TABLE other (id INTEGER PRIMARY KEY, a INT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
        INSERT INTO items SELECT i, i % 10, 'item ' || i, '' FROM n;";

#[tokio::test]
async fn a_change_of_what_a_query_does_not_read_runs_nothing() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT id, name FROM items WHERE part = 3", ());
    next(&mut live).await;
    quiet(&mut live).await;
    if !db.capabilities().row_changes {
        // Here only tables are told apart.
        return;
    }
    let before = db.live_runs();
    db.execute("UPDATE items SET note = 'x'", ()).await.unwrap();
    db.execute("INSERT INTO other (a) VALUES (1)", ()).await.unwrap();
    db.execute("UPDATE items SET name = name", ()).await.unwrap();
    quiet(&mut live).await;
    assert_eq!(db.live_runs(), before, "nothing that is read has changed");
    db.execute("UPDATE items SET name = 'new' WHERE id = 3", ()).await.unwrap();
    next(&mut live).await;
    assert_eq!(db.live_runs(), before + 1);
}

#[tokio::test]
async fn many_watchers_of_one_query_run_it_once() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut watches: Vec<_> =
        (0..64).map(|_| db.watch("SELECT id, name FROM items WHERE part = 3", ())).collect();
    for live in &mut watches {
        next(live).await;
    }
    assert_eq!(db.live_runs(), 1);
    db.execute("UPDATE items SET name = 'new' WHERE id = 3", ()).await.unwrap();
    for live in &mut watches {
        next(live).await;
    }
    assert_eq!(db.live_runs(), 2);
}

#[tokio::test]
async fn a_watcher_that_does_not_ask_costs_nothing_and_gets_the_newest() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT name FROM items WHERE id = 1", ());
    next(&mut live).await;
    for i in 0..100 {
        db.execute("UPDATE items SET name = ? WHERE id = 1", ubiqlite::params![i]).await.unwrap();
    }
    assert_eq!(db.live_runs(), 1);
    assert_eq!(next(&mut live).await.rows::<(String,)>().unwrap()[0].0, "99");
    quiet(&mut live).await;
    assert_eq!(db.live_runs(), 2);
}

#[tokio::test]
async fn results_that_belong_together_are_of_one_moment() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE a (v INT); CREATE TABLE b (v INT); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0);")
        .await
        .unwrap();
    let writer = db.clone();
    let writes = tokio::spawn(async move {
        for i in 1..=300 {
            let mut tx = writer.begin().await.unwrap();
            tx.execute("UPDATE a SET v = ?", ubiqlite::params![i]).await.unwrap();
            tx.execute("UPDATE b SET v = ?", ubiqlite::params![i]).await.unwrap();
            tx.commit().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut live = db.watch_all([("SELECT v FROM a", ()), ("SELECT v FROM b", ())]);
    // A watch of one of them alone, which runs it at other moments.
    let mut alone = db.watch("SELECT v FROM b", ());
    let value = |update: &ubiqlite::Update| update.rows::<(i64,)>().unwrap()[0].0;
    let mut last = 0;
    loop {
        let both = live.try_next().await.unwrap().unwrap();
        let (a, b) = (value(&both[0]), value(&both[1]));
        assert_eq!(a, b);
        assert!(a >= last);
        last = a;
        if last == 300 {
            break;
        }
        let one = value(&next(&mut alone).await);
        assert!(one >= last, "{one} after {last}");
        if one == 300 {
            // The pair may have been delivered already.
            let _ =
                tokio::time::timeout(std::time::Duration::from_millis(200), live.try_next()).await;
            break;
        }
    }
    writes.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_that_begin_after_many_writes_follow_the_next_ones() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let write = async |from: i64| {
        for i in from..from + 300 {
            db.execute("UPDATE items SET name = ? WHERE id = ?", ubiqlite::params![i, i % 500 + 1])
                .await
                .unwrap();
        }
    };
    write(0).await;
    let mut watches = Vec::new();
    for part in 0..10 {
        let mut live =
            db.watch("SELECT id, name FROM items WHERE part = ?", ubiqlite::params![part]);
        next(&mut live).await;
        watches.push(tokio::spawn(async move {
            let mut results = 0;
            while let Ok(Ok(Some(_))) =
                tokio::time::timeout(std::time::Duration::from_secs(2), live.try_next()).await
            {
                results += 1;
            }
            results
        }));
    }
    let before = db.live_runs();
    write(1000).await;
    for watch in watches {
        assert!(watch.await.unwrap() > 0);
    }
    assert!(db.live_runs() > before);
}
