//! Several queries that are watched together.

use super::super::numbers::{kind, reply};
use super::*;

async fn database(single: bool) -> Database {
    let db = in_memory(single).await;
    db.batch("CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (1);").await.unwrap();
    db
}

/// A query with the columns of its key.
fn query(text_of: &str, key: &[&str]) -> Vec<u8> {
    let mut bytes = sql(text_of);
    bytes.extend((key.len() as u32).to_le_bytes());
    bytes.extend(key.iter().flat_map(|column| text(column)));
    bytes
}

fn all(queries: &[Vec<u8>]) -> Vec<u8> {
    [&(queries.len() as u32).to_le_bytes()[..], &queries.concat()].concat()
}

fn two() -> Vec<u8> {
    all(&[query("SELECT x FROM a", &[]), query("SELECT x FROM b", &[])])
}

/// The number, whether it is whole, how many rows and how many new ones, of each result.
fn results(reply: &Reply) -> Vec<(u32, bool, u32, u32)> {
    assert_eq!(reply.kind, kind::UPDATES, "{reply:?}");
    let all = split(&reply.payload);
    assert_eq!(all.len() as u32, reply.extra);
    let told = |it: &Reply| {
        assert_eq!((it.id, it.kind), (reply.id, kind::UPDATE));
        let bytes = &it.payload;
        (word(bytes, 8), it.flags & reply::WHOLE != 0, word(bytes, 12), word(bytes, 20))
    };
    all.iter().map(told).collect()
}

#[tokio::test]
async fn each_result_follows_its_own_and_comes_whole_again_to_who_has_not_received_it() {
    for single in [true, false] {
        let db = database(single).await;
        let server = Server::new(db.clone(), 1, Tokio::default());
        let watch = ask(&server, 1, op::WATCH_ALL, 0, &two()).await.extra;
        let first = ask(&server, 2, op::NEXT, watch, &0u32.to_le_bytes()).await;
        assert_eq!(results(&first), [(1, true, 1, 0), (1, true, 0, 0)]);
        db.execute("INSERT INTO b VALUES (2)", ()).await.unwrap();
        let next = ask(&server, 3, op::NEXT, watch, &1u32.to_le_bytes()).await;
        assert_eq!(results(&next), [(2, false, 1, 0), (2, false, 1, 1)]);
        let again = ask(&server, 4, op::NEXT, watch, &1u32.to_le_bytes()).await;
        assert_eq!(results(&again), [(2, true, 1, 0), (2, true, 1, 0)]);
        server.submit(&Batch::default().add(5, op::NEXT, watch, &2u32.to_le_bytes()).0).unwrap();
        let (_, end) = tokio::join!(db.close(), settled(&server, &[5]));
        assert_eq!((end[0].kind, end[0].flags), (kind::UPDATES, reply::END));
    }
}

#[tokio::test]
async fn a_query_that_fails_ends_the_watch_and_none_is_refused() {
    for single in [true, false] {
        let db = database(single).await;
        let server = Server::new(db.clone(), 1, Tokio::default());
        let a = || query("SELECT x FROM a", &[]);
        let failing = all(&[a(), query("SELECT 1 FROM gone", &[])]);
        let keyless = all(&[a(), query("SELECT x FROM a", &["x", "y"])]);
        for (id, payload) in [(1, failing), (4, all(&[])), (7, keyless)] {
            let watch = ask(&server, id, op::WATCH_ALL, 0, &payload).await.extra;
            let next = 0u32.to_le_bytes();
            assert_eq!(ask(&server, id + 1, op::NEXT, watch, &next).await.kind, kind::ERROR);
            assert_eq!(ask(&server, id + 2, op::NEXT, watch, &next).await.kind, kind::ERROR);
        }
        // Neither is what is no list of statements.
        let cut = ask(&server, 10, op::WATCH_ALL, 0, &two()[..20]).await;
        assert_eq!(cut.kind, kind::ERROR);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_row_with_the_same_key_is_updated_where_its_own_query_has_a_key() {
    let db = database(true).await;
    db.batch("CREATE TABLE c (id INTEGER PRIMARY KEY, x); INSERT INTO c VALUES (1, 1), (2, 2)")
        .await
        .unwrap();
    let server = Server::new(db.clone(), 1, Tokio::default());
    let queries = all(&[query("SELECT id, x FROM c", &[]), query("SELECT id, x FROM c", &["id"])]);
    let watch = ask(&server, 1, op::WATCH_ALL, 0, &queries).await.extra;
    ask(&server, 2, op::NEXT, watch, &0u32.to_le_bytes()).await;
    db.execute("UPDATE c SET x = 7 WHERE id = 2", ()).await.unwrap();
    let next = ask(&server, 3, op::NEXT, watch, &1u32.to_le_bytes()).await;
    // How many rows are new, gone and different.
    let counts = |it: &Reply| [20, 24, 28].map(|at| word(&it.payload, at));
    let told: Vec<_> = split(&next.payload).iter().map(counts).collect();
    assert_eq!(told, [[1, 1, 0], [0, 0, 1]]);
    db.close().await.unwrap();
}

/// A reply to who has the result before costs what has changed, and not what there is.
#[tokio::test]
async fn one_changed_row_of_ten_thousand_is_at_most_300_bytes() {
    for single in [true, false] {
        let db = database(single).await;
        let rows =
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, status TEXT, price REAL);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
            INSERT INTO items SELECT i, 'item number ' || i, 'new', i / 3.0 FROM n";
        db.batch(rows).await.unwrap();
        let server = Server::new(db.clone(), 1, Tokio::default());
        let statement = query("SELECT id, name, status, price FROM items", &["id"]);
        let one = ask(&server, 1, op::WATCH, 0, &statement).await.extra;
        let several = all(&[statement, query("SELECT count(*) FROM items", &[])]);
        let both = ask(&server, 2, op::WATCH_ALL, 0, &several).await.extra;
        for (id, watch) in [(3, one), (4, both)] {
            let first = ask(&server, id, op::NEXT, watch, &0u32.to_le_bytes()).await;
            assert!(first.payload.len() > 10_000 * 4 * 16, "all rows: {}", first.payload.len());
        }
        let mut id = 5;
        for (number, row) in [(1u32, 4_321i64), (2, 1), (3, 10_000)] {
            let change = "UPDATE items SET status = 'sold', price = 1.5 WHERE id = ?";
            db.execute(change, crate::params![row]).await.unwrap();
            // The bytes that travel: the header is of 16.
            let next = ask(&server, id, op::NEXT, one, &number.to_le_bytes()).await;
            let bytes = 16 + next.payload.len();
            assert!(bytes <= 300, "{bytes} bytes for the change of row {row}");
            assert_eq!([20, 24, 28].map(|at| word(&next.payload, at)), [0, 0, 1]);
            let next = ask(&server, id + 1, op::NEXT, both, &number.to_le_bytes()).await;
            let parts = split(&next.payload);
            let sizes: Vec<_> = parts.iter().map(|part| 16 + part.payload.len()).collect();
            assert!(sizes[0] <= 300, "{sizes:?} bytes for the change of row {row}");
            // The other result is the same: what is left is its head.
            assert!(sizes[1] <= 80, "{sizes:?} bytes for the change of row {row}");
            id += 2;
        }
        db.close().await.unwrap();
    }
}
