//! Outboxes and change sets of a client.

use super::super::numbers::reply;
use super::*;

/// A client of a database with the table `t`, and the database.
struct Client {
    server: Server,
    db: Database,
    last: u32,
}

/// A client on each of the backends; none where SQLite has no change sets.
async fn clients() -> Vec<Client> {
    let mut clients = Vec::new();
    for single in [true, false] {
        let client = Client::new(single).await;
        if client.db.capabilities().changesets {
            clients.push(client);
        }
    }
    clients
}

impl Client {
    async fn new(single: bool) -> Self {
        let db = in_memory(single).await;
        let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, at INTEGER)";
        db.execute(schema, ()).await.unwrap();
        let server = Server::new(db.clone(), 1, Tokio::default());
        Self { server, db, last: 0 }
    }

    fn send(&mut self, op: u8, handle: u32, payload: &[u8]) -> u32 {
        self.last += 1;
        self.server.submit(&Batch::default().add(self.last, op, handle, payload).0).unwrap();
        self.last
    }

    async fn answer(&self, id: u32) -> Reply {
        settled(&self.server, &[id]).await.into_iter().find(|reply| reply.id == id).unwrap()
    }

    async fn ask(&mut self, op: u8, handle: u32, payload: &[u8]) -> Reply {
        let id = self.send(op, handle, payload);
        self.answer(id).await
    }

    async fn outbox(&mut self) -> u32 {
        let reply = self.ask(op::OUTBOX, 0, &names(&["t"])).await;
        assert_eq!(reply.kind, kind::HANDLE, "{reply:?}");
        reply.extra
    }

    async fn next(&mut self, outbox: u32, last: i64) -> Option<(i64, Vec<u8>)> {
        let reply = self.ask(op::NEXT, outbox, &next(false, last)).await;
        batch(&reply)
    }

    async fn names(&self) -> Vec<String> {
        self.db.query("SELECT name FROM t ORDER BY id", ()).await.unwrap()
    }
}

fn names(tables: &[&str]) -> Vec<u8> {
    let mut bytes = (tables.len() as u32).to_le_bytes().to_vec();
    tables.iter().for_each(|name| bytes.extend(text(name)));
    bytes
}

fn next(wait: bool, last: i64) -> Vec<u8> {
    [&u32::from(wait).to_le_bytes()[..], &last.to_le_bytes()].concat()
}

