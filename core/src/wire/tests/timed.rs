//! Requests whose client wants to know how long they wait and how long they run.

use std::time::Duration;

use super::super::numbers::request::TIMED;
use super::*;

/// What a client is told of a request's times.
#[derive(Debug)]
struct Told {
    waited: Duration,
    ran: Duration,
    summary: String,
    rows: Option<u64>,
    changes: Option<u64>,
}

fn told(reply: &Reply) -> Told {
    assert_eq!(reply.kind, kind::TIMES, "{reply:?}");
    let number = |at: usize| u64::from_le_bytes(reply.payload[at..at + 8].try_into().unwrap());
    let nanos = |at: usize| Duration::from_nanos(number(at));
    let end = 16 + reply.extra as usize;
    let summary = String::from_utf8(reply.payload[16..end].to_vec()).unwrap();
    let counts = end.next_multiple_of(8);
    let count = |at: usize| Some(number(counts + at)).filter(|&count| count != u64::MAX);
    Told { waited: nanos(0), ran: nanos(8), summary, rows: count(0), changes: count(8) }
}

fn timed(id: u32, op: u8, handle: u32, payload: &[u8]) -> Vec<u8> {
    Batch::default().flagged(id, op, TIMED, handle, payload).0
}

/// Sends a timed request, and returns its times and its result.
async fn ask_timed(server: &Server, id: u32, op: u8, handle: u32, payload: &[u8]) -> (Told, Reply) {
    server.submit(&timed(id, op, handle, payload)).unwrap();
    settle_timed(server, id).await
}

async fn settle_timed(server: &Server, id: u32) -> (Told, Reply) {
    let all = settled(server, &[id]).await;
    let [times, result] = all.try_into().unwrap();
    assert_eq!((times.id, result.id), (id, id));
    (told(&times), result)
}

/// Commits a transaction, and returns the times and the result of a timed request that waits for it.
async fn commit_before(server: &Server, id: u32, transaction: u32, waiting: u32) -> (Told, Reply) {
    server.submit(&Batch::default().add(id, op::COMMIT, transaction, &[]).0).unwrap();
    let mut all = settled(server, &[id, waiting]).await;
    all.retain(|reply| reply.id == waiting);
    let [times, result] = all.try_into().unwrap();
    (told(&times), result)
}

async fn servers() -> Vec<Server> {
    let mut all = Vec::new();
    for single in [false, true] {
        let server = Server::new(in_memory(single).await, 1, Tokio::default());
        ask(&server, 1000, op::EXECUTE, 0, &sql("CREATE TABLE items (id INTEGER PRIMARY KEY)"))
            .await;
        all.push(server);
    }
    all
}

const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) \
     SELECT count(*) FROM n";
const INSERT: &str = "INSERT INTO items DEFAULT VALUES";

#[tokio::test]
async fn who_does_not_ask_is_told_nothing() {
    for server in servers().await {
        let reply = ask(&server, 1, op::QUERY, 0, &sql("SELECT 1")).await;
        assert_eq!(reply.kind, kind::ROWS);
        assert!(replies(&server).is_empty());
    }
}

#[tokio::test]
async fn a_write_behind_a_transaction_waits_and_does_not_run() {
    let held = Duration::from_millis(80);
    for server in servers().await {
        ask(&server, 1, op::BEGIN, 0, &[0]).await;
        server.submit(&timed(2, op::EXECUTE, 0, &sql(INSERT))).unwrap();
        // So long it waits at least, wherever it waits.
        tokio::time::sleep(held).await;
        assert!(replies(&server).is_empty(), "it waits");
        let (told, result) = commit_before(&server, 3, 1, 2).await;
        assert_eq!(result.kind, kind::EXECUTED);
        assert!(told.waited >= held, "{told:?}");
        assert!(told.ran < held && told.ran > Duration::ZERO, "{told:?}");
        assert_eq!(told.summary, "INSERT items");
    }
}

#[tokio::test]
async fn a_long_query_runs_and_does_not_wait() {
    for server in servers().await {
        let (told, result) = ask_timed(&server, 1, op::QUERY_VALUE, 0, &sql(LONG)).await;
        assert_eq!(values(&result), [Value::Integer(400_000)]);
        assert!(told.ran > Duration::from_millis(5), "{told:?}");
        assert!(told.waited < told.ran, "{told:?}");
        assert_eq!(told.summary, "SELECT n");
    }
}

#[tokio::test]
async fn the_reply_of_a_call_has_both() {
    for server in servers().await {
        let mut reply = Vec::new();
        assert!(
            server.call(&timed(1, op::QUERY, 0, &sql("SELECT 1 FROM items")), &mut reply).unwrap()
        );
        let [times, rows] = split(&reply).try_into().unwrap();
        let told = told(&times);
        assert_eq!((told.waited, told.summary.as_str()), (Duration::ZERO, "SELECT items"));
        assert!(told.ran > Duration::ZERO, "{told:?}");
        assert_eq!((rows.id, rows.kind), (1, kind::ROWS));
    }
}

