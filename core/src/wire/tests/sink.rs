//! Rows that go to a sink and not into the reply.

use std::thread::{self, ThreadId};

use super::*;
use crate::error::Result;
use crate::program::Description;
use crate::row::Page;
use crate::wire::Sink;

/// Keeps the integers of the only column.
#[derive(Default)]
struct IntegerSink {
    all: Mutex<Vec<i64>>,
    /// The threads that pages were taken on while the statement ran.
    taken_on: Mutex<Vec<ThreadId>>,
    described: Mutex<Option<String>>,
}

impl IntegerSink {
    fn add(&self, page: &Page) {
        let mut all = self.all.lock().unwrap();
        all.extend((0..page.cells()).filter_map(|index| match page.cell(index) {
            crate::value::ValueRef::Integer(number) => Some(number),
            _ => None,
        }));
    }
}

impl Sink for IntegerSink {
    fn take(&self, page: &Page) {
        self.taken_on.lock().unwrap().push(thread::current().id());
        self.add(page);
    }

    fn finish(
        self: Arc<Self>,
        description: Description,
        rest: Vec<Arc<Page>>,
    ) -> BoxFuture<'static, Result<u64>> {
        rest.iter().for_each(|page| self.add(page));
        *self.described.lock().unwrap() =
            Some(format!("{:?}", description.columns().collect::<Vec<_>>()));
        let rows = self.all.lock().unwrap().len() as u64;
        Box::pin(async move {
            // As if a thread had to end first.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            Ok(rows)
        })
    }
}

fn numbers(rows: u32) -> Vec<u8> {
    sql(&format!(
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {rows}) SELECT i FROM r"
    ))
}

async fn open() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let db = Options::default().open(folder.path().join("a.db")).await.unwrap();
    (folder, Server::unordered(db, 1, Tokio::default()))
}

async fn asked(server: &Server, id: u32, handle: u32, sql: &[u8]) -> (Reply, Arc<IntegerSink>) {
    let kept = Arc::new(IntegerSink::default());
    let request = Batch::default().add(id, op::QUERY, handle, sql);
    server.query_into(&request.0, kept.clone()).unwrap();
    let [reply] = settled(server, &[id]).await.try_into().unwrap();
    (reply, kept)
}

fn count(reply: &Reply) -> u32 {
    assert_eq!(reply.kind, 4, "{reply:?}");
    word(&reply.payload, 0)
}

#[tokio::test]
async fn each_row_of_a_long_result_comes_once_on_the_thread_that_steps() {
    let (_folder, server) = open().await;
    let (reply, kept) = asked(&server, 1, 0, &numbers(100_000)).await;
    assert_eq!(count(&reply), 100_000);
    assert!(kept.all.lock().unwrap().iter().copied().eq(1..=100_000));
    let taken_on = kept.taken_on.lock().unwrap();
    assert!(taken_on.len() > 4, "{taken_on:?}");
    assert!(taken_on.iter().all(|thread| *thread != thread::current().id()));
}

