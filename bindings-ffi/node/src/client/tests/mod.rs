//! Tests of a client without Node, whose bell is a channel.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use ubiqlite_shared::Bell;

use super::*;

struct Rung {
    raised: AtomicBool,
    to: Sender<()>,
}

impl Bell for Rung {
    fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            let _ = self.to.send(());
        }
    }

    fn lower(&self) {
        self.raised.store(false, Ordering::Release);
    }

    fn end(&self) {}
}

impl Mutable for Rung {
    fn mute(&self) {
        self.raised.store(true, Ordering::Release);
    }
}

struct Opened {
    client: NodeClient<Rung>,
    bell: Receiver<()>,
}

impl Opened {
    fn begin(folder: &Path) -> Self {
        let (to, bell) = channel();
        let path = folder.join("a.db");
        let at = |end: &str| folder.join(format!("a.db{end}"));
        let beside = CompanionFiles {
            presence: at("-native"),
            record: "me\n".into(),
            lock: Some(at("-lock")),
        };
        let rung = Rung { raised: AtomicBool::new(false), to };
        let path = path.to_string_lossy().into_owned();
        Self { client: NodeClient::open(rung, path, "{}".into(), Some(beside)), bell }
    }

    fn wait(&self) {
        self.bell.recv_timeout(Duration::from_secs(60)).expect("nobody rang");
    }

    fn outcome(&self) -> OpenOutcome {
        loop {
            let outcome = self.client.outcome();
            if outcome != OpenOutcome::Pending {
                return outcome;
            }
            self.wait();
        }
    }

    /// Sends the requests, and waits for their replies.
    fn ask(&self, requests: &[u8]) -> Vec<u8> {
        assert!(self.client.submit(requests));
        loop {
            // The room is too small for any reply.
            let needed = self.client.take(&mut []);
            if needed < 0 {
                let rest = self.client.rest();
                assert_eq!(i64::try_from(rest.len()).unwrap(), -needed);
                return rest;
            }
            self.wait();
            self.client.run();
        }
    }
}

/// Encodes an `EXECUTE` of `sql` without parameters, as request 7.
fn execute(sql: &str) -> Vec<u8> {
    let mut rest = vec![7, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    rest.extend(u32::try_from(sql.len()).unwrap().to_le_bytes());
    rest.extend(sql.as_bytes());
    rest.push(0);
    let mut request = u32::try_from(rest.len()).unwrap().to_le_bytes().to_vec();
    request.extend(rest);
    request
}

#[test]
fn a_database_is_opened_asked_and_closed_by_wake_ups_alone() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Opened::begin(folder.path());
    assert_eq!(opened.outcome(), OpenOutcome::Done);
    assert!(folder.path().join("a.db-native").exists(), "the wasm engine is told");
    let reply = opened.ask(&execute("CREATE TABLE t(a)"));
    assert_eq!(reply[4..8], [7, 0, 0, 0]);
    assert!(!opened.client.submit(&[1, 2, 3]), "bytes that are no request");
    opened.client.close();
    assert_eq!(opened.outcome(), OpenOutcome::Done);
    assert!(!opened.client.submit(&execute("SELECT 1")), "it is closed");
    assert!(!folder.path().join("a.db-native").exists());
    assert!(!folder.path().join("a.db-wal").exists());
}

#[test]
fn a_database_that_was_asked_nothing_is_closed_too() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Opened::begin(folder.path());
    assert_eq!(opened.outcome(), OpenOutcome::Done);
    opened.client.close();
    assert_eq!(opened.outcome(), OpenOutcome::Done);
}

#[test]
fn beside_a_lock_of_the_wasm_engine_nothing_is_opened_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.db-lock"), "somebody").unwrap();
    let opened = Opened::begin(folder.path());
    assert_eq!(opened.outcome(), OpenOutcome::Locked);
    assert!(!folder.path().join("a.db-native").exists());
    assert!(!folder.path().join("a.db").exists());
}

#[test]
fn a_client_that_is_let_go_while_it_opens_or_works_leaves_nothing_open() {
    let folder = tempfile::tempdir().unwrap();
    for wait in [false, true] {
        let opened = Opened::begin(folder.path());
        if wait {
            assert_eq!(opened.outcome(), OpenOutcome::Done);
            let endless = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r";
            assert!(opened.client.submit(&execute(endless)));
        }
        drop(opened);
        let path = folder.path().join("a.db-native");
        let until = std::time::Instant::now() + Duration::from_secs(60);
        while path.exists() {
            assert!(std::time::Instant::now() < until, "it is still registered");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
