//! Requests that are cancelled, and those that may have run before: the client gets a report
//! of what really happened.

use super::*;

/// Opens a database with a table on each of the backends, with a client.
async fn clients() -> Vec<(Server, Database)> {
    let local = SingleThread::open(":memory:".as_ref(), Options::default()).unwrap();
    let native = Options::default().open(":memory:").await.unwrap();
    let mut clients = Vec::new();
    for db in [Database::from_backend(Box::new(local)), native] {
        db.batch("CREATE TABLE t (a)").await.unwrap();
        clients.push((Server::new(db.clone(), 1, Tokio::default()), db));
    }
    clients
}

async fn count(db: &Database) -> i64 {
    db.query_value("SELECT count(*) FROM t", ()).await.unwrap()
}

fn error_of(reply: &Reply) -> String {
    assert_eq!(reply.kind, 1, "{reply:?}");
    String::from_utf8_lossy(&reply.payload).into_owned()
}

const INSERT: &str = "INSERT INTO t VALUES (1) RETURNING a";

#[tokio::test]
async fn what_may_have_run_before_runs_again_only_if_it_changes_nothing() {
    for (server, db) in clients().await {
        let changing = [
            INSERT,
            "/* select */ INSERT INTO t SELECT 1 RETURNING a",
            "WITH one AS (SELECT 1) INSERT INTO t SELECT * FROM one RETURNING a",
            "PRAGMA user_version = 7",
            "CREATE TABLE other (a)",
        ];
        let reading = [
            "SELECT count(*) FROM t",
            "WITH one AS (SELECT 1 AS a) SELECT a FROM one",
            "VALUES (1)",
            "PRAGMA table_info(t)",
            "PRAGMA user_version",
        ];
        let mut id = 0;
        for text in changing {
            id += 1;
            let request = Batch::default().flagged(id, op::QUERY, 8, 0, &sql(text));
            server.submit(&request.0).unwrap();
            let [reply] = settled(&server, &[id]).await.try_into().unwrap();
            assert!(error_of(&reply).contains("OutcomeUnknown"), "{text}: {reply:?}");
        }
        for text in reading {
            id += 1;
            let request = Batch::default().flagged(id, op::QUERY, 8, 0, &sql(text));
            server.submit(&request.0).unwrap();
            let [reply] = settled(&server, &[id]).await.try_into().unwrap();
            assert_eq!(reply.kind, 7, "{text}: {reply:?}");
        }
        for (op, payload) in [
            (op::BATCH, [&[0][..], &text("INSERT INTO t VALUES (1)")].concat()),
            (op::EXECUTE_MANY, text("INSERT INTO t VALUES (1)")),
        ] {
            id += 1;
            server.submit(&Batch::default().flagged(id, op, 8, 0, &payload).0).unwrap();
            let [reply] = settled(&server, &[id]).await.try_into().unwrap();
            assert!(error_of(&reply).contains("OutcomeUnknown"), "{reply:?}");
        }
        assert_eq!(count(&db).await, 0);
        assert_eq!(db.query_value::<i64>("PRAGMA user_version", ()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_may_have_run_before_is_not_run_again_in_a_transaction_either() {
    for (server, db) in clients().await {
        let batch = Batch::default().add(1, op::BEGIN, 0, &[0]);
        server.submit(&batch.0).unwrap();
        settled(&server, &[1]).await;
        let batch =
            Batch::default().flagged(2, op::QUERY, 8, 1, &sql(INSERT)).add(3, op::COMMIT, 1, &[]);
        server.submit(&batch.0).unwrap();
        let replies = settled(&server, &[2, 3]).await;
        assert!(error_of(&replies[0]).contains("OutcomeUnknown"));
        assert_eq!(replies[1].kind, 0);
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn rows_that_nobody_will_take_get_their_replies_when_their_call_is_given_up() {
    let many = [&text("INSERT INTO t VALUES (?)")[..], &0u32.to_le_bytes()].concat();
    let no_rows = 0u32.to_le_bytes();
    for gives_up in [op::WITHDRAW, op::CANCEL, op::DROP, op::ROLLBACK] {
        for last in [false, true] {
            for (server, db) in clients().await {
                // A call on a handle waits for the one before it, which waits for rows.
                server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
                settled(&server, &[1]).await;
                let batch = Batch::default()
                    .flagged(2, op::EXECUTE_MANY, 2, 1, &many)
                    .flagged(3, op::EXECUTE_MANY, 2, 1, &many)
                    .flagged(4, op::MORE, 2, 3, &no_rows)
                    .flagged(5, op::MORE, if last { 0 } else { 2 }, 3, &no_rows);
                server.submit(&batch.0).unwrap();
                assert!(replies(&server).is_empty(), "its turn has not come");
                let on = if matches!(gives_up, op::DROP | op::ROLLBACK) { 1 } else { 3 };
                server.submit(&Batch::default().add(6, gives_up, on, &[]).0).unwrap();
                // A rollback waits for the calls before it.
                server.submit(&Batch::default().add(7, op::CANCEL, 2, &[]).0).unwrap();
                settled(&server, &[4, 5]).await;
                // So do rows that come later.
                let late = Batch::default().flagged(8, op::MORE, 0, 3, &no_rows);
                server.submit(&late.0).unwrap();
                settled(&server, &[8]).await;
                assert_eq!(count(&db).await, 0);
            }
        }
    }
}

#[tokio::test]
async fn a_write_that_is_withdrawn_while_it_waits_says_that_it_never_ran() {
    for (server, db) in clients().await {
        // The transaction makes others wait.
        server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
        settled(&server, &[1]).await;
        let insert = "INSERT INTO t VALUES (1)";
        let many = [&text("INSERT INTO t VALUES (?)")[..], &1u32.to_le_bytes(), &[1]].concat();
        let many = [&many[..], &1u32.to_le_bytes(), &[0]].concat();
        let batch = Batch::default()
            .add(2, op::EXECUTE, 0, &sql(insert))
            .add(3, op::BATCH, 0, &[&[0][..], &text(insert)].concat())
            .add(4, op::EXECUTE_MANY, 0, &many)
            .flagged(5, op::EXECUTE_MANY, 2, 0, &many);
        server.submit(&batch.0).unwrap();
        let batch = [2, 3, 4, 5]
            .into_iter()
            .fold(Batch::default(), |batch, id| batch.add(id + 10, op::WITHDRAW, id, &[]));
        server.submit(&batch.0).unwrap();
        for reply in settled(&server, &[2, 3, 4, 5]).await {
            assert!(error_of(&reply).contains("Cancelled"), "{reply:?}");
        }
        server.submit(&Batch::default().add(20, op::COMMIT, 1, &[]).0).unwrap();
        settled(&server, &[20]).await;
        db.execute("UPDATE t SET a = a", ()).await.unwrap();
        assert_eq!(count(&db).await, 0);
        assert!(server.is_idle());
    }
}

#[tokio::test]
async fn what_is_withdrawn_when_it_is_done_says_what_it_did() {
    for (server, db) in clients().await {
        let insert = sql("INSERT INTO t VALUES (1)");
        server.submit(&Batch::default().add(1, op::EXECUTE, 0, &insert).0).unwrap();
        settled(&server, &[1]).await;
        server.submit(&Batch::default().add(2, op::BEGIN, 0, &[0]).0).unwrap();
        settled(&server, &[2]).await;
        let batch =
            Batch::default().add(3, op::EXECUTE, 2, &sql(INSERT)).add(4, op::COMMIT, 2, &[]);
        server.submit(&batch.0).unwrap();
        let before = settled(&server, &[3, 4]).await;
        assert!(before.iter().all(|reply| reply.kind != 1), "{before:?}");
        let batch = Batch::default().add(5, op::WITHDRAW, 4, &[]).add(6, op::WITHDRAW, 3, &[]);
        server.submit(&batch.0).unwrap();
        assert!(replies(&server).is_empty());
        assert_eq!(count(&db).await, 2);
    }
}

#[tokio::test]
async fn an_end_that_is_withdrawn_tells_the_truth_and_never_leaves_the_lock() {
    for (server, db) in clients().await {
        for round in 0..50 {
            let first = 100 * (round + 1);
            server.submit(&Batch::default().add(first, op::BEGIN, 0, &[0]).0).unwrap();
            settled(&server, &[first]).await;
            let before = count(&db).await;
            // Behind a call of its own transaction, in one message or in several.
            let batch = Batch::default()
                .add(first + 1, op::EXECUTE, first, &sql("INSERT INTO t VALUES (1)"))
                .add(first + 2, op::COMMIT, first, &[]);
            let withdraw = Batch::default().add(first + 3, op::WITHDRAW, first + 2, &[]);
            if round % 2 == 0 {
                server.submit(&[batch.0, withdraw.0].concat()).unwrap();
            } else {
                server.submit(&batch.0).unwrap();
                server.submit(&withdraw.0).unwrap();
            }
            let replies = settled(&server, &[first + 2]).await;
            let end = replies.iter().find(|reply| reply.id == first + 2).unwrap();
            // The lock is free whatever became of it.
            db.execute("UPDATE t SET a = a WHERE a = 2", ()).await.unwrap();
            let added = count(&db).await - before;
            match end.kind {
                0 => assert_eq!(added, 1),
                _ => {
                    assert!(error_of(end).contains("Cancelled"), "{end:?}");
                    assert_eq!(added, 0);
                }
            }
        }
        assert!(server.is_idle());
    }
}

#[tokio::test]
async fn an_end_that_is_given_up_while_requests_wait_for_messages_lets_go_of_the_lock() {
    for op in [op::CANCEL, op::WITHDRAW] {
        let (server, db) = clients().await.swap_remove(0);
        server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
        settled(&server, &[1]).await;
        server.fall_behind();
        let batch =
            Batch::default().add(2, op::EXECUTE, 1, &sql(INSERT)).add(3, op::COMMIT, 1, &[]);
        server.submit(&batch.0).unwrap();
        server.submit(&Batch::default().add(4, op, 3, &[]).0).unwrap();
        server.resume();
        if op == op::WITHDRAW {
            let replies = settled(&server, &[3]).await;
            let end = replies.iter().find(|reply| reply.id == 3).unwrap();
            assert!(error_of(end).contains("Cancelled"), "{end:?}");
        }
        db.execute("UPDATE t SET a = a", ()).await.unwrap();
        assert_eq!(count(&db).await, 0);
        assert!(server.is_idle());
    }
}

#[tokio::test]
async fn a_write_that_is_withdrawn_while_it_runs_stops_and_says_so() {
    let (server, db) = clients().await.swap_remove(1);
    let endless = "INSERT INTO t WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r";
    server.submit(&Batch::default().add(1, op::EXECUTE, 0, &sql(endless)).0).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    server.submit(&Batch::default().add(2, op::WITHDRAW, 1, &[]).0).unwrap();
    let [reply] = settled(&server, &[1]).await.try_into().unwrap();
    assert!(error_of(&reply).contains("Cancelled"), "{reply:?}");
    assert_eq!(count(&db).await, 0);
    assert!(server.is_idle());
}

#[tokio::test]
async fn the_calls_on_a_transaction_whose_end_is_withdrawn_before_it_begins_are_told_so() {
    for op in [op::WITHDRAW, op::CANCEL] {
        for (server, db) in clients().await {
            server.submit(&Batch::default().add(1, op::BEGIN, 0, &[0]).0).unwrap();
            settled(&server, &[1]).await;
            let many = [&text("INSERT INTO t VALUES (?)")[..], &1u32.to_le_bytes(), &[1]].concat();
            let many = [&many[..], &1u32.to_le_bytes(), &[0]].concat();
            // Its other rows never come, and the commit waits for it.
            let batch = Batch::default()
                .flagged(2, op::EXECUTE_MANY, 2, 1, &many)
                .add(3, op::COMMIT, 1, &[])
                .add(4, op, 3, &[]);
            server.submit(&batch.0).unwrap();
            let told: &[u32] = if op == op::WITHDRAW { &[2, 3] } else { &[2] };
            for reply in settled(&server, told).await {
                assert!(error_of(&reply).contains("Cancelled"), "{reply:?}");
            }
            db.execute("UPDATE t SET a = a", ()).await.unwrap();
            assert_eq!(count(&db).await, 0);
            assert!(server.is_idle());
        }
    }
}

#[tokio::test]
async fn a_write_of_a_session_that_waits_for_its_turn_can_be_stopped_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let local = Options::default().open_single_thread(dir.path().join("app.db")).unwrap();
    local.batch("CREATE TABLE t (a)").await.unwrap();
    let server = Server::new(local.clone(), 1, Tokio::default());
    let batch = Batch::default().add(1, op::ACQUIRE, 0, &[]).add(2, op::BEGIN, 0, &[0]);
    server.submit(&batch.0).unwrap();
    settled(&server, &[1, 2]).await;
    let insert = sql("INSERT INTO t VALUES (1)");
    server.submit(&Batch::default().add(3, op::EXECUTE, 1, &insert).0).unwrap();
    server.submit(&Batch::default().add(4, op::WITHDRAW, 3, &[]).0).unwrap();
    let [reply] = settled(&server, &[3]).await.try_into().unwrap();
    assert!(error_of(&reply).contains("Cancelled"), "{reply:?}");
    // The call's own time limit is as certain.
    let limited = [&5u32.to_le_bytes()[..], &insert].concat();
    server.submit(&Batch::default().flagged(5, op::EXECUTE, 1, 1, &limited).0).unwrap();
    let [reply] = settled(&server, &[5]).await.try_into().unwrap();
    assert!(error_of(&reply).contains("Timeout"), "{reply:?}");
    let batch = Batch::default().add(6, op::COMMIT, 2, &[]).add(7, op::DROP, 1, &[]);
    server.submit(&batch.0).unwrap();
    settled(&server, &[6]).await;
    assert_eq!(count(&local).await, 0);
}
