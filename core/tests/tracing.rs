//! Spans of statements: their attributes, what they belong to, and waiting told apart from running.

#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{ENDLESS, Fresh, NEVER, kind, start, within};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Event, Metadata, Subscriber};
use ubiqlite::{Database, ErrorKind, Options, params, record};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)";
const INSERT: &str = "INSERT INTO items (name) VALUES (?)";

/// A span or an event, with its attributes as text.
#[derive(Debug, Clone, Default)]
struct Seen {
    name: &'static str,
    target: String,
    level: String,
    parent: Option<u64>,
    attributes: BTreeMap<String, String>,
    closed: bool,
}

impl Seen {
    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs_f64(self.get(name).parse().unwrap())
    }

    fn waited(&self) -> Duration {
        self.seconds("ubiqlite.queue_wait")
    }

    fn ran(&self) -> Duration {
        self.seconds("ubiqlite.run")
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.attributes.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.attributes.insert(field.name().to_owned(), value.to_owned());
    }
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    spans: Vec<Seen>,
    events: Vec<Seen>,
    entered: Vec<u64>,
    /// References to each span: the last one closes it.
    references: Vec<u32>,
}

impl Recorder {
    fn begin() -> (Self, DefaultGuard) {
        let recorder = Self::default();
        let guard = tracing::subscriber::set_default(recorder.clone());
        (recorder, guard)
    }

    /// The spans of statements so far, which are forgotten.
    fn take(&self) -> Vec<Seen> {
        let mut recorded = self.0.lock().unwrap();
        let spans = recorded.spans.clone();
        for span in &mut recorded.spans {
            span.target.clear();
        }
        spans.into_iter().filter(|span| span.target == "ubiqlite").collect()
    }

    fn events(&self) -> Vec<Seen> {
        self.0.lock().unwrap().events.clone()
    }
}

impl Subscriber for Recorder {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Asked each time: other tests have other subscribers.
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut recorded = self.0.lock().unwrap();
        let metadata = attributes.metadata();
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None => recorded.entered.last().copied(),
        };
        let (name, target) = (metadata.name(), metadata.target().to_owned());
        let level = metadata.level().to_string();
        let mut seen = Seen { name, target, level, parent, ..Seen::default() };
        attributes.record(&mut seen);
        recorded.spans.push(seen);
        recorded.references.push(1);
        Id::from_u64(recorded.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut self.0.lock().unwrap().spans[span.into_u64() as usize - 1]);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let (target, level) = (metadata.target().to_owned(), metadata.level().to_string());
        let parent = event.parent().map(Id::into_u64);
        let mut seen = Seen { target, level, parent, ..Seen::default() };
        event.record(&mut seen);
        self.0.lock().unwrap().events.push(seen);
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered.pop();
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.lock().unwrap().references[id.into_u64() as usize - 1] += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut recorded = self.0.lock().unwrap();
        let index = id.into_u64() as usize - 1;
        recorded.references[index] -= 1;
        let closed = recorded.references[index] == 0;
        recorded.spans[index].closed |= closed;
        closed
    }
}

/// A database of each backend.
async fn each(options: Options) -> Vec<Fresh> {
    let mut all = vec![Fresh::with(options.clone(), SCHEMA).await];
    #[cfg(feature = "single-thread")]
    {
        let dir = tempfile::tempdir().unwrap();
        let db = options.open_single_thread(dir.path().join("app.db")).unwrap();
        db.batch(SCHEMA).await.unwrap();
        all.push(Fresh { db, dir });
    }
    all
}

#[tokio::test]
async fn a_statement_has_a_span_with_the_attributes_of_the_conventions_and_no_parameters() {
    let (recorder, _guard) = Recorder::begin();
    for fresh in each(Options::default()).await {
        let db = &fresh.db;
        recorder.take();
        db.execute(INSERT, params!["secret"]).await.unwrap();
        let select = "SELECT name FROM items WHERE name = ?";
        let rows: Vec<(String,)> = db.query(select, params!["secret"]).await.unwrap();
        assert_eq!(rows.len(), 1);
        let [insert, read] = recorder.take().try_into().unwrap();
        assert_eq!(insert.get("db.query.text"), INSERT);
        assert_eq!(insert.get("db.query.summary"), "INSERT items");
        assert_eq!(insert.get("db.operation.name"), "INSERT");
        assert_eq!(read.get("otel.name"), "SELECT items");
        assert_eq!(read.get("otel.kind"), "client");
        assert_eq!(read.get("db.system.name"), "sqlite");
        assert_eq!(read.get("db.namespace"), fresh.path().to_string_lossy());
        assert_eq!(read.get("db.response.returned_rows"), "1");
        assert_eq!((read.get("error.type"), read.name), ("", "ubiqlite.call"));
        for span in [insert, read] {
            assert!(span.closed, "{span:?}");
            assert!(span.ran() > Duration::ZERO, "{span:?}");
            assert!(!format!("{span:?}").contains("secret"), "{span:?}");
        }
    }
}

