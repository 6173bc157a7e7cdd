//! The C functions as a binding uses them.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;

use ubiqlite_ffi::raw::{
    GONE, MALFORMED, NEEDS_ROOM, ubiqlite_call, ubiqlite_release, ubiqlite_take, ubiqlite_wait,
};
use ubiqlite_ffi::{EngineHandle, Format};

fn request(id: u32, op: u8, handle: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(10 + payload.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(id.to_le_bytes());
    bytes.extend([op, 0]);
    bytes.extend(handle.to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn statement(sql: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(sql.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(sql.as_bytes());
    bytes.push(0);
    bytes
}

fn call(client: u64, request: &[u8], reply: &mut [u8]) -> i64 {
    // SAFETY: both are slices.
    unsafe {
        ubiqlite_call(client, request.as_ptr(), request.len(), reply.as_mut_ptr(), reply.len())
    }
}

fn take(client: u64, reply: &mut [u8]) -> i64 {
    // SAFETY: it is a slice.
    unsafe { ubiqlite_take(client, reply.as_mut_ptr(), reply.len()) }
}

/// Returns the numbers of the requests that have a reply.
fn answered(mut replies: &[u8]) -> Vec<u32> {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut ids = Vec::new();
    while !replies.is_empty() {
        ids.push(word(replies, 4));
        replies = &replies[word(replies, 0) as usize..];
    }
    ids
}

fn open(directory: &tempfile::TempDir) -> Arc<EngineHandle> {
    support::open(directory.path().join("app.db").to_str().unwrap())
}

const EXECUTE: u8 = 1;
const QUERY: u8 = 2;
const BEGIN: u8 = 20;
const CANCEL: u8 = 28;

#[test]
fn a_read_is_answered_within_the_call_and_a_write_after_a_wake_up() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(&directory);
    let client = engine.client(Format::Wire);
    let mut reply = vec![0; 4096];
    let write = request(1, EXECUTE, 0, &statement("CREATE TABLE t AS SELECT 1 AS id"));
    assert_eq!(call(client, &write, &mut reply), 0);
    let length = loop {
        match take(client, &mut reply) {
            0 => assert_eq!(ubiqlite_wait(client, -1), 1),
            length => break usize::try_from(length).unwrap(),
        }
    };
    assert_eq!(answered(&reply[..length]), [1]);
    // The first read opens a reader on a thread.
    let read = request(2, QUERY, 0, &statement("SELECT id FROM t"));
    if call(client, &read, &mut reply) == 0 {
        while take(client, &mut reply) == 0 {
            assert_eq!(ubiqlite_wait(client, -1), 1);
        }
    }
    let length = call(client, &request(3, QUERY, 0, &statement("SELECT id FROM t")), &mut reply);
    assert!(length > 0);
    assert_eq!(answered(&reply[..usize::try_from(length).unwrap()]), [3]);
    ubiqlite_release(client);
    assert!(support::settled(&engine.start_close()).is_none());
}

#[test]
fn a_reply_without_room_is_kept_until_there_is() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(&directory);
    let client = engine.client(Format::Wire);
    let read = request(1, QUERY, 0, &statement("SELECT zeroblob(1000)"));
    assert_eq!(call(client, &read, &mut []), 0);
    let needed = loop {
        assert_eq!(ubiqlite_wait(client, -1), 1);
        match take(client, &mut []) {
            0 => {}
            needed => break needed,
        }
    };
    let mut reply = vec![0; usize::try_from(NEEDS_ROOM - needed).unwrap()];
    assert_eq!(ubiqlite_wait(client, 0), 1, "it is told until it is taken");
    assert_eq!(take(client, &mut reply), NEEDS_ROOM - needed);
    assert_eq!(answered(&reply), [1]);
    ubiqlite_release(client);
}

#[test]
fn a_client_that_is_gone_is_told_so_and_has_nothing_open() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(&directory);
    let (first, second) = (engine.client(Format::Wire), engine.client(Format::Wire));
    let mut reply = vec![0; 4096];
    assert_eq!(call(first, &[1, 2, 3], &mut reply), MALFORMED);
    call(first, &request(1, BEGIN, 0, &[0]), &mut reply);
    while ubiqlite_wait(first, 1000) == 1 && take(first, &mut reply) == 0 {}
    // A write waits during the transaction of another client.
    let write = request(1, EXECUTE, 0, &statement("CREATE TABLE t (id)"));
    assert_eq!(call(second, &write, &mut reply), 0);
    assert_eq!(ubiqlite_wait(second, 20), 0);
    let waiting = std::thread::spawn(move || ubiqlite_wait(first, -1));
    std::thread::sleep(std::time::Duration::from_millis(20));
    ubiqlite_release(first);
    assert_eq!(waiting.join().unwrap(), GONE);
    while take(second, &mut reply) == 0 {
        assert_eq!(ubiqlite_wait(second, 5000), 1);
    }
    assert_eq!(call(first, &write, &mut reply), GONE);
    assert_eq!(take(first, &mut reply), GONE);
    assert_eq!(ubiqlite_wait(first, -1), GONE);
    ubiqlite_release(second);
    assert!(support::settled(&engine.start_close()).is_none());
}

/// Only the thread that takes replies continues requests: another one may cancel them just then.
#[test]
fn what_is_given_up_while_another_thread_ends_it_leaves_nothing_open() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(&directory);
    let client = engine.client(Format::Wire);
    let taking = std::thread::spawn(move || {
        let mut reply = vec![0; 65536];
        while ubiqlite_wait(client, -1) == 1 {
            take(client, &mut reply);
        }
    });
    let mut random = fastrand::Rng::with_seed(5);
    let mut reply = vec![0; 4096];
    for id in 1..20_000u32 {
        // A transaction begins on the writer's thread; the replies of those that began are unused.
        call(client, &request(id, BEGIN, 0, &[0]), &mut reply);
        for _ in 0..random.u32(0..2000) {
            std::hint::spin_loop();
        }
        call(client, &request(0, CANCEL, id, &[]), &mut reply);
    }
    let other = engine.client(Format::Wire);
    assert_eq!(
        call(other, &request(1, EXECUTE, 0, &statement("CREATE TABLE t (id)")), &mut reply),
        0
    );
    let mut length = 0;
    while length == 0 {
        assert_eq!(ubiqlite_wait(other, 3000), 1, "a transaction is open that nobody has");
        length = take(other, &mut reply);
    }
    assert_eq!((answered(&reply[..usize::try_from(length).unwrap()]), reply[8]), (vec![1], 2));
    ubiqlite_release(client);
    taking.join().unwrap();
    ubiqlite_release(other);
    assert!(support::settled(&engine.start_close()).is_none());
}
