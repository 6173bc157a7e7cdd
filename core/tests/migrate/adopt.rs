//! Databases that another tool has migrated before. The tables are as these tools make them, and
//! the checksums were computed by others: `sha384sum`, `sha256sum`.

use super::*;
use ubiqlite::MigrationAction;

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY);\n";
const ITEMS_SHA384: &str = "134ef7e2c52c56ed09e7727a2a8951ec73eefe81f1feaaaea2fb440f826b7f53b3966dd310c06d78f267f08427ce57dc";
const ITEMS_CRLF_SHA384: &str = "cace7e15a9dfaeecece4bea29803cc1bc8f3fbf7cf87a95f6ab97f0937a8706fbcda77c08f08d01e35ef6babcf331f53";
const ITEMS_SHA256: &str = "ac8c15795b866333cf2c55578a94b4bbf707a0dd3e234c37ee730f54bc67931b";

const SQLX: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);";

const REFINERY: &str = "CREATE TABLE IF NOT EXISTS refinery_schema_history(
    version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));";

const DRIZZLE: &str = "CREATE TABLE IF NOT EXISTS \"__drizzle_migrations\" (
    id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric);";

/// A database with `items`, and with this done by the other tool.
async fn used(ledger: &str, rows: &str) -> (Place, Database) {
    let place = Place::new();
    place.outside().execute_batch(&format!("{ITEMS}{ledger}{rows}")).unwrap();
    let db = place.open(Options::default()).await.unwrap();
    (place, db)
}

fn sqlx_row(checksum: &str) -> String {
    format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (1, 'items', TRUE, x'{checksum}', -1);"
    )
}

async fn takes_over(db: &Database, all: &Migrations) {
    let pending = db.migrations(all).pending().await.unwrap();
    let steps = db.migrations(all).run().await.unwrap();
    assert_eq!(
        steps.iter().map(|it| it.action).collect::<Vec<_>>(),
        [MigrationAction::Note, MigrationAction::Apply]
    );
    assert_eq!(names(&pending), names(&steps));
    assert_eq!(tables(db).await.iter().filter(|it| *it == "more").count(), 1);
    assert!(db.migrations(all).run().await.unwrap().is_empty());
    assert!(db.migrations(all).verify().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_sqlx_has_done_is_not_done_again() {
    for checksum in [ITEMS_SHA384, ITEMS_CRLF_SHA384] {
        let (_place, db) = used(SQLX, &sqlx_row(checksum)).await;
        takes_over(
            &db,
            &files(&[("0001_items.sql", ITEMS), ("0002_more.sql", "CREATE TABLE more (x)")]),
        )
        .await;
    }
}

#[tokio::test]
async fn what_refinery_has_done_is_not_done_again() {
    let row = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (1, 'items', '2024-01-01T00:00:00Z', '123');";
    for name in ["V1__items.sql", "0001_items.sql"] {
        let (_place, db) = used(REFINERY, row).await;
        takes_over(&db, &files(&[(name, ITEMS), ("V2__more.sql", "CREATE TABLE more (x)")])).await;
    }
    let (_place, db) = used(REFINERY, row).await;
    let (kind, message) = refused(db.migrations(&files(&[("1_others.sql", ITEMS)])).run().await);
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("1_others"), "{message}");
}

const JOURNAL: &str = r#"{"entries":[{"idx":0,"when":1700000000000,"tag":"0000_items"},{"idx":1,"when":1700000000001,"tag":"0001_more"}]}"#;

#[tokio::test]
async fn what_drizzle_has_done_is_not_done_again() {
    let row = format!(
        "INSERT INTO \"__drizzle_migrations\" (\"hash\", \"created_at\") VALUES ('{ITEMS_SHA256}', 1700000000000);"
    );
    let all = [
        ("0000_items.sql", ITEMS),
        ("0001_more.sql", "CREATE TABLE more (x)"),
        ("meta/_journal.json", JOURNAL),
    ];
    let (_place, db) = used(DRIZZLE, &row).await;
    takes_over(&db, &files(&all)).await;

    let edited = "INSERT INTO \"__drizzle_migrations\" (\"hash\", \"created_at\") VALUES ('00', 1700000000000);";
    let (_place, db) = used(DRIZZLE, edited).await;
    let (kind, message) = refused(db.migrations(&files(&all)).run().await);
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("0000_items"), "{message}");
    takes_over(&db, &files(&all).accept_edited(true)).await;

    let unknown =
        "INSERT INTO \"__drizzle_migrations\" (\"hash\", \"created_at\") VALUES ('00', 5);";
    let (_place, db) = used(DRIZZLE, unknown).await;
    assert_eq!(refused(db.migrations(&files(&all)).run().await).0, ErrorKind::SchemaTooNew);
}

#[tokio::test]
async fn what_does_not_match_is_refused_and_not_run_again() {
    let all = files(&[("0001_items.sql", ITEMS)]);
    let (_place, db) = used(SQLX, &sqlx_row("00")).await;
    let (kind, message) = refused(db.migrations(&all).run().await);
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("0001_items"), "{message}");
    let (_place, db) = used(SQLX, &sqlx_row(ITEMS_SHA384).replace("TRUE", "FALSE")).await;
    assert!(refused(db.migrations(&all).run().await).1.contains("not finished"));
    let (_place, db) = used(SQLX, &sqlx_row(ITEMS_SHA384).replace("VALUES (1", "VALUES (7")).await;
    assert_eq!(refused(db.migrations(&all).run().await).0, ErrorKind::SchemaTooNew);
}

#[tokio::test]
async fn it_is_done_once() {
    let (place, db) = used(SQLX, &sqlx_row(ITEMS_SHA384)).await;
    let all = files(&[("1_items.sql", ITEMS), ("1_items.down.sql", "DROP TABLE items")]);
    db.migrations(&all).run().await.unwrap();
    db.migrations(&all).to(0).await.unwrap();
    let steps = db.migrations(&all).run().await.unwrap();
    assert_eq!(
        steps[0].action,
        MigrationAction::Apply,
        "the other tool's ledger is not read again"
    );
    // Nor what the other tool does later.
    place.outside().execute_batch("DELETE FROM _sqlx_migrations").unwrap();
    assert!(db.migrations(&all).run().await.unwrap().is_empty());
}
