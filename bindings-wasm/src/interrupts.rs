//! Stopping a running call from outside: the host is asked, while SQLite runs,
//! whether the call was given up.

use std::cell::RefCell;

use js_sys::Function;
use ubiqlite::wire::Server;
use wasm_bindgen::JsValue;

thread_local! {
    static POLL: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Has running calls stop when `poll(client, request)` says so.
pub(crate) fn ask(poll: Function) {
    POLL.set(Some(poll));
    Server::set_probe(is_given_up);
}

fn is_given_up(client: u32, request: u32) -> bool {
    POLL.with_borrow(|poll| {
        let answer = poll
            .as_ref()
            .map(|poll| poll.call2(&JsValue::UNDEFINED, &client.into(), &request.into()));
        // A host that fails to tell has not given it up.
        matches!(answer, Some(Ok(yes)) if yes.is_truthy())
    })
}
