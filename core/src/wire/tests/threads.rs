//! Long results of the backend with threads, whose parts a reader's thread writes.

use std::time::{Duration, Instant};

use super::parts::integers;
use super::*;

fn numbers(rows: u32, column: &str) -> Vec<u8> {
    sql(&format!(
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {rows}) \
         SELECT {column} FROM r"
    ))
}

/// Waits for all replies to a request, up to the one that no other follows.
async fn whole(server: &Server, id: u32) -> Vec<Reply> {
    let since = Instant::now();
    let mut all: Vec<Reply> = Vec::new();
    while all.last().is_none_or(|reply| reply.flags & 4 != 0) {
        assert!(since.elapsed() < Duration::from_secs(20), "no end: {} parts", all.len());
        all.extend(replies(server).into_iter().filter(|reply| reply.id == id));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    all
}

async fn open() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let db = Options::default().open(folder.path().join("a.db")).await.unwrap();
    (folder, db)
}

#[tokio::test]
async fn a_readers_thread_gives_the_rows_in_parts_each_once_and_in_order() {
    let (_folder, db) = open().await;
    let server = Server::new(db, 1, Tokio::default());
    for id in [1, 2] {
        let request = Batch::default().add(id, op::QUERY, 0, &numbers(100_000, "i"));
        server.submit(&request.0).unwrap();
        let all = whole(&server, id).await;
        assert!(all.len() > 4, "{} parts", all.len());
        assert!(all.iter().flat_map(integers).eq(1..=100_000));
        let told = all.iter().filter(|reply| word(&reply.payload, 8) > 0).count();
        assert_eq!(told, usize::from(id == 1), "the names are told once");
    }
}

#[tokio::test]
async fn who_reads_replies_in_no_order_is_given_a_long_result_whole() {
    let (_folder, db) = open().await;
    let server = Server::unordered(db, 1, Tokio::default());
    server.submit(&Batch::default().add(1, op::QUERY, 0, &numbers(100_000, "i")).0).unwrap();
    let all = whole(&server, 1).await;
    assert_eq!(all.len(), 1);
    assert!(all.iter().flat_map(integers).eq(1..=100_000));
}

#[tokio::test]
async fn who_remembers_no_names_is_told_them_with_each_part() {
    let (_folder, db) = open().await;
    let server = Server::forgetful(db, 1, Tokio::default());
    server.submit(&Batch::default().add(1, op::QUERY, 0, &numbers(100_000, "i")).0).unwrap();
    let all = whole(&server, 1).await;
    assert!(all.len() > 4, "{} parts", all.len());
    assert!(all.iter().flat_map(integers).eq(1..=100_000));
    assert!(
        all.iter().filter(|reply| !reply.payload.is_empty()).all(|it| word(&it.payload, 8) > 0)
    );
}

#[tokio::test]
async fn an_error_after_some_rows_of_a_readers_thread_is_the_answer() {
    let (_folder, db) = open().await;
    let server = Server::new(db, 1, Tokio::default());
    let overflows = "abs(CASE WHEN i = 90000 THEN -9223372036854775807 - 1 ELSE i END)";
    server.submit(&Batch::default().add(1, op::QUERY, 0, &numbers(100_000, overflows)).0).unwrap();
    let all = whole(&server, 1).await;
    assert!(all.len() > 1);
    assert_eq!(all.last().unwrap().kind, 1, "{:?}", all.last());
}

#[tokio::test]
async fn a_statement_that_still_writes_parts_keeps_no_database_open() {
    let (_folder, db) = open().await;
    let server = Server::new(db.clone(), 1, Tokio::default());
    server.submit(&Batch::default().add(1, op::QUERY, 0, &numbers(u32::MAX, "i")).0).unwrap();
    let mut parts = 0;
    while parts == 0 {
        parts = replies(&server).len();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(server);
    tokio::time::timeout(Duration::from_secs(4), db.close()).await.expect("it goes on").unwrap();
}

/// Returns the number of rows in a reply.
fn rows(reply: &Reply) -> usize {
    let width = word(&reply.payload, 4) as usize;
    let mut at = 16 + (word(&reply.payload, 8) as usize).next_multiple_of(8);
    let mut all = 0;
    for _ in 0..reply.extra {
        let rows = word(&reply.payload, at) as usize;
        let heap = word(&reply.payload, at + 4) as usize;
        all += rows;
        at = (at + 16 + rows * width * 16 + heap).next_multiple_of(8);
    }
    all
}

/// A reader's thread may end before the call has first looked for its reply: the rest must not
/// overtake the parts that it wrote before.
#[tokio::test]
async fn a_call_that_a_readers_thread_outruns_gives_all_parts_before_the_rest() {
    let (_folder, db) = open().await;
    db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, s)", ()).await.unwrap();
    let fill = "INSERT INTO t WITH RECURSIVE r(i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 2000) \
        SELECT i, printf('%.400c', 'x') FROM r";
    db.execute(fill, ()).await.unwrap();
    let server = Server::forgetful(db, 1, Tokio::default());
    for id in 1..=400 {
        let request = Batch::default().add(id, op::QUERY, 0, &sql("SELECT i, s FROM t LIMIT 600"));
        let mut result = Vec::new();
        let all = if server.call(&request.0, &mut result).unwrap() {
            split(&result)
        } else {
            whole(&server, id).await
        };
        let rows: usize = all.iter().map(rows).sum();
        assert_eq!(rows, 600, "call {id}");
    }
}
