//! Migrations of several clients of one database.

use super::super::numbers::kind;
use super::*;
use crate::value::Value;

const ITEMS: (&str, &str) = ("0001_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)");
const NAMES: (&str, &str) = ("0002_names.sql", "ALTER TABLE items ADD COLUMN name TEXT");
const NO_NAMES: (&str, &str) = ("0002_names.down.sql", "ALTER TABLE items DROP COLUMN name");
const BREAKS: (&str, &str) = ("0003_x.sql", "-- breaks: older\nALTER TABLE items DROP COLUMN name");

fn payload(doing: u8, number: i64, flags: u8, files: &[(&str, &str)]) -> Vec<u8> {
    opening("", doing, number, flags, files)
}

/// Of a client that is opening the database by this path.
fn opening(path: &str, doing: u8, number: i64, flags: u8, files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = vec![doing];
    bytes.extend(number.to_le_bytes());
    bytes.push(flags);
    bytes.extend((-1i64).to_le_bytes());
    bytes.extend(text(path));
    bytes.extend((files.len() as u32).to_le_bytes());
    for (name, sql) in files {
        bytes.extend(text(name));
        bytes.extend(text(sql));
    }
    bytes
}

struct Client {
    server: Server,
    last: u32,
}

impl Client {
    fn new(db: &Database, number: u32) -> Self {
        Self { server: Server::new(db.clone(), number, Tokio::default()), last: 0 }
    }

    async fn ask(&mut self, op: u8, payload: &[u8]) -> Reply {
        self.last += 1;
        ask(&self.server, self.last, op, 0, payload).await
    }

    /// Returns the values of the reply, one after another.
    async fn told(&mut self, op: u8, payload: &[u8]) -> Vec<Value> {
        values(&self.ask(op, payload).await)
    }

    async fn refused(&mut self, op: u8, payload: &[u8]) -> String {
        let reply = self.ask(op, payload).await;
        assert_eq!(reply.kind, kind::ERROR, "{reply:?}");
        String::from_utf8_lossy(&reply.payload).into_owned()
    }
}

async fn databases() -> Vec<Database> {
    vec![in_memory(true).await, in_memory(false).await]
}

