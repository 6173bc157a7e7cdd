//! The call without declared arguments, as Python makes it.

#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "not every test closes")]
mod support;

use std::sync::Arc;

use ubiqlite_ffi::marshal::raw::{
    ubiqlite_marshal_begin, ubiqlite_marshal_call, ubiqlite_marshal_end,
};
use ubiqlite_ffi::raw::{GONE, MALFORMED, NEEDS_ROOM, ubiqlite_release, ubiqlite_take};
use ubiqlite_ffi::{EngineHandle, Format};

/// `marshal.dumps((1, 11, 0, None), 2)`: requests the capabilities of the storage.
const CAPABILITIES: &[u8] = b"(\x04\0\0\0i\x01\0\0\0i\x0b\0\0\0i\0\0\0\0N";
/// `(1, 10, 511)` as a small tuple of small integers.
const ANSWER: &[u8] = b")\x03i\x01\0\0\0i\x0a\0\0\0i\xff\x01\0\0";

fn engine() -> Arc<EngineHandle> {
    support::open(":memory:")
}

fn call(number: i32, request: &[u8]) -> i64 {
    let length = i32::try_from(request.len()).unwrap();
    // SAFETY: the slice is there until it returns, and so is the room of each test.
    i64::from(unsafe { ubiqlite_marshal_call(number, request.as_ptr(), length) })
}

#[test]
fn an_answer_goes_where_the_caller_said_last() {
    let engine = engine();
    let client = engine.client(Format::Marshal);
    let (mut first, mut second) = (vec![0; 64], vec![0; 64]);
    // SAFETY: both outlive the client.
    let number = unsafe { ubiqlite_marshal_begin(client, 0, first.as_mut_ptr(), first.len()) };
    let short = i32::try_from(number).unwrap();
    assert_eq!(call(short, CAPABILITIES), ANSWER.len() as i64);
    assert!(first.starts_with(ANSWER));
    // SAFETY: as above.
    let again = unsafe { ubiqlite_marshal_begin(client, short, second.as_mut_ptr(), second.len()) };
    assert_eq!(again, number);
    assert_eq!(call(short, CAPABILITIES), ANSWER.len() as i64);
    assert!(second.starts_with(ANSWER));
    ubiqlite_marshal_end(short);
    ubiqlite_release(client);
}

#[test]
fn an_answer_without_room_is_kept_and_taken() {
    let engine = engine();
    let client = engine.client(Format::Marshal);
    let mut room = vec![0; 64];
    // SAFETY: the room outlives the client, which is told of 8 bytes of it.
    let number = unsafe { ubiqlite_marshal_begin(client, 0, room.as_mut_ptr(), 8) };
    let needed = ANSWER.len() + 5;
    assert_eq!(call(i32::try_from(number).unwrap(), CAPABILITIES), NEEDS_ROOM - needed as i64);
    // SAFETY: all of the room is there.
    let taken = unsafe { ubiqlite_take(client, room.as_mut_ptr(), room.len()) };
    assert_eq!(taken, needed as i64);
    assert!(room.starts_with(b"[\x01\0\0\0") && room[5..].starts_with(ANSWER));
    ubiqlite_marshal_end(i32::try_from(number).unwrap());
    ubiqlite_release(client);
}

#[test]
fn a_number_that_is_not_in_use_and_bytes_that_are_no_request_are_told() {
    let engine = engine();
    let client = engine.client(Format::Marshal);
    let mut room = vec![0; 64];
    // SAFETY: the room outlives the client.
    let number = unsafe { ubiqlite_marshal_begin(client, 0, room.as_mut_ptr(), room.len()) };
    let short = i32::try_from(number).unwrap();
    assert_eq!(call(short, b"x"), MALFORMED);
    assert_eq!(call(short, &[]), MALFORMED);
    assert_eq!(call(short + 1_000_000, CAPABILITIES), GONE);
    ubiqlite_marshal_end(short);
    assert_eq!(call(short, CAPABILITIES), GONE);
    // Far from the numbers of the other tests.
    // SAFETY: as above.
    let gone = unsafe { ubiqlite_marshal_begin(client + 10_000, 0, room.as_mut_ptr(), room.len()) };
    assert_eq!(gone, GONE);
    ubiqlite_release(client);
}
