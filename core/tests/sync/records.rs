//! What is in the outbox after each kind of statement, whoever runs it.

use ubiqlite::{ErrorKind, params};

use super::{Place, rows, sent, sorted};

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, note TEXT);
     CREATE TABLE others (id INTEGER PRIMARY KEY, x);";

#[tokio::test]
async fn each_kind_of_statement_is_recorded_as_what_it_did() {
    let place = Place::new(ITEMS).await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());
    for (sql, expected) in [
        (
            "INSERT INTO items VALUES (1, 'a', 'x'), (2, 'b', NULL)",
            vec!["+items 1,a,x", "+items 2,b,NULL"],
        ),
        ("UPDATE items SET name = 'c' WHERE id = 1", vec!["~items 1,a,_ > _,c,_"]),
        ("UPDATE items SET name = name", vec![]),
        ("UPDATE items SET id = 3 WHERE id = 2", vec!["+items 3,b,NULL", "-items 2,b,NULL"]),
        ("REPLACE INTO items VALUES (1, 'd', 'x')", vec!["~items 1,c,_ > _,d,_"]),
        (
            "INSERT INTO items VALUES (1, 'e', 'y') ON CONFLICT DO UPDATE SET note = excluded.note",
            vec!["~items 1,_,x > _,_,y"],
        ),
        ("INSERT OR IGNORE INTO items VALUES (1, 'f', 'z'), (4, 'g', 'z')", vec!["+items 4,g,z"]),
        ("INSERT INTO others VALUES (1, 1)", vec![]),
        ("INSERT INTO items SELECT id + 100, 'h', x FROM others", vec!["+items 101,h,1"]),
        ("DELETE FROM items WHERE id = 101", vec!["-items 101,h,1"]),
        ("DELETE FROM items", vec!["-items 1,d,y", "-items 3,b,NULL", "-items 4,g,z"]),
    ] {
        db.execute(sql, ()).await.unwrap();
        let expected: Vec<Vec<String>> = match expected.is_empty() {
            true => vec![],
            false => vec![expected.iter().map(|it| (*it).to_owned()).collect()],
        };
        assert_eq!(sorted(&mut outbox).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_delete_of_all_that_was_compiled_before_is_recorded_row_by_row() {
    let place = Place::new(ITEMS).await;
    let db = &place.db;
    db.execute("DELETE FROM items", ()).await.unwrap();
    let mut session = db.acquire().await.unwrap();
    session.execute("DELETE FROM items", ()).await.unwrap();
    let mut outbox = db.outbox(["items"]).await.unwrap();
    db.execute("INSERT INTO items VALUES (1, 'a', 'x')", ()).await.unwrap();
    db.execute("DELETE FROM items", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (2, 'a', 'x')", ()).await.unwrap();
    session.execute("DELETE FROM items", ()).await.unwrap();
    let sent = sent(&mut outbox).await;
    assert_eq!(sent, [["+items 1,a,x"], ["-items 1,a,x"], ["+items 2,a,x"], ["-items 2,a,x"]]);
}

#[tokio::test]
async fn tables_of_every_shape_are_recorded() {
    let place = Place::new(
        "CREATE TABLE plain (a TEXT, b INT, c AS (b + 1), d AS (b + 2) STORED, e TEXT DEFAULT 'e', PRIMARY KEY (b, a));
         CREATE TABLE bare (a TEXT, b REAL, c BLOB, PRIMARY KEY (b, a)) WITHOUT ROWID;
         CREATE TABLE \"odd \"\" name\" (\"a \"\" b\" TEXT PRIMARY KEY);",
    )
    .await;
    let (db, mut outbox) =
        (&place.db, place.db.outbox(["plain", "bare", "odd \" name"]).await.unwrap());
    db.batch(
        "INSERT INTO plain (a, b) VALUES ('x', 1);
         INSERT INTO bare VALUES ('x', 1, x'00ff');
         INSERT INTO bare SELECT 'y', 2.5, NULL;
         INSERT INTO \"odd \"\" name\" VALUES ('x');",
    )
    .await
    .unwrap();
    let expected = ["+bare x,1,x[0, 255]", "+bare y,2.5,NULL", "+odd \" name x", "+plain x,1,e"];
    assert_eq!(sorted(&mut outbox).await, [expected]);
    db.batch("UPDATE plain SET e = 'f'; UPDATE bare SET c = 1 WHERE a = 'y'; DELETE FROM bare WHERE a = 'x'").await.unwrap();
    let expected = ["-bare x,1,x[0, 255]", "~bare y,2.5,NULL > _,_,1", "~plain x,1,e > _,_,f"];
    assert_eq!(sorted(&mut outbox).await, [expected]);
}

#[tokio::test]
async fn text_is_recorded_whole_whatever_it_holds_and_however_the_file_encodes_it() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let folder = tempfile::tempdir().unwrap();
        let file = rusqlite::Connection::open(folder.path().join("sync.db")).unwrap();
        file.execute_batch(&format!("PRAGMA encoding = '{encoding}'; {ITEMS}")).unwrap();
        drop(file);
        let place = Place { db: super::open(&folder).await, folder };
        let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());
        let long = "é".repeat(5_000);
        for (id, text) in [(1, ""), (2, "a\0b"), (3, "ä€😀"), (4, &long)] {
            let insert = "INSERT INTO items VALUES (?, ?, ?)";
            db.execute(insert, params![id, text, format!("{text}.")]).await.unwrap();
            db.execute("UPDATE items SET name = 'x' WHERE id = ?", params![id]).await.unwrap();
            db.execute("DELETE FROM items WHERE id = ?", params![id]).await.unwrap();
            let expected = [
                format!("+items {id},{text},{text}."),
                format!("~items {id},{text},_ > _,x,_"),
                format!("-items {id},x,{text}."),
            ];
            assert_eq!(sent(&mut outbox).await.concat(), expected, "{encoding}");
        }
    }
}

