//! What applying a change set does, and what is decided where it meets other changes.

use ubiqlite::{
    Apply, ConflictKind, Database, Decision, ErrorKind, Policy, RowChanged, Value, Watch,
};

use super::{Place, rows, sent, sorted};

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, a, b, at INTEGER)";

/// The changes that these statements make, as bytes: one set for each.
async fn changes(place: &Place, tables: &[&str], statements: &[&str]) -> Vec<Vec<u8>> {
    let mut outbox = place.db.outbox(tables.iter().copied()).await.unwrap();
    let mut all = Vec::new();
    for sql in statements {
        place.db.execute(sql, ()).await.unwrap();
        while let Some(batch) = outbox.next().await.unwrap() {
            outbox.ack(batch.id()).await.unwrap();
            all.push(batch.into_bytes());
        }
    }
    all
}

/// Two databases with the same rows.
async fn twins(schema: &str) -> (Place, Place) {
    (Place::new(schema).await, Place::new(schema).await)
}

fn key(conflict: &ubiqlite::Conflict) -> &Value {
    &conflict.key[0].1
}

#[tokio::test]
async fn changes_of_different_columns_meet_without_conflict() {
    let (here, there) =
        twins(&format!("{NOTES}; INSERT INTO notes VALUES (1, 'a', 'b', 1);")).await;
    let sets = changes(&there, &["notes"], &["UPDATE notes SET a = 'A'"]).await;
    here.db.execute("UPDATE notes SET b = 'B'", ()).await.unwrap();
    let done = here.db.apply(&sets[0], Apply::abort()).await.unwrap();
    assert!(done.conflicts().is_empty());
    assert_eq!(rows(&here.db, "SELECT a || b FROM notes").await, ["Text([65, 66])"]);
}

#[tokio::test]
async fn of_an_update_that_meets_ours_the_other_columns_are_taken() {
    let (here, there) =
        twins(&format!("{NOTES}; INSERT INTO notes VALUES (1, 'a', 'b', 1);")).await;
    let sets = changes(&there, &["notes"], &["UPDATE notes SET a = 'A', at = 2"]).await;
    here.db.execute("UPDATE notes SET a = 'ours', b = 'B'", ()).await.unwrap();
    let done = here.db.apply(&sets[0], Apply::ours()).await.unwrap();
    assert_eq!(done.conflicts().len(), 1);
    let row: (String, String, i64) =
        here.db.query_one("SELECT a, b, at FROM notes", ()).await.unwrap();
    assert_eq!(row, ("ours".to_owned(), "B".to_owned(), 2));
}

#[tokio::test]
async fn each_kind_of_conflict_comes_back_as_data() {
    let schema = &format!(
        "{NOTES}; CREATE UNIQUE INDEX u ON notes (b); INSERT INTO notes VALUES (1, 'a', 1, 1), (2, 'a', 2, 1), (3, 'a', 3, 1);"
    );
    for (policy, theirs) in [(Apply::theirs(), true), (Apply::ours(), false)] {
        let (here, there) = twins(schema).await;
        let sets = changes(
            &there,
            &["notes"],
            &[
                "UPDATE notes SET a = 'theirs' WHERE id = 1",
                "UPDATE notes SET a = 'theirs' WHERE id = 2",
                "INSERT INTO notes VALUES (4, 'theirs', 4, 1)",
                "INSERT INTO notes VALUES (5, 'theirs', 5, 1)",
                "DELETE FROM notes WHERE id = 3",
            ],
        )
        .await;
        here.db
            .batch(
                "UPDATE notes SET a = 'ours' WHERE id = 1; DELETE FROM notes WHERE id = 2;
                 INSERT INTO notes VALUES (4, 'ours', 40, 1), (50, 'ours', 5, 1);
                 UPDATE notes SET a = 'ours' WHERE id = 3;",
            )
            .await
            .unwrap();
        // As one set.
        let done = here.db.apply(&sets.concat(), policy).await.unwrap();
        let decision = if theirs { Decision::Theirs } else { Decision::Ours };
        let mut found: Vec<_> = done.conflicts().iter().collect();
        found.sort_by_key(|it| key(it).as_i64());
        let seen: Vec<_> = found.iter().map(|it| (it.kind, it.change, it.decision)).collect();
        assert_eq!(
            seen,
            [
                (ConflictKind::Data, RowChanged::Updated, decision),
                (ConflictKind::NotFound, RowChanged::Updated, Decision::Ours),
                (ConflictKind::Data, RowChanged::Deleted, decision),
                (ConflictKind::Exists, RowChanged::Inserted, decision),
                (ConflictKind::Constraint, RowChanged::Inserted, Decision::Ours),
            ]
        );
        let first = found[0];
        let named = |name: &str, value: &str| (name.to_owned(), Value::from(value));
        assert_eq!(first.table, "notes");
        assert_eq!(first.key, [("id".to_owned(), Value::Integer(1))]);
        assert_eq!(first.theirs, [("id".to_owned(), Value::Integer(1)), named("a", "theirs")]);
        assert_eq!(first.ours.as_ref().unwrap()[1], named("a", "ours"));
        assert_eq!(found[1].ours, None);
        let left: Vec<(i64, String)> =
            here.db.query("SELECT id, a FROM notes ORDER BY id", ()).await.unwrap();
        let expected: &[(i64, &str)] = match theirs {
            true => &[(1, "theirs"), (4, "theirs"), (50, "ours")],
            false => &[(1, "ours"), (3, "ours"), (4, "ours"), (50, "ours")],
        };
        let left: Vec<_> = left.iter().map(|(id, a)| (*id, a.as_str())).collect();
        assert_eq!(left, expected);
    }
}

