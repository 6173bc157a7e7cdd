//! Sessions of one's own: a connection for whatever its holder does.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::Shared;
use super::channel::{Channel, Reader};
use super::checkpoint;
use super::group;
use super::pin::{Busy, Pin};
use super::pool::{Claim, Waiter};
use super::slot::{Slot, Tenant, opened};
use super::stream::{self, EndsChannel};
use super::writer::{Entry, Writer, WriterClaim};
use crate::backend::{
    Access, Completer, Control, Keep, Output, Pages, Program, Reply, Session, Step, call,
};
use crate::engine::{Connection, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Class, Params};

/// Waits for a session.
pub(super) struct Lend {
    pub(super) shared: Arc<Shared>,
    pub(super) completer: Completer<Box<dyn Session>>,
}

impl Waiter for Lend {
    fn is_given_up(&self) -> bool {
        self.completer.is_given_up()
    }

    fn grant(self: Box<Self>, claim: Claim) {
        let Self { shared, completer } = *self;
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            let session = shared.open_own(connection).map(|_| {
                let (slot, pin) = (Arc::clone(claim.slot()), Pin::new());
                slot.set_tenant(Some(Tenant::Lent(Arc::clone(&pin))));
                let lent =
                    OwnSession { shared, slot, pin, claim: Some(claim), write: Arc::default() };
                Box::new(lent) as Box<dyn Session>
            });
            drop(completer.answer(session));
        }));
    }
}

struct OwnSession {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    pin: Arc<Pin>,
    // `None` only while the session ends.
    claim: Option<Claim>,
    /// The turn to write, kept while this connection holds SQLite's write lock.
    write: Arc<Mutex<Option<WriterClaim>>>,
}

impl OwnSession {
    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let (completer, call) = call();
        let (slot, busy) = (Arc::clone(&self.slot), Busy::new(&self.pin));
        let (pin, shared) = (Arc::clone(&self.pin), Arc::clone(&self.shared));
        self.slot.submit(Box::new(move |connection| {
            let _busy = busy;
            if !completer.start() {
                return;
            }
            if pin.is_revoked() {
                drop(completer.answer(Err(stream::stalled(&shared))));
                return;
            }
            let Some(connection) = connection else { return };
            let interrupt = completer.interrupt();
            let answer = slot.interruptible(connection, interrupt, work);
            completer.answer(answer);
        }));
        Reply::call(call)
    }
}

/// Waits for the turn to write, so that writers of one process never meet
/// `SQLITE_BUSY`.
fn take_turn(shared: &Arc<Shared>, write: &Mutex<Option<WriterClaim>>) -> Result<()> {
    let mut write = write.lock().unwrap_or_else(PoisonError::into_inner);
    if write.is_some() {
        return Ok(());
    }
    if let Some(claim) = Writer::try_claim(shared) {
        *write = Some(claim);
        return Ok(());
    }
    let (completer, turn) = call();
    let since = Instant::now();
    Writer::enqueue(shared, Entry::Claim { completer, since });
    // The queue itself refuses who waits for a transaction for too long; other
    // work always ends.
    let far = since + std::time::Duration::from_secs(24 * 3600);
    *write = Some(turn.wait(far).unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Busy, "the writer was not free for a day"))
    })?);
    Ok(())
}

/// Gives the turn back, unless a transaction still holds the write lock.
fn end_turn(shared: &Arc<Shared>, write: &Mutex<Option<WriterClaim>>, connection: &mut Connection) {
    if connection.is_writing() {
        return;
    }
    let claim = write.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(claim) = claim else { return };
    shared.committed();
    let due =
        connection.wal_frames().is_some_and(|frames| checkpoint::due(&shared.checkpoints, frames));
    if due {
        let slot = Arc::clone(claim.slot());
        let shared = Arc::clone(shared);
        slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                checkpoint::after_commit(&shared, connection);
            }
            drop(claim);
        }));
    }
}

fn run(
    shared: &Arc<Shared>,
    write: &Mutex<Option<WriterClaim>>,
    connection: &mut Connection,
    program: &Program<'_>,
) -> Result<Output> {
    let mut writes = program.access == Access::Write;
    for step in &program.steps {
        if step.extra.as_ref().is_some_and(|extra| extra.script) {
            writes = true;
            continue;
        }
        let (class, readonly) = connection.inspect(&step.sql)?;
        writes |= !readonly || class == Class::Alone;
    }
    if writes {
        take_turn(shared, write)?;
    }
    let _way = group::way_for(shared, program);
    let answer = if connection.in_transaction() || !writes {
        connection.run_nested(program)
    } else {
        connection.run_whole(program)
    };
    end_turn(shared, write, connection);
    answer
}

impl Session for OwnSession {
    fn run(&self, program: Program<'_>) -> Reply<Output> {
        let program = program.into_owned();
        let (shared, write) = (Arc::clone(&self.shared), Arc::clone(&self.write));
        self.submit(move |connection| run(&shared, &write, connection, &program))
    }

    fn control(&self, control: Control) -> Reply<()> {
        let (shared, write) = (Arc::clone(&self.shared), Arc::clone(&self.write));
        self.submit(move |connection| {
            let step = Step::new(control.sql(), (), Keep::Nothing);
            run(&shared, &write, connection, &Program::one(step)).map(|_| ())
        })
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let channel = Channel::new();
        let (ends, sql) = (EndsChannel(Arc::clone(&channel)), sql.to_owned());
        let (slot, busy) = (Arc::clone(&self.slot), Busy::new(&self.pin));
        let (pin, shared) = (Arc::clone(&self.pin), Arc::clone(&self.shared));
        self.slot.submit(Box::new(move |connection| {
            match connection {
                _ if pin.is_revoked() => ends.0.end(Some(stream::stalled(&shared))),
                Some(connection) => {
                    stream::run(&slot, connection, &ends.0, &sql, params);
                    slot.set_tenant(Some(Tenant::Lent(pin)));
                }
                None => {}
            }
            drop(busy);
            drop(ends);
        }));
        Reply::ready(Ok(Box::new(Reader(channel))))
    }

    fn interrupt(&self) {
        self.slot.interrupt();
    }
}

impl Drop for OwnSession {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let (shared, write) = (Arc::clone(&self.shared), Arc::clone(&self.write));
        let slot = Arc::clone(&self.slot);
        self.slot.submit(Box::new(move |connection| {
            slot.set_tenant(None);
            if let Some(open) = connection {
                open.rollback();
                end_turn(&shared, &write, open);
                // Its settings, temporary tables and attached files are nobody
                // else's business.
                if open.is_marked() {
                    *connection = None;
                }
            }
            drop(claim);
        }));
    }
}

impl Shared {
    fn open_own<'a>(&self, connection: &'a mut Option<Connection>) -> Result<&'a mut Connection> {
        opened(connection, || Connection::open(&self.path, &self.options, Role::Own))
    }
}
