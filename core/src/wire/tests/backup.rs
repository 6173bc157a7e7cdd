//! Copies for a client.

use super::super::numbers::reply;
use super::*;

/// A client of a database with 3,000 rows, and the database.
struct Client {
    server: Server,
    db: Database,
    last: u32,
}

impl Client {
    async fn new(single: bool) -> Self {
        let db = in_memory(single).await;
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)", ()).await.unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                   INSERT INTO t SELECT i, randomblob(500) FROM n";
        db.execute(sql, ()).await.unwrap();
        let server = Server::new(db.clone(), 1, Tokio::default());
        Self { server, db, last: 0 }
    }

    async fn ask(&mut self, op: u8, handle: u32, payload: &[u8]) -> Reply {
        self.last += 1;
        ask(&self.server, self.last, op, handle, payload).await
    }

    /// Everything that comes on a handle, until it is over.
    async fn all(&mut self, handle: u32) -> Vec<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let next = self.ask(op::NEXT, handle, &[0; 4]).await;
            assert_eq!(next.kind, kind::ROWS, "{next:?}");
            if next.flags & reply::END != 0 {
                return all;
            }
            all.push(values(&next));
        }
    }

    async fn rows(&self) -> i64 {
        self.db.query_value("SELECT count(*) FROM t", ()).await.unwrap()
    }
}

fn file(path: &std::path::Path) -> Vec<u8> {
    text(path.to_str().unwrap())
}

#[tokio::test]
async fn a_client_follows_a_copy_into_a_file_and_restores_it() {
    for single in [true, false] {
        let mut here = Client::new(single).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy.db");
        let made = here.ask(op::BACKUP, 0, &[&[0, 0], &*file(&path)].concat()).await;
        assert_eq!(made.kind, kind::HANDLE, "{made:?}");
        let news = here.all(made.extra).await;
        let last = news.last().expect("there was progress");
        let [Value::Integer(done), Value::Integer(total)] = **last else { panic!("{last:?}") };
        assert!(done == total && total > 300, "{last:?}");
        assert!(path.exists());
        // The handle is gone.
        let gone = here.ask(op::NEXT, made.extra, &[0; 4]).await;
        assert_eq!(gone.kind, kind::ERROR);

        here.db.execute("DELETE FROM t", ()).await.unwrap();
        let done = here.ask(op::RESTORE, 0, &[&[0], &*file(&path)].concat()).await;
        assert_eq!(done.kind, kind::DONE, "{done:?}");
        assert_eq!(here.rows().await, 3000);

        let made = here.ask(op::BACKUP, 0, &[&[0, 1], &*file(&path)].concat()).await;
        let refused = here.ask(op::NEXT, made.extra, &[0; 4]).await;
        assert_eq!(refused.kind, kind::ERROR, "it exists");
        let made = here.ask(op::BACKUP, 0, &[&[1, 1], &*file(&path)].concat()).await;
        here.all(made.extra).await;
    }
}

#[tokio::test]
async fn a_client_reads_a_copy_as_bytes_and_restores_them() {
    for single in [true, false] {
        let mut here = Client::new(single).await;
        let made = here.ask(op::BACKUP_STREAM, 0, &[0]).await;
        let mut bytes = Vec::new();
        for chunk in here.all(made.extra).await {
            let [Value::Blob(chunk)] = &*chunk else { panic!("{chunk:?}") };
            bytes.extend_from_slice(chunk);
        }
        assert!(bytes.len() > 1 << 20 && bytes.len().is_multiple_of(4096));
        here.db.execute("DROP TABLE t", ()).await.unwrap();
        let length = (bytes.len() as u32).to_le_bytes();
        let done = here.ask(op::RESTORE, 0, &[&[1], &length[..], &bytes].concat()).await;
        assert_eq!(done.kind, kind::DONE, "{done:?}");
        assert_eq!(here.rows().await, 3000);
        let refused = here.ask(op::RESTORE, 0, &[1, 3, 0, 0, 0, 1, 2, 3]).await;
        assert_eq!(refused.kind, kind::ERROR);
        assert_eq!(here.rows().await, 3000);
    }
}

#[tokio::test]
async fn a_client_that_goes_leaves_no_copy() {
    for single in [true, false] {
        let mut here = Client::new(single).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy.db");
        let made = here.ask(op::BACKUP, 0, &[&[0, 0], &*file(&path)].concat()).await;
        here.ask(op::NEXT, made.extra, &[0; 4]).await;
        drop(here.server);
        let left = || std::fs::read_dir(folder.path()).unwrap().count();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while left() > usize::from(path.exists()) {
            assert!(std::time::Instant::now() < deadline, "a part is left");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        here.db.close().await.unwrap();
    }
}

#[tokio::test]
async fn copies_are_of_the_database_alone_and_not_made_twice() {
    let mut here = Client::new(false).await;
    let begun = here.ask(op::BEGIN, 0, &[0]).await;
    let refused = here.ask(op::BACKUP_STREAM, begun.extra, &[0]).await;
    assert_eq!(refused.kind, kind::ERROR);
    let refused = here.ask(op::RESTORE, 0, &[2, 0, 0, 0, 0]).await;
    assert_eq!(refused.kind, kind::ERROR);
}
