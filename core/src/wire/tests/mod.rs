//! Tests with the bytes of a client, as a binding would write them.

mod backup;
mod cancellation;
mod handles;
mod migrations;
mod model;
mod parts;
mod sink;
mod stats;
mod storage;
mod sync;
mod threads;
mod timed;
mod watch_all;

use std::sync::{Arc, Mutex};

use super::numbers::{cell, kind, op};
use super::{Host, Server};
use crate::api::database::Database;
use crate::backend::single_thread::SingleThread;
use crate::options::Options;
use crate::platform::BoxFuture;
use crate::value::Value;

/// Drives futures on the test's runtime.
#[derive(Clone, Default)]
struct Tokio(Arc<Mutex<usize>>);

impl Host for Tokio {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        tokio::spawn(future);
    }

    fn ready(&self) {
        *self.0.lock().unwrap() += 1;
    }
}

/// Writes requests.
#[derive(Default)]
struct Batch(Vec<u8>);

impl Batch {
    fn add(mut self, id: u32, op: u8, handle: u32, payload: &[u8]) -> Self {
        self = self.flagged(id, op, 0, handle, payload);
        self
    }

    fn flagged(mut self, id: u32, op: u8, flags: u8, handle: u32, payload: &[u8]) -> Self {
        let length = 4 + 1 + 1 + 4 + payload.len() as u32;
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(&id.to_le_bytes());
        self.0.extend_from_slice(&[op, flags]);
        self.0.extend_from_slice(&handle.to_le_bytes());
        self.0.extend_from_slice(payload);
        self
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A statement without parameters.
fn sql(sql: &str) -> Vec<u8> {
    let mut bytes = text(sql);
    bytes.push(0);
    bytes
}

#[derive(Debug)]
struct Reply {
    id: u32,
    kind: u8,
    flags: u8,
    extra: u32,
    payload: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The values of a reply with rows.
fn values(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.kind, kind::ROWS, "{reply:?}");
    let bytes = &reply.payload;
    let width = word(bytes, 4) as usize;
    let mut at = 16 + (word(bytes, 8) as usize).next_multiple_of(8);
    let mut all = Vec::new();
    for _ in 0..reply.extra {
        let (rows, heap) = (word(bytes, at) as usize, word(bytes, at + 4) as usize);
        let cells = at + 16;
        let texts = cells + rows * width * cell::SIZE;
        for cell in bytes[cells..texts].chunks(cell::SIZE) {
            let number = u64::from_le_bytes(cell[8..16].try_into().unwrap());
            let heap = || {
                let from = texts + number as usize;
                bytes[from..from + word(cell, 4) as usize].to_vec()
            };
            all.push(match word(cell, 0) {
                cell::NULL => Value::Null,
                cell::INTEGER => Value::Integer(number.cast_signed()),
                cell::REAL => Value::Real(f64::from_bits(number)),
                cell::BLOB => Value::from(heap()),
                _ => Value::from(String::from_utf8(heap()).unwrap()),
            });
        }
        at = (texts + heap).next_multiple_of(8);
    }
    all
}

/// A database in memory, on the backend of one thread or on that with threads.
async fn in_memory(single: bool) -> Database {
    if single {
        let local = SingleThread::open(":memory:".as_ref(), Options::default()).unwrap();
        return Database::from_backend(Box::new(local));
    }
    Options::default().open(":memory:").await.unwrap()
}

/// Sends a request by itself, and returns its reply.
async fn ask(server: &Server, id: u32, op: u8, handle: u32, payload: &[u8]) -> Reply {
    server.submit(&Batch::default().add(id, op, handle, payload).0).unwrap();
    settled(server, &[id]).await.into_iter().find(|reply| reply.id == id).unwrap()
}

fn taken(server: &Server) -> Vec<u8> {
    let mut replies = Vec::new();
    server.take(&mut replies);
    replies
}

fn replies(server: &Server) -> Vec<Reply> {
    split(&taken(server))
}

/// The replies of a batch.
fn split(bytes: &[u8]) -> Vec<Reply> {
    let mut rest = bytes;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = word(rest, 0) as usize;
        assert_eq!(length % 8, 0);
        let (reply, next) = rest.split_at(length);
        rest = next;
        all.push(Reply {
            id: word(reply, 4),
            kind: reply[8],
            flags: reply[9],
            extra: word(reply, 12),
            payload: reply[16..].to_vec(),
        });
    }
    all
}

async fn settled(server: &Server, ids: &[u32]) -> Vec<Reply> {
    let mut all = Vec::new();
    for _ in 0..500 {
        all.extend(replies(server));
        if ids.iter().all(|id| all.iter().any(|reply: &Reply| reply.id == *id)) {
            all.sort_by_key(|reply| reply.id);
            return all;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        // As a host does after it has looked for messages: on a busy machine calls are long.
        if server.is_behind() {
            server.resume();
        }
    }
    panic!("no answer to some of {ids:?}: {all:?}");
}

fn serve() -> Server {
    let local = SingleThread::open(":memory:".as_ref(), Options::default()).unwrap();
    Server::new(Database::from_backend(Box::new(local)), 1, Tokio::default())
}

#[tokio::test]
async fn a_read_is_answered_within_the_very_call() {
    let server = serve();
    server.submit(&Batch::default().add(1, op::QUERY, 0, &sql("SELECT 7 AS n, 'x'")).0).unwrap();
    let [reply] = replies(&server).try_into().unwrap();
    let Reply { id: 1, kind: 7, extra: 1, payload, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((word(&payload, 4), word(&payload, 8)), (2, 11));
    assert_eq!(&payload[16..27], br#"["n","'x'"]"#);
    // A second time the names are known.
    server.submit(&Batch::default().add(2, op::QUERY, 0, &sql("SELECT 7 AS n, 'x'")).0).unwrap();
    let [again] = replies(&server).try_into().unwrap();
    assert_eq!((word(&again.payload, 0), word(&again.payload, 8)), (word(&payload, 0), 0));
}

#[tokio::test]
async fn writes_that_are_to_share_a_commit_are_not_done_one_by_one_within_their_calls() {
    let database = Options::default().open(":memory:").await.unwrap();
    let server = Server::new(database, 1, Tokio::default());
    let mut result = Vec::new();
    let mut call = |id, flags, text: &str| {
        let request = Batch::default().flagged(id, op::EXECUTE, flags, 0, &sql(text));
        server.call(&request.0, &mut result).unwrap()
    };
    if !call(1, 0, "CREATE TABLE t (x)") {
        settled(&server, &[1]).await;
    }
    assert!(call(2, 0, "INSERT INTO t VALUES (1)"));
    // The writer's thread may finish one before its call returns, but not all.
    let later: Vec<u32> = (3..53).filter(|id| !call(*id, 4, "INSERT INTO t VALUES (2)")).collect();
    assert!(!later.is_empty());
    let all = settled(&server, &later).await;
    assert!(all.iter().all(|reply| reply.kind == 2), "{all:?}");
}

#[tokio::test]
async fn one_call_tells_all_of_a_statement_and_in_a_snapshot_only_reads() {
    let server = serve();
    let table = sql("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20))");
    let insert = sql("INSERT INTO t (name) VALUES ('a'), ('b') RETURNING id, name, 1 + 1");
    let asked = [
        (op::RUN, table),
        (op::RUN, insert.clone()),
        (op::SNAPSHOT, vec![]),
        (op::RUN, sql("SELECT id FROM t WHERE 0")),
    ];
    let mut all = Vec::new();
    for (id, (op, payload)) in (1..).zip(asked) {
        server.submit(&Batch::default().add(id, op, 0, &payload).0).unwrap();
        all.extend(settled(&server, &[id]).await);
    }
    let told = |reply: &Reply| {
        let length = word(&reply.payload, 16) as usize;
        let columns = String::from_utf8(reply.payload[24..24 + length].to_vec()).unwrap();
        (word(&reply.payload, 0), word(&reply.payload, 8), columns)
    };
    assert!([0, 1, 3].iter().all(|at| all[*at].kind == 11), "{all:?}");
    assert_eq!(told(&all[0]).2, "[]");
    let columns = r#"[["id","INTEGER"],["name","VARCHAR(20)"],["1 + 1",null]]"#;
    assert_eq!(told(&all[1]), (2, 2, columns.to_owned()));
    assert_eq!(all[1].extra, 1, "a page with its rows");
    assert_eq!(told(&all[3]), (0, 0, r#"[["id","INTEGER"]]"#.to_owned()));
    server.submit(&Batch::default().add(5, op::RUN, 3, &insert).0).unwrap();
    let refused = settled(&server, &[5]).await.pop().unwrap();
    assert_eq!(refused.kind, 1, "a snapshot changes nothing: {refused:?}");
}

#[tokio::test]
async fn a_call_answers_where_it_was_made_and_a_later_answer_comes_with_the_others() {
    let server = serve();
    let mut result = Vec::new();
    let query = Batch::default().add(1, op::QUERY, 0, &sql("SELECT 7 AS n")).0;
    assert!(server.call(&query, &mut result).unwrap());
    assert_eq!((word(&result, 4), word(&result, 0) as usize), (1, result.len()));
    let wrong = Batch::default().add(2, op::QUERY, 0, &sql("SELECT")).0;
    let len = result.len();
    assert!(server.call(&wrong, &mut result).unwrap());
    assert_eq!(word(&result, len + 4), 2);
    assert!(taken(&server).is_empty());
    assert!(server.call(&query[..7], &mut result).is_err());
    let create = Batch::default().add(3, op::BEGIN, 0, &[0]).add(4, op::BEGIN, 0, &[0]).0;
    server.submit(&create).unwrap();
    settled(&server, &[3]).await;
    // The writer is in use: this one waits, and completes when it gets the write permit.
    let insert = Batch::default().add(5, op::EXECUTE, 0, &sql("CREATE TABLE t (id)")).0;
    assert!(!server.call(&insert, &mut result).unwrap());
    let end = Batch::default().add(6, op::ROLLBACK, 3, &[]).add(7, op::CANCEL, 4, &[]).0;
    server.submit(&end).unwrap();
    settled(&server, &[5]).await;
}

#[tokio::test]
async fn calls_of_one_transaction_take_place_in_order_and_its_end_is_the_end() {
    let server = serve();
    let batch = Batch::default().add(1, op::EXECUTE, 0, &sql("CREATE TABLE t(a)")).add(
        2,
        op::BEGIN,
        0,
        &[0],
    );
    server.submit(&batch.0).unwrap();
    settled(&server, &[1, 2]).await;
    let batch = Batch::default()
        .add(3, op::EXECUTE, 2, &sql("INSERT INTO t VALUES (1)"))
        .add(4, op::SAVEPOINT, 2, &[])
        .add(5, op::EXECUTE, 2, &sql("INSERT INTO t VALUES (2)"));
    server.submit(&batch.0).unwrap();
    settled(&server, &[3, 4, 5]).await;
    let batch = Batch::default()
        .add(6, op::ROLLBACK, 4, &[])
        .add(7, op::COMMIT, 2, &[])
        .add(8, op::QUERY, 2, &sql("SELECT 1"))
        .add(9, op::EXECUTE, 0, &sql("INSERT INTO t VALUES (3)"));
    server.submit(&batch.0).unwrap();
    let all = settled(&server, &[6, 7, 8, 9]).await;
    let kinds: Vec<u8> = all.iter().map(|reply| reply.kind).collect();
    assert_eq!(kinds, [0, 0, 1, 2], "{all:?}");
    let count = sql("SELECT group_concat(a) FROM t");
    server.submit(&Batch::default().add(10, op::QUERY_VALUE, 0, &count).0).unwrap();
    let all = settled(&server, &[10]).await;
    assert!(all[0].payload.windows(3).any(|bytes| bytes == b"1,3"), "{all:?}");
}

#[tokio::test]
async fn a_commit_that_is_given_up_while_it_waits_in_line_leaves_nothing_open() {
    let server = serve();
    server.submit(&Batch::default().add(1, op::EXECUTE, 0, &sql("CREATE TABLE t(a)")).0).unwrap();
    server.submit(&Batch::default().add(2, op::BEGIN, 0, &[0]).0).unwrap();
    settled(&server, &[1, 2]).await;
    let mut rows = text("INSERT INTO t VALUES (?)");
    rows.extend_from_slice(&0u32.to_le_bytes());
    // It waits for rows that never come, and the commit waits for it.
    let batch = Batch::default()
        .flagged(3, op::EXECUTE_MANY, 2, 2, &rows)
        .add(4, op::COMMIT, 2, &[])
        .add(5, op::CANCEL, 4, &[])
        .add(6, op::CANCEL, 3, &[])
        .add(7, op::EXECUTE, 0, &sql("INSERT INTO t VALUES (2)"));
    server.submit(&batch.0).unwrap();
    // A call that the end of its transaction has undone gets an error.
    let all = settled(&server, &[3, 7]).await;
    let kinds: Vec<_> = all.iter().map(|reply| (reply.id, reply.kind)).collect();
    assert_eq!(kinds, [(3, 1), (7, 2)], "{all:?}");
}

#[tokio::test]
async fn a_dropped_client_rolls_back_what_it_has_open() {
    let local = SingleThread::open(":memory:".as_ref(), Options::default()).unwrap();
    let db = Database::from_backend(Box::new(local));
    db.execute("CREATE TABLE t(a)", ()).await.unwrap();
    let server = Server::new(db.clone(), 1, Tokio::default());
    server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
    settled(&server, &[1]).await;
    let insert = sql("INSERT INTO t VALUES (1)");
    server.submit(&Batch::default().add(2, op::EXECUTE, 1, &insert).0).unwrap();
    settled(&server, &[2]).await;
    drop(server);
    db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
    let left: Vec<i64> = db.query("SELECT a FROM t", ()).await.unwrap();
    assert_eq!(left, [2]);
}

#[tokio::test]
async fn a_stream_gives_its_pages_and_then_its_end() {
    let server = serve();
    let numbers = sql(
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 5000) SELECT i FROM r",
    );
    server.submit(&Batch::default().add(1, op::STREAM, 0, &numbers).0).unwrap();
    settled(&server, &[1]).await;
    let mut rows = 0;
    for id in 2.. {
        server.submit(&Batch::default().add(id, op::NEXT, 1, &1u32.to_le_bytes()).0).unwrap();
        let [reply] = settled(&server, &[id]).await.try_into().unwrap();
        if reply.flags & 1 != 0 {
            break;
        }
        let names = (word(&reply.payload, 8) as usize).next_multiple_of(8);
        rows += word(&reply.payload, 16 + names);
    }
    assert_eq!(rows, 5000);
}

#[tokio::test]
async fn bytes_that_are_no_request_are_told_so_whatever_they_are() {
    let local = SingleThread::open(":memory:".as_ref(), Options::default()).unwrap();
    let db = Database::from_backend(Box::new(local));
    let server = Server::new(db.clone(), 1, Tokio::default());
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> =
            Batch::default().add(9, random.u8(0..60), random.u32(0..3), &sql("SELECT 1")).0;
        for _ in 0..random.usize(0..6) {
            let at = random.usize(0..bytes.len());
            bytes[at] = random.u8(..);
        }
        bytes.truncate(random.usize(0..=bytes.len()));
        // An error or a reply: never a panic.
        let _ = server.submit(&bytes);
    }
    drop(server);
    // All that was begun is rolled back when its client is dropped.
    db.execute("CREATE TABLE after(a)", ()).await.unwrap();
}

#[tokio::test]
async fn a_cancelled_call_answers_nothing_and_never_runs() {
    let server = serve();
    let create = sql("CREATE TABLE t(a)");
    server.submit(&Batch::default().add(1, op::EXECUTE, 0, &create).0).unwrap();
    settled(&server, &[1]).await;
    server.submit(&Batch::default().add(2, op::BEGIN, 0, &[0]).0).unwrap();
    settled(&server, &[2]).await;
    let batch = Batch::default()
        .add(3, op::EXECUTE, 0, &sql("INSERT INTO t VALUES (1)"))
        .add(4, op::CANCEL, 3, &[])
        .add(5, op::COMMIT, 2, &[]);
    server.submit(&batch.0).unwrap();
    settled(&server, &[5]).await;
    let count = sql("SELECT count(*) + 40 FROM t");
    server.submit(&Batch::default().add(6, op::QUERY_VALUE, 0, &count).0).unwrap();
    let all = settled(&server, &[6]).await;
    assert!(all.iter().all(|reply| reply.id != 3), "{all:?}");
    assert!(all[0].payload.contains(&40), "{all:?}");
}

#[tokio::test]
async fn a_write_that_was_given_up_too_late_keeps_its_transaction_from_being_committed() {
    // On a busy machine a batch may take long: its end is then read before its middle runs.
    for _ in 0..1000 {
        let server = serve();
        let create = sql("CREATE TABLE t(a)");
        server.submit(&Batch::default().add(1, op::EXECUTE, 0, &create).0).unwrap();
        settled(&server, &[1]).await;
        server.submit(&Batch::default().add(2, op::BEGIN, 0, &[0]).0).unwrap();
        settled(&server, &[2]).await;
        let batch = Batch::default()
            .add(3, op::EXECUTE, 2, &sql("INSERT INTO t VALUES (1)"))
            .add(4, op::QUERY, 2, &sql("SELECT 1"))
            .add(5, op::CANCEL, 4, &[])
            .add(6, op::QUERY, 2, &sql("SELECT 1"))
            .add(7, op::CANCEL, 3, &[])
            .add(8, op::COMMIT, 2, &[]);
        server.submit(&batch.0).unwrap();
        if server.is_behind() {
            continue;
        }
        let all = settled(&server, &[6, 8]).await;
        // A cancelled write makes the transaction rollback-only; a cancelled read does not.
        let kind = |id: u32| all.iter().find(|reply| reply.id == id).map(|reply| reply.kind);
        assert_eq!((kind(6), kind(8)), (Some(7), Some(1)), "{all:?}");
        return;
    }
    panic!("no batch was taken at once");
}

#[tokio::test]
async fn behind_a_long_call_the_others_wait_and_can_be_given_up() {
    let server = serve();
    let long = sql(
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 300000) SELECT count(*) FROM r",
    );
    let batch = Batch::default()
        .add(1, op::QUERY_VALUE, 0, &long)
        .add(2, op::QUERY_VALUE, 0, &sql("SELECT 2"))
        .add(3, op::QUERY_VALUE, 0, &sql("SELECT 3"));
    server.submit(&batch.0).unwrap();
    assert!(server.is_behind());
    assert_eq!(replies(&server).len(), 1);
    server.submit(&Batch::default().add(4, op::CANCEL, 2, &[]).0).unwrap();
    server.submit(&Batch::default().add(5, op::QUERY_VALUE, 0, &sql("SELECT 5")).0).unwrap();
    server.resume();
    assert!(!server.is_behind());
    let ids: Vec<u32> = replies(&server).iter().map(|reply| reply.id).collect();
    assert_eq!(ids, [3, 5]);
}

#[tokio::test]
async fn the_writes_of_a_batch_are_answered_when_it_was_taken() {
    let server = serve();
    let create = Batch::default().add(1, op::EXECUTE, 0, &sql("CREATE TABLE t(x UNIQUE)"));
    server.submit(&create.0).unwrap();
    assert_eq!(replies(&server).len(), 1);
    let batch = Batch::default()
        .add(2, op::EXECUTE, 0, &sql("INSERT INTO t VALUES (1)"))
        .add(3, op::EXECUTE, 0, &sql("INSERT INTO t VALUES (1)"))
        .add(4, op::EXECUTE, 0, &sql("INSERT INTO t VALUES (2)"))
        .add(0, op::CANCEL, 4, &[]);
    server.submit(&batch.0).unwrap();
    let mut results: Vec<(u32, u8)> =
        replies(&server).iter().map(|reply| (reply.id, reply.kind)).collect();
    results.sort_unstable();
    // One is done and one refused. The third was cancelled before it ran.
    assert_eq!(results.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2, 3]);
    assert_ne!(results[0].1, results[1].1);
}
