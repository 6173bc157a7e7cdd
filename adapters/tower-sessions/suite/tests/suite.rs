//! The tests with which tower-sessions tests its own stores, from its package.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

#[macro_use]
#[allow(missing_docs, unreachable_pub, reason = "what is included is not written here")]
mod common {
    include!(env!("TOWER_SESSIONS_TESTS"));
}

#[allow(clippy::dbg_macro, reason = "what is included is not written here")]
mod ubiqlite_store {
    use axum::Router;
    use tower_sessions::SessionManagerLayer;
    use ubiqlite::Database;
    use ubiqlite_tower_sessions::UbiqliteStore;

    use crate::common::build_app;

    async fn app(max_age: Option<Duration>, domain: Option<String>) -> Router {
        let store = UbiqliteStore::new(Database::open(":memory:").await.unwrap());
        store.migrate().await.unwrap();
        build_app(SessionManagerLayer::new(store).with_secure(true), max_age, domain)
    }

    route_tests!(app);
}
