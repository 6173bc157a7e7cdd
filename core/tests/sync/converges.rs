//! Replicas that change the same rows without knowing of each other, and are killed at any moment,
//! agree in the end.
//!
//! They exchange change sets through a server that keeps them in one order, as a program would: a
//! replica sends what waits only when it has applied all that came before, and recognizes its own.

use fastrand::Rng;
use ubiqlite::{Apply, Database, Options, Synchronous};

use super::rows;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, a, b, at INTEGER);
     CREATE TABLE tags (name TEXT, note INT, x, PRIMARY KEY (note, name)) WITHOUT ROWID;
     CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT UNIQUE, x);
     CREATE TABLE places (cursor INTEGER NOT NULL); INSERT INTO places VALUES (0);";

/// What the server keeps: who has sent it, under which number, and the changes.
struct Sent {
    from: usize,
    id: i64,
    bytes: Vec<u8>,
}

struct Replica {
    folder: tempfile::TempDir,
    db: Database,
}

async fn open(folder: &tempfile::TempDir) -> Database {
    let path = folder.path().join("replica.db");
    let options = Options::default().synchronous(Synchronous::Off);
    let single = std::env::var("UBIQLITE_BACKEND").is_ok_and(|name| name == "single-thread");
    #[cfg(feature = "single-thread")]
    if single {
        return options.open_single_thread(&path).unwrap();
    }
    assert!(cfg!(feature = "single-thread") || !single, "the feature single-thread is off");
    options.open(&path).await.unwrap()
}

impl Replica {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        db.batch(SCHEMA).await.unwrap();
        db.outbox(["notes", "tags", "names"]).await.unwrap();
        Self { folder, db }
    }

    /// Goes on with the files as they are now, as after the end of the process.
    async fn kill(&mut self) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["replica.db", "replica.db-wal"] {
            let from = self.folder.path().join(name);
            if from.exists() {
                std::fs::copy(from, folder.path().join(name)).unwrap();
            }
        }
        let db = open(&folder).await;
        let before = std::mem::replace(self, Self { folder, db });
        before.db.close().await.unwrap();
    }

    /// Changes something, perhaps in a transaction of which a part is undone.
    async fn change(&self, random: &mut Rng) {
        if random.u8(..3) > 0 {
            let sql = statement(random);
            let _ = self.db.execute(&sql, ()).await;
            return;
        }
        let mut tx = self.db.begin().await.unwrap();
        for _ in 0..random.u8(1..5) {
            let _ = tx.execute(&statement(random), ()).await;
        }
        if random.bool() {
            let mut inner = tx.begin_savepoint().await.unwrap();
            for _ in 0..random.u8(1..4) {
                let _ = inner.execute(&statement(random), ()).await;
            }
            if random.bool() {
                inner.rollback().await.unwrap();
            } else {
                inner.release().await.unwrap();
            }
            let _ = tx.execute(&statement(random), ()).await;
        }
        if random.u8(..5) > 0 {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
    }

    /// Exchanges changes with the server, unless the replica is killed first.
    async fn exchange(
        &mut self,
        me: usize,
        policy: &Apply,
        server: &mut Vec<Sent>,
        random: &mut Rng,
        kills: bool,
    ) {
        let dies = |random: &mut Rng| kills && random.u8(..12) == 0;
        loop {
            let at: i64 = self.db.query_value("SELECT cursor FROM places", ()).await.unwrap();
            let Some(next) = server.get(usize::try_from(at).unwrap()) else { break };
            let mut tx = self.db.begin().await.unwrap();
            if next.from == me {
                let ack = "DELETE FROM ubiqlite_outbox WHERE id <= ?";
                tx.execute(ack, (next.id,)).await.unwrap();
            } else {
                tx.apply(&next.bytes, policy.clone()).await.unwrap();
            }
            // Neither without the other: a set must not be applied again, on top of changes that
            // were made meanwhile.
            tx.execute("UPDATE places SET cursor = ?", (at + 1,)).await.unwrap();
            if dies(random) {
                drop(tx);
                return self.kill().await;
            }
            tx.commit().await.unwrap();
            if dies(random) {
                return self.kill().await;
            }
        }
        let mut outbox = self.db.outbox(["notes", "tags", "names"]).await.unwrap();
        while let Some(batch) = outbox.next().await.unwrap() {
            // It may have come already, before the replica was killed.
            if !server.iter().any(|it| it.from == me && it.id == batch.id()) {
                server.push(Sent { from: me, id: batch.id(), bytes: batch.bytes().to_vec() });
            }
            if dies(random) {
                return self.kill().await;
            }
            let at: i64 = self.db.query_value("SELECT cursor FROM places", ()).await.unwrap();
            outbox.ack(batch.id()).await.unwrap();
            if dies(random) {
                return self.kill().await;
            }
            self.db.execute("UPDATE places SET cursor = ?", (at + 1,)).await.unwrap();
        }
    }

    async fn state(&self) -> Vec<String> {
        let mut all = rows(&self.db, "SELECT * FROM notes ORDER BY id").await;
        all.extend(rows(&self.db, "SELECT * FROM names ORDER BY id").await);
        all.extend(rows(&self.db, "SELECT * FROM tags ORDER BY note, name").await);
        all
    }

    async fn is_done(&self, server: &[Sent]) -> bool {
        let sql = "SELECT (SELECT cursor FROM places), (SELECT count(*) FROM ubiqlite_outbox)";
        let (at, waits): (i64, i64) = self.db.query_one(sql, ()).await.unwrap();
        waits == 0 && usize::try_from(at).unwrap() == server.len()
    }
}

