//! Reads that find no reader free, and writes not yet known as such.

use std::sync::{Arc, Mutex, PoisonError};

use super::pool::{Claim, Waiter};
use super::{Shared, read};
use crate::backend::Completer;
use crate::engine::{Class, ReadOutcome};
use crate::error::{Error, ErrorKind};
use crate::program::{Access, Output, Program};

/// A program in the readers' queue, and perhaps also in the planner's: the first to take it has it.
type Waits = Arc<Mutex<Option<(Program<'static>, Completer<Output>)>>>;

fn take(waits: &Waits) -> Option<(Program<'static>, Completer<Output>)> {
    waits.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Whether it is no longer wanted, or already taken.
fn is_over(waits: &Waits) -> bool {
    let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
    waits.as_ref().is_none_or(|(_, completer)| completer.is_cancelled())
}

/// Queues a program for a reader. An unknown program also goes to the planner at once: a write must
/// not wait for a reader just to learn that it is one.
pub(super) fn wait(shared: &Arc<Shared>, program: Program<'static>, completer: Completer<Output>) {
    let asks = match program.steps.as_slice() {
        [step] if program.access == Access::Unknown => !shared.routes.reads(&step.sql),
        // The schema of a table that a write may be for.
        _ => program.reads_schema(),
    };
    let waits: Waits = Arc::new(Mutex::new(Some((program, completer))));
    if asks {
        let (shared, waits) = (Arc::clone(shared), Arc::clone(&waits));
        let planner = Arc::clone(&shared.planner);
        planner.claim(Box::new(Plan { shared, waits }));
    }
    let shared = Arc::clone(shared);
    let readers = Arc::clone(&shared.readers);
    readers.claim(Box::new(WaitingRead { shared, waits }));
}

/// A read waiting for a reader.
struct WaitingRead {
    shared: Arc<Shared>,
    waits: Waits,
}

impl Waiter for WaitingRead {
    fn is_cancelled(&self) -> bool {
        is_over(&self.waits)
    }

    fn grant(self: Box<Self>, claim: Claim) {
        if let Some((program, completer)) = take(&self.waits) {
            read::on_thread(self.shared, claim, program, completer, None);
        }
    }

    fn refuse(self: Box<Self>, error: Error) {
        if let Some((_, completer)) = take(&self.waits) {
            completer.complete(Err(error));
        }
    }
}

/// Waits for the planner, which reports whether a statement writes.
struct Plan {
    shared: Arc<Shared>,
    waits: Waits,
}

impl Waiter for Plan {
    fn is_cancelled(&self) -> bool {
        is_over(&self.waits)
    }

    fn grant(self: Box<Self>, claim: Claim) {
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            let Self { shared, waits } = *self;
            // It still waits for its reader.
            let Ok(connection) = shared.open_reader(connection) else { return };
            plan(&shared, &waits, connection);
            drop(claim);
        }));
    }

    fn refuse(self: Box<Self>, _error: Error) {
        // The wait for its reader is no longer than this one.
    }
}

fn plan(shared: &Arc<Shared>, waits: &Waits, connection: &mut crate::engine::Connection) {
    let sql = {
        let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((program, _)) = &*waits else { return };
        match program.steps.as_slice() {
            [step] => Some(step.sql.clone().into_owned()),
            _ => None,
        }
    };
    let Some(sql) = sql else {
        // Short, and needed before a write can be made.
        if let Some((program, completer)) = take(waits)
            && completer.start()
        {
            let read = connection.read(&program, None);
            // It is not a reader's lease, so nobody else ends it.
            let _ = connection.end_lease();
            if let ReadOutcome::Done(result) = read {
                completer.complete(result);
            }
        }
        return;
    };
    match connection.inspect(&sql) {
        Ok((nature, true)) if nature.class == Class::Plain => shared.routes.note_read(&sql),
        Ok(_) => {
            shared.routes.note_write(&sql);
            if let Some((program, completer)) = take(waits) {
                shared.write(program, completer);
            }
        }
        // The reader may still succeed.
        Err(error) if error.kind() == ErrorKind::Busy => {}
        Err(error) => {
            if let Some((_, completer)) = take(waits) {
                completer.complete(Err(error));
            }
        }
    }
}
