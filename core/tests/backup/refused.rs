//! Copies that are refused, fail, or are given up: there is no file under their name.

use ubiqlite::{Error, ErrorKind, Result};

use super::{Place, seen};

use super::support::{eventually, kind, poll_times, within};

async fn fails(place: &Place, name: &str) -> Error {
    let copy: Result<()> =
        within("the copy", place.db.backup(place.path(name)).into_future()).await;
    copy.expect_err(name)
}

#[tokio::test]
async fn a_file_that_exists_is_replaced_only_on_request() {
    let place = Place::new().await;
    std::fs::write(place.path("copy.db"), "mine").unwrap();
    let error = fails(&place, "copy.db").await;
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("exists"), "{error}");
    assert_eq!(std::fs::read(place.path("copy.db")).unwrap(), b"mine");
    place.db.backup(place.path("copy.db")).overwrite(true).await.unwrap();
    seen(&place.path("copy.db"));
    assert_eq!(place.others(), ["copy.db"]);
}

#[tokio::test]
async fn a_file_that_appears_during_the_copy_is_not_replaced() {
    let place = Place::new().await;
    let mut backup = place.db.backup(place.path("copy.db"));
    backup.try_next().await.unwrap();
    // Either it comes too late, and finds the copy, or the copy finds it.
    let mine = std::fs::File::create_new(place.path("copy.db")).is_ok();
    let mut ended = Ok(Some(()));
    while let Ok(Some(())) = ended {
        ended = within("the copy", backup.try_next()).await.map(|it| it.map(drop));
    }
    assert_eq!(ended.is_err(), mine, "{ended:?}");
    assert_eq!(place.others(), ["copy.db"]);
}

#[tokio::test]
async fn the_database_itself_is_no_place_for_its_copy_by_whatever_name() {
    let place = Place::new().await;
    let before = place.path("app.db");
    std::os::unix::fs::symlink(&before, place.path("link.db")).unwrap();
    std::fs::hard_link(&before, place.path("hard.db")).unwrap();
    std::os::unix::fs::symlink(place.folder.path(), place.path("folder")).unwrap();
    for name in [
        "app.db",
        "app.db-wal",
        "app.db-shm",
        "app.db-journal",
        "link.db",
        "hard.db",
        "folder/app.db",
    ] {
        let copy = place.db.backup(place.path(name)).overwrite(true).into_future();
        let error = within(name, copy).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
        assert!(error.message().contains("itself"), "{name}: {error}");
    }
    // Its own name is another's part.
    std::fs::hard_link(&before, place.path("odd.part")).unwrap();
    assert_eq!(fails(&place, "odd").await.kind(), ErrorKind::InvalidArgument);
    place.db.execute("DELETE FROM log", ()).await.unwrap();
    place.db.close().await.unwrap();
    seen(&before);
}

#[tokio::test]
async fn a_place_with_the_log_of_another_database_is_refused() {
    let place = Place::new().await;
    for suffix in ["-wal", "-journal"] {
        std::fs::write(place.path(&format!("copy.db{suffix}")), "left").unwrap();
        let error = fails(&place, "copy.db").await;
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        std::fs::remove_file(place.path(&format!("copy.db{suffix}"))).unwrap();
    }
    assert_eq!(place.others(), [""; 0]);
}

#[tokio::test]
async fn a_folder_that_is_missing_or_a_folder_as_the_target_is_refused() {
    let place = Place::new().await;
    std::fs::create_dir(place.path("folder")).unwrap();
    std::os::unix::fs::symlink(place.path("nowhere"), place.path("broken")).unwrap();
    for name in ["none/copy.db", "folder", "broken", "app.db/copy.db"] {
        let error = fails(&place, name).await;
        assert_eq!(error.kind(), ErrorKind::CannotOpen, "{name}: {error}");
        assert!(error.path().is_some(), "{name}");
    }
    assert_eq!(place.others(), ["broken", "folder"]);
}

