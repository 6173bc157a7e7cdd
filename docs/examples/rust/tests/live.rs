//! The guide's page about live queries.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::collections::HashMap;

use ubiqlite::{Database, Diff, ErrorKind, params};

async fn fresh() -> ubiqlite::Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    db.batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
         INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'sold');",
    )
    .await?;
    Ok((dir, db))
}

#[tokio::test]
async fn a_result_follows_the_data() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    let mut shown: Vec<Vec<(i64, String)>> = Vec::new();
    let mut show = async |rows: Vec<(i64, String)>, diff: Diff| -> ubiqlite::Result<()> {
        shown.push(rows);
        if shown.len() == 1 {
            db.execute("UPDATE items SET status = 'new' WHERE id = 2", ()).await?;
            return Ok(());
        }
        assert_eq!((diff.added, diff.removed), (vec![1], vec![]));
        db.close().await
    };
    let sql = "SELECT id, name FROM items WHERE status = ?";
    // #region watch
    let mut live = db.watch(sql, params!["new"]).key("id");

    while let Some(update) = live.try_next().await? {
        let diff = update.diff(); // positions: diff.added, diff.removed, diff.updated
        show(update.rows()?, diff).await?;
    }
    // #endregion watch
    assert_eq!(shown, [vec![(1, "lamp".into())], vec![(1, "lamp".into()), (2, "sofa".into())]]);
    Ok(())
}

#[tokio::test]
async fn a_selection_is_watched_by_its_rows() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    // #region select
    let mut live = db.table("items").select().filter("status", "new").watch().await?;
    let first = live.try_next().await?.unwrap();
    assert_eq!(first.len(), 1);
    // #endregion select
    db.execute("DELETE FROM items WHERE id = 1", ()).await?;
    assert!(live.try_next().await?.unwrap().is_empty());
    Ok(())
}

#[tokio::test]
async fn several_results_are_of_one_moment() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    // #region all
    let queries = [
        ("SELECT id, name FROM items", params![]),
        ("SELECT count(*) FROM items WHERE status = ?", params!["sold"]),
    ];
    let mut live = db.watch_all(queries).key(0, "id");
    let results = live.try_next().await?.unwrap();
    let (all, sold) = (results[0].rows::<(i64, String)>()?, results[1].rows::<(i64,)>()?);
    assert_eq!((all.len(), sold), (2, vec![(1,)]));
    // #endregion all
    assert_eq!(results[0].diff().added, [0, 1]);
    Ok(())
}

#[tokio::test]
async fn a_cache_forgets_what_a_commit_has_changed() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    let mut cache = HashMap::from([(1, "lamp"), (2, "sofa")]);
    // #region commits
    let mut commits = db.commits().tables(["items"]);

    db.execute("UPDATE items SET status = 'sold' WHERE id = 1", ()).await?;

    let commit = commits.try_next().await?.unwrap();
    for table in &commit.tables {
        match &table.rows {
            Some(rows) => {
                for row in rows {
                    cache.remove(&row.key[0].as_i64().unwrap());
                }
            }
            None => cache.clear(),
        }
    }
    if commit.everything {
        cache.clear();
    }
    // #endregion commits
    assert_eq!(cache, HashMap::from([(2, "sofa")]));
    Ok(())
}

#[tokio::test]
async fn what_writes_is_refused() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    // #region refused
    let error = db.watch("DELETE FROM items", ()).try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // #endregion refused
    let left: i64 = db.query_value("SELECT count(*) FROM items", ()).await?;
    assert_eq!(left, 2);
    Ok(())
}
