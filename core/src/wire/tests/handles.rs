//! Which requests on a transaction, savepoint or session are allowed while another is open.

use super::*;
use crate::error::Result;

/// A client of a database, and the database.
struct Client {
    server: Server,
    db: Database,
    last: u32,
    replies: Vec<Reply>,
}

/// Opens a database with an empty table on each of the backends, with a client.
async fn clients() -> Vec<Client> {
    let local = SingleThread::open(":memory:".as_ref(), Options::default()).unwrap();
    let native = Options::default().open(":memory:").await.unwrap();
    let mut clients = Vec::new();
    for db in [Database::from_backend(Box::new(local)), native] {
        db.batch("CREATE TABLE t (a INTEGER PRIMARY KEY)").await.unwrap();
        let server = Server::new(db.clone(), 1, Tokio::default());
        clients.push(Client { server, db, last: 0, replies: Vec::new() });
    }
    clients
}

impl Client {
    fn send(&mut self, op: u8, handle: u32, payload: &[u8]) -> u32 {
        self.last += 1;
        self.server.submit(&Batch::default().add(self.last, op, handle, payload).0).unwrap();
        self.last
    }

    /// Waits for the reply to a request: `Err` has the error's kind and message.
    async fn answer(&mut self, id: u32) -> Result<u8, String> {
        if !self.replies.iter().any(|reply| reply.id == id) {
            let new = settled(&self.server, &[id]).await;
            self.replies.extend(new);
        }
        let reply = self.replies.iter().find(|reply| reply.id == id).unwrap();
        match reply.kind {
            1 => Err(String::from_utf8_lossy(&reply.payload).into_owned()),
            kind => Ok(kind),
        }
    }

    async fn ask(&mut self, op: u8, handle: u32, payload: &[u8]) -> Result<u8, String> {
        let id = self.send(op, handle, payload);
        self.answer(id).await
    }

    async fn begin(&mut self, op: u8, handle: u32, payload: &[u8]) -> u32 {
        let id = self.send(op, handle, payload);
        assert_eq!(self.answer(id).await, Ok(8));
        id
    }

    async fn transaction(&mut self) -> u32 {
        self.begin(op::BEGIN, 0, &[0]).await
    }

    async fn insert(&mut self, handle: u32, value: u32) -> Result<u8, String> {
        self.ask(op::EXECUTE, handle, &sql(&format!("INSERT INTO t VALUES ({value})"))).await
    }

    async fn rows(&self) -> Vec<i64> {
        self.db.query("SELECT a FROM t ORDER BY a", ()).await.unwrap()
    }
}

fn assert_refused(result: &Result<u8, String>, kind: &str) {
    let error = result.as_ref().unwrap_err();
    assert!(error.contains(&format!("\"kind\":\"{kind}\"")), "{error}");
}

#[tokio::test]
async fn a_call_on_a_transaction_is_refused_while_a_savepoint_of_it_is_open() {
    for mut it in clients().await {
        let tx = it.transaction().await;
        it.insert(tx, 1).await.unwrap();
        let sp = it.begin(op::SAVEPOINT, tx, &[]).await;
        let empty = [text("INSERT INTO t VALUES (?)"), 0u32.to_le_bytes().to_vec()].concat();
        let script = [vec![0], text("INSERT INTO t VALUES (7)")].concat();
        let select = [text("t"), 0u32.to_le_bytes().to_vec()].concat();
        for (op, payload) in [
            (op::EXECUTE, sql("INSERT INTO t VALUES (2)")),
            (op::QUERY, sql("SELECT 1")),
            (op::STREAM, sql("SELECT 1")),
            (op::EXECUTE_MANY, empty),
            (op::BATCH, script),
            (op::TABLE_STREAM, text("t")),
            (op::SELECT_COUNT, select),
            (op::SAVEPOINT, Vec::new()),
        ] {
            assert_refused(&it.ask(op, tx, &payload).await, "InvalidArgument");
        }
        it.insert(sp, 3).await.unwrap();
        it.ask(op::ROLLBACK, sp, &[]).await.unwrap();
        it.insert(tx, 4).await.unwrap();
        it.ask(op::COMMIT, tx, &[]).await.unwrap();
        assert_eq!(it.rows().await, [1, 4]);
        assert!(it.server.is_idle());
    }
}