#[tokio::test]
async fn a_result_without_rows_is_described_and_an_error_is_the_answer() {
    let (_folder, server) = open().await;
    server
        .submit(&Batch::default().add(1, op::EXECUTE, 0, &sql("CREATE TABLE t (a DATE)")).0)
        .unwrap();
    settled(&server, &[1]).await;
    let (reply, kept) = asked(&server, 2, 0, &sql("SELECT a, 1 AS b FROM t")).await;
    assert_eq!(count(&reply), 0);
    let described = kept.described.lock().unwrap().clone();
    assert_eq!(described.as_deref(), Some(r#"[("a", Some("DATE")), ("b", None)]"#));
    let (reply, kept) = asked(&server, 3, 0, &sql("SELECT nope")).await;
    assert_eq!((reply.kind, kept.described.lock().unwrap().is_none()), (1, true));
}

#[tokio::test]
async fn in_a_transaction_it_has_its_turn_and_sees_what_was_written() {
    let (_folder, server) = open().await;
    server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
    settled(&server, &[1]).await;
    // All are requested at once.
    let writes = Batch::default().add(2, op::EXECUTE, 1, &sql("CREATE TABLE t (a)")).add(
        3,
        op::EXECUTE,
        1,
        &sql("INSERT INTO t VALUES (7)"),
    );
    server.submit(&writes.0).unwrap();
    let kept = Arc::new(IntegerSink::default());
    let query = Batch::default().add(4, op::QUERY, 1, &sql("SELECT a FROM t"));
    server.query_into(&query.0, kept.clone()).unwrap();
    server.submit(&Batch::default().add(5, op::ROLLBACK, 1, &[]).0).unwrap();
    let all = settled(&server, &[2, 3, 4, 5]).await;
    assert_eq!(count(&all[2]), 1);
    assert_eq!(*kept.all.lock().unwrap(), [7]);
    let (reply, _) = asked(&server, 6, 1, &sql("SELECT 1")).await;
    assert_eq!(reply.kind, 1, "the transaction is over: {reply:?}");
}

/// The host's thread was busy, and the rest of a batch waits for it.
#[tokio::test]
async fn it_is_behind_the_requests_that_wait() {
    let (_folder, server) = open().await;
    server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
    settled(&server, &[1]).await;
    server.fall_behind();
    let writes = Batch::default().add(2, op::EXECUTE, 1, &sql("CREATE TABLE t (a)")).add(
        3,
        op::EXECUTE,
        1,
        &sql("INSERT INTO t VALUES (7)"),
    );
    server.submit(&writes.0).unwrap();
    assert!(server.is_behind());
    let kept = Arc::new(IntegerSink::default());
    let query = Batch::default().add(4, op::QUERY, 1, &sql("SELECT a FROM t"));
    server.query_into(&query.0, kept.clone()).unwrap();
    settled(&server, &[2, 3, 4]).await;
    assert_eq!(*kept.all.lock().unwrap(), [7]);

    server.fall_behind();
    let write = Batch::default().add(5, op::EXECUTE, 1, &sql("INSERT INTO t VALUES (8)"));
    server.submit(&write.0).unwrap();
    let mut reply = Vec::new();
    let count_all = Batch::default().add(6, op::EXECUTE, 1, &sql("UPDATE t SET a = a"));
    if server.call(&count_all.0, &mut reply).unwrap() {
        settled(&server, &[5]).await;
    } else {
        settled(&server, &[5, 6]).await;
    }
    let kept = Arc::new(IntegerSink::default());
    let query = Batch::default().add(7, op::QUERY, 1, &sql("SELECT a FROM t"));
    server.query_into(&query.0, kept.clone()).unwrap();
    settled(&server, &[7]).await;
    assert_eq!(*kept.all.lock().unwrap(), [7, 8]);
}

#[tokio::test]
async fn given_up_it_has_no_reply_and_its_reader_is_free() {
    let (_folder, server) = open().await;
    let kept = Arc::new(IntegerSink::default());
    let endless =
        sql("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r");
    server.query_into(&Batch::default().add(1, op::QUERY, 0, &endless).0, kept.clone()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    server.submit(&Batch::default().add(0, op::CANCEL, 1, &[]).0).unwrap();
    for id in 2..12 {
        let (reply, _) = asked(&server, id, 0, &numbers(10_000)).await;
        assert_eq!(count(&reply), 10_000);
    }
    // No statement fills it any more.
    let since = std::time::Instant::now();
    while Arc::strong_count(&kept) > 1 {
        assert!(since.elapsed().as_secs() < 10, "the statement still runs");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(kept.described.lock().unwrap().is_none());
}

#[tokio::test]
async fn what_is_no_query_is_refused() {
    let (_folder, server) = open().await;
    let run = Batch::default().add(1, op::EXECUTE, 0, &sql("SELECT 1"));
    for request in [&run.0[..], &[], &[9; 40]] {
        assert!(server.query_into(request, Arc::new(IntegerSink::default())).is_err());
    }
    let (reply, _) = asked(&server, 2, 99, &sql("SELECT 1")).await;
    assert_eq!(reply.kind, 1, "there is no such handle: {reply:?}");
}