#[tokio::test]
async fn a_span_is_a_child_of_the_callers() {
    let (recorder, _guard) = Recorder::begin();
    let fresh = Fresh::with(Options::default(), SCHEMA).await;
    recorder.take();
    let span = tracing::info_span!(target: "program", "request");
    let id = span.id().unwrap().into_u64();
    // As an instrumented task is polled.
    let mut call = Box::pin(fresh.db.execute(INSERT, params!["one"]));
    poll_fn(|cx| span.in_scope(|| call.as_mut().poll(cx))).await.unwrap();
    fresh.db.execute(INSERT, params!["two"]).await.unwrap();
    let parents: Vec<_> = recorder.take().iter().map(|span| span.parent).collect();
    assert_eq!(parents, [Some(id), None]);
}

#[tokio::test]
async fn a_write_behind_a_transaction_waits_and_a_long_query_runs() {
    let (recorder, _guard) = Recorder::begin();
    let held = Duration::from_millis(80);
    for fresh in each(Database::options().busy_timeout(NEVER)).await {
        let db = &fresh.db;
        let tx = db.begin().await.unwrap();
        recorder.take();
        let mut write = Box::pin(db.execute(INSERT, params!["one"]));
        assert!(start(&mut write).await.is_none());
        tokio::time::sleep(held).await;
        tx.commit().await.unwrap();
        within("the write", write).await.unwrap();
        let [span, commit] = recorder.take().try_into().unwrap();
        assert_eq!(commit.get("otel.name"), "COMMIT");
        assert!(span.waited() >= held && span.ran() < held, "{span:?}");
        let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
            WHERE i < 400000) SELECT count(*) FROM n";
        db.query_value::<i64>(long, ()).await.unwrap();
        let [span] = recorder.take().try_into().unwrap();
        assert!(span.ran() > Duration::from_millis(5), "{span:?}");
        assert!(span.waited() < span.ran(), "{span:?}");
    }
}

#[tokio::test]
async fn an_error_and_a_call_given_up_say_so() {
    let (recorder, _guard) = Recorder::begin();
    let fresh = Fresh::with(Options::default(), SCHEMA).await;
    let db = &fresh.db;
    db.execute(INSERT, params!["one"]).await.unwrap();
    recorder.take();
    assert_eq!(kind(db.execute(INSERT, params!["one"]).await), ErrorKind::UniqueViolation);
    let mut endless = Box::pin(db.query::<(i64,)>(ENDLESS, ()));
    assert!(start(&mut endless).await.is_none());
    drop(endless);
    let [failed, dropped] = recorder.take().try_into().unwrap();
    assert_eq!(failed.get("error.type"), "UniqueViolation");
    assert_eq!(failed.get("otel.status_code"), "ERROR");
    assert_eq!(failed.get("db.response.status_code"), "2067");
    assert_eq!(dropped.get("error.type"), "Cancelled");
    assert!(dropped.closed, "{dropped:?}");
}

#[tokio::test]
async fn every_way_to_run_a_statement_has_one_span() {
    let (recorder, _guard) = Recorder::begin();
    for fresh in each(Options::default()).await {
        let db = &fresh.db;
        let names = || -> Vec<String> {
            recorder.take().iter().map(|span| span.get("otel.name").to_owned()).collect()
        };
        names();
        db.table("items").insert(record! { "name" => "one" }).await.unwrap();
        assert_eq!(names(), ["INSERT items"], "and none for the table's schema");
        db.batch("DELETE FROM items; DELETE FROM items").await.unwrap();
        assert_eq!(names().len(), 1);
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, params!["two"]).await.unwrap();
        let mut savepoint = tx.begin_savepoint().await.unwrap();
        savepoint.execute(INSERT, params!["three"]).await.unwrap();
        savepoint.release().await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(
            names(),
            ["BEGIN", "INSERT items", "SAVEPOINT", "INSERT items", "RELEASE", "ROLLBACK"]
        );
        let mut session = db.acquire().await.unwrap();
        session.execute(INSERT, params!["four"]).await.unwrap();
        db.snapshot()
            .await
            .unwrap()
            .query_value::<i64>("SELECT count(*) FROM items", ())
            .await
            .unwrap();
        assert_eq!(names(), ["ACQUIRE", "INSERT items", "SNAPSHOT", "SELECT items"]);
        let mut tx = session.begin().await.unwrap();
        tx.execute(INSERT, params!["five"]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(names(), ["BEGIN", "INSERT items", "COMMIT"]);
    }
}