#[tokio::test]
async fn an_error_has_its_times_too() {
    for server in servers().await {
        let (told, result) = ask_timed(&server, 1, op::QUERY, 0, &sql("SELECT nothing")).await;
        assert_eq!((result.kind, told.summary.as_str()), (kind::ERROR, "SELECT"));
        assert!(told.ran > Duration::ZERO, "{told:?}");
        let twice = sql("INSERT INTO items VALUES (1), (1)");
        let (told, result) = ask_timed(&server, 2, op::EXECUTE, 0, &twice).await;
        assert_eq!((result.kind, told.summary.as_str()), (kind::ERROR, "INSERT items"));
        assert!(told.ran > Duration::ZERO, "{told:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_withdrawn_while_it_waits_has_waited_and_never_ran() {
    let waited = Duration::from_millis(30);
    for server in servers().await {
        ask(&server, 1, op::BEGIN, 0, &[0]).await;
        server.submit(&timed(2, op::EXECUTE, 0, &sql(INSERT))).unwrap();
        tokio::time::sleep(waited).await;
        server.submit(&Batch::default().add(3, op::WITHDRAW, 2, &[]).0).unwrap();
        let (told, result) = settle_timed(&server, 2).await;
        assert_eq!(result.kind, kind::ERROR);
        assert!(told.waited >= waited, "{told:?}");
        assert_eq!(told.ran, Duration::ZERO, "{told:?}");
        ask(&server, 4, op::ROLLBACK, 1, &[]).await;
    }
}

#[tokio::test]
async fn operations_without_sql_say_what_they_are() {
    let waiting = Duration::from_millis(30);
    for server in servers().await {
        let (told, _) = ask_timed(&server, 1, op::BEGIN, 0, &[0]).await;
        assert_eq!(told.summary, "BEGIN");
        server.submit(&timed(2, op::BEGIN, 0, &[0])).unwrap();
        tokio::time::sleep(waiting).await;
        let (told, _) = commit_before(&server, 3, 1, 2).await;
        assert!(told.waited >= waiting, "{told:?}");
        let record = [text("items"), vec![0; 4]].concat();
        let (told, result) = ask_timed(&server, 4, op::INSERT, 2, &record).await;
        assert_eq!((result.kind, told.summary.as_str()), (kind::KEY, "INSERT items"));
        assert!(told.ran > Duration::ZERO, "{told:?}");
        let (told, _) = ask_timed(&server, 5, op::COMMIT, 2, &[]).await;
        assert_eq!(told.summary, "COMMIT");
        assert!(told.ran > Duration::ZERO, "{told:?}");
    }
}

#[tokio::test]
async fn a_session_that_waits_for_its_turn_to_write_has_waited() {
    let waiting = Duration::from_millis(60);
    for server in servers().await {
        ask(&server, 1, op::BEGIN, 0, &[0]).await;
        let (told, _) = ask_timed(&server, 2, op::ACQUIRE, 0, &[]).await;
        assert_eq!(told.summary, "ACQUIRE");
        server.submit(&timed(3, op::EXECUTE, 2, &sql(INSERT))).unwrap();
        tokio::time::sleep(waiting).await;
        let (told, result) = commit_before(&server, 4, 1, 3).await;
        assert_eq!(result.kind, kind::EXECUTED);
        // The thread with threads takes a moment to reach the queue.
        assert!(told.waited >= waiting / 2, "{told:?}");
        assert!(told.ran > Duration::ZERO && told.ran < waiting, "{told:?}");
    }
}

#[tokio::test]
async fn the_times_of_a_stream_grow_while_it_is_read_and_not_while_it_is_not() {
    let idle = Duration::from_millis(100);
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
         SELECT i FROM n";
    for server in servers().await {
        let (told, _) = ask_timed(&server, 1, op::STREAM, 0, &sql(rows)).await;
        assert_eq!(told.summary, "SELECT n");
        tokio::time::sleep(idle).await;
        let (mut last, mut read) = (told, 0);
        for id in 2.. {
            let (told, page) = ask_timed(&server, id, op::NEXT, 1, &1u32.to_le_bytes()).await;
            assert!(told.ran >= last.ran, "{last:?} {told:?}");
            read += values(&page).len() as u64;
            assert_eq!(told.rows, Some(read));
            assert_eq!(told.summary, "SELECT n");
            last = told;
            if page.flags & 1 != 0 {
                break;
            }
        }
        assert!(last.ran > Duration::from_millis(2), "{last:?}");
        assert_eq!(last.rows, Some(200_000));
        assert!(last.waited < idle, "{last:?}");
    }
}

#[tokio::test]
async fn rows_and_changes_are_told_of_what_has_them() {
    for server in servers().await {
        let three = sql("INSERT INTO items VALUES (1), (2), (3)");
        let (told, _) = ask_timed(&server, 1, op::EXECUTE, 0, &three).await;
        assert_eq!((told.rows, told.changes), (None, Some(3)));
        let all = sql("SELECT * FROM items");
        for (id, op, rows) in [(2, op::QUERY, 3), (3, op::QUERY_ONE, 1), (4, op::RUN, 3)] {
            let (told, _) = ask_timed(&server, id, op, 0, &all).await;
            assert_eq!((told.rows, told.changes), (Some(rows), (op == op::RUN).then_some(0)));
        }
        let (told, _) = ask_timed(&server, 5, op::BEGIN, 0, &[0]).await;
        assert_eq!((told.rows, told.changes), (None, None));
        let record = [text("items"), vec![0; 4]].concat();
        let (told, _) = ask_timed(&server, 6, op::INSERT, 5, &record).await;
        assert_eq!((told.rows, told.changes), (None, Some(1)));
        let (told, _) = ask_timed(&server, 7, op::QUERY, 5, &sql("SELECT nothing")).await;
        assert_eq!((told.rows, told.changes), (None, None));
    }
}

#[tokio::test]
async fn rows_that_left_while_their_query_ran_are_told_with_the_others() {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
         SELECT i FROM n";
    for server in servers().await {
        server.submit(&timed(1, op::QUERY, 0, &sql(rows))).unwrap();
        let mut all = Vec::new();
        while !all.iter().any(|reply: &Reply| reply.kind == kind::TIMES) {
            all.extend(settled(&server, &[1]).await);
        }
        let [.., times, _] = all.as_slice() else { panic!("{all:?}") };
        let told = told(times);
        assert_eq!((told.rows, told.changes), (Some(200_000), None), "{} parts", all.len() - 2);
    }
}
