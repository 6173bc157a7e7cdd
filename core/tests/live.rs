//! Live queries: what each kind of change does to a watch.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "live/compiled_before.rs"]
mod compiled_before;
#[path = "live/feed.rs"]
mod feed;
#[path = "live/feed_begins.rs"]
mod feed_begins;
#[path = "live/foreign.rs"]
mod foreign;
#[path = "live/full_text.rs"]
mod full_text;
#[path = "live/fuzz.rs"]
mod fuzz;
#[path = "live/grain.rs"]
mod grain;
#[path = "live/pages.rs"]
mod pages;
#[path = "live/races.rs"]
mod races;
#[path = "live/sees.rs"]
mod sees;
#[cfg(sqlite_session)]
#[path = "live/session_objects.rs"]
mod session_objects;
#[path = "live/several.rs"]
mod several;

use std::time::Duration;

use ubiqlite::{Database, Options, Row, Synchronous, Update, Watch};

/// A database in a folder of its own, on the backend that the environment names.
struct Place {
    _folder: tempfile::TempDir,
    db: Database,
}

async fn open() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.db");
    let options = Options::default().synchronous(Synchronous::Normal);
    let single = std::env::var("UBIQLITE_BACKEND").is_ok_and(|name| name == "single-thread");
    #[cfg(feature = "single-thread")]
    let db = match single {
        true => options.open_single_thread(&path).unwrap(),
        false => options.open(&path).await.unwrap(),
    };
    #[cfg(not(feature = "single-thread"))]
    let db = {
        assert!(!single, "the feature single-thread is off");
        options.open(&path).await.unwrap()
    };
    Place { _folder: folder, db }
}

/// The next result, which must come.
async fn next(live: &mut Watch) -> Update {
    let next = tokio::time::timeout(Duration::from_secs(20), live.try_next());
    next.await.expect("a result must come").unwrap().expect("the database is open")
}

/// Checks that no result comes.
async fn quiet(live: &mut Watch) {
    let next = tokio::time::timeout(Duration::from_millis(30), live.try_next()).await;
    if let Ok(next) = next {
        panic!("nothing has changed, and yet: {:?}", next.unwrap().map(|it| texts(&it)));
    }
}

/// The rows as texts, to compare and to show.
fn texts(update: &Update) -> Vec<String> {
    update.iter().map(|row| text(&row)).collect()
}

fn text(row: &Row) -> String {
    row.iter().map(|(_, value)| format!("{value:?}")).collect::<Vec<_>>().join(" ")
}

/// What the query returns when it is run by itself.
async fn truth(db: &Database, sql: &str) -> Vec<String> {
    let rows: Vec<Row> = db.query(sql, ()).await.unwrap();
    rows.iter().map(text).collect()
}
