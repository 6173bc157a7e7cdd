//! Bytes that come from anybody.

use ubiqlite::{Apply, ErrorKind};

use super::{Place, rows};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB);
     CREATE TABLE u (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;";

async fn state(place: &Place) -> Vec<String> {
    let mut all = rows(&place.db, "SELECT * FROM t ORDER BY id").await;
    all.extend(rows(&place.db, "SELECT * FROM u").await);
    all
}

/// A change set with each operation and each type.
async fn honest() -> Vec<u8> {
    let there = Place::new(SCHEMA).await;
    let fill = "INSERT INTO t VALUES (1, 'one', 1.5, x'00'), (2, 'two', NULL, zeroblob(300))";
    there.db.execute(fill, ()).await.unwrap();
    let mut outbox = there.db.outbox(["t", "u"]).await.unwrap();
    let all =
        "INSERT INTO t VALUES (3, 'three', 3.5, x'0102'); UPDATE t SET a = 'ONE' WHERE id = 1;
        DELETE FROM t WHERE id = 2; INSERT INTO u VALUES ('k', 1), ('l', 2);";
    there.db.batch(all).await.unwrap();
    outbox.next().await.unwrap().unwrap().into_bytes()
}

async fn target() -> Place {
    let place = Place::new(SCHEMA).await;
    let fill = "INSERT INTO t VALUES (1, 'one', 1.5, x'00'), (2, 'two', NULL, zeroblob(300))";
    place.db.execute(fill, ()).await.unwrap();
    place
}

#[tokio::test]
async fn a_set_that_was_cut_off_is_refused_and_changes_nothing() {
    let (bytes, place) = (honest().await, target().await);
    let before = state(&place).await;
    let mut whole = 0;
    for end in 1..bytes.len() {
        match place.db.apply(&bytes[..end], Apply::theirs()).await {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{end}: {error}");
                assert_eq!(state(&place).await, before);
            }
            // It was cut between two changes.
            Ok(_) => whole += 1,
        }
        if state(&place).await != before {
            let undo = "DELETE FROM t; DELETE FROM u; INSERT INTO t VALUES (1, 'one', 1.5, x'00'), (2, 'two', NULL, zeroblob(300))";
            place.db.batch(undo).await.unwrap();
        }
    }
    assert!((4..9).contains(&whole), "{whole}");
    place.db.apply(&bytes, Apply::abort()).await.unwrap();
}

#[tokio::test]
async fn bytes_at_random_are_refused() {
    let place = target().await;
    let before = state(&place).await;
    let mut random = fastrand::Rng::with_seed(1);
    for length in (0..200).chain([5_000, 50_000]) {
        for first in [b'T', b'P', 18, random.u8(..)] {
            let mut bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            let done = place.db.apply(&bytes, Apply::theirs()).await;
            if bytes.is_empty() {
                // Nothing is to be done.
                done.unwrap();
                continue;
            }
            let kind = done.unwrap_err().kind();
            let typed = matches!(kind, ErrorKind::InvalidArgument | ErrorKind::NoSuchTable);
            assert!(typed, "{kind}");
        }
    }
    assert_eq!(state(&place).await, before);
}

#[tokio::test]
async fn a_set_with_wrong_bytes_does_what_it_says_or_nothing() {
    let (bytes, place) = (honest().await, target().await);
    let mut random = fastrand::Rng::with_seed(2);
    let mut refused = 0;
    for round in 0..2_000 {
        let before = state(&place).await;
        let mut wrong = bytes.clone();
        for _ in 0..=random.usize(..3) {
            let at = random.usize(..wrong.len());
            wrong[at] = match random.u8(..3) {
                0 => random.u8(..),
                1 => wrong[at] ^ 1 << random.u8(..8),
                _ => wrong[random.usize(..wrong.len())],
            };
        }
        let policy = if round % 2 == 0 { Apply::theirs() } else { Apply::ours() };
        if let Err(error) = place.db.apply(&wrong, policy).await {
            refused += 1;
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            assert_eq!(state(&place).await, before, "{error}");
        }
    }
    assert!((200..1_999).contains(&refused), "{refused}");
    assert_eq!(rows(&place.db, "PRAGMA integrity_check").await, ["Text([111, 107])"]);
}