#[tokio::test]
async fn the_span_of_a_stream_has_its_rows_and_what_the_reader_takes_is_not_its_time() {
    let (recorder, _guard) = Recorder::begin();
    let idle = Duration::from_millis(80);
    for fresh in each(Options::default()).await {
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
            WHERE i < 200000) SELECT i FROM n";
        recorder.take();
        let mut stream = fresh.db.stream(rows, ());
        stream.try_next().await.unwrap();
        tokio::time::sleep(idle).await;
        let mut count = 1;
        while stream.try_next().await.unwrap().is_some() {
            count += 1;
        }
        let [span] = recorder.take().try_into().unwrap();
        assert_eq!((count, span.get("db.response.returned_rows")), (200_000, "200000"));
        assert!(span.closed && span.ran() > Duration::from_millis(2), "{span:?}");
        assert!(span.waited() < idle, "{span:?}");
        assert_eq!(span.get("error.type"), "");
        let mut part = fresh.db.stream(rows, ());
        part.try_next().await.unwrap();
        drop(part);
        let [span] = recorder.take().try_into().unwrap();
        assert_eq!(span.get("error.type"), "", "who has read enough has not failed");
        let mut wrong = fresh.db.stream("SELECT nothing", ());
        assert!(wrong.try_next().await.is_err());
        let [span] = recorder.take().try_into().unwrap();
        assert_ne!(span.get("error.type"), "");
    }
}

#[tokio::test]
async fn a_slow_statement_is_reported_and_one_that_only_waits_is_not() {
    let (recorder, _guard) = Recorder::begin();
    // A write takes less, and the long query more.
    let slow = Duration::from_millis(60);
    let options = Database::options().busy_timeout(NEVER).slow_statement(slow);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let tx = db.begin().await.unwrap();
    let mut write = Box::pin(db.execute(INSERT, params!["secret"]));
    assert!(start(&mut write).await.is_none());
    tokio::time::sleep(2 * slow).await;
    tx.commit().await.unwrap();
    within("the write", write).await.unwrap();
    let inserts = |seen: &Seen| seen.get("db.query.text") == INSERT;
    assert!(!recorder.events().iter().any(inserts), "{:?}", recorder.events());
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
        WHERE i < 8000000) SELECT count(*) FROM n";
    db.query_value::<i64>(long, ()).await.unwrap();
    let event = recorder.events().pop().unwrap();
    assert_eq!((event.target.as_str(), event.level.as_str()), ("ubiqlite::slow", "WARN"));
    assert_eq!(event.get("db.query.text"), long);
    assert!(event.ran() >= slow, "{event:?}");
    assert!(event.parent.is_some());
}

#[tokio::test]
async fn snapshots_sessions_and_savepoints_have_spans_of_their_own() {
    let (recorder, _guard) = Recorder::begin();
    let names = || -> Vec<String> {
        recorder.take().iter().map(|span| span.get("otel.name").to_owned()).collect()
    };
    for fresh in each(Options::default()).await {
        let db = &fresh.db;
        recorder.take();
        let now = db.snapshot().await.unwrap();
        let [snapshot] = recorder.take().try_into().unwrap();
        assert_eq!(snapshot.get("db.operation.name"), "SNAPSHOT");
        assert_eq!(snapshot.get("db.query.text"), "", "there is no SQL");
        assert!(snapshot.closed && snapshot.waited() < Duration::from_secs(9), "{snapshot:?}");
        drop((now, db.acquire().await.unwrap()));
        assert_eq!(names(), ["ACQUIRE"]);
        let mut tx = db.begin().await.unwrap();
        let mut outer = tx.begin_savepoint().await.unwrap();
        outer.begin_savepoint().await.unwrap().rollback().await.unwrap();
        outer.release().await.unwrap();
        let spans = recorder.take();
        let texts: Vec<_> = spans.iter().map(|span| span.get("db.query.text")).collect();
        let [_, first, second, undone, released] = texts.as_slice() else { panic!("{texts:?}") };
        assert!(first.starts_with("SAVEPOINT ") && second.starts_with("SAVEPOINT "), "{texts:?}");
        assert!(
            undone.starts_with("ROLLBACK TO ") && released.starts_with("RELEASE "),
            "{texts:?}"
        );
        assert!(spans.iter().all(|span| span.closed && span.ran() > Duration::ZERO), "{spans:?}");
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_session_for_which_there_is_no_connection_has_waited() {
    let (recorder, _guard) = Recorder::begin();
    let waiting = Duration::from_millis(40);
    let fresh = Fresh::with(Database::options().sessions(1).acquire_timeout(NEVER), SCHEMA).await;
    let held = fresh.db.acquire().await.unwrap();
    recorder.take();
    let mut next = Box::pin(fresh.db.acquire());
    assert!(start(&mut next).await.is_none());
    tokio::time::sleep(waiting).await;
    drop(held);
    within("the session", next).await.unwrap();
    let [span] = recorder.take().try_into().unwrap();
    assert_eq!(span.get("otel.name"), "ACQUIRE");
    assert!(span.waited() >= waiting / 2 && span.ran() < waiting, "{span:?}");
}
