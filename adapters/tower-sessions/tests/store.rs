//! What tower-sessions' own tests leave to the stores.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use time::OffsetDateTime;
use tower::ServiceExt as _;
use tower_sessions::session::{Id, Record};
use tower_sessions::{
    CachingSessionStore, ExpiredDeletion, Session, SessionManagerLayer, SessionStore,
};
use ubiqlite::{Database, params};
use ubiqlite_tower_sessions::{UbiqliteStore, error_kind};

async fn store() -> (Database, UbiqliteStore) {
    let database = Database::open(":memory:").await.unwrap();
    let store = UbiqliteStore::new(database.clone());
    store.migrate().await.unwrap();
    (database, store)
}

#[tokio::test]
async fn an_application_keeps_its_sessions_in_its_database()
-> Result<(), Box<dyn std::error::Error>> {
    async fn visits(session: Session) -> Result<String, StatusCode> {
        let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
        let visits: u32 = session.get("visits").await.map_err(failed)?.unwrap_or(0) + 1;
        session.insert("visits", visits).await.map_err(failed)?;
        Ok(format!("visit {visits}"))
    }
    let database = Database::open(":memory:").await?;
    // #region layer
    let store = UbiqliteStore::new(database.clone());
    store.migrate().await?;
    let app: Router = Router::new().route("/", get(visits)).layer(SessionManagerLayer::new(store));
    // #endregion layer
    let first = app.clone().oneshot(Request::new(Body::empty())).await?;
    let cookie = first.headers()["set-cookie"].clone();
    let again = Request::builder().header("cookie", cookie).body(Body::empty())?;
    let again = app.oneshot(again).await?;
    assert_eq!(to_bytes(again.into_body(), 100).await?, "visit 2");
    assert_eq!(count(&database).await, 1);
    Ok(())
}

/// A session that expires some seconds from now.
fn record(seconds: i64) -> Record {
    let now = OffsetDateTime::now_utc();
    let now = now.replace_microsecond(now.microsecond()).unwrap();
    let difference = Duration::from_secs(seconds.unsigned_abs());
    let expiry_date = if seconds < 0 { now - difference } else { now + difference };
    let data = HashMap::from([("name".to_owned(), "Zoë".into()), ("visits".to_owned(), 7.into())]);
    Record { id: Id::default(), data, expiry_date }
}

async fn count(database: &Database) -> i64 {
    database.query_value("SELECT count(*) FROM tower_sessions", ()).await.unwrap()
}

#[tokio::test]
async fn a_session_is_loaded_as_it_was_saved() {
    let (database, store) = store().await;
    let mut first = record(60);
    store.create(&mut first).await.unwrap();
    assert_eq!(store.load(&first.id).await.unwrap().as_ref(), Some(&first));

    first.data.insert("visits".to_owned(), 8.into());
    first.expiry_date += Duration::from_secs(60);
    store.save(&first).await.unwrap();
    assert_eq!(store.load(&first.id).await.unwrap().as_ref(), Some(&first));
    assert_eq!(count(&database).await, 1);

    // SQL reads it too.
    let visits: i64 = database
        .query_value(
            "SELECT data ->> 'visits' FROM tower_sessions WHERE id = ?",
            params![first.id.to_string()],
        )
        .await
        .unwrap();
    assert_eq!(visits, 8);
}

#[tokio::test]
async fn a_session_whose_id_is_taken_gets_another_and_leaves_the_first_alone() {
    let (database, store) = store().await;
    let mut first = record(60);
    store.create(&mut first).await.unwrap();
    let mut second = Record { id: first.id, ..record(60) };
    second.data.clear();
    store.create(&mut second).await.unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(store.load(&first.id).await.unwrap(), Some(first));
    assert_eq!(store.load(&second.id).await.unwrap(), Some(second));
    assert_eq!(count(&database).await, 2);
}

