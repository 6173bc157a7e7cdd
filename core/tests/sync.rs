//! Change sets: what is recorded, what applying does, and that replicas agree in the end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "sync/applies.rs"]
mod applies;
#[path = "sync/converges.rs"]
mod converges;
#[path = "sync/guards.rs"]
mod guards;
#[path = "sync/hostile.rs"]
mod hostile;
#[path = "sync/others.rs"]
mod others;
#[path = "sync/records.rs"]
mod records;

use ubiqlite::{Database, Options, Outbox, Row, Synchronous};

/// A database in a folder of its own, on the backend that the environment names.
struct Place {
    folder: tempfile::TempDir,
    db: Database,
}

impl Place {
    async fn new(schema: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        db.batch(schema).await.unwrap();
        Self { folder, db }
    }

    /// Closes the database, and opens it again.
    async fn reopen(self) -> Self {
        self.db.close().await.unwrap();
        let db = open(&self.folder).await;
        Self { folder: self.folder, db }
    }
}

async fn open(folder: &tempfile::TempDir) -> Database {
    let path = folder.path().join("sync.db");
    let options = Options::default().synchronous(Synchronous::Normal);
    let single = std::env::var("UBIQLITE_BACKEND").is_ok_and(|name| name == "single-thread");
    #[cfg(feature = "single-thread")]
    return match single {
        true => options.open_single_thread(&path).unwrap(),
        false => options.open(&path).await.unwrap(),
    };
    #[cfg(not(feature = "single-thread"))]
    {
        assert!(!single, "the feature single-thread is off");
        options.open(&path).await.unwrap()
    }
}

/// What waits in the outbox, batch by batch, as readable texts. Acknowledges all of it.
async fn sent(outbox: &mut Outbox) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    while let Some(batch) = outbox.next().await.unwrap() {
        all.push(read(batch.bytes()));
        outbox.ack(batch.id()).await.unwrap();
    }
    all
}

/// What waits in the outbox, as readable texts without regard to their order within a batch.
async fn sorted(outbox: &mut Outbox) -> Vec<Vec<String>> {
    let mut all = sent(outbox).await;
    all.iter_mut().for_each(|batch| batch.sort());
    all
}

/// The rows of a query as texts.
async fn rows(db: &Database, sql: &str) -> Vec<String> {
    let rows: Vec<Row> = db.query(sql, ()).await.unwrap();
    let text =
        |row: &Row| row.iter().map(|(_, it)| format!("{it:?}")).collect::<Vec<_>>().join(" ");
    rows.iter().map(text).collect()
}

/// Reads a change set: a second reader of the format, for tests alone.
fn read(bytes: &[u8]) -> Vec<String> {
    let (mut at, mut columns, mut table, mut found) = (0, 0, String::new(), Vec::new());
    while at < bytes.len() {
        if bytes[at] == b'T' {
            columns = usize::from(bytes[at + 1]);
            let start = at + 2 + columns;
            let length = bytes[start..].iter().position(|byte| *byte == 0).unwrap();
            table = String::from_utf8(bytes[start..start + length].to_vec()).unwrap();
            at = start + length + 1;
            continue;
        }
        let (word, records) = match bytes[at] {
            18 => ("+", 1),
            9 => ("-", 1),
            23 => ("~", 2),
            other => panic!("{other} is no operation"),
        };
        at += 2;
        let mut parts = Vec::new();
        for _ in 0..records {
            let mut values = Vec::new();
            for _ in 0..columns {
                let (text, length) = value(&bytes[at..]);
                values.push(text);
                at += length;
            }
            parts.push(values.join(","));
        }
        found.push(format!("{word}{table} {}", parts.join(" > ")));
    }
    found
}

fn value(bytes: &[u8]) -> (String, usize) {
    let eight = || <[u8; 8]>::try_from(&bytes[1..9]).unwrap();
    match bytes[0] {
        0 => ("_".into(), 1),
        1 => (i64::from_be_bytes(eight()).to_string(), 9),
        2 => (f64::from_be_bytes(eight()).to_string(), 9),
        5 => ("NULL".into(), 1),
        kind => {
            let (mut length, mut at) = (0, 1);
            loop {
                length = length << 7 | usize::from(bytes[at] & 0x7f);
                at += 1;
                if bytes[at - 1] & 0x80 == 0 {
                    break;
                }
            }
            let found = &bytes[at..at + length];
            let text = if kind == 3 {
                String::from_utf8_lossy(found).into_owned()
            } else {
                format!("x{found:?}")
            };
            (text, at + length)
        }
    }
}
