//! Queries that are read page by page.

use std::sync::Arc;

use super::Shared;
use super::channel::{Channel, PageReceiver};
use super::idle_watch::IdleWatch;
use super::pool::{Claim, Waiter};
use super::slot::{LongHolder, Slot};
use crate::backend::{Pages, Reply};
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::sql::Params;

/// Starts a stream on a reader of the pool, once one is free.
pub(super) fn start(shared: &Arc<Shared>, sql: &str, params: Params) -> Box<dyn Pages> {
    let channel = Channel::new();
    let waiter = Box::new(Start {
        shared: Arc::clone(shared),
        ends: EndsChannel(Arc::clone(&channel)),
        sql: sql.into(),
        params,
    });
    if let Some(claim) = shared.readers.try_claim() {
        waiter.grant(claim);
    } else {
        shared.readers.claim(waiter);
    }
    Box::new(PageReceiver(channel))
}

struct Start {
    shared: Arc<Shared>,
    // However it is dropped, the reader is notified.
    ends: EndsChannel,
    sql: Box<str>,
    params: Params,
}

impl Waiter for Start {
    fn is_cancelled(&self) -> bool {
        self.ends.0.is_cancelled()
    }

    fn grant(self: Box<Self>, mut claim: Claim) {
        claim.hold();
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            let Self { shared, ends, sql, params } = *self;
            let channel = &ends.0;
            let slot = Arc::clone(claim.slot());
            match shared.open_reader(connection) {
                Ok(connection) => {
                    shared.unlease(claim.index());
                    let leased = connection.renew_lease();
                    if let Err(error) = leased {
                        channel.end(Some(error));
                    } else {
                        run(&slot, connection, channel, &sql, params);
                    }
                    // The next reader starts afresh: this state may be old.
                    if let Err(error) = connection.end_lease() {
                        channel.end(Some(error));
                    }
                }
                Err(error) => channel.end(Some(error)),
            }
            // Returned first, so that a caller that sees the stream's end finds the reader free.
            drop(claim);
            drop(ends);
        }));
    }

    fn refuse(self: Box<Self>, error: Error) {
        self.ends.0.end(Some(error));
    }
}

/// Starts a stream on a slot held by a snapshot or session, unless it was revoked or is not
/// admitted. `work` counts as running until the stream is over.
pub(super) fn start_in_session(
    shared: &Arc<Shared>,
    slot: &Arc<Slot>,
    watch: &Arc<IdleWatch>,
    sql: &str,
    params: Params,
    (work, admit): (impl Send + 'static, impl FnOnce(&Connection) -> Result<()> + Send + 'static),
) -> Reply<Box<dyn Pages>> {
    let channel = Channel::new();
    let (ends, sql) = (EndsChannel(Arc::clone(&channel)), sql.to_owned());
    let (shared, holding, watch) = (Arc::clone(shared), Arc::clone(slot), Arc::clone(watch));
    slot.submit(Box::new(move |connection| {
        match connection {
            _ if watch.is_revoked() => ends.0.end(Some(stalled(&shared))),
            Some(connection) => {
                match admit(connection) {
                    Ok(()) => run(&holding, connection, &ends.0, &sql, params),
                    Err(error) => ends.0.end(Some(error)),
                }
                watch.note_lost(connection);
                holding.set_holder(Some(LongHolder::Session(watch)));
            }
            None => {}
        }
        drop(work);
        drop(ends);
    }));
    Reply::ready(Ok(Box::new(PageReceiver(channel))))
}

/// Ends a stream whose job is lost or over.
pub(super) struct EndsChannel(pub(super) Arc<Channel>);

impl Drop for EndsChannel {
    fn drop(&mut self) {
        let lost = (!self.0.is_complete()).then(|| Error::closed("database"));
        self.0.end(lost);
    }
}

/// Runs the query on the slot's own thread until it ends or fails, or nobody reads any more.
pub(super) fn run(
    slot: &Slot,
    connection: &mut Connection,
    channel: &Arc<Channel>,
    sql: &str,
    params: Params,
) {
    channel.note_begun();
    slot.set_holder(Some(LongHolder::Stream(Arc::clone(channel))));
    let interrupt = Arc::clone(&channel.interrupt);
    let done = slot
        .interruptible(connection, interrupt, |connection| pump(connection, channel, sql, params));
    slot.set_holder(None);
    channel.set_complete();
    if let Err(error) = done {
        channel.end(Some(error));
    }
}

fn pump(connection: &mut Connection, channel: &Channel, sql: &str, params: Params) -> Result<()> {
    let mut cursor = connection.open_cursor(sql, params)?;
    let done = loop {
        match cursor.next_page() {
            Ok(Some(page)) => match channel.push(page) {
                Some(spare) => cursor.reuse(spare),
                None => break Ok(()),
            },
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    connection.close_cursor(cursor);
    done
}

/// Returns the error for a stream or snapshot that stalled for too long.
pub(super) fn stalled(shared: &Shared) -> Error {
    Error::stalled(shared.options.stall_timeout, shared.options.wal_limit)
}