/// The smallest histories in which SQLite's own way to rebase leaves two sides apart: it changes
/// only the columns that wait, and a change that is left out may have changed others.
#[tokio::test]
async fn what_was_not_taken_is_sent_back() {
    let schema = &format!(
        "{NOTES}; CREATE UNIQUE INDEX u ON notes (b); INSERT INTO notes VALUES (1, 'a', 1, 1), (2, 'a', 2, 1);"
    );
    let newest = || Apply::theirs().newest("notes", "at");
    for (theirs, ours, policy, expected) in [
        // Their time was not changed here, and is taken.
        (
            "UPDATE notes SET a = 't', at = 2 WHERE id = 1",
            "UPDATE notes SET a = 'o' WHERE id = 1",
            Apply::ours(),
            "o 1 2, a 2 1",
        ),
        (
            "UPDATE notes SET a = 't', b = 7, at = 2 WHERE id = 1",
            "UPDATE notes SET a = 'o', at = 3 WHERE id = 1",
            newest(),
            "o 7 3, a 2 1",
        ),
        // What waits is of another row than the one that can't be taken.
        (
            "INSERT INTO notes VALUES (3, 't', 9, 1)",
            "INSERT INTO notes VALUES (4, 'o', 9, 1)",
            Apply::theirs(),
            "a 1 1, a 2 1, o 9 1",
        ),
        (
            "UPDATE notes SET b = 9, a = 't' WHERE id = 1",
            "UPDATE notes SET b = 9 WHERE id = 2",
            Apply::theirs(),
            "a 1 1, a 9 1",
        ),
        (
            "UPDATE notes SET b = 9, at = 5 WHERE id = 1",
            "UPDATE notes SET b = 9 WHERE id = 2",
            newest(),
            "a 1 1, a 9 1",
        ),
        // A row that they change is gone here, and one that they delete is kept.
        (
            "UPDATE notes SET a = 't' WHERE id = 1",
            "DELETE FROM notes WHERE id = 1",
            Apply::theirs(),
            "a 2 1",
        ),
        (
            "DELETE FROM notes WHERE id = 1",
            "UPDATE notes SET a = 'o' WHERE id = 1",
            Apply::ours(),
            "o 1 1, a 2 1",
        ),
        (
            "DELETE FROM notes WHERE id = 1",
            "UPDATE notes SET a = 'o' WHERE id = 1",
            Apply::theirs(),
            "a 2 1",
        ),
        // Two changes that undo each other.
        (
            "INSERT INTO notes VALUES (3, 't', 9, 1)",
            "INSERT INTO notes VALUES (3, 'o', 8, 1); DELETE FROM notes WHERE id = 3",
            Apply::ours(),
            "a 1 1, a 2 1, t 9 1",
        ),
    ] {
        let (here, there) = twins(schema).await;
        let from_there = changes(&there, &["notes"], &[theirs]).await;
        let mut outbox = here.db.outbox(["notes"]).await.unwrap();
        for sql in ours.split("; ") {
            here.db.execute(sql, ()).await.unwrap();
        }
        here.db.apply(&from_there.concat(), policy.clone()).await.unwrap();
        // Nothing waits there any more, so whatever the policy is, nothing is in the way.
        while let Some(batch) = outbox.next().await.unwrap() {
            there.db.apply(batch.bytes(), Apply::abort()).await.unwrap();
        }
        let all = "SELECT group_concat(a || ' ' || b || ' ' || at, ', ' ORDER BY id) FROM notes";
        for place in [&here, &there] {
            let found: String = place.db.query_value(all, ()).await.unwrap();
            assert_eq!(found, expected, "{theirs} / {ours}, {policy:?}");
        }
    }
}