/// The payload of an `APPLY` with one policy.
fn apply(policy: &[u8], bytes: &[u8]) -> Vec<u8> {
    [policy, &0u32.to_le_bytes(), &(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

/// The batch of a reply; `None` if there is none now.
fn batch(reply: &Reply) -> Option<(i64, Vec<u8>)> {
    assert_eq!((reply.kind, reply.flags & reply::END), (kind::ROWS, 0), "{reply:?}");
    let values = values(reply);
    let [id, bytes] = values.try_into().ok()?;
    let (Value::Integer(id), Value::Blob(bytes)) = (id, bytes) else { panic!("another row") };
    Some((id, bytes.to_vec()))
}

#[tokio::test]
async fn a_batch_stays_until_it_is_acknowledged_and_one_that_was_given_up_comes_again() {
    for mut here in clients().await {
        let outbox = here.outbox().await;
        assert_eq!(here.next(outbox, 0).await, None);
        here.db.execute("INSERT INTO t VALUES (1, 'a', 0)", ()).await.unwrap();
        here.db.execute("INSERT INTO t VALUES (2, 'b', 0)", ()).await.unwrap();
        let first = here.next(outbox, 0).await.unwrap();
        // The client did not receive it, and says so.
        assert_eq!(here.next(outbox, 0).await.unwrap(), first);
        let second = here.next(outbox, first.0).await.unwrap();
        assert!(second.0 > first.0);
        assert_eq!(here.next(outbox, second.0).await, None);
        let done = here.ask(op::ACK, 0, &first.0.to_le_bytes()).await;
        assert_eq!(done.kind, kind::DONE);
        let again = here.outbox().await;
        assert_eq!(here.next(again, 0).await.unwrap(), second);
    }
}

#[tokio::test]
async fn an_outbox_that_is_made_again_leaves_the_tables_as_another_client_has_named_them() {
    for mut here in clients().await {
        here.outbox().await;
        here.db.execute("CREATE TABLE u (id INTEGER PRIMARY KEY)", ()).await.unwrap();
        here.db.outbox(["t", "u"]).await.unwrap();
        let again = here.ask(op::OUTBOX_AGAIN, 0, &[]).await;
        assert_eq!(again.kind, kind::HANDLE);
        here.db.execute("INSERT INTO u VALUES (1)", ()).await.unwrap();
        assert!(here.next(again.extra, 0).await.is_some());
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_next_commit_and_others_do_not_wait_for_it() {
    for mut here in clients().await {
        let outbox = here.outbox().await;
        let waits = here.send(op::NEXT, outbox, &next(true, 0));
        assert_eq!(here.ask(op::ACK, 0, &0i64.to_le_bytes()).await.kind, kind::DONE);
        assert_eq!(here.next(outbox, 0).await, None);
        let insert = sql("INSERT INTO t VALUES (1, 'a', 0)");
        let insert = here.send(op::EXECUTE, 0, &insert);
        let all = settled(&here.server, &[waits, insert]).await;
        assert!(batch(&all[0]).is_some());
        // A wait that is cancelled takes nothing along.
        let last = batch(&all[0]).unwrap().0;
        let waits = here.send(op::NEXT, outbox, &next(true, last));
        here.send(op::CANCEL, waits, &[]);
        here.db.execute("INSERT INTO t VALUES (2, 'b', 0)", ()).await.unwrap();
        let reply = here.ask(op::NEXT, outbox, &next(true, last)).await;
        assert!(batch(&reply).is_some_and(|(number, _)| number > last));
    }
}

#[tokio::test]
async fn closing_ends_a_wait_and_the_outbox() {
    for mut here in clients().await {
        let outbox = here.outbox().await;
        let waits = here.send(op::NEXT, outbox, &next(true, 0));
        let (_, reply) = tokio::join!(here.db.close(), here.answer(waits));
        assert_eq!((reply.kind, reply.flags, reply.extra), (kind::ROWS, reply::END, 0));
        let gone = here.ask(op::NEXT, outbox, &next(true, 0)).await;
        assert_eq!(gone.kind, kind::ERROR);
    }
}

#[tokio::test]
async fn a_wait_that_begins_after_closing_ends_as_one_before() {
    for mut here in clients().await {
        let outbox = here.outbox().await;
        here.db.close().await.unwrap();
        let reply = here.ask(op::NEXT, outbox, &next(true, 0)).await;
        assert_eq!((reply.kind, reply.flags), (kind::ROWS, reply::END), "{reply:?}");
    }
}

#[tokio::test]
async fn a_conflict_comes_as_values_with_what_was_decided_by_each_policy() {
    let newest = [&[3][..], &text("at")].concat();
    let policies = [(vec![0], Some(0)), (vec![1], Some(1)), (vec![2], None), (newest, Some(0))];
    for (policy, decided) in policies {
        for (mut here, mut there) in clients().await.into_iter().zip(clients().await) {
            let outbox = there.outbox().await;
            there.db.execute("INSERT INTO t VALUES (1, 'theirs', 2)", ()).await.unwrap();
            here.db.execute("INSERT INTO t VALUES (1, 'ours', 1)", ()).await.unwrap();
            let (_, bytes) = there.next(outbox, 0).await.unwrap();
            let reply = here.ask(op::APPLY, 0, &apply(&policy, &bytes)).await;
            let Some(decided) = decided else {
                assert_eq!(reply.kind, kind::ERROR);
                assert!(String::from_utf8_lossy(&reply.payload).contains("ConstraintViolation"));
                assert_eq!(here.names().await, ["ours"]);
                continue;
            };
            let word = |text: &str| Value::from(text.to_owned());
            let row = |name, at| {
                let columns = [word("id"), 1.into(), word("name"), word(name), word("at")];
                [&[3.into()], &columns[..], &[Value::from(at)]].concat()
            };
            let head = [0.into(), 1.into(), word("t"), 2.into(), 0.into(), decided.into()];
            let key = [1.into(), word("id"), 1.into()];
            let want = [&head[..], &key, &row("ours", 1), &row("theirs", 2)].concat();
            assert_eq!(values(&reply), want);
            assert_eq!(here.names().await, [if decided == 0 { "theirs" } else { "ours" }]);
        }
    }
}

#[tokio::test]
async fn what_is_applied_in_a_transaction_is_undone_with_it_and_in_a_snapshot_it_is_refused() {
    for (mut here, mut there) in clients().await.into_iter().zip(clients().await) {
        let outbox = there.outbox().await;
        there.db.execute("INSERT INTO t VALUES (1, 'a', 0)", ()).await.unwrap();
        let (_, bytes) = there.next(outbox, 0).await.unwrap();
        let payload = apply(&[0], &bytes);
        for (begin, end, kept) in
            [(op::BEGIN, op::ROLLBACK, 0), (op::BEGIN, op::COMMIT, 1), (op::ACQUIRE, op::DROP, 1)]
        {
            here.db.execute("DELETE FROM t", ()).await.unwrap();
            let mode: &[u8] = if begin == op::BEGIN { &[0] } else { &[] };
            let handle = here.ask(begin, 0, mode).await.extra;
            let reply = here.ask(op::APPLY, handle, &payload).await;
            assert_eq!(values(&reply), [0.into(), 0.into()]);
            let end = here.send(end, handle, &[]);
            if begin == op::BEGIN {
                here.answer(end).await;
            }
            let count = here.ask(op::QUERY_VALUE, 0, &sql("SELECT count(*) FROM t")).await;
            assert_eq!(values(&count), [kept.into()]);
        }
        let snapshot = here.ask(op::SNAPSHOT, 0, &[]).await.extra;
        assert_eq!(here.ask(op::APPLY, snapshot, &payload).await.kind, kind::ERROR);
        let refused = here.ask(op::OUTBOX, snapshot, &names(&["t"])).await;
        assert_eq!(refused.kind, kind::ERROR);
    }
}

#[tokio::test]
async fn bytes_from_anywhere_are_refused_and_change_nothing() {
    let mut random = fastrand::Rng::with_seed(11);
    for (mut here, mut there) in clients().await.into_iter().zip(clients().await) {
        let outbox = there.outbox().await;
        there.db.execute("INSERT INTO t VALUES (1, 'a', 0)", ()).await.unwrap();
        let (_, bytes) = there.next(outbox, 0).await.unwrap();
        let refused = here.ask(op::APPLY, 0, &apply(&[0], &bytes[..bytes.len() - 1])).await;
        assert!(String::from_utf8_lossy(&refused.payload).contains("InvalidArgument"));
        assert_eq!(here.names().await, [""; 0]);
        let payload = apply(&[0], &bytes);
        for _ in 0..300 {
            let mut payload = payload.clone();
            let at = random.usize(0..payload.len());
            payload[at] = random.u8(..);
            payload.truncate(random.usize(0..=payload.len()));
            let reply = here.ask(op::APPLY, 0, &payload).await;
            assert!(matches!(reply.kind, kind::ERROR | kind::ROWS), "{reply:?}");
        }
    }
}
