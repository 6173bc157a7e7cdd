//! Opening and closing by numbers, in C's calling convention.
//!
//! For Java, where uniffi's generated code would keep a server from unloading an application's
//! classes (`bindings-ffi/kotlin/java/README.md`). It is the same [`Pending`] that uniffi gives
//! Python.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::LocalKey;

use ubiqlite::{Error, ErrorKind};

use crate::client::Format;
use crate::engine::{CLIENTS, EngineHandle, OpenError};
use crate::pending::Pending;
use crate::raw::{GONE, NEEDS_ROOM, bytes, bytes_mut, guarded, len};
use crate::registry::{Last, Registered, Registry};
use crate::signal::SignalOutcome;

static UNDER_WAY: Registry<Numbered> = Registry::new();

/// Something that was started, and its outcome.
struct Numbered {
    pending: Arc<Pending>,
    settled: Mutex<Option<Result<Option<Arc<EngineHandle>>, String>>>,
}

impl Registered for Numbered {
    fn last() -> &'static LocalKey<RefCell<Last<Self>>> {
        thread_local!(static LAST: RefCell<Last<Numbered>> = const { Last::none() });
        &LAST
    }
}

impl Numbered {
    fn put(pending: Arc<Pending>) -> u64 {
        UNDER_WAY.put(Self { pending, settled: Mutex::default() })
    }

    /// Waits until it is over; `None` if it was forgotten in the meantime.
    fn settle(&self) -> Option<()> {
        loop {
            if self.settled().is_some() {
                return Some(());
            }
            let polled = self.pending.poll().map_err(|OpenError::Failed { fields }| fields);
            if matches!(&polled, Ok(polled) if !polled.done) {
                if self.pending.driver.signal.wait(None) == SignalOutcome::Over {
                    return None;
                }
                continue;
            }
            *self.settled() = Some(polled.map(|polled| polled.engine));
        }
    }

    fn settled(
        &self,
    ) -> std::sync::MutexGuard<'_, Option<Result<Option<Arc<EngineHandle>>, String>>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to open a database. Returns a number for [`ubiqlite_settle`], to be released by
/// [`ubiqlite_forget`]; 0 if none can be had. `options` is a JSON object of
/// [`ubiqlite::ext::wire::Settings`]; both are UTF-8.
///
/// # Safety
/// Both have as many readable bytes as their lengths say, until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_open(
    path: *const u8,
    path_length: usize,
    options: *const u8,
    options_length: usize,
) -> u64 {
    number(|| {
        // SAFETY: the caller promises both.
        let (path, options) = unsafe { (bytes(path, path_length), bytes(options, options_length)) };
        let (path, options) = (text(path), text(options));
        Numbered::put(Pending::start(async move {
            match (path, options) {
                (Some(path), Some(options)) => EngineHandle::open(&path, &options).await.map(Some),
                _ => Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "the path of a database must be UTF-8 text",
                )),
            }
        }))
    })
}

/// Begins to close the database of a client, as [`ubiqlite_open`] begins to open one: later
/// requests are refused. Returns 0 if there is no such client.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_close(client: u64) -> u64 {
    number(|| {
        let Some(database) = CLIENTS.get(client).and_then(|client| client.database()) else {
            return 0;
        };
        // Its first step, which refuses later requests, is taken now.
        Numbered::put(Pending::start(async move { database.close().await.map(|()| None) }))
    })
}

/// Waits until what was begun is over. Returns 0 if it succeeded, or else the length of the error's
/// fields as JSON, which are written to `reply`; `NEEDS_ROOM - length` if that is more than `room`;
/// [`GONE`] if it was forgotten.
///
/// # Safety
/// `reply` has `room` writable bytes until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_settle(number: u64, reply: *mut u8, room: usize) -> i64 {
    guarded(|| {
        let Some(numbered) = UNDER_WAY.get(number) else { return GONE };
        if numbered.settle().is_none() {
            return GONE;
        }
        let settled = numbered.settled();
        let Some(Err(fields)) = &*settled else { return 0 };
        // SAFETY: the caller promises it.
        match unsafe { bytes_mut(reply, room) }.get_mut(..fields.len()) {
            Some(room) => {
                room.copy_from_slice(fields.as_bytes());
                len(fields.len())
            }
            None => NEEDS_ROOM - len(fields.len()),
        }
    })
}