#[tokio::test]
async fn unique_values_that_change_places_arrive() {
    let schema = "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT UNIQUE, x);
         CREATE TABLE uses (id INTEGER PRIMARY KEY, of REFERENCES names ON DELETE CASCADE, name REFERENCES names (name) ON UPDATE CASCADE);
         INSERT INTO names VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4);
         INSERT INTO uses VALUES (10, 1, 'a'), (20, 2, 'b'), (30, 3, 'c');";
    let turn = "UPDATE names SET name = 'z' WHERE id = 1; UPDATE names SET name = 'a' WHERE id = 3;
         UPDATE names SET name = 'c' WHERE id = 2; UPDATE names SET name = 'b' WHERE id = 1;";
    let swap = "DELETE FROM names WHERE id = 4; UPDATE names SET name = 'd' WHERE id = 1;
         INSERT INTO names VALUES (5, 'a', 5);";
    for policy in [Apply::abort(), Apply::theirs()] {
        for script in [turn, swap] {
            let (here, there) = twins(schema).await;
            let mut outbox = there.db.outbox(["names", "uses"]).await.unwrap();
            there.db.batch(script).await.unwrap();
            let set = outbox.next().await.unwrap().unwrap();
            let done = here.db.apply(set.bytes(), policy.clone()).await.unwrap();
            assert_eq!(done.conflicts(), [], "{script}");
            for table in ["names", "uses"] {
                let all = format!("SELECT * FROM {table} ORDER BY id");
                assert_eq!(rows(&here.db, &all).await, rows(&there.db, &all).await, "{script}");
            }
        }
    }
    // One that is really taken stays left out, and the others arrive.
    let (here, there) = twins(schema).await;
    let mut outbox = there.db.outbox(["names"]).await.unwrap();
    there.db.batch(format!("{turn} INSERT INTO names VALUES (6, 'e', 6)").as_str()).await.unwrap();
    let set = outbox.next().await.unwrap().unwrap();
    here.db.execute("INSERT INTO names VALUES (7, 'e', 7)", ()).await.unwrap();
    let done = here.db.apply(set.bytes(), Apply::theirs()).await.unwrap();
    let keys: Vec<_> = done.conflicts().iter().map(|it| key(it).clone()).collect();
    assert_eq!(keys, [Value::Integer(6)]);
    let names: String = here
        .db
        .query_value("SELECT group_concat(name, '' ORDER BY id) FROM names", ())
        .await
        .unwrap();
    assert_eq!(names, "bcade");
}

