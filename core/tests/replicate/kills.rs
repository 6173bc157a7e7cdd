//! Processes that are killed while they write and replicate.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ubiqlite::ReplicaMoment;

use super::{Place, flush, options, pages};

const FOLDER: &str = "UBIQLITE_REPLICA_FOLDER";

/// The child: not a test by itself.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let db = options().open(folder.join("app.db")).await.unwrap();
    let replica = db.replicate(folder.join("replica")).interval(Duration::from_millis(2));
    let _replica = replica.snapshot_every(Duration::from_millis(30)).await.unwrap();
    for round in 0.. {
        let sql = "INSERT INTO items (name, data) VALUES ('killed', randomblob(3000))";
        db.execute(sql, ()).await.unwrap();
        if round % 40 == 39 {
            db.execute("DELETE FROM items WHERE id % 3 = 0", ()).await.unwrap();
        }
        if round % 10 == 0 {
            println!("done");
        }
    }
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_a_replica_that_goes_on_without_a_gap() {
    let mut place = Place::new().await;
    for round in 0..12u64 {
        place.db.close().await.unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::child", "--nocapture", "--test-threads", "1"])
            .env(FOLDER, place.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..=round {
            let mut said = lines.by_ref().map_while(Result::ok);
            assert!(said.any(|line| line.contains("done")), "the child has failed");
        }
        std::thread::sleep(Duration::from_micros(round * 1_700));
        child.kill().unwrap();
        child.wait().unwrap();
        // What is stored is whole: every file of it makes a sound database.
        if place.path("replica/ltx/9").exists() {
            let restored = place.restored(ReplicaMoment::Latest).await;
            match restored {
                Ok(bytes) => {
                    std::fs::write(place.path("seen.db"), bytes).unwrap();
                    let seen = rusqlite::Connection::open(place.path("seen.db")).unwrap();
                    let found: String =
                        seen.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
                    assert_eq!(found, "ok", "round {round}");
                    drop(seen);
                    for name in ["seen.db", "seen.db-wal", "seen.db-shm"] {
                        drop(std::fs::remove_file(place.path(name)));
                    }
                }
                // The first file was not complete.
                Err(error) => assert_eq!(error.kind(), ubiqlite::ErrorKind::NotFound, "{error}"),
            }
        }
        place.db = options().open(place.path("app.db")).await.unwrap();
        let replica = place.replicate().await;
        place.insert(100).await;
        flush(&replica).await;
        let now = pages(&place.db).await;
        let restored = place.restored(ReplicaMoment::Latest).await.unwrap();
        assert!(restored == now, "round {round}");
        let parts = place.files().into_iter().filter(|it| it.ends_with(".part"));
        assert_eq!(parts.count(), 0, "round {round}");
    }
}