#[tokio::test]
async fn what_triggers_and_foreign_keys_do_is_recorded() {
    let place = Place::new(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents ON DELETE CASCADE);
         CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
         CREATE TRIGGER t AFTER DELETE ON children BEGIN INSERT INTO audit (what) VALUES (old.id); END;
         INSERT INTO parents VALUES (1), (2);
         INSERT INTO children VALUES (10, 1), (11, 1), (12, 2);",
    )
    .await;
    let mut outbox = place.db.outbox(["parents", "children", "audit"]).await.unwrap();
    place.db.execute("DELETE FROM parents WHERE id = 1", ()).await.unwrap();
    let expected = ["+audit 1,10", "+audit 2,11", "-children 10,1", "-children 11,1", "-parents 1"];
    assert_eq!(sorted(&mut outbox).await, [expected]);
}

#[tokio::test]
async fn one_commit_is_one_batch_whoever_makes_it() {
    let place = Place::new(ITEMS).await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());

    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO items VALUES (1, 'a', NULL)", ()).await.unwrap();
    tx.execute("UPDATE items SET name = 'b'", ()).await.unwrap();
    tx.execute("INSERT INTO items VALUES (2, 'a', NULL)", ()).await.unwrap();
    tx.execute("DELETE FROM items WHERE id = 2", ()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 1,b,NULL"]]);

    let mut session = db.acquire().await.unwrap();
    session.execute("INSERT INTO items VALUES (3, 'c', NULL)", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 3,c,NULL"]]);
    for end in ["COMMIT", "END"] {
        session.execute("BEGIN", ()).await.unwrap();
        session.execute("DELETE FROM items WHERE id = 3", ()).await.unwrap();
        session.execute("INSERT INTO items VALUES (3, 'd', NULL)", ()).await.unwrap();
        session.execute("UPDATE items SET name = ? WHERE id = 3", params![end]).await.unwrap();
        session.execute(end, ()).await.unwrap();
    }
    let expected = [["~items 3,c,_ > _,COMMIT,_"], ["~items 3,COMMIT,_ > _,END,_"]];
    assert_eq!(sent(&mut outbox).await, expected);
    session.execute("SAVEPOINT one", ()).await.unwrap();
    session.execute("SAVEPOINT two", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (4, 'e', NULL)", ()).await.unwrap();
    session.execute("RELEASE two", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (5, 'f', NULL)", ()).await.unwrap();
    session.execute("RELEASE one", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 4,e,NULL", "+items 5,f,NULL"]]);
    let mut tx = session.begin().await.unwrap();
    tx.execute("INSERT INTO items VALUES (6, 'g', NULL)", ()).await.unwrap();
    tx.commit().await.unwrap();
    drop(session);

    db.batch("INSERT INTO items VALUES (7, 'h', NULL); DELETE FROM items WHERE id < 7")
        .await
        .unwrap();
    let all = sorted(&mut outbox).await;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], ["+items 6,g,NULL"]);
    assert_eq!(all[1].len(), 6);

    db.batch("BEGIN; INSERT INTO items VALUES (8, 'i', NULL); COMMIT; BEGIN; INSERT INTO items VALUES (9, 'j', NULL); ROLLBACK; INSERT INTO items VALUES (10, 'k', NULL)").await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 8,i,NULL"], ["+items 10,k,NULL"]]);

    db.execute_many("INSERT INTO items VALUES (?, 'many', NULL)", (20..30).map(|id| params![id]))
        .await
        .unwrap();
    let all = sent(&mut outbox).await;
    assert_eq!(all.concat().len(), 10);
    db.table("items").update(7, ubiqlite::record! { "name" => "table" }).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~items 7,h,_ > _,table,_"]]);
}

#[tokio::test]
async fn writes_that_share_a_commit_are_all_recorded() {
    let place = Place::new(ITEMS).await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());
    for round in 0..5 {
        // Every third fails, and leaves nothing behind.
        // They wait for it together.
        let tx = db.begin().await.unwrap();
        let mut writes = tokio::task::JoinSet::new();
        for at in 0..60 {
            let (db, id) = (db.clone(), round * 100 + if at % 3 == 2 { at - 1 } else { at });
            writes.spawn(async move {
                db.execute("INSERT INTO items VALUES (?, 'g', NULL)", params![id]).await
            });
        }
        tokio::task::yield_now().await;
        tx.commit().await.unwrap();
        let done = writes.join_all().await;
        assert_eq!(done.iter().filter(|it| it.is_ok()).count(), 40);
    }
    let sent = sent(&mut outbox).await;
    assert!(sent.len() < 150, "they share commits: {}", sent.len());
    let mut all: Vec<_> = sent.concat();
    all.sort();
    let sql = "SELECT '+items ' || id || ',g,NULL' FROM items";
    let mut expected: Vec<String> =
        db.query(sql, ()).await.unwrap().into_iter().map(|(it,): (String,)| it).collect();
    expected.sort();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn what_is_undone_is_not_recorded() {
    let place = Place::new(ITEMS).await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());
    db.execute("INSERT INTO items VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z')", ())
        .await
        .unwrap();
    sent(&mut outbox).await;

    let mut tx = db.begin().await.unwrap();
    tx.execute("UPDATE items SET name = 'kept' WHERE id = 1", ()).await.unwrap();
    let mut inner = tx.begin_savepoint().await.unwrap();
    inner.execute("UPDATE items SET name = 'lost', note = 'lost'", ()).await.unwrap();
    inner.execute("DELETE FROM items WHERE id = 2", ()).await.unwrap();
    inner.execute("INSERT INTO items VALUES (4, 'lost', NULL)", ()).await.unwrap();
    inner.rollback().await.unwrap();
    tx.execute("UPDATE items SET note = 'kept' WHERE id = 3", ()).await.unwrap();
    tx.execute("INSERT INTO items VALUES (5, 'kept', NULL)", ()).await.unwrap();
    tx.commit().await.unwrap();
    let expected = ["+items 5,kept,NULL", "~items 1,a,_ > _,kept,_", "~items 3,_,z > _,_,kept"];
    assert_eq!(sorted(&mut outbox).await, [expected]);

    let mut session = db.acquire().await.unwrap();
    session.execute("BEGIN", ()).await.unwrap();
    session.execute("DELETE FROM items WHERE id = 5", ()).await.unwrap();
    session.execute("SAVEPOINT mine", ()).await.unwrap();
    session.execute("DELETE FROM items", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (5, 'again', NULL)", ()).await.unwrap();
    session.execute("ROLLBACK TO mine", ()).await.unwrap();
    session.execute("COMMIT", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["-items 5,kept,NULL"]]);

    // It fails at its second row, and a part stays; then one of which nothing stays.
    let done = session
        .execute("INSERT OR FAIL INTO items VALUES (6, 'f', NULL), (1, 'f', NULL)", ())
        .await;
    assert_eq!(done.unwrap_err().kind(), ErrorKind::PrimaryKeyViolation);
    session.execute("BEGIN", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (7, 'g', NULL)", ()).await.unwrap();
    session
        .execute("INSERT INTO items VALUES (8, 'g', NULL), (1, 'g', NULL)", ())
        .await
        .unwrap_err();
    session
        .execute("INSERT OR FAIL INTO items VALUES (9, 'g', NULL), (1, 'g', NULL)", ())
        .await
        .unwrap_err();
    session.execute("COMMIT", ()).await.unwrap();
    let ids = rows(db, "SELECT id FROM items WHERE id > 5").await;
    let all = sorted(&mut outbox).await.concat();
    assert_eq!(all.len(), ids.len(), "{all:?} for {ids:?}");

    session.execute("BEGIN", ()).await.unwrap();
    session.execute("DELETE FROM items", ()).await.unwrap();
    session.execute("ROLLBACK", ()).await.unwrap();
    session.execute("UPDATE items SET note = 'n' WHERE id = 1", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~items 1,_,x > _,_,n"]]);
}

#[tokio::test]
async fn a_transaction_that_comes_to_nothing_leaves_nothing_to_the_next() {
    let place = Place::new(ITEMS).await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());
    let nothing = "INSERT INTO items VALUES (1, 'a', NULL); DELETE FROM items WHERE id = 1";
    db.batch(nothing).await.unwrap();
    db.execute("INSERT INTO items VALUES (1, 'b', NULL)", ()).await.unwrap();
    db.batch(nothing).await.unwrap_err();
    db.execute("DELETE FROM items", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 1,b,NULL"], ["-items 1,b,NULL"]]);
}

#[tokio::test]
async fn a_commit_that_fails_leaves_one_batch_when_it_succeeds() {
    let place = Place::new(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);",
    )
    .await;
    let mut outbox = place.db.outbox(["parents", "children"]).await.unwrap();
    let mut session = place.db.acquire().await.unwrap();
    session.execute("BEGIN", ()).await.unwrap();
    session.execute("INSERT INTO children VALUES (1, 7)", ()).await.unwrap();
    let failed = session.execute("COMMIT", ()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ForeignKeyViolation);
    session.execute("INSERT INTO parents VALUES (7)", ()).await.unwrap();
    session.execute("COMMIT", ()).await.unwrap();
    assert_eq!(sorted(&mut outbox).await, [["+children 1,7", "+parents 7"]]);
}

#[tokio::test]
async fn recording_goes_on_when_the_database_is_opened_again() {
    let place = Place::new(ITEMS).await;
    place.db.outbox(["items"]).await.unwrap();
    let place = place.reopen().await;
    // Before anybody asks for the outbox.
    let mut session = place.db.acquire().await.unwrap();
    session.execute("INSERT INTO items VALUES (1, 'a', NULL)", ()).await.unwrap();
    drop(session);
    place.db.execute("INSERT INTO items VALUES (2, 'b', NULL)", ()).await.unwrap();
    let place = place.reopen().await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let first = outbox.next().await.unwrap().unwrap();
    // Without an acknowledgement it comes again.
    let mut again = place.db.outbox(["items"]).await.unwrap();
    assert_eq!(again.next().await.unwrap().unwrap(), first);
    outbox.ack(first.id()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+items 2,b,NULL"]]);
    place.db.execute("INSERT INTO items VALUES (3, 'c', NULL)", ()).await.unwrap();
    let third = outbox.next().await.unwrap().unwrap();
    assert!(third.id() > first.id() + 1, "a number is never used twice");
}

#[tokio::test]
async fn other_tables_can_be_recorded_instead() {
    let place = Place::new(ITEMS).await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let mut session = place.db.acquire().await.unwrap();
    session.execute("INSERT INTO others VALUES (1, 1)", ()).await.unwrap();
    place.db.outbox(["others", "OTHERS"]).await.unwrap();
    session.execute("INSERT INTO others VALUES (2, 2)", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (1, 'a', NULL)", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+others 2,2"]]);
    place.db.outbox([]).await.unwrap();
    session.execute("DELETE FROM others", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn tables_that_cannot_be_recorded_are_refused_by_name() {
    let place = Place::new(
        "CREATE TABLE keyless (a); CREATE VIRTUAL TABLE search USING fts5 (a);
         CREATE TABLE good (id INTEGER PRIMARY KEY); CREATE VIEW seen AS SELECT 1;",
    )
    .await;
    let refused = place.db.outbox(["good", "keyless", "search", "search_data", "seen"]).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    for name in [
        "keyless has no PRIMARY KEY",
        "search is a virtual",
        "search_data is a shadow",
        "seen is a view",
    ] {
        assert!(refused.message().contains(name), "{refused}");
    }
    assert!(!refused.message().contains("good"));
    let missing = place.db.outbox(["nowhere"]).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchTable);
}

#[tokio::test]
async fn a_key_that_is_null_is_refused_and_nothing_else_is() {
    let place = Place::new("CREATE TABLE t (id TEXT PRIMARY KEY, x)").await;
    let mut outbox = place.db.outbox(["t"]).await.unwrap();
    let refused = place.db.execute("INSERT INTO t VALUES (NULL, 1)", ()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotNullViolation);
    place.db.execute("INSERT INTO t VALUES ('a', 1)", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["+t a,1"]]);
    assert_eq!(rows(&place.db, "SELECT count(*) FROM t").await, ["Integer(1)"]);
}

#[tokio::test]
async fn the_record_is_cut_where_the_schema_changes() {
    let place = Place::new(ITEMS).await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["items"]).await.unwrap());
    db.batch(
        "INSERT INTO items VALUES (1, 'a', NULL);
         ALTER TABLE items ADD COLUMN more TEXT DEFAULT 'm';
         INSERT INTO items VALUES (2, 'b', NULL, 'n');
         UPDATE items SET more = 'o' WHERE id = 1;",
    )
    .await
    .unwrap();
    let sent_now = sorted(&mut outbox).await;
    assert_eq!(
        sent_now,
        [vec!["+items 1,a,NULL"], vec!["+items 2,b,NULL,n", "~items 1,_,_,m > _,_,_,o"]]
    );
    // By another connection than the one that records next.
    let mut session = db.acquire().await.unwrap();
    session.execute("ALTER TABLE items DROP COLUMN note", ()).await.unwrap();
    db.execute("UPDATE items SET more = 'p' WHERE id = 2", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~items 2,_,n > _,_,p"]]);
}