#[tokio::test]
async fn of_two_savepoints_asked_for_at_once_the_second_is_refused() {
    for mut it in clients().await {
        let tx = it.transaction().await;
        let first = it.send(op::SAVEPOINT, tx, &[]);
        let second = it.send(op::SAVEPOINT, tx, &[]);
        it.answer(first).await.unwrap();
        let refused = it.answer(second).await;
        assert_refused(&refused, "InvalidArgument");
        it.insert(first, 1).await.unwrap();
        it.ask(op::RELEASE, first, &[]).await.unwrap();
        let third = it.begin(op::SAVEPOINT, tx, &[]).await;
        it.insert(third, 2).await.unwrap();
        it.ask(op::ROLLBACK, third, &[]).await.unwrap();
        it.ask(op::COMMIT, tx, &[]).await.unwrap();
        assert_eq!(it.rows().await, [1]);
    }
}

#[tokio::test]
async fn a_commit_while_a_savepoint_is_open_is_refused_and_rolls_back() {
    for mut it in clients().await {
        let tx = it.transaction().await;
        it.insert(tx, 1).await.unwrap();
        let sp = it.begin(op::SAVEPOINT, tx, &[]).await;
        it.insert(sp, 2).await.unwrap();
        let refused = it.ask(op::COMMIT, tx, &[]).await;
        assert_refused(&refused, "InvalidArgument");
        assert!(refused.unwrap_err().contains("it was rolled back"));
        assert_refused(&it.insert(sp, 3).await, "Closed");
        assert_refused(&it.insert(tx, 3).await, "Closed");
        // Nothing is held: others can write.
        it.insert(0, 4).await.unwrap();
        assert_eq!(it.rows().await, [4]);
        assert!(it.server.is_idle());
    }
}

#[tokio::test]
async fn a_release_while_a_savepoint_inside_is_open_undoes_both_and_nothing_else() {
    for mut it in clients().await {
        let tx = it.transaction().await;
        it.insert(tx, 1).await.unwrap();
        let outer = it.begin(op::SAVEPOINT, tx, &[]).await;
        it.insert(outer, 2).await.unwrap();
        let inner = it.begin(op::SAVEPOINT, outer, &[]).await;
        it.insert(inner, 3).await.unwrap();
        assert_refused(&it.insert(outer, 4).await, "InvalidArgument");
        assert_refused(&it.ask(op::RELEASE, outer, &[]).await, "InvalidArgument");
        assert_refused(&it.insert(inner, 5).await, "Closed");
        it.insert(tx, 6).await.unwrap();
        it.ask(op::COMMIT, tx, &[]).await.unwrap();
        assert_eq!(it.rows().await, [1, 6]);
    }
}

#[tokio::test]
async fn a_rollback_ends_the_savepoints_inside_and_their_drop_does_no_harm() {
    for mut it in clients().await {
        let tx = it.transaction().await;
        let outer = it.begin(op::SAVEPOINT, tx, &[]).await;
        let inner = it.begin(op::SAVEPOINT, outer, &[]).await;
        it.insert(inner, 1).await.unwrap();
        it.ask(op::ROLLBACK, outer, &[]).await.unwrap();
        assert_refused(&it.insert(inner, 2).await, "Closed");
        let next = it.begin(op::SAVEPOINT, tx, &[]).await;
        it.insert(next, 3).await.unwrap();
        it.send(op::DROP, inner, &[]);
        it.send(op::DROP, outer, &[]);
        it.ask(op::RELEASE, next, &[]).await.unwrap();
        it.ask(op::COMMIT, tx, &[]).await.unwrap();
        assert_eq!(it.rows().await, [3]);
    }
}

