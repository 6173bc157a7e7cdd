//! How a client of another language learns that there is something to take.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ubiqlite_shared::Bell;

/// The requests of one client that can continue.
pub(crate) type ClientDriver = ubiqlite_shared::Driver<Signal>;

/// Raised by any thread, lowered by the one that takes. However often it is raised,
/// it wakes once.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<SignalState>,
    raised: Condvar,
}

#[derive(Debug, Default)]
struct SignalState {
    raised: bool,
    over: bool,
    /// For callers that wait on a file descriptor: it has one byte while it is raised.
    pipe: Option<(PipeReader, PipeWriter)>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalOutcome {
    Raised,
    Timeout,
    /// Nothing will come any more.
    Over,
}

impl Signal {
    fn state(&self) -> MutexGuard<'_, SignalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is raised, for at most `limit`; `None`: without end.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> SignalOutcome {
        let end = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state();
        loop {
            if state.over {
                return SignalOutcome::Over;
            }
            if state.raised {
                return SignalOutcome::Raised;
            }
            state = match end {
                None => self.raised.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(end) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return SignalOutcome::Timeout;
                    }
                    self.raised.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// A file descriptor that is readable while the signal is raised. It belongs to
    /// the signal: nobody else reads it or closes it.
    ///
    /// # Errors
    /// Those of making a pipe.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> std::io::Result<i32> {
        use std::os::fd::AsRawFd;
        let mut state = self.state();
        if state.pipe.is_none() {
            let (reader, mut writer) = std::io::pipe()?;
            if state.raised {
                writer.write_all(&[1])?;
            }
            state.pipe = Some((reader, writer));
        }
        Ok(state.pipe.as_ref().map_or(-1, |(reader, _)| reader.as_raw_fd()))
    }
}

impl Bell for Signal {
    fn raise(&self) {
        let mut state = self.state();
        if state.raised {
            return;
        }
        state.raised = true;
        if let Some((_, writer)) = &mut state.pipe {
            // A pipe of at most one byte is never full.
            let _ = writer.write_all(&[1]);
        }
        drop(state);
        self.raised.notify_all();
    }

    fn lower(&self) {
        let mut state = self.state();
        if !state.raised {
            return;
        }
        state.raised = state.over;
        if let (false, Some((reader, _))) = (state.over, &mut state.pipe) {
            // The byte is there: it was written before `raised` was set to true
            // under this lock, or with the pipe.
            let _ = reader.read_exact(&mut [0]);
        }
    }

    fn end(&self) {
        self.state().over = true;
        self.raise();
        self.raised.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn raised_twice_it_wakes_once_and_again_after_it_was_lowered() {
        let signal = Signal::default();
        #[cfg(unix)]
        assert!(signal.descriptor().unwrap() >= 0);
        for _ in 0..3 {
            signal.raise();
            signal.raise();
            assert_eq!(signal.wait(None), SignalOutcome::Raised);
            signal.lower();
            signal.lower();
            assert_eq!(signal.wait(Some(Duration::from_millis(1))), SignalOutcome::Timeout);
        }
    }

    #[test]
    fn who_waits_without_end_is_woken_by_the_end() {
        let signal = Arc::new(Signal::default());
        let waiting = Arc::clone(&signal);
        let thread = std::thread::spawn(move || waiting.wait(None));
        signal.end();
        assert_eq!(thread.join().unwrap(), SignalOutcome::Over);
        signal.lower();
        assert_eq!(signal.wait(None), SignalOutcome::Over);
    }
}
