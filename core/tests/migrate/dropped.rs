//! Futures that are dropped while migrations run.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::*;

/// Runs a future until it has been woken so many times, and drops it then.
async fn until_woken<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut polled) = (pin!(future), 0);
    poll_fn(|cx| {
        if polled == times {
            return Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

fn all() -> Migrations {
    files(&[
        (
            "1_family.sql",
            "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE children (parent REFERENCES parents ON DELETE CASCADE);
             INSERT INTO parents VALUES (1, 'a'); INSERT INTO children VALUES (1)",
        ),
        ("1_family.down.sql", "DROP TABLE children; DROP TABLE parents"),
        (
            "2_rebuild.sql",
            "-- rebuild: parents\nCREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        ),
        (
            "2_rebuild.down.sql",
            "-- rebuild: parents\nCREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT)",
        ),
        ("3_more.sql", "CREATE TABLE more (x)"),
        ("3_more.down.sql", "DROP TABLE more"),
    ])
}

/// Checks that the first so many are there, whole, and returns how many.
async fn prefix(db: &Database) -> usize {
    // What was dropped may still be committed or undone.
    db.begin().await.unwrap().rollback().await.unwrap();
    let (done, tables) = (applied(db, &all()).await.len(), tables(db).await);
    assert_eq!(tables.len(), [0, 2, 2, 3][done], "{tables:?}");
    if done > 0 {
        assert_eq!(number(db, "SELECT count(*) FROM children").await, 1);
        let form: String = db
            .query_value("SELECT sql FROM sqlite_schema WHERE name = 'parents'", ())
            .await
            .unwrap();
        assert_eq!(form.contains("NOT NULL"), done > 1, "{form}");
        let orphan = db.execute("INSERT INTO children VALUES (9)", ()).await;
        assert_eq!(refused(orphan).0, ErrorKind::ForeignKeyViolation, "they are enforced");
    }
    done
}

#[tokio::test]
async fn a_run_that_is_dropped_at_any_moment_leaves_the_first_so_many() {
    let mut seen = std::collections::BTreeSet::new();
    for times in 0.. {
        let (_place, db) = fresh().await;
        let ended = until_woken(times, db.migrations(&all()).run()).await;
        seen.insert(prefix(&db).await);
        db.migrations(&all()).run().await.unwrap();
        assert_eq!(prefix(&db).await, 3);
        db.close().await.unwrap();
        if let Some(ended) = ended {
            ended.unwrap();
            break;
        }
    }
    assert!(seen.contains(&0) && seen.contains(&3), "{seen:?}");
}

#[tokio::test]
async fn going_back_that_is_dropped_at_any_moment_leaves_the_first_so_many() {
    for times in 0.. {
        let (_place, db) = fresh().await;
        db.migrations(&all()).run().await.unwrap();
        let ended = until_woken(times, db.migrations(&all()).to(0)).await;
        prefix(&db).await;
        db.migrations(&all()).to(0).await.unwrap();
        assert_eq!(prefix(&db).await, 0);
        db.close().await.unwrap();
        if let Some(ended) = ended {
            ended.unwrap();
            break;
        }
    }
}

#[tokio::test]
async fn a_dry_run_that_is_dropped_leaves_nothing() {
    for times in 0.. {
        let (_place, db) = fresh().await;
        let ended = until_woken(times, db.migrations(&all()).dry_run()).await;
        assert_eq!(prefix(&db).await, 0);
        assert!(db.migrations(&all()).applied().await.unwrap().is_empty());
        db.execute("CREATE TABLE writable (x)", ()).await.unwrap();
        if ended.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn an_opening_that_is_dropped_leaves_a_file_that_opens() {
    for times in 0.. {
        let place = Place::new();
        let opening = place.open(Options::default().migrations(all()));
        let ended = until_woken(times, opening).await;
        let db = match ended.is_some() {
            true => ended.unwrap().unwrap(),
            false => {
                let db = place.open(Options::default()).await.unwrap();
                prefix(&db).await;
                db.close().await.unwrap();
                place.open(Options::default().migrations(all())).await.unwrap();
                continue;
            }
        };
        assert_eq!(prefix(&db).await, 3);
        break;
    }
}
