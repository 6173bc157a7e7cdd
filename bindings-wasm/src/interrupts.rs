//! Stopping a running call from outside, by shared memory.

use std::cell::RefCell;

use js_sys::{Atomics, Int32Array};
use ubiqlite::wire::Server;

/// Calls that can be given up at once, each a place of two numbers.
const PLACES: u32 = 1024;

thread_local! {
    static WATCHED: RefCell<Option<Int32Array>> = const { RefCell::new(None) };
}

/// Has running calls stop when their place says so: it holds the client's
/// number and the request's.
pub(crate) fn watch(interrupts: Int32Array) {
    WATCHED.set(Some(interrupts));
    Server::set_probe(is_given_up);
}

fn is_given_up(client: u32, request: u32) -> bool {
    WATCHED.with_borrow(|watched| {
        watched.as_ref().is_some_and(|places| {
            let place = client.wrapping_mul(31).wrapping_add(request) % PLACES;
            let holds = |at: u32, number: u32| {
                Atomics::load(places, at).is_ok_and(|found| found.cast_unsigned() == number)
            };
            holds(2 * place + 1, request) && holds(2 * place, client)
        })
    })
}
