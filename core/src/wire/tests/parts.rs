//! Long results, which come in parts while their statement runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::*;

/// A query of rows of a few bytes each, as many as the condition `rows` allows.
fn numbers(rows: &str, column: &str) -> Vec<u8> {
    sql(&format!(
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r {rows}) SELECT {column} FROM r"
    ))
}

/// A host that takes each part while the statement runs, as a worker does.
#[derive(Clone, Default)]
struct Eager(Arc<EagerState>);

#[derive(Default)]
struct EagerState {
    server: OnceLock<Server>,
    taken: Mutex<Vec<Vec<u8>>>,
    /// Runs after each part.
    then: Option<fn()>,
}

impl Host for Eager {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        tokio::spawn(future);
    }

    fn ready(&self) {}

    fn part(&self) {
        let bytes = taken(self.0.server.get().unwrap());
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        if let Some(then) = self.0.then {
            then();
        }
    }
}

impl Eager {
    fn new(database: Database, client: u32, then: Option<fn()>) -> Self {
        let host = Self(Arc::new(EagerState { then, ..EagerState::default() }));
        let server = Server::new(database, client, host.clone());
        assert!(host.0.server.set(server).is_ok());
        host
    }

    fn server(&self) -> &Server {
        self.0.server.get().unwrap()
    }

    /// Returns the batches that were taken while statements ran, since the last call.
    fn parts(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.0.taken.lock().unwrap())
    }
}

fn memory() -> Database {
    Database::from_backend(Box::new(
        SingleThread::open(":memory:".as_ref(), Options::default()).unwrap(),
    ))
}

/// The integers of the only column, page by page.
pub(super) fn integers(reply: &Reply) -> Vec<u64> {
    let mut at = 16 + (word(&reply.payload, 8) as usize).next_multiple_of(8);
    let mut all = Vec::new();
    for _ in 0..reply.extra {
        let rows = word(&reply.payload, at) as usize;
        let heap = word(&reply.payload, at + 4) as usize;
        for row in 0..rows {
            let cell = at + 16 + row * 16 + 8;
            all.push(u64::from_le_bytes(reply.payload[cell..cell + 8].try_into().unwrap()));
        }
        at = (at + 16 + rows * 16 + heap).next_multiple_of(8);
    }
    all
}

#[tokio::test]
async fn a_long_result_comes_in_parts_each_row_once_and_in_order() {
    let host = Eager::new(memory(), 1, None);
    for id in [1, 2] {
        let request = Batch::default().add(id, op::QUERY, 0, &numbers("WHERE i < 100000", "i"));
        host.server().submit(&request.0).unwrap();
        let parts = host.parts();
        assert!(parts.len() >= 4, "{} batches", parts.len());
        assert!(parts.iter().all(|part| part.len() < 400 << 10), "a batch is much too long");
        let last = taken(host.server());
        let all: Vec<Reply> = parts.iter().chain([&last]).flat_map(|part| split(part)).collect();
        assert!(all.iter().all(|reply| (reply.id, reply.kind) == (id, 7)));
        let (end, before) = all.split_last().unwrap();
        assert!(before.iter().all(|reply| reply.flags & 4 != 0), "others follow");
        assert_eq!(end.flags & 4, 0, "none follows");
        // The names are sent once, in the very first reply, and referred to by the others.
        let told = all.iter().filter(|reply| word(&reply.payload, 8) > 0).count();
        assert_eq!(told, usize::from(id == 1));
        let rows: Vec<u64> = all.iter().flat_map(integers).collect();
        assert!(rows.into_iter().eq(1..=100_000));
    }
}

