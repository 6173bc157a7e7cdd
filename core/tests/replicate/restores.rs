//! What is restored, and what is refused.

use std::time::{Duration, SystemTime};

use ubiqlite::{ErrorKind, ReplicaMoment, SnapshotReason, restore_replica};

use super::{Place, flush, names, pages, within};

#[tokio::test]
async fn a_time_is_restored_as_the_newest_moment_that_is_not_after_it() {
    let place = Place::new().await;
    let replica = place.replicate().await;
    let mut seen = Vec::new();
    let begin = SystemTime::now() - Duration::from_secs(5);
    for _ in 0..8 {
        place.insert(2_000).await;
        let state = flush(&replica).await;
        seen.push((state.time.unwrap(), pages(&place.db).await));
        // The next one is in another millisecond.
        while SystemTime::now() <= state.time.unwrap() + Duration::from_millis(2) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    for (time, pages) in &seen {
        for time in [*time, *time + Duration::from_millis(1)] {
            assert!(place.restored(ReplicaMoment::Time(time)).await.unwrap() == *pages);
        }
    }
    let later = ReplicaMoment::Time(SystemTime::now() + Duration::from_secs(60));
    assert!(place.restored(later).await.unwrap() == seen.last().unwrap().1);
    let error = place.restored(ReplicaMoment::Time(begin)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(names(place.folder.path()).iter().filter(|it| it.contains("restored")).count(), 0);
}

#[tokio::test]
async fn a_missing_or_damaged_file_is_an_error_that_names_it_and_leaves_no_file() {
    let place = Place::new().await;
    let replica = place.replicate().await;
    for _ in 0..5 {
        place.insert(2_000).await;
        flush(&replica).await;
    }
    within("closing", place.db.close()).await.unwrap();
    let files = place.files();
    assert!(files.len() >= 5, "{files:?}");
    for (index, name) in files.iter().enumerate() {
        let path = place.path("replica/ltx").join(name);
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 50, 120, whole.len() / 2, whole.len() - 20, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            std::fs::write(&path, damaged).unwrap();
            let error = place.restored(ReplicaMoment::Latest).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}, byte {at}: {error}");
            assert!(error.message().contains(name), "{error}");
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = place.restored(ReplicaMoment::Latest).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
        std::fs::remove_file(&path).unwrap();
        let missing = place.restored(ReplicaMoment::Latest).await;
        // Nothing tells that the newest one is missing.
        let newest = index == files.len() - 2 && name.starts_with("0/");
        if !newest {
            let error = missing.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
        }
        std::fs::write(&path, whole).unwrap();
    }
    place.restored(ReplicaMoment::Latest).await.unwrap();
    let left = names(place.folder.path());
    assert!(!left.iter().any(|it| it.contains("restored")), "{left:?}");
}

#[tokio::test]
async fn files_of_two_databases_are_not_taken_for_one() {
    let (one, two) = (Place::new().await, Place::new().await);
    for place in [&one, &two] {
        let replica = place.replicate().await;
        flush(&replica).await;
        for _ in 0..3 {
            place.insert(2_000).await;
            flush(&replica).await;
        }
        within("closing", place.db.close()).await.unwrap();
    }
    let name = one.files().into_iter().filter(|it| it.starts_with("0/")).nth(1).unwrap();
    let path = |place: &Place| place.path("replica/ltx").join(&name);
    std::fs::copy(path(&two), path(&one)).unwrap();
    let error = one.restored(ReplicaMoment::Latest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[tokio::test]
async fn a_replica_that_has_a_gap_begins_anew_with_all_pages() {
    let mut place = Place::new().await;
    let replica = place.replicate().await;
    flush(&replica).await;
    for _ in 0..3 {
        place.insert(2_000).await;
        flush(&replica).await;
    }
    let last = flush(&replica).await.transaction;
    within("closing", place.db.close()).await.unwrap();
    let middle = place.files().into_iter().nth(1).unwrap();
    std::fs::remove_file(place.path("replica/ltx").join(middle)).unwrap();
    place.reopen().await;
    let replica = place.replicate().await;
    let state = flush(&replica).await;
    assert_eq!(state.last_snapshot, Some((last + 1, SnapshotReason::Gap)));
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
}

#[tokio::test]
async fn what_is_no_replica_or_no_new_file_is_refused() {
    let place = Place::new().await;
    let to = place.path("restored.db");
    let none = restore_replica(place.path("nothing"), ReplicaMoment::Latest, &to).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
    let replica = place.replicate().await;
    flush(&replica).await;
    let taken = place.path("app.db");
    let error =
        restore_replica(place.path("replica"), ReplicaMoment::Latest, &taken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = place.restored(ReplicaMoment::Transaction(99)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("99"), "{error}");
}

#[tokio::test]
async fn what_is_older_than_what_is_kept_is_removed_and_no_more() {
    let place = Place::new().await;
    let replica = place.db.replicate(place.path("replica")).interval(Duration::ZERO);
    let replica = replica.snapshot_every(Duration::from_millis(1)).keep(Duration::ZERO);
    let replica = replica.await.unwrap();
    for _ in 0..20 {
        place.insert(2_000).await;
        flush(&replica).await;
    }
    let now = pages(&place.db).await;
    assert!(place.restored(ReplicaMoment::Latest).await.unwrap() == now);
    assert!(place.files().len() <= 4, "{:?}", place.files());
    within("stopping", replica.stop()).await.unwrap();

    let replica = place.db.replicate(place.path("replica")).interval(Duration::ZERO);
    let replica = replica.snapshot_every(Duration::from_millis(1)).keep(Duration::from_secs(3600));
    let replica = replica.await.unwrap();
    let before = place.files();
    let first = flush(&replica).await.transaction;
    for _ in 0..5 {
        place.insert(2_000).await;
        flush(&replica).await;
    }
    let after = place.files();
    assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
    place.restored(ReplicaMoment::Transaction(first)).await.unwrap();
}
