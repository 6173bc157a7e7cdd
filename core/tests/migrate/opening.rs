//! Migrations as an option of opening.

use super::*;

const TWO: [(&str, &str); 2] = [
    ("0001_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)"),
    ("0002_names.sql", "ALTER TABLE items ADD COLUMN name TEXT"),
];

#[tokio::test]
async fn an_opened_database_has_its_migrations_and_opening_again_does_nothing() {
    let place = Place::new();
    for _ in 0..2 {
        let db = place.open(Options::default().migrations(files(&TWO))).await.unwrap();
        assert_eq!(applied(&db, &files(&TWO)).await, ["0001_items", "0002_names"]);
        assert_eq!(number(&db, "SELECT count(name) FROM items").await, 0);
        assert_eq!(number(&db, "PRAGMA user_version").await, 0);
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_in_memory_is_migrated() {
    let path = Path::new(":memory:");
    let db = open_at(path, Options::default().migrations(files(&TWO))).await.unwrap();
    assert_eq!(number(&db, "SELECT count(name) FROM items").await, 0);
}

#[tokio::test]
async fn a_failure_closes_the_database_and_names_the_path() {
    let place = Place::new();
    let wrong = files(&[TWO[0], ("0002_wrong.sql", "CREATE TABLE ok (x);\nCREATE TABEL no (x);")]);
    let error = place.open(Options::default().migrations(wrong)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax);
    assert_eq!(error.path(), Some(place.path().as_path()));
    let message = error.message();
    assert!(message.contains("migration 0002_wrong: line 2"), "{message}");
    // Nobody has it open: with an exclusive lock it can be read.
    let outside = place.outside();
    outside.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    let tables: i64 = outside
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name IN ('items', 'ok')", [], |it| {
            it.get(0)
        })
        .unwrap();
    assert_eq!(tables, 1, "the first stays, and nothing of the second");
}

#[tokio::test]
async fn a_newer_database_is_refused_at_opening_unless_that_is_allowed() {
    let place = Place::new();
    place.open(Options::default().migrations(files(&TWO))).await.unwrap().close().await.unwrap();
    let old = files(&TWO[..1]);
    let (kind, message) = refused(place.open(Options::default().migrations(old.clone())).await);
    assert_eq!(kind, ErrorKind::SchemaTooNew);
    assert!(message.contains("0002_names"), "{message}");
    let db = place.open(Options::default().migrations(old.allow_newer(true))).await.unwrap();
    let known: Vec<_> = db.migrations(&old_files()).applied().await.unwrap();
    assert_eq!(known.iter().map(|it| it.known).collect::<Vec<_>>(), [true, false]);
}

fn old_files() -> Migrations {
    files(&TWO[..1])
}

#[tokio::test]
async fn a_read_only_database_is_opened_if_nothing_is_to_be_done() {
    let place = Place::new();
    place
        .open(Options::default().migrations(files(&TWO[..1])))
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    let read_only = || Options::default().read_only(true);
    let db = place.open(read_only().migrations(files(&TWO[..1]))).await.unwrap();
    db.close().await.unwrap();
    let (kind, message) = refused(place.open(read_only().migrations(files(&TWO))).await);
    assert_eq!(kind, ErrorKind::ReadOnly);
    assert!(message.contains("0002_names"), "{message}");
}

#[tokio::test]
async fn a_folder_of_files_is_read() {
    let place = Place::new();
    let folder = place.folder.path().join("migrations");
    std::fs::create_dir_all(folder.join("meta")).unwrap();
    for (name, text) in TWO {
        std::fs::write(folder.join(name), text.replace('\n', "\r\n")).unwrap();
    }
    std::fs::write(folder.join("README.md"), "not one").unwrap();
    std::fs::write(folder.join("meta/0000_snapshot.json"), "{}").unwrap();
    let migrations = Migrations::dir(&folder).unwrap();
    let db = place.open(Options::default().migrations(migrations)).await.unwrap();
    assert_eq!(applied(&db, &files(&TWO)).await.len(), 2);
    assert!(db.migrations(&files(&TWO)).pending().await.unwrap().is_empty(), "the same checksums");
    let (kind, message) = refused(Migrations::dir(folder.join("missing")));
    assert_eq!(kind, ErrorKind::CannotOpen);
    assert!(message.contains("missing"), "{message}");
}

#[tokio::test]
async fn an_embedded_folder_is_the_folder() {
    let embedded = ubiqlite::migrations!("tests/migrate/files").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrate/files");
    let read = Migrations::dir(folder).unwrap();
    let (_place, db) = fresh().await;
    assert_eq!(
        names(&db.migrations(&embedded).run().await.unwrap()),
        ["0001_items", "0002_prices"]
    );
    assert!(db.migrations(&read).run().await.unwrap().is_empty(), "the same checksums");
    assert!(db.migrations(&read).applied().await.unwrap()[0].reversible);
}
