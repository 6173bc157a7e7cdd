//! Which changes run a query again: as few as can be told apart.

use super::{next, open, quiet, texts};

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

const KEYED: &str = "
    CREATE TABLE kv (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
    CREATE TABLE pairs (a, b, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, price REAL, part);
    CREATE INDEX parts ON names (part, price);
    CREATE TABLE odd (rowid TEXT, v);
    CREATE TABLE lines (id INTEGER PRIMARY KEY, name INT, v);
    CREATE INDEX of_name ON lines (name);
    INSERT INTO kv VALUES ('a', 1), ('b', 2), ('7', 3);
    INSERT INTO pairs VALUES (1, 1, 'x'), (1, 2, 'y'), (2, 1, 'z');
    INSERT INTO lines VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 1, 'z');
    INSERT INTO names VALUES (1, 'Lamp', 1, 1), (2, 'Sofa', 2, 1), (3, 'Pen', 3, 2), (4, NULL, 4, NULL);
    INSERT INTO odd VALUES ('1', 1), ('2', 2);";

/// A query, its parameters, a change of another row, and a change that it must see.
const LOOKUPS: &[(&str, &[i64], &str, &str)] = &[
    (
        "SELECT * FROM names WHERE id = 2",
        &[],
        "UPDATE names SET price = 9 WHERE id = 1",
        "UPDATE OR REPLACE names SET id = 2 WHERE id = 1",
    ),
    (
        "SELECT * FROM names WHERE id = ?",
        &[2],
        "DELETE FROM names WHERE id = 1",
        "DELETE FROM names WHERE id = 2",
    ),
    (
        "SELECT count(*), max(price) FROM names WHERE id = ?1 AND price > 1",
        &[2],
        "INSERT INTO names VALUES (9, 'cup', 5, 1)",
        "UPDATE names SET price = 1 WHERE id = 2",
    ),
    (
        "SELECT v FROM kv WHERE k = 'a'",
        &[],
        "UPDATE kv SET v = 5 WHERE k = 'b'",
        "UPDATE kv SET k = 'c' WHERE k = 'a'",
    ),
    ("SELECT v FROM kv WHERE k = ?", &[7], "DELETE FROM names", "REPLACE INTO kv VALUES (7, 8)"),
    (
        "SELECT v FROM pairs WHERE a = 1 AND b = 2",
        &[],
        "UPDATE pairs SET v = 'n' WHERE a = 2",
        "UPDATE pairs SET v = 'n' WHERE b = 2",
    ),
    (
        "SELECT price FROM names WHERE name = 'LAMP'",
        &[],
        "UPDATE names SET price = 9 WHERE id = 2",
        "UPDATE names SET name = 'lAMP', price = 7 WHERE id = 1",
    ),
    (
        "SELECT id, name FROM names WHERE part = 1 ORDER BY price LIMIT 5",
        &[],
        "INSERT INTO names VALUES (9, 'cup', 0, 2)",
        "INSERT INTO names VALUES (10, 'mug', 0, 1)",
    ),
    (
        "SELECT id FROM names WHERE part = 1 ORDER BY price DESC",
        &[],
        "UPDATE names SET price = 0 WHERE id = 3",
        "UPDATE names SET part = 1 WHERE id = 3",
    ),
    (
        "SELECT id FROM names WHERE part = 1 AND price > 1",
        &[],
        "UPDATE names SET price = 0 WHERE id = 3",
        "UPDATE names SET price = 3 WHERE id = 1",
    ),
    (
        "SELECT id FROM names WHERE part = 1 AND price < 2",
        &[],
        "UPDATE names SET price = 0 WHERE id = 3",
        "UPDATE names SET price = 0 WHERE id = 2",
    ),
    (
        "SELECT n.name, l.v FROM names AS n JOIN lines AS l ON l.name = n.id WHERE n.id = ?",
        &[1],
        "UPDATE lines SET v = 'n' WHERE id = 2",
        "UPDATE lines SET name = 1 WHERE id = 2",
    ),
    (
        "SELECT n.name, p.v FROM names AS n JOIN pairs AS p ON p.a = n.id WHERE n.id = 1",
        &[],
        "UPDATE names SET name = 'far' WHERE id = 2",
        "UPDATE names SET name = 'near' WHERE id = 1",
    ),
    (
        "SELECT n.name, k.v FROM names AS n, kv AS k WHERE n.part = 1 AND k.k = 'a'",
        &[],
        "UPDATE kv SET v = 5 WHERE k = 'b'",
        "UPDATE names SET part = 1 WHERE id = 3",
    ),
    (
        "SELECT count(*) FROM names WHERE part = ?",
        &[1],
        "DELETE FROM names WHERE part = 2",
        "DELETE FROM names WHERE id = 1",
    ),
    (
        "SELECT * FROM names WHERE id BETWEEN 2 AND 3",
        &[],
        "UPDATE names SET price = 9 WHERE id IN (1, 4)",
        "UPDATE names SET price = 9 WHERE id = 3",
    ),
    (
        "SELECT count(*), sum(price) FROM names WHERE id > ? AND id < ? AND part > 0",
        &[1, 4],
        "DELETE FROM names WHERE id IN (1, 4)",
        "UPDATE names SET id = 2 + 10 WHERE id = 2",
    ),
    (
        "SELECT * FROM names WHERE id > 2 ORDER BY id",
        &[],
        "DELETE FROM names WHERE id = 2",
        "INSERT INTO names (id) VALUES (70)",
    ),
    (
        "SELECT * FROM names WHERE id >= ? AND id < 4 ORDER BY id DESC LIMIT 1 OFFSET 1",
        &[2],
        "UPDATE names SET price = 9 WHERE id = 1",
        "DELETE FROM names WHERE id = 2",
    ),
    (
        "SELECT * FROM names WHERE id < 3 ORDER BY id DESC LIMIT 2",
        &[],
        "UPDATE names SET price = 9 WHERE id = 4",
        "UPDATE names SET price = 9 WHERE id = 1",
    ),
    (
        "SELECT price FROM names WHERE id BETWEEN -5 AND 2 ORDER BY price",
        &[],
        "UPDATE names SET price = 9, part = 4 WHERE id = 3",
        "INSERT INTO names VALUES (-5, 'low', 8, 8)",
    ),
];

