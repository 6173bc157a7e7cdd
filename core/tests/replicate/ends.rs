//! How a replica begins, ends and goes on.

use std::future::IntoFuture as _;
use std::time::Duration;

use ubiqlite::{ErrorKind, JournalMode, ReplicaMoment, SnapshotReason};

use super::{Place, flush, options, pages, within};

#[tokio::test]
async fn closing_stores_what_was_committed() {
    let place = Place::new().await;
    let replica = place.db.replicate(place.path("replica")).interval(Duration::from_secs(3600));
    let replica = replica.await.unwrap();
    for _ in 0..50 {
        place.insert(5_000).await;
    }
    let before = pages(&place.db).await;
    within("closing", place.db.close()).await.unwrap();
    let state = replica.state();
    assert!(state.ended);
    assert_eq!((state.lag, state.waiting, state.error), (0, 0, None));
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == before);
    let error = within("flushing", replica.flush()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    within("stopping", replica.stop()).await.unwrap();
}

#[tokio::test]
async fn a_replica_goes_on_where_it_was_after_the_database_was_closed() {
    let mut place = Place::new().await;
    let replica = place.replicate().await;
    place.insert(5_000).await;
    let first = flush(&replica).await;
    assert_eq!(first.snapshots, 1);
    assert_eq!(first.last_snapshot, Some((1, SnapshotReason::First)));
    place.reopen().await;
    let replica = place.replicate().await;
    // Before all pages are known to be the same.
    place.insert(5_000).await;
    let state = flush(&replica).await;
    assert_eq!((state.snapshots, state.last_snapshot), (0, None));
    assert_eq!(state.transaction, first.transaction + 1);
    assert!(state.time > first.time);
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
}

#[tokio::test]
async fn what_was_written_without_the_replica_is_never_left_out() {
    let mut place = Place::new().await;
    let replica = place.replicate().await;
    place.insert(5_000).await;
    let first = flush(&replica).await;
    within("stopping", replica.stop()).await.unwrap();
    assert!(replica.state().ended);
    place.insert(5_000).await;
    place.reopen().await;
    let replica = place.replicate().await;
    let state = flush(&replica).await;
    let transaction = first.transaction + 1;
    assert_eq!(state.last_snapshot, Some((transaction, SnapshotReason::Differs)));
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
    // What was before is there as well.
    place.restored(ReplicaMoment::Transaction(first.transaction)).await.unwrap();
}

#[tokio::test]
async fn a_replaced_database_is_replicated() {
    let place = Place::new().await;
    let replica = place.replicate().await;
    place.db.backup(place.path("before.db")).await.unwrap();
    place.insert(200_000).await;
    flush(&replica).await;
    place.db.restore(place.path("before.db")).await.unwrap();
    place.insert(10).await;
    let state = flush(&replica).await;
    assert_eq!(state.snapshots, 1, "it is one commit more");
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
}

#[tokio::test]
async fn without_a_log_it_is_refused_and_with_one_again_it_goes_on() {
    let place = Place::with(options().journal_mode(JournalMode::Delete)).await;
    let error = place.db.replicate(place.path("replica")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("WAL"), "{error}");

    place.db.query::<String>("PRAGMA journal_mode = WAL", ()).await.unwrap();
    let replica = place.replicate().await;
    flush(&replica).await;
    place.db.query::<String>("PRAGMA journal_mode = DELETE", ()).await.unwrap();
    place.insert(5_000).await;
    within("the error", async {
        while replica.state().error.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(replica.state().error.unwrap().contains("WAL"));
    place.db.query::<String>("PRAGMA journal_mode = WAL", ()).await.unwrap();
    place.insert(5_000).await;
    let state = flush(&replica).await;
    assert_eq!(state.error, None);
    assert!(matches!(state.last_snapshot, Some((_, SnapshotReason::JournalMode))), "{state:?}");
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
}

#[tokio::test]
async fn only_one_replica_writes_to_a_folder() {
    let place = Place::new().await;
    let replica = place.replicate().await;
    let error = place.db.replicate(place.path("replica")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let second = place.db.replicate(place.path("second")).await.unwrap();
    place.insert(10).await;
    flush(&replica).await;
    flush(&second).await;
    within("stopping", replica.stop()).await.unwrap();
    place.replicate().await;
}

#[tokio::test]
async fn a_database_in_memory_is_replicated() {
    let folder = tempfile::tempdir().unwrap();
    let db = ubiqlite::Database::open(":memory:").await.unwrap();
    db.batch("CREATE TABLE a (b); INSERT INTO a VALUES (7)").await.unwrap();
    let replica = db.replicate(folder.path().join("replica")).await.unwrap();
    db.batch("INSERT INTO a VALUES (8)").await.unwrap();
    flush(&replica).await;
    let to = folder.path().join("restored.db");
    ubiqlite::restore_replica(folder.path().join("replica"), ReplicaMoment::Latest, &to)
        .await
        .unwrap();
    let restored = ubiqlite::Database::open(&to).await.unwrap();
    assert_eq!(restored.query_value::<i64>("SELECT sum(b) FROM a", ()).await.unwrap(), 15);
    restored.close().await.unwrap();
    within("closing", db.close()).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_nobody_waits_for_any_more_ends() {
    let place = Place::new().await;
    let begin = || place.db.replicate(place.path("replica")).into_future();
    let mut begun = begin();
    let polled = std::future::poll_fn(|cx| {
        std::task::Poll::Ready(std::future::Future::poll(begun.as_mut(), cx).is_ready())
    });
    if polled.await {
        // It was quick: then it goes on, as nobody has stopped it.
        return;
    }
    drop(begun);
    within("the end of it", async {
        while begin().await.is_err_and(|error| error.kind() == ErrorKind::Busy) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