fn statement(random: &mut Rng) -> String {
    let (id, value, at) = (random.u8(1..6), random.u8(..4), random.u16(..500));
    let tag = ["x", "y", "z"][random.usize(..3)];
    match random.u8(..18) {
        0 | 1 => format!("INSERT INTO notes VALUES ({id}, {value}, 'b{value}', {at})"),
        2 => format!("REPLACE INTO notes VALUES ({id}, {value}, NULL, {at})"),
        3 | 4 => format!("UPDATE notes SET a = {value}, at = {at} WHERE id = {id}"),
        5 => format!("UPDATE notes SET b = 'u{value}' WHERE id = {id}"),
        6 => format!("UPDATE notes SET id = {} WHERE id = {id}", random.u8(1..6)),
        7 => format!("DELETE FROM notes WHERE id = {id}"),
        8 => format!(
            "INSERT INTO notes VALUES ({id}, {value}, 1, {at}) ON CONFLICT DO UPDATE SET b = 'up{value}', at = {at}"
        ),
        9 => format!("INSERT OR REPLACE INTO tags VALUES ('{tag}', {id}, {value})"),
        10 => format!("UPDATE tags SET x = {value} WHERE name = '{tag}'"),
        11 => format!("DELETE FROM tags WHERE note = {id}"),
        12 => format!("INSERT INTO names VALUES ({id}, 'n{value}', {at})"),
        13 => format!("UPDATE names SET name = 'n{value}' WHERE id = {id}"),
        // Exchanges two names.
        14 => format!(
            "REPLACE INTO names SELECT it.id, coalesce((SELECT name FROM names AS other WHERE other.id = 7 - it.id), 'n' || it.id), x FROM (SELECT * FROM names WHERE id IN ({id}, 7 - {id})) AS it"
        ),
        15 => format!("REPLACE INTO names VALUES ({id}, 'n{value}', {at})"),
        16 => format!("DELETE FROM names WHERE id = {id}"),
        _ if value == 0 => "DELETE FROM tags".to_owned(),
        _ => format!("INSERT OR FAIL INTO tags VALUES ('f', {id}, 1), ('{tag}', {id}, {value})"),
    }
}

/// How many of these there are.
fn histories() -> u64 {
    let asked = std::env::var("UBIQLITE_HISTORIES").ok();
    asked.map_or(100, |it| it.parse().expect("UBIQLITE_HISTORIES is a number"))
}

fn newest() -> Apply {
    Apply::theirs().newest("notes", "at")
}

#[tokio::test]
async fn three_replicas_agree_after_any_history() {
    for seed in 0..histories() {
        history(seed, &[Apply::theirs(), Apply::theirs(), Apply::theirs()]).await;
    }
}

#[tokio::test]
async fn three_replicas_that_keep_their_own_agree() {
    for seed in 0..histories() {
        history(seed, &[Apply::ours(), Apply::ours(), Apply::ours()]).await;
    }
}

#[tokio::test]
async fn three_replicas_that_keep_the_newest_agree() {
    for seed in 0..histories() {
        history(seed, &[newest(), newest(), newest()]).await;
    }
}

#[tokio::test]
async fn three_replicas_of_different_policies_agree() {
    for seed in 0..histories() {
        history(seed, &[Apply::theirs(), Apply::ours(), newest()]).await;
    }
}

async fn history(seed: u64, policies: &[Apply; 3]) {
    let mut random = Rng::with_seed(seed);
    let mut server = Vec::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::new().await);
    }
    for _ in 0..random.u8(10..40) {
        let me = random.usize(..3);
        if random.u8(..4) > 0 {
            replicas[me].change(&mut random).await;
        } else {
            replicas[me].exchange(me, &policies[me], &mut server, &mut random, true).await;
        }
    }
    let mut rounds = 0;
    loop {
        let mut done = true;
        for (me, replica) in replicas.iter_mut().enumerate() {
            replica.exchange(me, &policies[me], &mut server, &mut random, false).await;
        }
        for replica in &replicas {
            done &= replica.is_done(&server).await;
        }
        if done {
            break;
        }
        rounds += 1;
        assert!(rounds < 10, "seed {seed}: it never ends");
    }
    // Whoever comes later reads what the server has, without any conflict: each set stands on
    // those before it.
    let late = Replica::new().await;
    for (index, it) in server.iter().enumerate() {
        let done = late.db.apply(&it.bytes, Apply::theirs()).await.unwrap();
        assert_eq!(done.conflicts(), [], "seed {seed}, set {index}");
    }
    let expected = late.state().await;
    for (me, replica) in replicas.iter().enumerate() {
        assert_eq!(replica.state().await, expected, "seed {seed}, replica {me}");
    }
}