#[tokio::test]
async fn a_call_on_a_session_is_refused_while_a_transaction_of_it_is_open() {
    for mut it in clients().await {
        let session = it.begin(op::ACQUIRE, 0, &[]).await;
        let tx = it.begin(op::BEGIN, session, &[0]).await;
        assert_refused(&it.insert(session, 1).await, "InvalidArgument");
        assert_refused(&it.ask(op::BEGIN, session, &[0]).await, "InvalidArgument");
        it.insert(tx, 2).await.unwrap();
        it.ask(op::ROLLBACK, tx, &[]).await.unwrap();
        it.insert(session, 3).await.unwrap();
        it.send(op::DROP, session, &[]);
        assert_eq!(it.rows().await, [3]);
    }
}

#[tokio::test]
async fn what_waits_behind_the_end_of_a_sessions_transaction_does_not_run_outside_of_it() {
    for mut it in clients().await {
        let session = it.begin(op::ACQUIRE, 0, &[]).await;
        let tx = it.begin(op::BEGIN, session, &[0]).await;
        let insert = sql("INSERT INTO t VALUES (1)");
        let mut rows = text("INSERT INTO t VALUES (?)");
        rows.extend_from_slice(&0u32.to_le_bytes());
        let id = it.last;
        // The rows come late, and everything waits for them.
        let batch = Batch::default()
            .flagged(id + 1, op::EXECUTE_MANY, 2, tx, &rows)
            .add(id + 2, op::ROLLBACK, tx, &[])
            .add(id + 3, op::EXECUTE, tx, &insert)
            .flagged(id + 4, op::MORE, 0, id + 1, &0u32.to_le_bytes());
        it.server.submit(&batch.0).unwrap();
        it.last = id + 4;
        it.answer(id + 2).await.unwrap();
        let late = it.answer(id + 3).await;
        assert_refused(&late, "Closed");
        it.send(op::DROP, session, &[]);
        assert!(it.rows().await.is_empty());
    }
}

#[tokio::test]
async fn a_savepoint_that_is_let_go_of_frees_its_transaction_at_once() {
    for mut it in clients().await {
        let tx = it.transaction().await;
        for value in 0..20 {
            let sp = it.begin(op::SAVEPOINT, tx, &[]).await;
            it.send(op::EXECUTE, sp, &sql("INSERT INTO t VALUES (100)"));
            it.send(op::DROP, sp, &[]);
            it.insert(tx, value).await.unwrap();
        }
        it.ask(op::COMMIT, tx, &[]).await.unwrap();
        assert_eq!(it.rows().await, (0..20).collect::<Vec<_>>());
        assert!(it.server.is_idle());
    }
}

#[tokio::test]
async fn a_begin_that_is_refused_leaves_the_transaction_that_was_begun_in_words() {
    for mut it in clients().await {
        let session = it.begin(op::ACQUIRE, 0, &[]).await;
        it.ask(op::EXECUTE, session, &sql("BEGIN")).await.unwrap();
        it.insert(session, 1).await.unwrap();
        assert!(it.ask(op::BEGIN, session, &[0]).await.is_err());
        it.insert(session, 2).await.unwrap();
        it.ask(op::EXECUTE, session, &sql("COMMIT")).await.unwrap();
        it.send(op::DROP, session, &[]);
        assert_eq!(it.rows().await, [1, 2]);
    }
}

#[tokio::test]
async fn an_engine_may_go_while_a_client_only_waits_for_a_change() {
    for mut it in clients().await {
        let no_key = [sql("SELECT a FROM t"), 0_u32.to_le_bytes().to_vec()].concat();
        let watch = it.begin(op::WATCH, 0, &no_key).await;
        assert!(it.server.is_idle());
        it.ask(op::NEXT, watch, &0_u32.to_le_bytes()).await.unwrap();
        let next = it.send(op::NEXT, watch, &1_u32.to_le_bytes());
        assert!(it.server.is_idle());
        let tx = it.transaction().await;
        assert!(!it.server.is_idle());
        it.insert(tx, 1).await.unwrap();
        it.ask(op::COMMIT, tx, &[]).await.unwrap();
        it.answer(next).await.unwrap();
        assert!(it.server.is_idle());
    }
}