#[tokio::test]
async fn replies_of_a_long_batch_come_while_the_others_run() {
    let host = Eager::new(memory(), 1, None);
    let batch = |count: u32| {
        let read = sql("SELECT 1");
        (1..=count).fold(Batch::default(), |batch, id| batch.add(id, op::QUERY, 0, &read))
    };
    host.server().submit(&batch(16).0).unwrap();
    assert!(host.parts().is_empty(), "nothing is left that could run meanwhile");
    assert_eq!(split(&taken(host.server())).len(), 16);
    // On a busy machine a read may leave this thread, since it takes too long.
    let mut counts = Vec::new();
    for _ in 0..10 {
        host.server().submit(&batch(40).0).unwrap();
        let parts = host.parts();
        let last = taken(host.server());
        let ids = |bytes: &Vec<u8>| split(bytes).iter().map(|reply| reply.id).collect::<Vec<_>>();
        let all: Vec<_> = parts.iter().chain([&last]).map(ids).collect();
        counts.push(all.iter().map(Vec::len).collect::<Vec<_>>());
        assert!(all.into_iter().flatten().eq(1..=40), "{counts:?}");
    }
    assert!(counts.iter().any(|counts| *counts == [16, 16, 8]), "{counts:?}");
}

#[tokio::test]
async fn an_error_after_some_rows_is_the_answer() {
    let host = Eager::new(memory(), 1, None);
    let overflows = "abs(CASE WHEN i = 90000 THEN -9223372036854775807 - 1 ELSE i END)";
    let request = Batch::default().add(1, op::QUERY, 0, &numbers("WHERE i < 100000", overflows));
    host.server().submit(&request.0).unwrap();
    assert!(!host.parts().is_empty(), "it failed before its first part");
    let last = replies(host.server()).pop().unwrap();
    assert_eq!((last.id, last.kind, last.flags), (1, 1, 0), "{last:?}");
}

static GIVEN_UP: AtomicBool = AtomicBool::new(false);
/// A client number that no other test uses.
const CLIENT: u32 = 7_301;

#[tokio::test]
async fn a_query_that_is_given_up_in_the_middle_stops_and_holds_nothing() {
    Server::set_probe(|client, _| client == CLIENT && GIVEN_UP.load(Ordering::Relaxed));
    let db = memory();
    db.execute("CREATE TABLE t(a)", ()).await.unwrap();
    let host = Eager::new(db.clone(), CLIENT, Some(|| GIVEN_UP.store(true, Ordering::Relaxed)));
    // The query is endless.
    host.server().submit(&Batch::default().add(1, op::QUERY, 0, &numbers("", "i")).0).unwrap();
    assert!(!host.parts().is_empty());
    let last = replies(host.server()).pop().unwrap();
    assert_eq!((last.id, last.kind), (1, 1), "{last:?}");
    GIVEN_UP.store(false, Ordering::Relaxed);
    db.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    db.execute("DROP TABLE t", ()).await.unwrap();
}

#[tokio::test]
async fn a_time_limit_that_passes_in_the_middle_is_told() {
    let host = Eager::new(memory(), 2, None);
    let payload = [&500u32.to_le_bytes()[..], &numbers("", "i")].concat();
    host.server().submit(&Batch::default().flagged(1, op::QUERY, 1, 0, &payload).0).unwrap();
    assert!(!host.parts().is_empty());
    let last = replies(host.server()).pop().unwrap();
    assert_eq!((last.id, last.kind), (1, 1));
    assert!(String::from_utf8_lossy(&last.payload).contains("Timeout"), "{last:?}");
}

#[tokio::test]
async fn of_a_statement_that_writes_no_row_is_told_before_it_is_done() {
    let db = memory();
    db.execute("CREATE TABLE t(a CHECK (a < 90000))", ()).await.unwrap();
    let host = Eager::new(db.clone(), 3, None);
    let insert = |rows: u32| {
        sql(&format!(
            "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {rows}) \
             INSERT INTO t SELECT i FROM r RETURNING a"
        ))
    };
    host.server().submit(&Batch::default().add(1, op::QUERY, 0, &insert(95_000)).0).unwrap();
    let all = settled(host.server(), &[1]).await;
    assert_eq!(all.iter().map(|reply| reply.kind).collect::<Vec<_>>(), [1]);
    host.server().submit(&Batch::default().add(2, op::QUERY, 0, &insert(50_000)).0).unwrap();
    let all = settled(host.server(), &[2]).await;
    assert!(host.parts().is_empty());
    assert!(all.iter().flat_map(integers).eq(1..=50_000));
}