#[tokio::test]
async fn a_migration_that_fails_while_opening_says_of_which_database_as_all_errors_of_opening_do() {
    const BAD: (&str, &str) = ("2_bad.sql", "CREATE TABLE more (x);\nCREATE TABEL items (x)");
    for db in databases().await {
        let mut client = Client::new(&db, 1);
        let by_call = client.refused(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, BAD])).await;
        assert!(!by_call.contains("app.db"), "{by_call}");
        let told = client.refused(op::MIGRATE, &opening("app.db", 0, 0, 0, &[ITEMS, BAD])).await;
        assert!(told.contains("app.db: migration 2_bad: line 2"), "{told}");
        let of_path = r#""path":"app.db""#;
        assert!(told.contains(of_path) && told.contains(r#""offset":30"#), "{told}");
        let wrong = opening("app.db", 0, 0, 0, &[("items.sql", "")]);
        let told = client.refused(op::MIGRATE, &wrong).await;
        assert!(told.contains(of_path) && told.contains("items.sql"), "{told}");
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_runs_its_migrations_and_learns_what_was_done() {
    for db in databases().await {
        let mut client = Client::new(&db, 1);
        let files = [ITEMS, NAMES];
        let planned = client.told(op::MIGRATIONS, &payload(0, 0, 0, &files)).await;
        assert_eq!(planned.len(), 10, "two steps: {planned:?}");
        assert_eq!(planned[1], Value::from("0001_items"));
        assert_eq!(planned[4], Value::Null, "it has not run");
        let dry = client.told(op::MIGRATE, &payload(1, 0, 0, &files)).await;
        assert_eq!(dry.len(), 10);
        assert_eq!(client.told(op::MIGRATIONS, &payload(1, 0, 0, &files)).await, []);
        let done = client.told(op::MIGRATE, &payload(0, 0, 0, &files)).await;
        assert_eq!(done[5..8], [Value::from(2), Value::from("0002_names"), Value::from(0)]);
        assert_eq!(client.told(op::MIGRATE, &payload(0, 0, 0, &files)).await, []);
        assert_eq!(client.told(op::MIGRATIONS, &payload(1, 0, 0, &files)).await.len(), 14);
        db.execute("ALTER TABLE items ADD COLUMN by_hand INT", ()).await.unwrap();
        let drift = client.told(op::MIGRATIONS, &payload(2, 0, 0, &files)).await;
        assert_eq!(drift[..3], [Value::from("table items"), Value::from(2), Value::from(1)]);
        let refused = client.refused(op::MIGRATE, &payload(2, 1, 0, &files)).await;
        assert!(refused.contains("0002_names"), "it has no way back: {refused}");
        let refused = client.refused(op::MIGRATE, &payload(2, -1, 0, &files)).await;
        assert!(refused.contains("InvalidArgument"), "{refused}");
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_older_client_is_refused_from_the_migration_on_that_breaks_older_ones() {
    for db in databases().await {
        let (mut older, mut newer, mut without) =
            (Client::new(&db, 1), Client::new(&db, 2), Client::new(&db, 3));
        older.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS])).await;
        newer.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, NAMES])).await;
        // It only adds something.
        older.told(op::QUERY, &sql("SELECT id FROM items")).await;
        newer.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, NAMES, BREAKS])).await;
        for _ in 0..2 {
            let refused = older.refused(op::QUERY, &sql("SELECT id FROM items")).await;
            assert!(refused.contains("SchemaTooNew"), "{refused}");
            let refused = older.refused(op::BEGIN, &[0]).await;
            assert!(refused.contains("SchemaTooNew"), "{refused}");
        }
        let refused = older.refused(op::MIGRATE, &payload(0, 0, 1, &[ITEMS])).await;
        assert!(refused.contains("SchemaTooNew"), "{refused}");
        newer.told(op::QUERY, &sql("SELECT id FROM items")).await;
        without.told(op::QUERY, &sql("SELECT id FROM items")).await;
        // The older program is replaced by the newer one.
        older.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, NAMES, BREAKS])).await;
        older.told(op::QUERY, &sql("SELECT id FROM items")).await;
        db.close().await.unwrap();
    }
}

/// As a client does whose engine is gone: another server of the database, which has not seen it.
#[tokio::test]
async fn a_client_that_comes_from_another_engine_is_refused_for_what_was_applied_meanwhile() {
    for db in databases().await {
        let mut newer = Client::new(&db, 1);
        newer.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, NAMES, NO_NAMES])).await;
        newer.told(op::MIGRATE, &payload(2, 1, 0, &[ITEMS, NAMES])).await;
        let mut older = Client::new(&db, 2);
        // It changes nothing, also where something could be applied.
        assert_eq!(older.told(op::MIGRATE, &payload(3, 0, 0, &[ITEMS, NAMES])).await, []);
        assert_eq!(newer.told(op::MIGRATIONS, &payload(1, 0, 0, &[ITEMS])).await.len(), 7);
        newer.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, NAMES])).await;
        // It only adds something.
        let mut older = Client::new(&db, 3);
        assert_eq!(older.told(op::MIGRATE, &payload(3, 0, 0, &[ITEMS])).await, []);
        older.told(op::QUERY, &sql("SELECT id FROM items")).await;
        newer.told(op::MIGRATE, &payload(0, 0, 0, &[ITEMS, NAMES, BREAKS])).await;
        let refused = older.refused(op::QUERY, &sql("SELECT id FROM items")).await;
        assert!(refused.contains("SchemaTooNew"), "{refused}");
        let mut older = Client::new(&db, 4);
        let refused = older.refused(op::MIGRATE, &payload(3, 0, 1, &[ITEMS])).await;
        assert!(refused.contains("SchemaTooNew"), "{refused}");
        let refused = older.refused(op::QUERY, &sql("SELECT id FROM items")).await;
        assert!(refused.contains("SchemaTooNew"), "{refused}");
        db.close().await.unwrap();
    }
}
