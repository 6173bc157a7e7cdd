//! Closing: accepted work is finished, then all connections are closed.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use super::{SingleThreadShared, write_queue};
use crate::backend::Reply;
use crate::platform;

/// How often closing checks whether connections that are still out have come back.
const LOOK: Duration = Duration::from_millis(5);

/// Closes. New calls are refused from now on. Transactions, sessions, snapshots and streams that
/// are still out may take the busy timeout to end; then they are rolled back.
pub(super) fn begin(shared: &Arc<SingleThreadShared>) -> Reply<()> {
    shared.closing.store(true, Ordering::Relaxed);
    write_queue::serve(&shared.queue);
    if is_idle(shared) {
        end(shared);
        return Reply::ready(Ok(()));
    }
    let shared = Arc::clone(shared);
    Reply::later(Box::pin(async move {
        let mut patience = pin!(platform::sleep(shared.options.busy_timeout));
        let mut over = false;
        while !over && !is_idle(&shared) {
            let mut look = pin!(platform::sleep(LOOK));
            poll_fn(|cx| {
                over = patience.as_mut().poll(cx).is_ready();
                if over || look.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
        }
        end(&shared);
        Ok(())
    }))
}

fn is_idle(shared: &SingleThreadShared) -> bool {
    !shared.queue.is_taken()
        && shared.readers.is_idle()
        && shared.sessions.is_idle()
        && shared.copies.load(Ordering::Relaxed) == 0
}

/// Ends everything without waiting.
fn end(shared: &SingleThreadShared) {
    shared.sessions.close();
    shared.readers.close();
    *shared.reader.connection() = None;
    // The last connection copies the log into the database and deletes it.
    *shared.writer.connection() = None;
}
