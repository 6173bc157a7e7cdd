//! How much work a caller's thread does before it is given to another: so many steps of
//! SQLite's virtual machine, and so much time.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::platform;

/// SQLite asks after so many steps of its virtual machine, about a microsecond; over all
/// runs of a statement, so that the first question comes early.
pub(crate) const STEPS_BETWEEN_QUESTIONS: c_int = 100;

/// About 2,000 steps are short work.
const QUESTIONS: u32 = 20;

/// And so much time, from the second question on: a step may have to copy or compare what
/// is long. A point read is asked once at most, and pays for no clock.
const TIME: Duration = Duration::from_micros(300);

/// What short work may still take. One thread at a time uses it.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    asked: AtomicU32,
    /// When it was asked for the second time, in nanoseconds.
    since: AtomicU64,
}

impl Budget {
    /// Short work begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.asked.store(0, Ordering::Relaxed);
    }

    /// One question more: whether it was one too many.
    pub(crate) fn is_spent(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed) + 1;
        self.asked.store(asked, Ordering::Relaxed);
        if asked == 1 {
            return false;
        }
        let now = u64::try_from(platform::now().as_nanos()).unwrap_or(u64::MAX);
        if asked == 2 {
            self.since.store(now, Ordering::Relaxed);
            return false;
        }
        let took = now.saturating_sub(self.since.load(Ordering::Relaxed));
        asked > QUESTIONS || u128::from(took) > TIME.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_ends_by_its_steps_or_by_its_time() {
        let budget = Budget::default();
        budget.begin();
        let questions = (1..).find(|_| budget.is_spent()).unwrap();
        assert!(questions <= QUESTIONS + 1, "{questions}");
        budget.begin();
        assert!(!budget.is_spent());
        assert!(!budget.is_spent());
        std::thread::sleep(TIME * 2);
        assert!(budget.is_spent());
        budget.begin();
        assert!(!budget.is_spent(), "the next work has its own time");
    }
}