#[tokio::test]
async fn an_expired_session_is_not_loaded_and_only_expired_ones_are_deleted() {
    let (database, store) = store().await;
    let (mut old, mut new) = (record(-1), record(60));
    store.create(&mut old).await.unwrap();
    store.create(&mut new).await.unwrap();
    assert_eq!(store.load(&old.id).await.unwrap(), None);
    store.delete_expired().await.unwrap();
    assert_eq!(count(&database).await, 1);
    assert_eq!(store.load(&new.id).await.unwrap(), Some(new));
}

#[tokio::test]
async fn the_last_moment_that_time_has_is_kept() {
    let (_database, store) = store().await;
    let end = time::Date::MAX.midnight().assume_utc();
    let mut forever = Record { expiry_date: end, ..record(0) };
    store.create(&mut forever).await.unwrap();
    assert_eq!(store.load(&forever.id).await.unwrap(), Some(forever));
}

#[tokio::test]
async fn a_deleted_session_is_gone_and_deleting_it_again_is_no_error() {
    let (_database, store) = store().await;
    let mut gone = record(60);
    store.create(&mut gone).await.unwrap();
    store.delete(&gone.id).await.unwrap();
    assert_eq!(store.load(&gone.id).await.unwrap(), None);
    store.delete(&gone.id).await.unwrap();
}

#[tokio::test]
async fn a_session_that_a_request_still_has_is_stored_again_after_it_was_deleted() {
    let (database, store) = store().await;
    let mut record = record(60);
    store.create(&mut record).await.unwrap();
    store.delete(&record.id).await.unwrap();
    store.save(&record).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap(), Some(record));
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_table_may_have_any_name_and_its_sessions_are_its_own() {
    let (_database, store) = store().await;
    let other = store.clone().with_table_name("the \"other\" sessions; --");
    other.migrate().await.unwrap();
    other.migrate().await.unwrap();
    let mut here = record(60);
    other.create(&mut here).await.unwrap();
    assert_eq!(store.load(&here.id).await.unwrap(), None);
    assert_eq!(other.load(&here.id).await.unwrap(), Some(here));
}

#[tokio::test]
async fn a_store_works_behind_a_cache() {
    let (database, store) = store().await;
    let cache = store.clone().with_table_name("cache");
    cache.migrate().await.unwrap();
    let cached = CachingSessionStore::new(cache, store.clone());
    let mut both = record(60);
    cached.create(&mut both).await.unwrap();
    database.execute("DELETE FROM tower_sessions", ()).await.unwrap();
    assert_eq!(cached.load(&both.id).await.unwrap(), Some(both));
}

#[tokio::test]
async fn what_is_no_session_and_a_missing_table_are_errors_of_their_kinds() {
    let (database, store) = store().await;
    let mut broken = record(60);
    store.create(&mut broken).await.unwrap();
    database.execute("UPDATE tower_sessions SET data = 'no JSON'", ()).await.unwrap();
    let error = store.load(&broken.id).await.unwrap_err();
    assert!(error.to_string().starts_with("Decoding failed"), "{error}");
    assert_eq!(error_kind(&error), None);

    database.execute("DROP TABLE tower_sessions", ()).await.unwrap();
    let error = store.save(&broken).await.unwrap_err();
    assert!(error.to_string().contains("tower_sessions"), "{error}");
    assert_eq!(error_kind(&error), Some(ubiqlite::ErrorKind::NoSuchTable));
}

#[tokio::test]
async fn a_session_outlives_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let mut kept = record(60);
    for start in 0..2 {
        let database = Database::open(&path).await.unwrap();
        let store = UbiqliteStore::new(database.clone());
        store.migrate().await.unwrap();
        match start {
            0 => store.create(&mut kept).await.unwrap(),
            _ => assert_eq!(store.load(&kept.id).await.unwrap().as_ref(), Some(&kept)),
        }
        database.close().await.unwrap();
    }
}
