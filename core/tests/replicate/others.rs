//! Other processes that write to the same file.

use ubiqlite::{ReplicaMoment, SnapshotReason};

use super::{Place, flush, pages, within};

fn outside(place: &Place) -> rusqlite::Connection {
    let outside = rusqlite::Connection::open(place.path("app.db")).unwrap();
    outside.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    outside
}

#[tokio::test]
async fn commits_of_others_are_stored_without_being_asked_for() {
    let place = Place::new().await;
    let replica = place.replicate().await;
    let before = flush(&replica).await.transaction;
    outside(&place).execute("INSERT INTO items (name) VALUES ('outside')", []).unwrap();
    within("the commit of another", async {
        while replica.state().transaction == before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
}

#[tokio::test]
async fn a_log_that_another_begins_anew_is_followed_if_nothing_of_it_is_missing() {
    let place = Place::new().await;
    let outside = outside(&place);
    let replica = place.replicate().await;
    place.insert(3_000).await;
    flush(&replica).await;
    for _ in 0..5 {
        outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        outside.execute("INSERT INTO items (name) VALUES ('outside')", []).unwrap();
        place.insert(3_000).await;
        let state = flush(&replica).await;
        assert_eq!(state.last_snapshot, Some((1, SnapshotReason::First)));
        let now = pages(&place.db).await;
        assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
    }
}

#[tokio::test]
async fn a_log_that_another_begins_anew_before_it_was_read_is_no_silent_gap() {
    let place = Place::new().await;
    let outside = outside(&place);
    let replica = place.replicate().await;
    flush(&replica).await;
    let mut lost = 0;
    for round in 0..200 {
        // In one go, so that nobody reads it in between, mostly.
        outside
            .execute_batch(
                "INSERT INTO items (name) VALUES ('a'); PRAGMA wal_checkpoint(TRUNCATE);
                 INSERT INTO items (name) VALUES ('b'); PRAGMA wal_checkpoint(TRUNCATE);
                 INSERT INTO items (name) VALUES ('c')",
            )
            .unwrap();
        let state = flush(&replica).await;
        let now = pages(&place.db).await;
        assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now, "{round}");
        lost += u32::from(matches!(state.last_snapshot, Some((_, SnapshotReason::Log))));
        if lost > 3 {
            return;
        }
    }
    panic!("nothing was lost in {lost} of 200 rounds");
}