#[tokio::test]
async fn aborting_changes_nothing() {
    let (here, there) =
        twins(&format!("{NOTES}; INSERT INTO notes VALUES (1, 'a', 'b', 1);")).await;
    let sets = changes(
        &there,
        &["notes"],
        &["INSERT INTO notes VALUES (2, 'x', 'y', 1)", "UPDATE notes SET a = 'A' WHERE id = 1"],
    )
    .await;
    here.db.execute("UPDATE notes SET a = 'ours'", ()).await.unwrap();
    let failed = here.db.apply(&sets.concat(), Apply::abort()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ConstraintViolation);
    let told = "the row has other values here, for their change of notes where id = 1";
    assert!(failed.message().contains(told), "{failed}");
    assert_eq!(rows(&here.db, "SELECT count(*) FROM notes").await, ["Integer(1)"]);
    // Of one table alone.
    let policy = Apply::abort().table("NOTES", Policy::Theirs);
    here.db.apply(&sets.concat(), policy).await.unwrap();
    assert_eq!(rows(&here.db, "SELECT count(*) FROM notes").await, ["Integer(2)"]);
}

#[tokio::test]
async fn two_sides_that_keep_the_newest_agree() {
    for (ours, theirs) in [
        ("UPDATE notes SET a = 'ours', at = 5", "UPDATE notes SET a = 'theirs', at = 7"),
        ("UPDATE notes SET a = 'ours', at = 7", "UPDATE notes SET a = 'theirs', at = 5"),
        ("UPDATE notes SET a = 'ours', at = 7", "UPDATE notes SET a = 'theirs', at = 7"),
        ("DELETE FROM notes", "UPDATE notes SET a = 'theirs', at = 5"),
        (
            "REPLACE INTO notes VALUES (2, 'ours', 1, 9)",
            "REPLACE INTO notes VALUES (2, 'theirs', 2, 9)",
        ),
        (
            "REPLACE INTO notes VALUES (2, 'ours', 1, 9.5)",
            "REPLACE INTO notes VALUES (2, 'theirs', 2, 9)",
        ),
    ] {
        let (here, there) =
            twins(&format!("{NOTES}; INSERT INTO notes VALUES (1, 'a', 'b', 1);")).await;
        let from_there = changes(&there, &["notes"], &[theirs]).await;
        let from_here = changes(&here, &["notes"], &[ours]).await;
        let newest = || Apply::abort().newest("notes", "at");
        let here_done = here.db.apply(&from_there[0], newest()).await.unwrap();
        there.db.apply(&from_here[0], newest()).await.unwrap();
        let all = "SELECT * FROM notes ORDER BY id";
        assert_eq!(here_done.conflicts().len(), 1, "{ours} / {theirs}");
        if !ours.starts_with("DELETE") {
            assert_eq!(rows(&here.db, all).await, rows(&there.db, all).await, "{ours} / {theirs}");
        }
    }
}

#[tokio::test]
async fn triggers_and_actions_of_foreign_keys_do_not_happen_twice() {
    let schema = "CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent NOT NULL REFERENCES parents ON DELETE CASCADE);
         CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
         CREATE TRIGGER t AFTER DELETE ON children BEGIN INSERT INTO audit (what) VALUES (old.id); END;
         INSERT INTO parents VALUES (1), (2); INSERT INTO children VALUES (10, 1), (20, 2);";
    let tables = ["parents", "children", "audit"];
    let (here, there) = twins(schema).await;
    let sets = changes(
        &there,
        &tables,
        &[
            "DELETE FROM parents WHERE id = 1",
            "INSERT INTO parents VALUES (3)",
            "INSERT INTO children VALUES (30, 3)",
        ],
    )
    .await;
    // A child before its parent: foreign keys are checked at the end.
    let swapped = [&sets[0][..], &sets[2], &sets[1]].concat();
    let done = here.db.apply(&swapped, Apply::abort()).await.unwrap();
    assert!(done.conflicts().is_empty());
    for table in tables {
        let all = format!("SELECT * FROM {table} ORDER BY id");
        assert_eq!(rows(&here.db, &all).await, rows(&there.db, &all).await);
    }
    // Both are as before.
    here.db.execute("DELETE FROM parents WHERE id = 2", ()).await.unwrap();
    assert_eq!(rows(&here.db, "SELECT count(*) FROM audit").await, ["Integer(2)"]);
    let orphan = here.db.execute("INSERT INTO children VALUES (90, 9)", ()).await.unwrap_err();
    assert_eq!(orphan.kind(), ErrorKind::ForeignKeyViolation);
}