#[tokio::test]
async fn a_table_that_is_rebuilt_or_dropped_loses_nobodys_rows() {
    let place = Place::new(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY, name);
         CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents);
         INSERT INTO parents VALUES (1, 'a'); INSERT INTO children VALUES (5, NULL);",
    )
    .await;
    let (db, mut outbox) = (&place.db, place.db.outbox(["parents", "children"]).await.unwrap());
    db.batch(
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY, name TEXT NOT NULL, more);
         INSERT INTO fresh SELECT id, name, 1 FROM parents;
         DROP TABLE parents;
         ALTER TABLE fresh RENAME TO parents;",
    )
    .await
    .unwrap();
    assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new(), "no row has changed elsewhere");
    assert_eq!(rows(db, "SELECT id, name, more FROM parents").await.len(), 1);
    db.execute("UPDATE parents SET more = 2", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, [["~parents 1,_,1 > _,_,2"]]);
    db.execute("DROP TABLE children", ()).await.unwrap();
    assert_eq!(sent(&mut outbox).await, Vec::<Vec<String>>::new());
    let gone = db.query_value::<i64>("SELECT count(*) FROM children", ()).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NoSuchTable, "it was really dropped");
}

#[tokio::test]
async fn the_callers_last_rowid_and_count_are_its_own() {
    let place = Place::new(ITEMS).await;
    place.db.outbox(["items"]).await.unwrap();
    let done = place.db.execute("INSERT INTO items VALUES (77, 'a', NULL)", ()).await.unwrap();
    assert_eq!((done.rows_changed, done.last_row_id), (1, 77));
    let mut session = place.db.acquire().await.unwrap();
    session.execute("INSERT INTO items VALUES (78, 'a', NULL)", ()).await.unwrap();
    let last: i64 = session.query_value("SELECT last_insert_rowid()", ()).await.unwrap();
    assert_eq!(last, 78);
}

