//! Opening and closing for a language whose code no other thread may call.
//!
//! A callback from one of our threads needs Python's lock, which no thread gets once the
//! interpreter is ending: the thread itself is then ended, in the middle of our frames, and the
//! process with it. So Python starts the work, waits on a file descriptor or in a wait of its own,
//! and polls.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ubiqlite::Result;
use ubiqlite::ext::wire::Host;
use ubiqlite_shared::{Bell, DriverHost};

use crate::engine::{EngineHandle, OpenError};
use crate::signal::{ClientDriver, SignalOutcome};

/// Something that was started. Dropping it cancels it; a closing continues.
#[derive(uniffi::Object)]
pub struct Pending {
    pub(crate) driver: Arc<ClientDriver>,
    outcome: Arc<Mutex<PendingState>>,
}

enum PendingState {
    Open,
    Done(Result<Option<EngineHandle>>),
    Told,
}

impl Pending {
    pub(crate) fn start(
        work: impl Future<Output = Result<Option<EngineHandle>>> + Send + 'static,
    ) -> Arc<Self> {
        let driver = Arc::new(ClientDriver::default());
        let outcome = Arc::new(Mutex::new(PendingState::Open));
        let (host, slot) = (DriverHost(Arc::clone(&driver)), Arc::clone(&outcome));
        let signal = Arc::clone(&driver);
        host.spawn(Box::pin(async move {
            let result = work.await;
            *lock(&slot) = PendingState::Done(result);
            signal.signal.raise();
        }));
        Arc::new(Self { driver, outcome })
    }
}

#[uniffi::export]
impl Pending {
    /// Returns a file descriptor that is readable when [`poll`](Self::poll) should be called;
    /// negative where there can be none. It lives as long as this.
    pub fn descriptor(&self) -> i32 {
        #[cfg(unix)]
        return self.driver.signal.descriptor().unwrap_or(-1);
        #[cfg(not(unix))]
        -1
    }

    /// Waits until [`poll`](Self::poll) should be called, for at most `millis` milliseconds. False:
    /// they have passed.
    pub fn wait(&self, millis: u32) -> bool {
        let limit = Duration::from_millis(u64::from(millis));
        self.driver.signal.wait(Some(limit)) != SignalOutcome::Timeout
    }

    /// Continues, and returns whether it is done. What was opened is returned once; a closing
    /// returns none.
    ///
    /// # Errors
    /// Why it failed.
    pub fn poll(&self) -> Result<Polled, OpenError> {
        self.driver.signal.lower();
        self.driver.run();
        let mut outcome = lock(&self.outcome);
        if matches!(*outcome, PendingState::Open) {
            return Ok(Polled { done: false, engine: None });
        }
        match std::mem::replace(&mut *outcome, PendingState::Told) {
            PendingState::Done(Ok(engine)) => {
                Ok(Polled { done: true, engine: engine.map(Arc::new) })
            }
            PendingState::Done(Err(error)) => Err(error.into()),
            _ => Ok(Polled { done: true, engine: None }),
        }
    }
}

/// The progress of something that was started.
#[derive(uniffi::Record)]
pub struct Polled {
    /// It is over.
    pub done: bool,
    /// What was opened.
    pub engine: Option<Arc<EngineHandle>>,
}

#[uniffi::export]
impl EngineHandle {
    /// Waits for accepted requests, and closes. Later calls fail with `Closed`.
    pub fn start_close(&self) -> Arc<Pending> {
        let database = self.database().clone();
        Pending::start(async move { database.close().await.map(|()| None) })
    }
}

/// Opens a database. `options` is a JSON object of [`ubiqlite::ext::wire::Settings`]; what is wrong
/// with them is reported like any other failure.
#[uniffi::export]
pub fn start_open(path: String, options: String) -> Arc<Pending> {
    Pending::start(async move { EngineHandle::open(&path, &options).await.map(Some) })
}

/// Opens a database in memory with the content of these bytes, which are those of a database file.
/// `options` and errors are as with [`start_open`].
#[uniffi::export]
pub fn start_deserialize(bytes: Vec<u8>, options: String) -> Arc<Pending> {
    Pending::start(async move { EngineHandle::deserialize(bytes, &options).await.map(Some) })
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.driver.end();
    }
}

fn lock(outcome: &Mutex<PendingState>) -> MutexGuard<'_, PendingState> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(pending: &Pending) -> Result<Option<Arc<EngineHandle>>, OpenError> {
        loop {
            let polled = pending.poll()?;
            if polled.done {
                return Ok(polled.engine);
            }
            assert!(pending.wait(10_000), "nobody told that it can go on");
        }
    }

    #[test]
    fn a_database_is_opened_and_closed_by_asking_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db").to_string_lossy().into_owned();
        let engine = settled(&start_open(path, "{}".into())).unwrap().unwrap();
        assert!(settled(&engine.start_close()).unwrap().is_none());
        let refused = settled(&start_open(String::new(), "{\"cache\": 1}".into()));
        let Err(OpenError::Failed { fields }) = refused else { panic!("it was opened") };
        assert!(fields.contains("InvalidArgument"), "{fields}");
    }
}