#[tokio::test]
async fn a_query_of_one_key_runs_only_for_rows_that_have_or_had_it() {
    for (query, params, far, near) in LOOKUPS {
        let place = open().await;
        let db = &place.db;
        db.batch(KEYED).await.unwrap();
        if !db.capabilities().row_changes {
            return;
        }
        let mut live = db.watch(query, params.to_vec());
        let first = texts(&next(&mut live).await);
        let before = db.live_runs();
        db.execute(far, ()).await.unwrap();
        quiet(&mut live).await;
        assert_eq!(db.live_runs(), before, "{query}: {far}");
        db.execute(near, ()).await.unwrap();
        let second = texts(&next(&mut live).await);
        let rows: Vec<ubiqlite::Row> = db.query(query, params.to_vec()).await.unwrap();
        assert_eq!(second, rows.iter().map(super::text).collect::<Vec<_>>(), "{query}");
        assert_ne!(first, second, "{query}: {near}");
    }
}

#[tokio::test]
async fn a_selection_of_a_range_runs_only_for_rows_that_may_be_in_it() {
    use ubiqlite::Compare;
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    if !db.capabilities().row_changes {
        return;
    }
    for (compare, bound, far) in [
        (Compare::Ge, 8, "part = 3"),
        (Compare::Gt, 7, "part = 6"),
        (Compare::Lt, 2, "part = 5"),
        (Compare::Le, 1, "part = 2"),
    ] {
        let select = || db.table("items").select().filter_with("part", compare, bound);
        let mut live = select().watch().await.unwrap();
        let mut first = next(&mut live).await.len();
        let before = db.live_runs();
        let far = format!("UPDATE items SET note = note || 'x', name = 'far' WHERE {far}");
        db.execute(&far, ()).await.unwrap();
        quiet(&mut live).await;
        assert_eq!(db.live_runs(), before, "{compare:?} {bound}");
        // SQLite's order of types: numbers, texts, blobs.
        for near in ["'text'", "x'00'", "1.5", "8.5", "NULL"] {
            db.execute(&format!("UPDATE items SET part = {near} WHERE id = 14"), ()).await.unwrap();
            let rows = select().all::<ubiqlite::Row>().await.unwrap().len();
            if rows != first {
                first = next(&mut live).await.len();
            }
            assert_eq!(first, rows, "{compare:?} {bound}: {near}");
        }
    }
}

