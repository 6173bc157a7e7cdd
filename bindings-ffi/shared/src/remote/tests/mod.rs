//! Pages whose messages arrive in any order.

mod page;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use page::{Page, Tokio, begin, commit, execute};
use ubiqlite::{Database, ErrorKind};

use super::*;

type Clients = Arc<RemoteClients<&'static str>>;

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    clients: Clients,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        Self { _folder: folder, path, clients: Arc::new(RemoteClients::new(Tokio::here())) }
    }

    async fn page(&self, owner: &'static str) -> Page {
        Page::open(&self.clients, owner, &self.path, "{}").await.unwrap()
    }

    /// One more of this process, which shares nothing with the pages.
    async fn outside(&self) -> Database {
        Database::open(&self.path).await.unwrap()
    }
}

async fn count(db: &Database) -> i64 {
    db.query_value("SELECT count(*) FROM t", ()).await.unwrap()
}

/// Opens a page with a table, and lets it begin a transaction with a row in it.
async fn writing(place: &Place, owner: &'static str) -> Page {
    let page = place.page(owner).await;
    page.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();
    let transaction = page.call(begin()).await.unwrap();
    page.call(execute(transaction, "INSERT INTO t VALUES (1)")).await.unwrap();
    page
}

async fn eventually(what: impl AsyncFn() -> bool) {
    for _ in 0..6_000 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_transactions_at_once_wait_for_each_other_and_none_is_busy() {
    let place = Place::new();
    let first = place.page("main").await;
    first.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();
    first.call(execute(0, "INSERT INTO t VALUES (0)")).await.unwrap();
    let others = [place.page("main").await, place.page("second").await, place.page("third").await];
    let pages: Vec<Arc<Page>> = [first].into_iter().chain(others).map(Arc::new).collect();
    let transfers: Vec<_> = (0..20)
        .map(|at| {
            let page = Arc::clone(&pages[at % pages.len()]);
            tokio::spawn(async move {
                let transaction = page.call(begin()).await.unwrap();
                for _ in 0..5 {
                    page.call(execute(transaction, "UPDATE t SET a = a + 1")).await.unwrap();
                }
                page.call(commit(transaction)).await.unwrap();
            })
        })
        .collect();
    for transfer in transfers {
        transfer.await.unwrap();
    }
    let sum: i64 = place.outside().await.query_value("SELECT a FROM t", ()).await.unwrap();
    assert_eq!(sum, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_take_effect_in_the_order_of_their_numbers_however_they_arrive() {
    for seed in 0..40 {
        let place = Place::new();
        let page = place.page("main").await;
        page.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();
        page.shuffle(seed);
        let sqls: Vec<String> = (0..50).map(|n| format!("INSERT INTO t VALUES ({n})")).collect();
        page.call_all(sqls.iter().map(|sql| execute(0, sql)).collect()).await;
        let order: String = place
            .outside()
            .await
            .query_value("SELECT group_concat(a) FROM (SELECT a FROM t ORDER BY rowid)", ())
            .await
            .unwrap();
        let expected: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        assert_eq!(order, expected.join(","), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_ends_with_the_window_that_began_it() {
    let place = Place::new();
    let closed = writing(&place, "closed").await;
    let other = place.page("other").await;
    place.clients.leave(|owner| *owner == "closed");
    // It waits for the other's end, and no longer.
    other.call(execute(0, "INSERT INTO t VALUES (2)")).await.unwrap();
    assert_eq!(count(&place.outside().await).await, 1);
    let late = closed.post_now(execute(0, "INSERT INTO t VALUES (3)"));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_client_closes_the_database_and_those_before_do_not() {
    let place = Place::new();
    let first = writing(&place, "main").await;
    let second = place.page("main").await;
    first.close().await.unwrap();
    second.call(execute(0, "INSERT INTO t VALUES (2)")).await.unwrap();
    let wal = PathBuf::from(format!("{}-wal", place.path.display()));
    assert!(wal.exists());
    second.close().await.unwrap();
    assert!(!wal.exists(), "the last connection removes the log");
    assert_eq!(count(&place.outside().await).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_left_by_its_window_is_closed_too() {
    let place = Place::new();
    let _page = writing(&place, "main").await;
    let wal = PathBuf::from(format!("{}-wal", place.path.display()));
    assert!(wal.exists());
    place.clients.leave(|_| true);
    eventually(async || !wal.exists()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_reaches_a_client() {
    let place = Place::new();
    let page = writing(&place, "main").await;
    let requests = execute(0, "DELETE FROM t").bytes(1);
    let stranger = place.clients.post(&"stranger", page.client(), page.next(), requests);
    assert_eq!(stranger.unwrap_err().kind(), ErrorKind::Closed);
    place.clients.close(&"stranger", page.client()).await.unwrap();
    page.call(execute(0, "SELECT 1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_without_the_one_before_are_refused_when_they_are_too_many() {
    let place = Place::new();
    for one_more in [false, true] {
        let page = place.page("main").await;
        let post = |number| place.clients.post(&"main", page.client(), number, Vec::new());
        for number in 1..=1_024 {
            post(number).unwrap();
        }
        if one_more {
            let refused = post(1_025).unwrap_err();
            assert!(refused.message().contains("message 0 is missing"), "{refused}");
        } else {
            post(0).expect("it releases all that wait");
            post(1_025).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_any_size_is_taken_in_its_turn() {
    let place = Place::new();
    let page = place.page("main").await;
    page.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();
    let sql = format!("INSERT INTO t VALUES (length('{}'))", "x".repeat(70 << 20));
    page.call(execute(0, &sql)).await.unwrap();
    let length: i64 = place.outside().await.query_value("SELECT a FROM t", ()).await.unwrap();
    assert_eq!(length, 70 << 20);
    let late = place.clients.post(&"main", page.client(), page.next() + 1, vec![0; 65 << 20]);
    assert_eq!(late.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_twice_is_carried_out_once_and_ends_the_client() {
    let place = Place::new();
    let page = place.page("main").await;
    page.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();
    let number = page.next();
    let insert = || execute(0, "INSERT INTO t VALUES (1)").bytes(99);
    place.clients.post(&"main", page.client(), number, insert()).unwrap();
    let twice = place.clients.post(&"main", page.client(), number, insert()).unwrap_err();
    assert!(twice.message().contains("came twice"), "{twice}");
    eventually(async || count(&place.outside().await).await == 1).await;
    // One that still waits for its turn may come again.
    let early = number + 2;
    for _ in 0..3 {
        place.clients.post(&"main", page.client(), early, insert()).unwrap();
    }
    place.clients.post(&"main", page.client(), number + 1, Vec::new()).unwrap();
    eventually(async || count(&place.outside().await).await == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leaves_while_it_opens_leaves_nothing() {
    let place = Place::new();
    // It can't be opened before the other one lets go.
    let outside = rusqlite::Connection::open(&place.path).unwrap();
    outside.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").unwrap();
    let clients = Arc::clone(&place.clients);
    let path = place.path.clone();
    let opening = tokio::spawn(async move {
        Page::open(&clients, "main", &path, "{}").await.map(drop).map_err(|error| error.kind())
    });
    eventually(async || !place.clients.clients().is_empty()).await;
    place.clients.leave(|_| true);
    outside.execute_batch("COMMIT").unwrap();
    assert_eq!(opening.await.unwrap(), Err(ErrorKind::Closed));
    assert!(place.clients.clients().is_empty());
    drop(outside);
    let files = std::fs::read_dir(place.path.parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "no log: nobody has it open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_under_the_name_of_a_deleted_one_is_another_database() {
    let place = Place::new();
    let old = writing(&place, "old").await;
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{end}", place.path.display())).unwrap();
    }
    let new = place.page("new").await;
    new.call(execute(0, "CREATE TABLE t (a)")).await.expect("there is no such table yet");
    drop(old);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_in_memory_and_those_with_other_options_are_not_shared() {
    let place = Place::new();
    let first = Page::open(&place.clients, "main", Path::new(":memory:"), "{}").await.unwrap();
    let second = Page::open(&place.clients, "main", Path::new(":memory:"), "{}").await.unwrap();
    first.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();
    second.call(execute(0, "CREATE TABLE t (a)")).await.unwrap();

    let writer = writing(&place, "main").await;
    let options = r#"{"readOnly": true}"#;
    let reader = Page::open(&place.clients, "main", &place.path, options).await.unwrap();
    let refused = reader.call(execute(0, "INSERT INTO t VALUES (3)")).await.unwrap_err();
    assert!(refused.contains("ReadOnly"), "{refused}");
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_opened_leaves_no_client() {
    let place = Place::new();
    let missing = place.path.join("nowhere");
    assert!(Page::open(&place.clients, "main", &missing, "{}").await.is_err());
    assert!(Page::open(&place.clients, "main", &place.path, r#"{"cahce": 1}"#).await.is_err());
    assert!(place.clients.clients().is_empty());
    place.clients.close_all().await.unwrap();
}