/// Returns a client of what was opened, once; it speaks [`Format::Wire`]. 0 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_opened(number: u64) -> u64 {
    self::number(|| {
        let engine = UNDER_WAY.get(number).and_then(|numbered| match numbered.settled().take() {
            Some(Ok(engine)) => engine,
            _ => None,
        });
        engine.map_or(0, |engine| engine.client(Format::Wire))
    })
}

/// Forgets what was begun: an opening is cancelled, a closing continues. Callers that wait for it
/// stop waiting.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_forget(number: u64) {
    guarded(|| {
        if let Some(numbered) = UNDER_WAY.remove(number) {
            numbered.pending.driver.end();
        }
        0
    });
}

fn number(work: impl FnOnce() -> u64) -> u64 {
    let mut number = 0;
    guarded(|| {
        number = work();
        0
    });
    number
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &str, options: &str) -> u64 {
        // SAFETY: both live until it returns.
        unsafe { ubiqlite_open(path.as_ptr(), path.len(), options.as_ptr(), options.len()) }
    }

    fn settle(number: u64) -> (i64, String) {
        let mut room = vec![0_u8; 4096];
        // SAFETY: the room is as long as is said.
        let length = unsafe { ubiqlite_settle(number, room.as_mut_ptr(), room.len()) };
        room.truncate(usize::try_from(length).unwrap_or(0));
        (length, String::from_utf8(room).unwrap())
    }

    #[test]
    fn a_database_is_opened_and_closed_once() {
        let folder = tempfile::tempdir().unwrap();
        let number = open(&folder.path().join("a.db").to_string_lossy(), "{}");
        assert_eq!(settle(number), (0, String::new()));
        let client = ubiqlite_opened(number);
        assert_ne!(client, 0);
        assert_eq!(ubiqlite_opened(number), 0, "it is given once");
        ubiqlite_forget(number);
        assert_eq!(settle(number).0, GONE);

        let number = ubiqlite_close(client);
        assert_eq!(settle(number), (0, String::new()));
        assert_eq!(ubiqlite_opened(number), 0);
        ubiqlite_forget(number);
        crate::raw::ubiqlite_release(client);
        assert_eq!(ubiqlite_close(client), 0);
    }

    #[test]
    fn why_it_failed_is_told_as_often_as_it_is_asked_for() {
        let number = open("", "{\"cache\": 1}");
        // SAFETY: there is no room at all.
        let short = unsafe { ubiqlite_settle(number, std::ptr::null_mut(), 0) };
        let (length, fields) = settle(number);
        assert_eq!(short, NEEDS_ROOM - length);
        assert!(fields.contains("InvalidArgument"), "{fields}");
        assert_eq!(ubiqlite_opened(number), 0);
        ubiqlite_forget(number);
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        // SAFETY: both live until it returns.
        let number = unsafe { ubiqlite_open([0xFF].as_ptr(), 1, b"{}".as_ptr(), 2) };
        assert!(settle(number).1.contains("InvalidArgument"));
        ubiqlite_forget(number);
    }

    #[test]
    fn who_waits_for_what_is_let_go_waits_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db").to_string_lossy().into_owned();
        for micros in 0..200 {
            let number = open(&path, "{}");
            let waiting = std::thread::spawn(move || settle(number).0);
            std::thread::sleep(std::time::Duration::from_micros(micros * 10));
            ubiqlite_forget(number);
            let told = waiting.join().unwrap();
            assert!(told == 0 || told == GONE, "{told}");
        }
    }
}
