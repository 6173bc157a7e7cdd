//! Several queries that are watched together.

use ubiqlite::{Diff, ErrorKind, Update, WatchAll, params};

use super::{next, open};

const TWICE: [(&str, ()); 2] =
    [("SELECT id, name FROM t ORDER BY id", ()), ("SELECT id, name FROM t ORDER BY id", ())];

async fn all(live: &mut WatchAll) -> Vec<Update> {
    live.try_next().await.unwrap().unwrap()
}

fn diff(added: &[usize], removed: &[usize], updated: &[usize]) -> Diff {
    let mut diff = Diff::default();
    (diff.added, diff.removed, diff.updated) = (added.into(), removed.into(), updated.into());
    diff
}

#[tokio::test]
async fn a_key_is_that_of_its_own_query() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)").await.unwrap();
    db.execute_many("INSERT INTO t VALUES (?, 'a')", (0..3).map(|id| params![id])).await.unwrap();
    let mut live = db.watch_all(TWICE).key(1, "id");
    assert_eq!(all(&mut live).await.len(), 2);
    db.execute("UPDATE t SET name = 'b' WHERE id = 1", ()).await.unwrap();
    let told = all(&mut live).await;
    assert_eq!(told[0].diff(), diff(&[1], &[1], &[]));
    assert_eq!(told[1].diff(), diff(&[], &[], &[1]));
    // A key of two columns, of which one has changed.
    let mut live = db.watch_all(TWICE).key(0, "id").key(0, "name").key(1, "name").key(1, "id");
    all(&mut live).await;
    db.execute("UPDATE t SET name = 'c' WHERE id = 1", ()).await.unwrap();
    for told in all(&mut live).await {
        assert_eq!(told.diff(), diff(&[1], &[1], &[]));
    }
}

#[tokio::test]
async fn an_error_names_the_query_that_failed_and_one_of_a_single_query_none() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)").await.unwrap();
    db.execute("INSERT INTO t VALUES (1, 'a')", ()).await.unwrap();
    let fine = ("SELECT id FROM t", params![]);
    for (wrong, kind) in [
        (("SELECT 1 FROM gone", params![]), ErrorKind::NoSuchTable),
        (("DELETE FROM t", params![]), ErrorKind::Unsupported),
        (("SELECT ?", params![]), ErrorKind::InvalidArgument),
        (("SELECT ?", params![u64::MAX]), ErrorKind::InvalidArgument),
    ] {
        let mut live = db.watch_all([fine.clone(), fine.clone(), wrong.clone()]);
        let error = live.try_next().await.unwrap_err();
        assert_eq!((error.kind(), error.index()), (kind, Some(2)), "{wrong:?}");
        assert!(live.try_next().await.unwrap().is_none(), "it has ended");
        let error = db.watch(wrong.0, wrong.1).try_next().await.unwrap_err();
        assert_eq!((error.kind(), error.index()), (kind, None));
    }
    let mut live = db.watch_all([fine.clone(), fine.clone()]).key(0, "id").key(1, "name");
    let error = live.try_next().await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::InvalidArgument, Some(1)));
    assert!(error.message().contains("\"name\""), "{error}");
    let error = db.watch(fine.0, ()).key("name").try_next().await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::InvalidArgument, None));
    let error = db.watch_all([fine]).key(1, "id").try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn queries_differ_by_their_text_and_values_bit_by_bit() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (x)").await.unwrap();
    let value = async |sql: &str, values: ubiqlite::Params| {
        let mut live = db.watch(sql, values);
        let update = next(&mut live).await;
        (update.rows::<(f64,)>().unwrap()[0].0.to_bits(), live)
    };
    // All of them are watched at once.
    let positive = value("SELECT ? FROM (SELECT count(*) FROM t)", params![0.0]).await;
    let negative = value("SELECT ? FROM (SELECT count(*) FROM t)", params![-0.0]).await;
    assert_ne!(positive.0, negative.0);
    let named = |name: &str, value: f64| {
        let mut params = ubiqlite::Params::new();
        params.push_named(name, value);
        params
    };
    let a = value("SELECT :a FROM (SELECT count(*) FROM t)", named("a", 1.0)).await;
    let b = value("SELECT :a FROM (SELECT count(*) FROM t)", named(":a", 2.0)).await;
    assert_eq!((f64::from_bits(a.0), f64::from_bits(b.0)), (1.0, 2.0));
}
