//! Cancelling a call from outside: the host is asked before a request begins, and while SQLite
//! runs, whether it was cancelled.

use std::cell::RefCell;

use js_sys::Function;
use ubiqlite::ext::wire::Server;
use wasm_bindgen::JsValue;

thread_local! {
    static POLL: RefCell<Option<Function>> = const { RefCell::new(None) };
    static LEAVE: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Makes running calls stop when `poll(client, request)` says so.
pub(crate) fn ask(poll: Function) {
    POLL.set(Some(poll));
    Server::set_probe(is_cancelled);
}

/// Lets requests begin only if `leave(client, request)` allows it.
pub(crate) fn ask_leave(leave: Function) {
    LEAVE.set(Some(leave));
    Server::set_leave(|client, request| ask_host(&LEAVE, client, request) != Some(false));
}

fn is_cancelled(client: u32, request: u32) -> bool {
    ask_host(&POLL, client, request) == Some(true)
}

/// Asks the host; `None` if that fails.
fn ask_host(
    function: &'static std::thread::LocalKey<RefCell<Option<Function>>>,
    client: u32,
    request: u32,
) -> Option<bool> {
    function.with_borrow(|function| {
        let result = function.as_ref()?.call2(&JsValue::UNDEFINED, &client.into(), &request.into());
        result.ok().map(|result| result.is_truthy())
    })
}