/// Queries that look like those of one key, and changes of other rows that they must see.
const NO_LOOKUPS: &[(&str, &[i64], &str)] = &[
    (
        "SELECT id FROM names WHERE part > 0 AND part < 2",
        &[],
        "INSERT INTO names VALUES (10, 'mug', 0, 1)",
    ),
    ("SELECT id FROM names WHERE part IN (1, 2)", &[], "DELETE FROM names WHERE id = 3"),
    ("SELECT id FROM names WHERE part IS ?", &[], "DELETE FROM names WHERE id = 4"),
    ("SELECT id FROM names WHERE part = 1 OR id = 3", &[], "DELETE FROM names WHERE id = 3"),
    (
        "SELECT (SELECT count(*) FROM names) FROM names WHERE id = 1",
        &[],
        "DELETE FROM names WHERE id = 3",
    ),
    (
        "SELECT n.id, m.id FROM names AS n JOIN names AS m ON m.id = n.part WHERE n.id = 3",
        &[],
        "UPDATE names SET id = 20 WHERE id = 2",
    ),
    (
        "SELECT n.id, p.v FROM names AS n JOIN pairs AS p ON p.a = n.part WHERE n.id = 3",
        &[],
        "INSERT INTO pairs VALUES (2, 9, 'k')",
    ),
    (
        "SELECT n.id, p.v FROM names AS n LEFT JOIN pairs AS p ON p.a = n.id WHERE n.id = 3",
        &[],
        "INSERT INTO pairs VALUES (3, 9, 'k')",
    ),
    (
        "SELECT n.id, k.v FROM names AS n, kv AS k WHERE n.id = 1 AND k.k > 'a'",
        &[],
        "DELETE FROM kv WHERE k = 'b'",
    ),
    ("SELECT v FROM odd WHERE _rowid_ = 2", &[], "UPDATE odd SET v = 5 WHERE rowid = '2'"),
    ("SELECT * FROM names WHERE id BETWEEN 2 AND 3.5", &[], "DELETE FROM names WHERE id = 3"),
    ("SELECT * FROM names WHERE id BETWEEN '2' AND '3'", &[], "DELETE FROM names WHERE id = 2"),
    ("SELECT * FROM names WHERE id > 3 OR id < 2", &[], "DELETE FROM names WHERE id = 1"),
    ("SELECT * FROM names WHERE id <= 2", &[], "DELETE FROM names WHERE id = 1"),
    ("SELECT * FROM names WHERE NOT id BETWEEN 2 AND 3", &[], "DELETE FROM names WHERE id = 4"),
    (
        "SELECT * FROM names WHERE id BETWEEN 2 AND (SELECT max(part) + 1 FROM names)",
        &[],
        "UPDATE names SET part = 3 WHERE id = 1",
    ),
    (
        "SELECT * FROM names WHERE id BETWEEN 2 AND 3 UNION SELECT * FROM names WHERE id BETWEEN 1 AND 1",
        &[],
        "DELETE FROM names WHERE id = 1",
    ),
    (
        "SELECT (SELECT count(*) FROM names AS m WHERE m.id BETWEEN n.id AND 4) FROM names AS n WHERE n.id BETWEEN 3 AND 3",
        &[],
        "DELETE FROM names WHERE id = 4",
    ),
    (
        "SELECT rowid FROM odd WHERE rowid BETWEEN '1' AND '2'",
        &[],
        "UPDATE odd SET rowid = '15' WHERE v = 1",
    ),
    (
        "SELECT _rowid_ FROM odd WHERE _rowid_ BETWEEN 1 AND 5",
        &[],
        "INSERT INTO odd VALUES ('x', 3)",
    ),
    ("SELECT v FROM pairs WHERE a BETWEEN 1 AND 2", &[], "INSERT INTO pairs VALUES (2, 9, 'k')"),
    ("SELECT v FROM pairs WHERE a > 0 AND a < 2", &[], "INSERT INTO pairs VALUES (1, 9, 'k')"),
    ("SELECT max(id) FROM names WHERE id >= 3", &[], "INSERT INTO names (id) VALUES (30)"),
    ("SELECT v FROM kv WHERE k >= 'a' LIMIT 1", &[], "DELETE FROM kv WHERE k = 'a'"),
    (
        "SELECT id FROM names WHERE id = (SELECT max(part) FROM names)",
        &[],
        "UPDATE names SET part = 3 WHERE id = 1",
    ),
];

#[tokio::test]
async fn what_only_looks_like_a_query_of_one_key_misses_nothing() {
    for (query, params, change) in NO_LOOKUPS {
        let place = open().await;
        let db = &place.db;
        db.batch(KEYED).await.unwrap();
        let params: Vec<ubiqlite::Value> = match query.contains('?') {
            true => vec![ubiqlite::Value::Null],
            false => params.iter().map(|it| ubiqlite::Value::Integer(*it)).collect(),
        };
        let mut live = db.watch(query, params);
        let first = texts(&next(&mut live).await);
        db.execute(change, ()).await.unwrap();
        assert_ne!(first, texts(&next(&mut live).await), "{query}: {change}");
    }
}
