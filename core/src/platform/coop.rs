//! Gives others their turn: now and then a result that is ready immediately lets the executor run,
//! whichever executor it is.
//!
//! A loop of awaits that are all ready never returns to its executor, so no timer fires and, on one
//! thread, nothing else runs. Each thread counts its ready results; the last one of a turn is kept
//! for one more poll.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::platform;

/// How many ready results make up a turn: few, since an executor may check its timers only after
/// some sixty turns.
const RESULTS: u32 = 32;

/// The time after which a turn is over: a short read may take a tenth of it.
const TURN: Duration = Duration::from_micros(100);

/// How many results pass between looks at the clock: a look costs a twentieth of a cached point
/// read.
const BETWEEN_LOOKS: u32 = 8;

/// The same for writes.
#[cfg(not(target_family = "wasm"))]
const WRITES: u32 = 256;
#[cfg(not(target_family = "wasm"))]
const WRITERS_TURN: Duration = Duration::from_millis(1);

/// How long messages may wait behind work that comes in parts.
const MESSAGES: Duration = Duration::from_millis(50);

thread_local! {
    static TAKEN: Cell<TurnUse> = const { Cell::new(TurnUse { results: 0, since: None }) };
}

/// What a thread has used of its turn.
#[derive(Clone, Copy)]
struct TurnUse {
    results: u32,
    since: Option<Duration>,
}

const NEW: TurnUse = TurnUse { results: 0, since: None };

/// Counts a result that is ready immediately. Returns whether the turn is over: then the caller
/// must be pending once.
#[inline]
pub(crate) fn is_over() -> bool {
    if cfg!(target_family = "wasm") {
        // The host gets its turn through its messages, not through a poll.
        return false;
    }
    TAKEN.with(|taken| {
        let mut now = taken.get();
        now.results += 1;
        let mut over = now.results >= RESULTS;
        if !over && now.results % BETWEEN_LOOKS == 1 {
            let time = platform::now();
            over = match now.since {
                Some(since) => time.saturating_sub(since) >= TURN,
                None => {
                    now.since = Some(time);
                    false
                }
            };
        }
        taken.set(if over { NEW } else { now });
        over
    })
}

/// Does the same for a write, which then runs on its thread. That costs more than being pending
/// once, so the turn is longer.
#[cfg(not(target_family = "wasm"))]
#[inline]
pub(crate) fn is_writers_turn_over() -> bool {
    TAKEN.with(|taken| {
        let mut now = taken.get();
        now.results += 1;
        let mut over = now.results >= WRITES;
        if !over && now.results % BETWEEN_LOOKS == 1 {
            let time = platform::now();
            over = time.saturating_sub(*now.since.get_or_insert(time)) >= WRITERS_TURN;
        }
        taken.set(if over { NEW } else { now });
        over
    })
}

/// Records that this thread's executor has its turn.
#[inline]
pub(crate) fn rest() {
    TAKEN.set(NEW);
}

/// Ends the turn if it is over, by being pending once. To be awaited where nothing has begun yet,
/// or where what was done is kept.
pub(crate) async fn turn() {
    if is_over() {
        let mut over = false;
        poll_fn(|cx| poll_once(&mut over, cx)).await;
    }
}

/// Lets the messages of others be handled, where there is one thread and they have waited for long. To
/// be awaited between the parts of work that are ready at once, each of which may take a while; `since`
/// is when it began, or when messages were last handled.
pub(crate) async fn between_parts(since: &mut Duration) {
    if cfg!(target_family = "wasm") && platform::now().saturating_sub(*since) >= MESSAGES {
        platform::sleep(Duration::ZERO).await;
        *since = platform::now();
    }
}

/// Returns pending, and wakes the task, the first time.
#[inline]
pub(crate) fn poll_once(over: &mut bool, cx: &Context<'_>) -> Poll<()> {
    if std::mem::replace(over, true) {
        return Poll::Ready(());
    }
    rest();
    cx.waker().wake_by_ref();
    Poll::Pending
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_after_so_many_answers_or_so_long() {
        rest();
        let results = (1..).find(|_| is_over()).unwrap();
        assert!(results <= RESULTS, "{results}");
        rest();
        let mut results = 0;
        while !is_over() {
            std::thread::sleep(TURN);
            results += 1;
        }
        assert!(results <= BETWEEN_LOOKS, "{results}");
    }
}