#[tokio::test]
async fn what_is_no_plain_file_is_not_replaced_even_on_request() {
    let place = Place::new().await;
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = place.db.backup(&pipe).overwrite(true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotOpen, "{error}");
    assert_eq!(place.others(), ["pipe"]);
}

#[tokio::test]
async fn a_part_that_somebody_left_is_replaced_and_one_that_is_being_written_is_not() {
    let place = Place::new().await;
    std::fs::write(place.path("copy.db.part"), vec![7; 100_000]).unwrap();
    place.db.backup(place.path("copy.db")).await.unwrap();
    place.db.backup(place.path("small.db")).compact(true).await.unwrap();
    assert_eq!(place.others(), ["copy.db", "small.db"]);
    seen(&place.path("copy.db"));

    let held = std::fs::File::create(place.path("other.db.part")).unwrap();
    held.lock().unwrap();
    let error = fails(&place, "other.db").await;
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(place.path("other.db.part").exists());
    drop(held);
    place.db.backup(place.path("other.db")).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_dropped_at_any_moment_leaves_no_file() {
    let place = Place::new().await;
    for polls in 0..40 {
        let backup = place.db.backup(place.path("copy.db")).overwrite(true);
        let whole = poll_times(polls, backup.into_future()).await;
        let stale = || place.path("copy.db.part").exists();
        eventually("the part is removed", || !stale()).await;
        if whole.is_some() || place.path("copy.db").exists() {
            seen(&place.path("copy.db"));
            std::fs::remove_file(place.path("copy.db")).unwrap();
        }
    }
    // By steps, each of which is given up as well.
    for steps in 0..10 {
        let mut backup = place.db.backup(place.path("copy.db"));
        for _ in 0..steps {
            drop(poll_times(1, backup.try_next()).await);
        }
        drop(backup);
        eventually("the part is removed", || !place.path("copy.db.part").exists()).await;
        if place.path("copy.db").exists() {
            seen(&place.path("copy.db"));
            std::fs::remove_file(place.path("copy.db")).unwrap();
        }
    }
    assert_eq!(place.others(), [""; 0]);
    transfer_works(&place).await;
}

/// The writer is free, and its connection has no copy left.
async fn transfer_works(place: &Place) {
    within("a write", super::transfer(&place.db, 1)).await;
    within("closing", place.db.close()).await.unwrap();
    seen(&place.path("app.db"));
}

#[tokio::test]
async fn a_compact_copy_that_is_dropped_stops() {
    let place = Place::new().await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
               INSERT INTO accounts (balance, note) SELECT 0, hex(randomblob(500)) FROM n";
    place.db.execute(sql, ()).await.unwrap();
    for polls in 0..5 {
        let backup = place.db.backup(place.path("copy.db")).compact(true).overwrite(true);
        poll_times(polls, backup.into_future()).await;
        eventually("the part is removed", || !place.path("copy.db.part").exists()).await;
        let _ = std::fs::remove_file(place.path("copy.db"));
    }
    assert_eq!(place.others(), [""; 0]);
}

#[tokio::test]
async fn a_closed_database_is_not_copied() {
    let place = Place::new().await;
    place.db.close().await.unwrap();
    assert_eq!(kind(place.db.backup(place.path("copy.db")).await), ErrorKind::Closed);
    assert_eq!(kind(place.db.serialize().await), ErrorKind::Closed);
    assert_eq!(kind(place.db.restore(place.path("copy.db")).await), ErrorKind::Closed);
    assert_eq!(place.others(), [""; 0]);
}

#[tokio::test]
async fn a_copy_that_takes_longer_than_its_limit_leaves_nothing() {
    let place = Place::new().await;
    let quick = place.db.timeout(std::time::Duration::ZERO);
    let error = within("the copy", quick.backup(place.path("copy.db")).into_future()).await;
    assert_eq!(kind(error), ErrorKind::Timeout);
    eventually("the part is removed", || place.others().is_empty()).await;
}
