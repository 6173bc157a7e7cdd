//! A read on the thread of its reader: it may take long, or turn out to write.

use std::sync::Arc;
use std::time::Instant;

use super::Shared;
use super::pool::Claim;
use crate::backend::Completer;
use crate::engine::ReadOutcome;
use crate::error::Error;
use crate::program::{Output, PageSink, Program};

/// Runs a read on its reader's own thread.
pub(super) fn on_thread(
    shared: Arc<Shared>,
    claim: Claim,
    program: Program<'static>,
    completer: Completer<Output>,
    sink: Option<Arc<dyn PageSink>>,
) {
    let slot = Arc::clone(claim.slot());
    slot.submit(Box::new(move |connection| {
        if !completer.start() {
            return;
        }
        let opened = match shared.open_reader(connection) {
            Ok(opened) => opened,
            Err(error) => {
                drop(claim);
                completer.complete(Err(error));
                return;
            }
        };
        let commits = shared.commits();
        let interrupt = completer.interrupt();
        let since = Instant::now();
        let read =
            claim.slot().interruptible(opened, interrupt, |it| it.read(&program, sink.as_deref()));
        shared.after_read(claim.index(), opened, commits);
        match read {
            ReadOutcome::Done(result) => {
                shared.counters.read_runs.add(since.elapsed());
                // Returned before the result is, so that the caller that receives it finds the
                // reader free.
                let result = claim.slot().closed_if_stopping(result);
                drop(claim);
                completer.complete(result);
            }
            ReadOutcome::Writes | ReadOutcome::OverBudget => {
                if let [step] = program.steps.as_slice() {
                    shared.routes.note_write(&step.sql);
                }
                // Queued before the reader is returned: closing waits for both.
                if claim.slot().is_stopping() {
                    completer.complete(Err(Error::closed("database")));
                } else if completer.wait_again() {
                    shared.write(program, completer);
                }
                drop(claim);
            }
        }
    }));
}