#[tokio::test]
async fn a_row_that_would_refer_to_none_undoes_all() {
    let schema = "CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents);
         INSERT INTO parents VALUES (1);";
    let (here, there) = twins(schema).await;
    let sets = changes(
        &there,
        &["parents", "children"],
        &["INSERT INTO parents VALUES (2)", "INSERT INTO children VALUES (10, 1)"],
    )
    .await;
    here.db.execute("DELETE FROM parents", ()).await.unwrap();
    let failed = here.db.apply(&sets.concat(), Apply::theirs()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ForeignKeyViolation);
    assert!(failed.message().contains("children") && failed.message().contains("10"), "{failed}");
    assert_eq!(rows(&here.db, "SELECT * FROM parents").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_applied_is_seen_by_live_queries_and_not_sent_back() {
    let (here, there) = twins(NOTES).await;
    let mut outbox = here.db.outbox(["notes"]).await.unwrap();
    let sets = changes(&there, &["notes"], &["INSERT INTO notes VALUES (1, 'a', 'b', 1)"]).await;
    let mut live: Watch = here.db.watch("SELECT a FROM notes", ());
    assert!(live.try_next().await.unwrap().unwrap().is_empty());
    here.db.apply(&sets[0], Apply::theirs()).await.unwrap();
    let next = tokio::time::timeout(std::time::Duration::from_secs(20), live.try_next());
    assert_eq!(next.await.unwrap().unwrap().unwrap().len(), 1);
    assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
    here.db.execute("UPDATE notes SET a = 'c'", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~notes 1,a,_,_ > _,c,_,_"]]);
}

#[tokio::test]
async fn what_waits_stands_on_what_was_applied() {
    let insert = &format!("{NOTES}; INSERT INTO notes VALUES (1, 'a', 'b', 1), (2, 'a', 'b', 1);");
    for (policy, expected) in [
        (Apply::theirs(), vec!["~notes 1,_,b,_ > _,B,_", "+notes 3,x,y,1"]),
        (Apply::ours(), vec!["~notes 1,theirs,b,_ > _,ours,B,_", "+notes 3,x,y,1"]),
    ] {
        let (here, there) = twins(insert).await;
        let mut outbox = here.db.outbox(["notes"]).await.unwrap();
        for sql in [
            "UPDATE notes SET a = 'mine' WHERE id = 1",
            "UPDATE notes SET a = 'ours', b = 'B' WHERE id = 1",
            "INSERT INTO notes VALUES (3, 'x', 'y', 1)",
        ] {
            here.db.execute(sql, ()).await.unwrap();
        }
        let sets =
            changes(&there, &["notes"], &["UPDATE notes SET a = 'theirs' WHERE id = 1"]).await;
        let done = here.db.apply(&sets[0], policy).await.unwrap();
        assert!(done.rebased());
        let now = sorted(&mut outbox).await;
        let mut expected: Vec<_> = expected
            .into_iter()
            .map(|it| match it {
                "~notes 1,_,b,_ > _,B,_" => "~notes 1,_,b,_ > _,_,B,_".to_owned(),
                "~notes 1,theirs,b,_ > _,ours,B,_" => "~notes 1,theirs,b,_ > _,ours,B,_".to_owned(),
                it => it.to_owned(),
            })
            .collect();
        expected.sort();
        assert_eq!(now, [expected], "as one batch");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let there = Place::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x, y)").await;
    let sets = changes(&there, &["t"], &["INSERT INTO t VALUES (1, 2, 3)"]).await;
    for (schema, kind) in [
        ("CREATE TABLE other (id INTEGER PRIMARY KEY)", ErrorKind::NoSuchTable),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, x)", ErrorKind::SchemaChanged),
        ("CREATE TABLE t (id, x PRIMARY KEY, y)", ErrorKind::SchemaChanged),
        ("CREATE TABLE t (id, x, y)", ErrorKind::SchemaChanged),
        ("CREATE TABLE t (id, x, y, z, PRIMARY KEY (id, z))", ErrorKind::SchemaChanged),
        ("CREATE VIEW t AS SELECT 1 AS id, 2 AS x, 3 AS y", ErrorKind::InvalidArgument),
        ("CREATE VIRTUAL TABLE t USING fts5 (id, x, y)", ErrorKind::InvalidArgument),
    ] {
        let here = Place::new(schema).await;
        let failed = here.db.apply(&sets[0], Apply::theirs()).await.unwrap_err();
        assert_eq!(failed.kind(), kind, "{schema}: {failed}");
    }
    let here = Place::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x, y, z DEFAULT 'more')").await;
    here.db.apply(&sets[0], Apply::theirs()).await.unwrap();
    assert_eq!(rows(&here.db, "SELECT length(z) FROM t").await, ["Integer(4)"]);
    let missing = here.db.apply(&sets[0], Apply::theirs().newest("t", "w")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchColumn);
    for name in ["sqlite_sequence", "ubiqlite_outbox", "sqlite_schema"] {
        let mut bytes = vec![b'T', 2, 1, 0];
        bytes.extend(name.as_bytes());
        bytes.extend([0, 18, 0, 5, 5]);
        let refused = here.db.apply(&bytes, Apply::theirs()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{name}");
    }
}

#[tokio::test]
async fn applying_takes_its_turn_among_other_writes() {
    let (here, there) = twins(NOTES).await;
    let mut outbox = here.db.outbox(["notes"]).await.unwrap();
    let sets = changes(&there, &["notes"], &["INSERT INTO notes VALUES (1000, 'a', 'b', 1)"]).await;
    let tx = here.db.begin().await.unwrap();
    let mut all = tokio::task::JoinSet::new();
    for id in 0..30 {
        let (db, set): (Database, _) = (here.db.clone(), sets[0].clone());
        all.spawn(async move {
            if id % 10 == 5 {
                db.apply(&set, Apply::theirs()).await.unwrap();
            } else {
                db.execute("INSERT INTO notes VALUES (?, 'x', 'y', 1)", (id,)).await.unwrap();
            }
        });
    }
    tokio::task::yield_now().await;
    tx.commit().await.unwrap();
    all.join_all().await;
    assert_eq!(rows(&here.db, "SELECT count(*) FROM notes").await, ["Integer(28)"]);
    assert_eq!(sent(&mut outbox).await.concat().len(), 27, "and nothing of theirs");
}

#[tokio::test]
async fn a_transaction_applies_changes_and_makes_its_own() {
    let (here, there) = twins(NOTES).await;
    let mut outbox = here.db.outbox(["notes"]).await.unwrap();
    let sets = changes(
        &there,
        &["notes"],
        &["INSERT INTO notes VALUES (1, 'a', 'b', 1)", "INSERT INTO notes VALUES (2, 'a', 'b', 1)"],
    )
    .await;
    let mut tx = here.db.begin().await.unwrap();
    tx.apply(&sets[0], Apply::theirs()).await.unwrap();
    tx.execute("UPDATE notes SET a = 'c'", ()).await.unwrap();
    tx.execute("INSERT INTO notes VALUES (1, 'twice', 'b', 1)", ()).await.unwrap_err();
    let late = tx.apply(&sets[1], Apply::theirs()).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::InvalidArgument);
    tx.commit().await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~notes 1,a,_,_ > _,c,_,_"]]);

    // One that fails leaves nothing, and the transaction goes on.
    let mut tx = here.db.begin().await.unwrap();
    let cut = &sets[1][..sets[1].len() - 1];
    tx.apply(cut, Apply::theirs()).await.unwrap_err();
    tx.execute("UPDATE notes SET a = 'd'", ()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~notes 1,c,_,_ > _,d,_,_"]]);

    // Undone together, nobody could tell what was whose.
    let mut tx = here.db.begin().await.unwrap();
    let mut inner = tx.begin_savepoint().await.unwrap();
    inner.execute("SELECT 1", ()).await.unwrap();
    inner.rollback().await.unwrap();
    tx.apply(&sets[1], Apply::theirs()).await.unwrap();
    let mut inner = tx.begin_savepoint().await.unwrap();
    inner.execute("DELETE FROM notes WHERE id = 2", ()).await.unwrap();
    inner.rollback().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
    assert_eq!(rows(&here.db, "SELECT count(*) FROM notes").await, ["Integer(2)"]);
}