#[tokio::test]
async fn sql_counts_the_callers_changes_and_not_the_outboxs() {
    let plain = Place::new(ITEMS).await;
    let recorded = Place::new(ITEMS).await;
    recorded.db.outbox(["items"]).await.unwrap();
    let counts = "SELECT changes(), total_changes()";
    let mut all = Vec::new();
    for place in [&plain, &recorded] {
        let mut session = place.db.acquire().await.unwrap();
        let mut seen: Vec<(i64, i64)> = Vec::new();
        for sql in [
            "INSERT INTO items VALUES (1, 'a', NULL), (2, 'b', NULL), (3, 'c', NULL)",
            "BEGIN",
            "UPDATE items SET name = 'd' WHERE id < 3",
            "COMMIT",
            "SELECT 1",
            "UPDATE items SET name = 'e' WHERE id > 90",
            "BEGIN",
            "DELETE FROM items WHERE id = 1",
            "SAVEPOINT one",
            "INSERT INTO items VALUES (5, 'a', changes())",
            "RELEASE one",
            "END",
            "BEGIN",
            "DELETE FROM items",
            "ROLLBACK",
        ] {
            session.execute(sql, ()).await.unwrap();
            seen.push(session.query_one(counts, ()).await.unwrap());
        }
        all.push(seen);
        drop(session);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0][3], (2, 5), "after the first COMMIT");
}

#[tokio::test]
async fn waiting_for_a_change_ends_with_it() {
    let place = Place::new(ITEMS).await;
    let mut outbox = place.db.outbox(["items"]).await.unwrap();
    let db = place.db.clone();
    let write = async move {
        tokio::task::yield_now().await;
        db.execute("INSERT INTO items VALUES (1, 'a', NULL)", ()).await.unwrap();
    };
    let wait = async {
        assert!(outbox.changed().await.unwrap());
        outbox.next().await.unwrap().unwrap()
    };
    let both = async { tokio::join!(wait, write).0 };
    let batch = tokio::time::timeout(std::time::Duration::from_secs(20), both).await.unwrap();
    assert_eq!(super::read(batch.bytes()), ["+items 1,a,NULL"]);
}