#[tokio::test]
async fn transactions_sessions_snapshots_and_selections_give_parts_too() {
    let folder = tempfile::tempdir().unwrap();
    let local = SingleThread::open(&folder.path().join("a.db"), Options::default()).unwrap();
    let db = Database::from_backend(Box::new(local));
    db.execute("CREATE TABLE t(a)", ()).await.unwrap();
    db.execute_many("INSERT INTO t VALUES (?)", (1..=60_000).map(|i| (i,))).await.unwrap();
    let host = Eager::new(db, 4, None);
    let open = Batch::default().add(1, op::BEGIN, 0, &[0]).add(2, op::SNAPSHOT, 0, &[]).add(
        3,
        op::ACQUIRE,
        0,
        &[],
    );
    host.server().submit(&open.0).unwrap();
    settled(host.server(), &[1, 2, 3]).await;
    let select = [&text("t")[..], &[0; 8], &[0], &[0; 8]].concat();
    let asked = [
        (10, op::QUERY, 1, sql("SELECT a FROM t")),
        (11, op::QUERY, 2, sql("SELECT a FROM t")),
        (12, op::QUERY, 3, sql("SELECT a FROM t")),
        (13, op::QUERY, 0, sql("SELECT a FROM t")),
        (14, op::SELECT, 0, select),
    ];
    for (id, op, handle, payload) in asked {
        host.server().submit(&Batch::default().add(id, op, handle, &payload).0).unwrap();
        let rest = settled(host.server(), &[id]).await;
        let parts = host.parts();
        assert!(parts.len() > 1, "{id}: {} batches", parts.len());
        let first: Vec<Reply> = parts.iter().flat_map(|part| split(part)).collect();
        assert!(first.iter().chain(&rest).flat_map(integers).eq(1..=60_000), "{id}");
    }
}

#[tokio::test]
async fn what_has_to_wait_for_its_turn_is_answered_whole() {
    let db = memory();
    db.execute("CREATE TABLE t(a)", ()).await.unwrap();
    let host = Eager::new(db.clone(), 5, None);
    host.server().submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
    settled(host.server(), &[1]).await;
    // It writes, and the transaction has the write permit.
    let insert =
        sql("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 60000) \
                      INSERT INTO t SELECT i FROM r RETURNING a");
    let query = Batch::default().add(2, op::QUERY, 0, &insert).add(3, op::COMMIT, 1, &[]);
    host.server().submit(&query.0).unwrap();
    let all = settled(host.server(), &[2, 3]).await;
    assert!(host.parts().is_empty());
    assert!(all.iter().filter(|reply| reply.id == 2).flat_map(integers).eq(1..=60_000));
}

#[tokio::test]
async fn rows_come_in_chunks_and_each_is_credited() {
    let server = serve();
    let create = sql("CREATE TABLE t(a)");
    server.submit(&Batch::default().add(1, op::EXECUTE, 0, &create).0).unwrap();
    settled(&server, &[1]).await;
    let rows = |from: i64, count: u32| {
        let mut bytes = count.to_le_bytes().to_vec();
        for value in (from..).take(count as usize) {
            bytes.extend_from_slice(&[1, 1, 0, 0, 0, 1]);
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    };
    let first = [text("INSERT INTO t VALUES (?)"), rows(0, 3)].concat();
    let batch = Batch::default()
        .flagged(2, op::EXECUTE_MANY, 2, 0, &first)
        .flagged(3, op::MORE, 2, 2, &rows(3, 3000))
        .flagged(4, op::MORE, 0, 2, &rows(3003, 2));
    server.submit(&batch.0).unwrap();
    let all = settled(&server, &[2, 3, 4]).await;
    assert_eq!((all[0].kind, word(&all[0].payload, 0)), (4, 3005), "{all:?}");
    assert_eq!((all[1].kind, all[2].kind), (9, 9));
}
